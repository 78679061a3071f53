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

_FIRST_ROOM: Final = 256
PRIOR_SD: Final = 0.06  # sqrt(0.9 * 0.1 / 30): the spread of p behind a prior worth 30 messages


class Ladder:
    """The scopes of a board as the networks of messages see them: their own, their country's, the world's."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.scopes = names
        self._number = {name: number for number, name in enumerate(names)}
        self._place: dict[str, int] = {}  # of each network among the rungs
        self._rungs: Ints = np.empty((_FIRST_ROOM, 3), dtype=np.int64)

    def rungs(self, networks: Sequence[str]) -> Ints:
        """(networks, 3): the numbers of the scopes to ask, narrowest first; one past the last for what the board does not know."""
        known = self._place
        places = [known[network] if network in known else self._climb(network) for network in networks]
        found: Ints = self._rungs[places]
        return found

    def _climb(self, network: str) -> int:
        number, nowhere = self._number.get, len(self.scopes)
        place = self._place[network] = len(self._place)
        if place == len(self._rungs):
            self._rungs = np.concatenate((self._rungs, np.empty_like(self._rungs)))
        self._rungs[place] = number(network, nowhere), number(country_of(network), nowhere), number(WORLD, nowhere)
        return place


class Scores:
    """The cells of one board by carrier of a deck."""

    def __init__(self, deck: Deck, board: Board | None, deadlines_s: Sequence[float], before: "Scores | None" = None) -> None:
        """``before``: those of the last board, whose places of networks and pairs hold as long as the scopes and the pairs are the same."""
        cells = Cells() if board is None else board.cells
        carrier, scope, figures = cells.columns
        deadlines = tuple(deadlines_s)
        self.unknown: tuple[tuple[float, ...], Floats]  # deadlines, and p, wait and sd of carriers of which nothing is known
        if before is not None and before.unknown[0] == deadlines:
            self.unknown = before.unknown
        else:
            self.unknown = deadlines, np.array([(*prior(deadline_s), PRIOR_SD) for deadline_s in deadlines]).T[:, :, None]
        # p, wait and sd by class and pair, in one row; the last pair of each class is nobody's.
        table = np.empty((3, len(figures[0]), len(carrier) + 1))
        table[:2, :, :-1], table[2, :, :-1], table[:, :, -1] = figures[:2], figures[3], self.unknown[1][:, :, 0]
        self._figures, self._width = table.reshape(3, -1), len(carrier) + 1
        self.ladder: Ladder = (
            before.ladder if before is not None and before.ladder.scopes == cells.scopes else Ladder(cells.scopes)
        )
        absent = np.isnan(figures[0])
        of = cells.carriers, cells.scopes, cells.pairs, absent.tobytes()
        self.deck = deck
        self.pairs: tuple[tuple[object, ...], Ints]  # what they were found from, and the pairs
        if before is not None and before.deck is deck and before.pairs[0] == of:
            self.pairs = before.pairs
            return
        # The pair of each class, scope and carrier, -1 where there is none; the last scope is one that the board does not know.
        place = np.array([deck.index.get(name, -1) for name in cells.carriers], dtype=np.int64)
        known = np.flatnonzero(place[carrier] >= 0) if len(carrier) else np.zeros(0, dtype=np.int64)
        pair = np.full((len(figures[0]), len(cells.scopes) + 1, len(deck.names)), -1)
        pair[:, scope[known], place[carrier[known]]] = np.where(absent, -1, np.arange(len(carrier)))[:, known]
        self.pairs = of, pair

    def columns(self, networks: Sequence[str], klass: Ints) -> tuple[Floats, Floats, Floats]:
        """``p``, ``wait_s`` and ``sd`` by (network, class) and carrier.

        A cell that is absent falls back to its country's, then to the carrier's own.
        """
        where, (_, of) = self.ladder.rungs(networks), self.pairs
        pair = of[klass, where[:, 0]]
        for wider in (1, 2):
            if pair.min() >= 0:
                break
            pair = np.where(pair < 0, of[klass, where[:, wider]], pair)
        pair = np.where(pair < 0, self._width - 1, pair) + klass[:, None] * self._width
        p, wait_s, sd = np.take(self._figures, pair, axis=1)
        return p, wait_s, sd
