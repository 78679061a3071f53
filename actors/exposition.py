"""Adding up what all processes counted, and telling it to Prometheus.

A process that dies takes its counters with it, and the next incarnation starts from nothing. ``Totals`` keeps the last
figures of dead incarnations, so that no merged counter ever goes down while it lives.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Any, Final, NamedTuple

import msgpack
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from actors.instruments import SNAPSHOT_VERSION
from actors.metric_table import BY_NAME, Across, Kind, Metric

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
TOTALS_VERSION: Final = 1

_Labels = tuple[str, ...]
_Key = tuple[str, _Labels]  # metric, label values


class _Figures(NamedTuple):
    """A snapshot, read."""

    started_ns: int
    sequence: int
    at_ms: int
    values: dict[_Key, Any]  # number, or [counts, total] of a histogram


class Totals:
    """The figures of the whole system. Give it the snapshots of the processes that answered, as often as you like.

    A process that did not answer this time keeps its counters and loses its gauges. A new incarnation under the same name
    adds to what the old one had counted. An old snapshot, or one of an incarnation that has been followed, is ignored.
    """

    def __init__(self, *, table: Mapping[str, Metric] = BY_NAME) -> None:
        self._table = table
        self._newest: dict[str, _Figures] = {}
        self._present: set[str] = set()
        self._retired: dict[_Key, Any] = {}

    def take(self, snapshots: Mapping[str, bytes]) -> list[str]:
        """Snapshots by process name; returns the names of those that could not be read (they count as absent)."""
        unreadable = []
        self._present = set()
        for name, octets in snapshots.items():
            figures = _read(octets, self._table)
            if figures is None:
                unreadable.append(name)
                continue
            self._present.add(name)
            kept = self._newest.get(name)
            if kept is not None:
                if (figures.started_ns, figures.sequence) < (kept.started_ns, kept.sequence):
                    continue
                if figures.started_ns != kept.started_ns:
                    self._retire(kept)
            self._newest[name] = figures
        return unreadable

    def _retire(self, figures: _Figures) -> None:
        for key, value in figures.values.items():
            if self._table[key[0]].kind is not Kind.GAUGE:
                _add(self._retired, key, value)

    def exposition(self) -> bytes:
        """The text that Prometheus reads (format 0.0.4)."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Families(self._families()))
        return generate_latest(registry)

    def value(self, name: str, *labels: str) -> float:
        """One merged figure (for a histogram: how many values), 0 when nobody told it."""
        found = self._merged().get((name, labels), 0.0)
        return float(sum(found[0])) if isinstance(found, list) else float(found)

    def _merged(self) -> dict[_Key, Any]:
        merged = {key: _copy(value) for key, value in self._retired.items()}
        for name, figures in sorted(self._newest.items(), key=lambda item: item[1].at_ms):
            for key, value in figures.values.items():
                metric = self._table[key[0]]
                if metric.kind is not Kind.GAUGE:
                    _add(merged, key, value)
                elif name in self._present:
                    _join(merged, key, value, metric.across)
        return merged

    def _families(self) -> Iterator[Family]:
        by_metric: dict[str, list[tuple[_Labels, Any]]] = {}
        for (name, labels), value in sorted(self._merged().items(), key=lambda item: item[0]):
            by_metric.setdefault(name, []).append((labels, value))
        for (
            name,
            metric,
        ) in self._table.items():  # metrics nobody counted yet are shown with their help, so that they can be found
            yield _family(metric, by_metric.get(name, ()))

    def dump(self) -> bytes:
        """What must be kept for counters to survive the keeper: [version, [[metric, labels, value], …]] of all counted so far.

        The processes that live on are counted in; ``load`` knows them again by name and incarnation.
        """
        lived = [[n, f.started_ns, f.sequence, f.at_ms, _rows(f.values)] for n, f in self._newest.items()]
        return msgpack.packb((TOTALS_VERSION, _rows(self._retired), lived))

    @classmethod
    def load(cls, octets: bytes, *, table: Mapping[str, Metric] = BY_NAME) -> "Totals":
        """The totals as dumped; from octets that cannot be read, empty ones (metrics are not worth a failed start)."""
        totals = cls(table=table)
        try:
            version, retired, lived, *_ = msgpack.unpackb(octets)
            if version != TOTALS_VERSION:
                return totals
            kept = dict(_known(((n, row) for n, *row in retired), table))
            newest = {
                name: _Figures(started_ns, sequence, at_ms, dict(_known(((n, row) for n, *row in rows), table)))
                for name, started_ns, sequence, at_ms, rows, *_ in lived
            }
        except (msgpack.UnpackException, ValueError, TypeError):
            return totals
        totals._retired, totals._newest = kept, newest
        return totals


