"""Submits by the second: the throttle, and the highest count in any sliding second."""

from collections import deque
from math import floor
from typing import Literal


class SlidingMaximum:
    """The most events within any second, counted at the arrival of each batch. A batch shares one instant."""

    __slots__ = ("_batches", "_now", "maximum")

    def __init__(self) -> None:
        self._batches: deque[tuple[float, int]] = deque()
        self._now = 0
        self.maximum = 0

    def add(self, now_s: float, events: int) -> None:
        """Count a batch; times never go back."""
        batches = self._batches
        horizon = now_s - 1.0
        while batches and batches[0][0] <= horizon:
            self._now -= batches.popleft()[1]
        batches.append((now_s, events))
        self._now += events
        self.maximum = max(self.maximum, self._now)


class Throttle:
    """Lets so many pass in a second: any sliding one, or each of the calendar (as many real SMSCs count)."""

    __slots__ = ("_passed", "_second", "_taken")

    def __init__(self) -> None:
        self._passed: deque[tuple[float, int]] = deque()
        self._taken = 0
        self._second = -1

    def room(self, now_s: float, limit: int, by: Literal["sliding", "calendar"]) -> int:
        """How many may still pass at this moment."""
        if by == "calendar":
            if floor(now_s) != self._second:
                self._second = floor(now_s)
                self._passed.clear()
                self._taken = 0
        else:
            horizon = now_s - 1.0
            while self._passed and self._passed[0][0] <= horizon:
                self._taken -= self._passed.popleft()[1]
        return max(0, limit - self._taken)

    def passed(self, now_s: float, events: int) -> None:
        """So many did pass."""
        if events:
            self._passed.append((now_s, events))
            self._taken += events
