"""The timers of a session, as plain times of one monotonic clock; the response timer is the window's."""

from enum import Enum, auto
from typing import Final, NamedTuple

NEVER: Final = float("inf")


class Timers(NamedTuple):
    """Seconds; 0 switches an optional one off."""

    session_init_s: float = 30.0  # server: connected → bound; client: bind sent → answered
    enquire_link_s: float = 30.0  # nothing received → enquire_link; 0: off
    enquire_answer_s: float = 10.0  # enquire_link sent → anything received
    response_s: float = 60.0  # any other request sent → answered
    unbind_s: float = 2.0  # our unbind sent → answered
    grace_s: float = 2.0  # the peer's unbind → our outstanding requests answered
    in_hand_s: float = 0.0  # the peer's unbind → our answers to its requests, and only then to the unbind; 0: at once
    part_s: float = 10.0  # first octets of a PDU → its last
    inactivity_s: float = 0.0  # no PDU but enquire_link → unbind; 0: off


class Due(Enum):
    """What is due."""

    INIT = auto()  # no bind, or no answer to ours
    ENQUIRE_ANSWER = auto()  # the peer is silent although asked
    PART = auto()  # a PDU was begun and not finished
    END = auto()  # an unbind, of either side, has had its time
    INACTIVITY = auto()
    ENQUIRE = auto()  # silence is to be asked about


class Deadlines:
    """When each timer of a session ends; ``NEVER`` for those that do not run."""

    __slots__ = ("active_s", "end_by_s", "enquire_by_s", "heard_s", "init_by_s", "part_by_s", "timers")

    def __init__(self, timers: Timers, now_s: float) -> None:
        """Nothing runs but silence."""
        self.timers = timers
        self.heard_s = now_s  # the last octet received
        self.active_s = now_s  # the last PDU that carried something
        self.init_by_s = NEVER
        self.enquire_by_s = NEVER
        self.end_by_s = NEVER
        self.part_by_s = NEVER

    def heard(self, now_s: float) -> None:
        """Octets have come: any octet is life."""
        self.heard_s = now_s
        self.enquire_by_s = NEVER

    def excuse(self, now_s: float) -> None:
        """Nobody has listened until now: every timer of the peer's silence begins anew."""
        self.heard(now_s)
        self.active_s = now_s
        if self.part_by_s != NEVER:
            self.part_by_s = now_s + self.timers.part_s

    def part(self, now_s: float, *, unfinished: bool, fresh: bool) -> None:
        """A PDU is ``unfinished`` or none is; ``fresh``: it began just now."""
        if not unfinished:
            self.part_by_s = NEVER
        elif fresh or self.part_by_s == NEVER:
            self.part_by_s = now_s + self.timers.part_s

    def next_s(self, *, bound: bool) -> float:
        """The earliest end."""
        when_s = min(self.init_by_s, self.enquire_by_s, self.end_by_s, self.part_by_s)
        if bound:
            if self.timers.enquire_link_s and self.enquire_by_s == NEVER:
                when_s = min(when_s, self.heard_s + self.timers.enquire_link_s)
            if self.timers.inactivity_s:
                when_s = min(when_s, self.active_s + self.timers.inactivity_s)
        return when_s

    def due(self, now_s: float, *, bound: bool) -> Due | None:
        """What is due by now: the gravest first."""
        if self.init_by_s <= now_s:
            return Due.INIT
        if self.enquire_by_s <= now_s:
            return Due.ENQUIRE_ANSWER
        if self.part_by_s <= now_s:
            return Due.PART
        if self.end_by_s <= now_s:
            return Due.END
        if bound:
            timers = self.timers
            if timers.inactivity_s and self.active_s + timers.inactivity_s <= now_s:
                return Due.INACTIVITY
            if timers.enquire_link_s and self.enquire_by_s == NEVER and self.heard_s + timers.enquire_link_s <= now_s:
                return Due.ENQUIRE
        return None