def merge(snapshots: Mapping[str, bytes]) -> bytes:
    """The exposition of these snapshots alone, with no memory of processes that died before."""
    totals = Totals()
    totals.take(snapshots)
    return totals.exposition()


def _read(octets: bytes, table: Mapping[str, Metric]) -> _Figures | None:
    """A snapshot, without the metrics that this release does not know; None: unreadable."""
    try:
        version, started_ns, sequence, at_ms, metrics, *_ = msgpack.unpackb(octets)
        if version != SNAPSHOT_VERSION:
            return None
        values = dict(_known(((name, row) for name, rows in metrics.items() for row in rows), table))
        return _Figures(int(started_ns), int(sequence), int(at_ms), values)
    except (msgpack.UnpackException, ValueError, TypeError, AttributeError):
        return None


def _known(rows: Iterable[tuple[str, list[Any]]], table: Mapping[str, Metric]) -> Iterator[tuple[_Key, Any]]:
    """Rows whose metric has the same shape here: in a rolling upgrade two releases report at once."""
    for name, (labels, value, *_) in rows:
        metric = table.get(name)
        if metric is None or len(labels) != len(metric.labels):
            continue
        if isinstance(value, list) != (metric.kind is Kind.HISTOGRAM):
            continue
        if isinstance(value, list) and len(value[0]) != len(metric.buckets) + 1:
            continue
        yield (name, tuple(labels)), value


def _rows(values: Mapping[_Key, Any]) -> list[Any]:
    return [[name, labels, value] for (name, labels), value in values.items()]


def _copy(value: Any) -> Any:
    return [list(value[0]), value[1]] if isinstance(value, list) else value


def _add(into: dict[_Key, Any], key: _Key, value: Any) -> None:
    have = into.get(key)
    if have is None:
        into[key] = _copy(value)
    elif isinstance(value, list):
        into[key] = [[a + b for a, b in zip(have[0], value[0], strict=True)], have[1] + value[1]]
    else:
        into[key] = have + value


def _join(into: dict[_Key, Any], key: _Key, value: float, across: Across) -> None:
    have = into.get(key)
    match across:
        case Across.SUM:
            into[key] = value + (have or 0)
        case Across.MAX:
            into[key] = value if have is None else max(have, value)
        case Across.LAST:  # snapshots come in the order in which they were taken
            into[key] = value


def _family(metric: Metric, rows: Iterable[tuple[_Labels, Any]]) -> Family:
    match metric.kind:
        case Kind.COUNTER:
            counter = CounterMetricFamily(metric.name, metric.help, labels=metric.labels)
            for labels, value in rows:
                counter.add_metric(labels, value)
            return counter
        case Kind.GAUGE:
            gauge = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
            for labels, value in rows:
                gauge.add_metric(labels, value)
            return gauge
        case Kind.HISTOGRAM:
            histogram = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
            bounds = [*(str(float(bound)) for bound in metric.buckets), "+Inf"]
            for labels, (counts, total) in rows:
                histogram.add_metric(labels, list(zip(bounds, accumulate(counts), strict=True)), total)
            return histogram


class _Families(Collector):
    """Families made already, as a collector."""

    def __init__(self, families: Iterable[Family]) -> None:
        self._ready = list(families)

    def collect(self) -> Iterable[Family]:
        return self._ready
