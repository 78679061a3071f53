"""Whose queue is full when a carrier says so: one recipient's, or the account's.

ESME_RMSGQFUL (SMPP 3.4, 5.1.3: "message queue full") is said of both. A handset that is off fills its own queue and nobody
else's, so the number is slowed down first; only when several numbers are refused at nearly the same time is it the account.
Pure: time comes in through the door, in seconds of one monotonic clock.
"""

from math import inf
from typing import Final

from carriers.lane import FORGIVEN_S, MAX_QUEUE_PAUSE_S, QUEUE_PAUSE_S

SEVERAL: Final = 3  # different recipients …
NEAR_S: Final = 5.0  # … within so long mean the account
HELD_LIMIT: Final = 10_000  # recipients held at once, some 250 octets each; one more means the account, too


class _Hold:
    __slots__ = ("again_s", "opens_s", "pause_s", "since_s")

    def __init__(self) -> None:
        self.since_s = -inf  # what was written before says nothing new
        self.opens_s = -inf
        self.again_s = -inf  # a complaint before this time is a repeated one
        self.pause_s = QUEUE_PAUSE_S


class FullQueues:
    """Recipients that are held, within bounds. A pause doubles while it is repeated, from 5 to 180 s."""

    __slots__ = ("_lately", "held")

    def __init__(self) -> None:
        """Nobody is held."""
        self.held: dict[str, _Hold] = {}  # by recipient, some of them over; always the same dict, and mostly empty
        self._lately: dict[str, float] = {}  # recipient → its newest complaint, oldest first

    def complained(self, to: str, now_s: float, written_s: float) -> float | None:
        """A segment to ``to``, written at ``written_s``, was refused: when it may be tried again; None: the account is full."""
        lately = self._lately
        lately.pop(to, None)
        lately[to] = now_s
        while lately and lately[next(iter(lately))] < now_s - NEAR_S:
            del lately[next(iter(lately))]
        if len(lately) >= SEVERAL:
            return None
        hold = self.held.get(to)
        if hold is None:
            if len(self.held) >= HELD_LIMIT:
                for over in [to for to, hold in self.held.items() if hold.again_s <= now_s]:
                    del self.held[over]
                if len(self.held) >= HELD_LIMIT:
                    return None
            hold = self.held[to] = _Hold()
        if now_s < hold.opens_s or written_s <= hold.since_s:
            return hold.opens_s  # an echo: it was written before the pause began
        if now_s >= hold.again_s:
            hold.pause_s = QUEUE_PAUSE_S
        hold.since_s = now_s
        hold.opens_s = now_s + hold.pause_s
        hold.again_s = hold.opens_s + max(FORGIVEN_S, hold.pause_s)
        hold.pause_s = min(MAX_QUEUE_PAUSE_S, hold.pause_s * 2)
        return hold.opens_s

    def opens_s(self, to: str) -> float:
        """Before which time nothing should be written to this recipient; minus infinity: it is not held."""
        hold = self.held.get(to)
        return hold.opens_s if hold is not None else -inf

    def taken(self, to: str) -> None:
        """The carrier has taken a segment to this recipient."""
        self.held.pop(to, None)
