"""Counting inside one process, cheaply: children are resolved once and kept, and a batch costs one lock.

The figures leave the process as a snapshot, which ``actors.exposition`` adds up over all processes.
"""

import os
import resource
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import Any, Final, NewType, TypeVar

import msgpack

from actors.metric_table import BY_NAME, Kind, Metric

SNAPSHOT_VERSION: Final = 1
MAX_CHILDREN: Final = 2_000  # label sets of one metric; 50 carriers × 3 classes × 10 reasons fit. Further ones count as "other"
OTHER: Final = "other"

Snapshot = NewType("Snapshot", bytes)


class Counter:
    """A number that only grows."""

    __slots__ = ("_lock", "value")

    def __init__(self) -> None:
        self._lock = Lock()
        self.value: float = 0

    def add(self, amount: float = 1) -> None:
        """Count ``amount`` more (not negative)."""
        if amount < 0:
            raise ValueError("a counter only grows")
        with self._lock:
            self.value += amount


class Gauge:
    """A number as it is now."""

    __slots__ = ("_lock", "value")

    def __init__(self) -> None:
        self._lock = Lock()
        self.value: float = 0

    def set(self, value: float) -> None:
        """It is ``value`` now."""
        self.value = value

    def add(self, amount: float) -> None:
        """It is ``amount`` more now (less, when negative)."""
        with self._lock:
            self.value += amount


class Histogram:
    """How values are spread. ``counts`` has one place a bucket, not cumulative, the last one for what is above them all."""

    __slots__ = ("_bounds", "_lock", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._lock = Lock()
        self._bounds = list(bounds)
        self.counts = [0] * (len(self._bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """One value, in the metric's unit."""
        at = bisect_left(self._bounds, value)
        with self._lock:
            self.counts[at] += 1
            self.total += value

    def observe_many(self, values: Sequence[float]) -> None:
        """A batch of values, in the metric's unit, with one lock. Sorting them took 8 µs for 100 of them, numpy 17 and in a busy actor 35."""
        ordered = sorted(values)
        total = float(sum(ordered))
        below, places = 0, []
        for at, bound in enumerate(self._bounds):
            upto = bisect_right(ordered, bound)
            if upto > below:
                places.append((at, upto - below))
                below = upto
                if below == len(ordered):
                    break
        places.append((-1, len(ordered) - below))
        with self._lock:
            for at, more in places:
                self.counts[at] += more
            self.total += total

    def read(self) -> tuple[list[int], float]:
        """Counts and total of one moment."""
        with self._lock:
            return list(self.counts), self.total


_Child = TypeVar("_Child", Counter, Gauge, Histogram)


_SHAPES: Final[Mapping[Kind, Callable[[Metric], Counter | Gauge | Histogram]]] = MappingProxyType(
    {
        Kind.COUNTER: lambda _: Counter(),
        Kind.GAUGE: lambda _: Gauge(),
        Kind.HISTOGRAM: lambda metric: Histogram(metric.buckets),
    }
)


class Metrics:
    """The registry of one process. ``kind`` is the sort of actor, such as ``carrier``; ``started_ns`` tells its incarnation.

    Names that are not in the catalogue, or label values in the wrong number, are bugs and raise ``LookupError``.
    """

    def __init__(
        self,
        kind: str,
        *,
        started_ns: int | None = None,
        table: Mapping[str, Metric] = BY_NAME,
    ) -> None:
        self.kind = kind
        self.started_ns = time.time_ns() if started_ns is None else started_ns
        self._table = table
        self._lock = Lock()
        self._sequence = 0
        self._children: dict[str, dict[tuple[str, ...], Counter | Gauge | Histogram]] = {name: {} for name in table}
        self._cpu_counted_s = 0.0

    def counter(self, name: str, *labels: str) -> Counter:
        """The counter for these label values, in the catalogue's order. Keep it when it is used often."""
        return self._child(Kind.COUNTER, Counter, name, labels)

    def gauge(self, name: str, *labels: str) -> Gauge:
        """The gauge for these label values."""
        return self._child(Kind.GAUGE, Gauge, name, labels)

    def histogram(self, name: str, *labels: str) -> Histogram:
        """The histogram for these label values."""
        return self._child(Kind.HISTOGRAM, Histogram, name, labels)

    def drop(self, name: str, *labels: str) -> None:
        """Forget one gauge: what it told of is gone."""
        if self._table[name].kind is not Kind.GAUGE:
            raise LookupError(f"{name} is no gauge")
        with self._lock:
            self._children[name].pop(labels, None)

    def _child(self, kind: Kind, shape: type[_Child], name: str, labels: tuple[str, ...]) -> _Child:
        found = self._children[name].get(labels)
        if type(found) is shape:
            return found
        metric = self._table[name]
        if metric.kind is not kind or len(labels) != len(metric.labels):
            raise LookupError(f"{name} is a {metric.kind} with the labels {metric.labels}")
        overflow = False
        with self._lock:
            children = self._children[name]
            if labels not in children and len(children) >= MAX_CHILDREN:
                labels, overflow = (OTHER,) * len(labels), True
            made = children.setdefault(labels, _SHAPES[kind](metric))
        if overflow and "trunkline_metric_overflows" in self._table:
            self.counter("trunkline_metric_overflows", name).add()
        return made  # type: ignore[return-value]  # the kind of the metric decides the shape, checked above

    def sample_process(self) -> None:
        """Bring processor time and memory of this process up to date."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        cpu_s = used.ru_utime + used.ru_stime
        self.counter("trunkline_process_cpu_seconds", self.kind).add(max(0.0, cpu_s - self._cpu_counted_s))
        self._cpu_counted_s = cpu_s
        self.gauge("trunkline_process_resident_memory_bytes", self.kind).set(_resident_bytes(used.ru_maxrss))
        self.gauge("trunkline_processes", self.kind).set(1)

    def samples(self) -> Iterable[tuple[str, list[list[Any]]]]:
        """Per metric: rows of [label values, value], a histogram's value being [counts, total]. Empty metrics are left out."""
        for name in self._table:
            with self._lock:
                children = list(self._children[name].items())
            if children:
                yield name, [[labels, list(c.read()) if isinstance(c, Histogram) else c.value] for labels, c in children]

    def next_sequence(self) -> int:
        """Snapshots are numbered, so that one overtaken by a newer one is known for what it is."""
        with self._lock:
            self._sequence += 1
            return self._sequence


def _resident_bytes(peak_kib: int) -> int:
    """What is resident now, or the peak where the system does not tell (macOS)."""
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return peak_kib * 1024


def snapshot(registry: Metrics) -> Snapshot:
    """All figures of a process as versioned msgpack: [version, started_ns, sequence, at_ms, {metric: rows}]."""
    at_ms = time.time_ns() // 1_000_000
    return Snapshot(
        msgpack.packb((SNAPSHOT_VERSION, registry.started_ns, registry.next_sequence(), at_ms, dict(registry.samples())))
    )
