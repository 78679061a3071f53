"""A link's state and plain counters as metrics: of the latter, what has come since the last look is added."""

from typing import Final

from actors.metrics import Metrics
from carriers.port import LinkState
from carriers.smpp.counters import LinkCounters

METRIC_OF: Final = {
    "malformed": "trunkline_smpp_malformed_pdus",
    "unsolicited": "trunkline_smpp_unsolicited_answers",
    "throttled": "trunkline_throttled",
    "mended": "trunkline_submits_mended",
    "receipts_put_off": "trunkline_receipts_deferred",
    "queries": "trunkline_queries",
    "queries_settled": "trunkline_queries_settled",
}


class LinkTally:
    """Of one carrier; remembers what was counted already."""

    def __init__(self, carrier: str) -> None:
        self._carrier = carrier
        self._counted: dict[str, int] = {}

    def count(self, now: LinkCounters, metrics: Metrics) -> None:
        """Bring the metrics up to ``now``."""
        for field, metric in METRIC_OF.items():
            metrics.counter(metric, self._carrier).add(self._new(field, getattr(now, field)))
        metrics.counter("trunkline_binds", self._carrier, "bound").add(self._new("binds", now.binds))
        for reason, count in now.bind_failures.items():
            metrics.counter("trunkline_binds", self._carrier, reason).add(self._new(f"bind {reason}", count))

    def show(self, state: LinkState, metrics: Metrics) -> None:
        """How the link is now."""
        name = self._carrier
        metrics.gauge("trunkline_window_used", name).set(state.window_used)
        metrics.gauge("trunkline_window_size", name).set(state.window)
        metrics.gauge("trunkline_lane_speed", name).set(state.speed_mps)
        metrics.gauge("trunkline_lane_speed_contracted", name).set(state.contracted_mps)
        metrics.gauge("trunkline_lane_waiting", name).set(state.throttled)
        metrics.gauge("trunkline_carrier_sessions_bound", name).set(state.bound)
        metrics.gauge("trunkline_carrier_sessions", name).set(state.sessions)

    def _new(self, name: str, total: int) -> int:
        before = self._counted.get(name, 0)
        self._counted[name] = total
        return total - before
