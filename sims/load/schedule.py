"""The open-loop timetable: when each request is meant to leave, whatever became of the ones before it.

A generator that waits for answers before it sends the next request measures a slow server politely: it omits the
requests that would have suffered. Here request ``k`` is due at ``k × per_request / rate``, and its latency counts from there.
"""

import math
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Pure: seconds since the start of the run in, numbers of requests out."""

    rate_mps: float  # messages a second, 0: everything is due at once
    per_request: int
    count: int  # messages, 0: no bound
    duration_s: float  # 0: no bound

    requests: int | None = field(init=False)  # how many the run has; None when only the duration ends a run without a rate

    def __post_init__(self) -> None:
        bounds = []
        if self.count > 0:
            bounds.append(math.ceil(self.count / self.per_request))
        if self.duration_s > 0 and self.rate_mps > 0:
            # the epsilon undoes the rounding of 0.1 × 30 = 3.0000000000000004
            bounds.append(math.ceil(self.duration_s * self.rate_mps / self.per_request - 1e-9))
        object.__setattr__(self, "requests", min(bounds) if bounds else None)

    def size(self, index: int) -> int:
        """How many messages request ``index`` holds: the last one of a count may be smaller."""
        if self.count > 0:
            return min(self.per_request, self.count - index * self.per_request)
        return self.per_request

    def intended_s(self, index: int) -> float:
        """When request ``index`` is meant to leave, in seconds since the start; 0 for every one without a rate."""
        return index * self.per_request / self.rate_mps if self.rate_mps > 0 else 0.0

    def due(self, elapsed_s: float) -> int | None:
        """How many requests should have left by now; None: no limit at this moment."""
        total = self.requests
        if self.rate_mps <= 0:
            return 0 if total is None and elapsed_s >= self.duration_s else total
        # a request whose time is exactly now is due; the epsilon forgives the rounding of index / rate
        so_far = math.floor(elapsed_s * self.rate_mps / self.per_request + 1e-9) + 1
        return so_far if total is None else min(so_far, total)

    def ended(self, index: int, elapsed_s: float) -> bool:
        """Whether no request from ``index`` on will ever be due."""
        total = self.requests
        if total is not None and index >= total:
            return True
        return self.rate_mps <= 0 and 0 < self.duration_s <= elapsed_s
