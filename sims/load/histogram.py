"""Latencies in buckets that grow by a fixed ratio: cheap to add to, exact to about one percent, mergeable."""

from math import log2
from typing import Final

BUCKETS_PER_OCTAVE: Final = 64  # a bucket is 2^(1/64) = 1.09 % wide
OCTAVES: Final = 36  # 1 µs to 2^36 µs, 19 hours
_LAST: Final = BUCKETS_PER_OCTAVE * OCTAVES


class Histogram:
    """Counts of durations. Memory is fixed (2,305 counters) however many are added."""

    __slots__ = ("_counts", "count", "max_us", "min_us", "sum_us")

    def __init__(self) -> None:
        self._counts = [0] * (_LAST + 1)
        self.count = 0
        self.sum_us = 0.0
        self.max_us = 0.0
        self.min_us = 0.0

    def add(self, us: float, times: int = 1) -> None:
        """Count a duration in microseconds, ``times`` over (the messages of one batch). Below 1 µs counts as 1 µs."""
        us = max(us, 1.0)
        index = int(log2(us) * BUCKETS_PER_OCTAVE)
        self._counts[min(index, _LAST)] += times
        self.max_us = max(self.max_us, us)
        if not self.count or us < self.min_us:
            self.min_us = us
        self.count += times
        self.sum_us += us * times

    def merge(self, other: "Histogram") -> None:
        """Add everything that ``other`` counted."""
        if not other.count:
            return
        self._counts = [mine + theirs for mine, theirs in zip(self._counts, other._counts, strict=True)]  # noqa: SLF001 its own kind
        self.max_us = max(self.max_us, other.max_us)
        self.min_us = min(self.min_us, other.min_us) if self.count else other.min_us
        self.count += other.count
        self.sum_us += other.sum_us

    def percentile_us(self, percent: float) -> float:
        """The smallest bucket bound that at least ``percent`` of all durations do not exceed; 0 when nothing was added.

        The answer is never below the true percentile and at most 1.1 % above it, and never above the largest duration.
        """
        if not self.count:
            return 0.0
        wanted = max(1, -int(-(percent * self.count) // 100))  # the rank, rounded up
        seen = 0
        for index, times in enumerate(self._counts):
            seen += times
            if seen >= wanted:
                return float(min(self.max_us, 2.0 ** ((index + 1) / BUCKETS_PER_OCTAVE)))
        return self.max_us

    @property
    def mean_us(self) -> float:
        """The exact mean; 0 when nothing was added."""
        return self.sum_us / self.count if self.count else 0.0

    def summary_ms(self) -> dict[str, float]:
        """The figures of a report, in milliseconds."""
        named = (("p50", 50.0), ("p90", 90.0), ("p99", 99.0), ("p99.9", 99.9))
        figures = {name: round(self.percentile_us(percent) / 1e3, 3) for name, percent in named}
        return {"count": self.count, "mean": round(self.mean_us / 1e3, 3), **figures, "max": round(self.max_us / 1e3, 3)}
