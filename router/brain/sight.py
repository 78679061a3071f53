"""What to plan with when the brain is silent: what it said last, the carriers' own breakers, and of no board at all the price.

A board is renewed every half second, and every five when nothing happens. One that is older knows no more which carrier refuses; each
carrier's actor knows that of its own, and tells it with its lane.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from msgspec.structs import replace

from router.brain.breaker import CLOSED
from router.brain.cells import Cells
from router.brain.port import Board, CarrierView
from router.brain.rows import NO_BOARD

OLD_S: Final = 15.0  # three boards of an idle brain
OLD_BOARD: Final = "the scoreboard was old: breakers are as the carriers' own actors tell"


class Fuse(NamedTuple):
    """A carrier's breaker as its own actor sees it; the fields mean what they mean in ``CarrierView``."""

    breaker: str = CLOSED
    until_s: float = 0.0
    reason: str = ""


class Sight:
    """Keeps the last substitute, for plans tell boards apart by identity."""

    def __init__(self) -> None:
        self._newest: Board | None = None
        self._fuses: Mapping[str, Fuse] = {}
        self._made: Board | None = None

    def board(self, newest: Board | None, fuses: Mapping[str, Fuse], now_s: float) -> Board:
        """The newest board while it is new; else what is left of it, under the breakers told. Its ``note`` says so."""
        if newest is not None and now_s - newest.at_s < OLD_S:
            return newest
        if self._made is None or self._newest is not newest or self._fuses != fuses:
            self._newest, self._fuses = newest, dict(fuses)
            self._made = _substitute(newest, fuses, now_s)
        return self._made


def _substitute(newest: Board | None, fuses: Mapping[str, Fuse], now_s: float) -> Board:
    views = {} if newest is None else dict(newest.carriers)
    for name, fuse in fuses.items():
        view = views.get(name) or CarrierView(name, CLOSED, 0.0, "", False, 0, 0, 0, 0.0)
        views[name] = replace(view, breaker=fuse.breaker, breaker_until_s=fuse.until_s, reason=fuse.reason)
    if newest is None:
        return Board(version=0, at_s=now_s, carriers=views, cells=Cells(), note=NO_BOARD)
    return replace(newest, carriers=views, probes={}, note=OLD_BOARD)
