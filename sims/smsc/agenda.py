"""What is to happen later, in buckets of a millisecond: adding is two dict operations, and one timer serves everything."""

import heapq
from math import ceil
from typing import Final, Generic, TypeVar

TICKS_PER_S: Final = 1_000

Item = TypeVar("Item")


class Agenda(Generic[Item]):
    """Items by due time. Times are seconds of one monotonic clock; an item comes at most a millisecond late, never early."""

    __slots__ = ("_buckets", "_ticks")

    def __init__(self) -> None:
        self._buckets: dict[int, list[Item]] = {}
        self._ticks: list[int] = []  # a heap of the buckets' keys

    def add(self, due_s: float, item: Item) -> None:
        """Put an item down; items of one millisecond keep their order."""
        tick = ceil(due_s * TICKS_PER_S)
        bucket = self._buckets.get(tick)
        if bucket is None:
            self._buckets[tick] = [item]
            heapq.heappush(self._ticks, tick)
        else:
            bucket.append(item)

    def next_s(self) -> float | None:
        """When ``take`` has something; None when nothing is down."""
        return self._ticks[0] / TICKS_PER_S if self._ticks else None

    def take(self, now_s: float) -> list[Item]:
        """Everything that is due by now, in order of time."""
        due: list[Item] = []
        limit = now_s * TICKS_PER_S
        while self._ticks and self._ticks[0] <= limit:
            due.extend(self._buckets.pop(heapq.heappop(self._ticks)))
        return due

    def clear(self) -> None:
        """Forget everything."""
        self._buckets.clear()
        self._ticks.clear()
