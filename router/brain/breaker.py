"""Breakers: a carrier that refuses or cannot be reached is left at once, and asked again with one message at a time.

    closed --three faults in a row--> open --after 1, 2, 4 … 30 s--> half-open --its message is taken--> closed
                                       ^                                  |
                                       +------- its message fails --------+
    any --link down--> open (until the link is up) --link up--> closed, or half-open if it had been refusing

An answer that says something about the message and nothing about the carrier counts as taken: the carrier is alive.
"""

from typing import Final

CLOSED: Final = "closed"
OPEN: Final = "open"
HALF_OPEN: Final = "half_open"

FAULTS: Final = 3  # in a row
FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 30.0
PROBE_PATIENCE_S: Final = 10.0  # a half-open probe that nobody told the end of: another one may go
NEVER_S: Final = float("inf")

REFUSING: Final = "refused three in a row"
SILENT: Final = "left three in a row without an answer"
LINK_DOWN: Final = "no session is bound"


class Breaker:
    """One carrier's breaker. ``until_s``: when an open one turns half-open, and from when a half-open one is so."""

    __slots__ = ("failed", "faults", "opened_s", "quiet", "reason", "state", "until_s", "wait_s")

    def __init__(self) -> None:
        self.state = CLOSED
        self.until_s = 0.0
        self.reason = ""
        self.faults = 0
        self.failed = False  # it refused, and no message has been taken since
        self.wait_s = FIRST_WAIT_S
        self.opened_s = 0.0
        self.quiet = True  # nothing to remember: successes need not be told

    def taken(self, at_s: float) -> None:
        """The carrier answered a submit."""
        if self.state == OPEN and (self.until_s != NEVER_S or at_s <= self.opened_s):
            return  # the answer to a message sent before: the probe will tell
        # Half-open: the probe was taken. Open for want of a link: another session of the carrier is bound after all.
        self.state, self.reason, self.until_s = CLOSED, "", 0.0
        self.faults, self.failed, self.wait_s, self.quiet = 0, False, FIRST_WAIT_S, True

    def fault(self, at_s: float, reason: str) -> None:
        """A submit was refused, or was not answered."""
        if self.state == OPEN:
            return  # messages on the way when it opened
        self.faults += 1
        self.quiet = False
        if self.state == HALF_OPEN:
            self.wait_s = min(self.wait_s * 2, LONGEST_WAIT_S)
        elif self.faults < FAULTS:
            return
        self.failed = True
        self._open(at_s, at_s + self.wait_s, reason)

    def link_down(self, at_s: float) -> None:
        """A session fell or could not be bound."""
        self._open(at_s, NEVER_S, LINK_DOWN)

    def link_up(self, at_s: float) -> None:
        """The carrier is bound again."""
        if self.state == OPEN and self.until_s == NEVER_S:
            self.state = HALF_OPEN if self.failed else CLOSED
            self.until_s = at_s if self.failed else 0.0
            self.reason = REFUSING if self.failed else ""
            self.faults, self.quiet = 0, not self.failed

    def tick(self, now_s: float) -> None:
        """Let time pass."""
        if self.state == OPEN and now_s >= self.until_s:
            self.state = HALF_OPEN
        elif self.state == HALF_OPEN and now_s >= self.until_s + PROBE_PATIENCE_S:
            self.until_s = now_s

    def _open(self, at_s: float, until_s: float, reason: str) -> None:
        self.state, self.until_s, self.reason = OPEN, until_s, reason
        self.faults, self.opened_s, self.quiet = 0, at_s, False
