"""One direction of a connection through the toxics that are set. Pure: octets and times in, what is due out."""

from collections import deque
from collections.abc import Mapping
from math import inf
from random import Random

from sims.chaos.toxics import Cut, Effect, Piece, Toxic


class Flow:
    """Octets on their way, oldest first. What comes first arrives first, whatever the toxics say."""

    def __init__(self, rng: Random, toxics: Mapping[str, Toxic], now_s: float) -> None:
        """``toxics``: by name, in the order in which octets meet them."""
        self._rng = rng
        self._effects: dict[str, tuple[Toxic, Effect]] = {}
        self._pieces: deque[Piece] = deque()
        self._last_s = -inf  # of the newest piece
        self.held = 0  # octets
        self._ended = False
        self.change(toxics, now_s)

    @property
    def free(self) -> bool:
        """Nothing is in the way: what comes may go at once."""
        return not self._pieces and not self._effects

    def change(self, toxics: Mapping[str, Toxic], now_s: float) -> None:
        """Other toxics from now on; those that stay go on as they were. What was held up goes on, unless another one holds it."""
        kept = self._effects
        self._effects = {
            name: kept[name] if name in kept and kept[name][0] is toxic else (toxic, toxic.begin(self._rng, now_s))
            for name, toxic in toxics.items()
        }
        held = any(effect.holds for _, effect in self._effects.values())
        pieces, self._pieces, self._last_s = self._pieces, deque(), -inf
        for piece in pieces:
            at_s = inf if held else now_s if piece.at_s == inf else piece.at_s
            self._append(piece._replace(at_s=at_s))

    def receive(self, octets: bytes, now_s: float) -> None:
        """Octets come in."""
        self._pass(Piece(now_s, octets))

    def close(self, now_s: float) -> None:
        """The sender has ended the connection."""
        self._pass(Piece(now_s, b"", Cut.CLOSE))

    def next_s(self) -> float:
        """When something is due; inf: when something comes or changes."""
        first_s = self._pieces[0].at_s if self._pieces else inf
        return min(first_s, min((effect.cut_at_s for _, effect in self._effects.values()), default=inf))

    def take(self, now_s: float) -> tuple[bytes, Cut | None]:
        """What is due: octets, and whether the connection ends with them."""
        due: list[bytes] = []
        cut = None
        while self._pieces and self._pieces[0].at_s <= now_s and cut is None:
            piece = self._pieces.popleft()
            due.append(piece.octets)
            cut = piece.cut
        octets = b"".join(due)
        self.held -= len(octets)
        for _, effect in self._effects.values():
            if cut is None and effect.cut_at_s <= now_s:
                cut = Cut.RESET if effect.reset else Cut.CLOSE
        return octets, cut

    def _pass(self, piece: Piece) -> None:
        if self._ended:
            return
        pieces = [piece]
        for _, effect in self._effects.values():
            pieces = [after for before in pieces for after in effect.pass_on(before)]
        for one in pieces:
            if self._ended:
                break  # a limit was reached: nothing follows
            self.held += len(one.octets)
            self._append(one)
            self._ended = one.cut is not None

    def _append(self, piece: Piece) -> None:
        self._last_s = max(self._last_s, piece.at_s)
        self._pieces.append(piece._replace(at_s=self._last_s))
