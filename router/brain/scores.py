"""What a board says of networks and classes, by carrier of a deck."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from router.brain.ages import Floats, Ints
from router.brain.cells import Cells
from router.brain.curves import prior
from router.brain.networks import WORLD, country_of
from router.brain.port import Board
from router.routes import Deck

PRIOR_SD: Final = 0.06  # sqrt(0.9 * 0.1 / 30): the spread of p behind a prior worth 30 messages


class Ladder:
    """The scopes of a board as the networks of messages see them: their own, their country's, the world's."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.scopes = names
        self._number = {name: number for number, name in enumerate(names)}
        self._rungs: dict[str, tuple[int, int, int]] = {}

    def rungs(self, networks: Sequence[str]) -> Ints:
        """(networks, 3): the numbers of the scopes to ask, narrowest first; one past the last for what the board does not know."""
        known = self._rungs
        return np.array([known.get(network) or self._climb(network) for network in networks], dtype=np.int64)

    def _climb(self, network: str) -> tuple[int, int, int]:
        number, nowhere = self._number.get, len(self.scopes)
        found = number(network, nowhere), number(country_of(network), nowhere), number(WORLD, nowhere)
        self._rungs[network] = found
        return found


class Scores:
    """The cells of one board by carrier of a deck."""

    def __init__(self, deck: Deck, board: Board | None, deadlines_s: Sequence[float], before: "Scores | None" = None) -> None:
        """``before``: those of the last board, whose places of networks hold as long as the scopes are the same."""
        cells = Cells() if board is None else board.cells
        carrier, scope, figures = cells.columns
        deadlines = tuple(deadlines_s)
        self.unknown: tuple[tuple[float, ...], Floats]  # deadlines, and p, wait and sd of carriers of which nothing is known
        if before is not None and before.unknown[0] == deadlines:
            self.unknown = before.unknown
        else:
            self.unknown = deadlines, np.array([(*prior(deadline_s), PRIOR_SD) for deadline_s in deadlines]).T[:, :, None]
        self._figures = np.concatenate((figures[[0, 1, 3]], self.unknown[1]), axis=2)  # p, wait and sd; the last is of nobody
        self.ladder: Ladder = (
            before.ladder if before is not None and before.ladder.scopes == cells.scopes else Ladder(cells.scopes)
        )
        # The pair of each class, scope and carrier, -1 where there is none; the last scope is one that the board does not know.
        place = np.array([deck.index.get(name, -1) for name in cells.carriers], dtype=np.int64)
        known = np.flatnonzero(place[carrier] >= 0) if len(carrier) else np.zeros(0, dtype=np.int64)
        self._pair = np.full((len(figures[0]), len(cells.scopes) + 1, len(deck.names)), -1)
        absent = np.isnan(figures[0])
        self._pair[:, scope[known], place[carrier[known]]] = np.where(absent, -1, np.arange(len(carrier)))[:, known]

    def columns(self, networks: Sequence[str], klass: Ints) -> tuple[Floats, Floats, Floats]:
        """``p``, ``wait_s`` and ``sd`` by (network, class) and carrier.

        A cell that is absent falls back to its country's, then to the carrier's own.
        """
        where = self.ladder.rungs(networks)
        pair = self._pair[klass, where[:, 0]]
        for wider in (1, 2):
            if pair.min() >= 0:
                break
            pair = np.where(pair < 0, self._pair[klass, where[:, wider]], pair)
        p, wait_s, sd = self._figures[:, klass[:, None], pair]
        return p, wait_s, sd
