"""How fast a carrier was written to: submits counted at the wire, and seconds that surely held more than the contract.

Who reads late sees octets bunched that were written evenly. Each read therefore counts for the interval in which its octets can
have come: from when the reader last knew that there was nothing to when it read. A second is over the contract only if it is
so wherever in their intervals the submits were written.
"""

from collections import deque
from typing import Final, NamedTuple

from carriers.smpp.commands import SUBMIT_SM

HEADER: Final = 16  # SMPP 3.4, 3.2: length, command, status, sequence
LENGTH_MAX: Final = 1 << 16


class SubmitCounter:
    """Finds submit_sm in the octets of one connection, however they are cut."""

    __slots__ = ("_left", "_rest")

    def __init__(self) -> None:
        self._rest = b""  # the beginning of a header
        self._left = 0  # octets of the PDU that has begun

    def count(self, octets: bytes) -> int:
        """Submits whose header was completed by these octets."""
        found = 0
        octets = self._rest + octets if self._rest else octets
        at, size = 0, len(octets)
        while at < size:
            if self._left:
                step = min(self._left, size - at)
                self._left -= step
                at += step
                continue
            if size - at < HEADER:
                break
            length = int.from_bytes(octets[at : at + 4], "big")
            found += int.from_bytes(octets[at + 4 : at + 8], "big") == SUBMIT_SM
            self._left = max(0, min(length, LENGTH_MAX) - HEADER)
            at += HEADER
        self._rest = octets[at:]
        return found


class Burst(NamedTuple):
    """Submits of one read."""

    earliest_s: float
    latest_s: float
    submits: int


class Speedometer:
    """The most submits that were surely within one second, over all connections of a carrier."""

    __slots__ = ("_bursts", "_inside", "first_s", "last_s", "maximum", "submits")

    def __init__(self) -> None:
        self._bursts: deque[Burst] = deque()
        self._inside = 0
        self.maximum = 0
        self.submits = 0
        self.first_s = 0.0
        self.last_s = 0.0

    def add(self, burst: Burst) -> None:
        """Count a read; neither of its times ever goes back."""
        bursts = self._bursts
        # Within one second for certain: the first of them came at the earliest less than a second before the last was read.
        while bursts and bursts[0].earliest_s <= burst.latest_s - 1.0:
            self._inside -= bursts.popleft().submits
        if burst.earliest_s > burst.latest_s - 1.0:
            bursts.append(burst)
            self._inside += burst.submits
        self.maximum = max(self.maximum, self._inside)
        self.first_s = self.first_s or burst.latest_s
        self.last_s = burst.latest_s
        self.submits += burst.submits


class Pulse:
    """When the reader's loop was last known to look for octets. ``beat`` is called a few hundred times a second."""

    __slots__ = ("_before_s", "_last_s", "longest_s")

    def __init__(self, now_s: float) -> None:
        self.begin(now_s)

    def begin(self, now_s: float) -> None:
        """The loop runs from now on."""
        self._before_s = self._last_s = now_s
        self.longest_s = 0.0

    def beat(self, now_s: float) -> None:
        """The loop runs."""
        self.longest_s = max(self.longest_s, now_s - self._last_s)
        self._before_s, self._last_s = self._last_s, now_s

    @property
    def empty_s(self) -> float:
        """What is read now was not there yet then: between the last beat but one and the last the loop looked at every socket."""
        return self._before_s
