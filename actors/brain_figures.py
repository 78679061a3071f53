"""What a brain tells Prometheus: how the carriers stand on its board, and what its detectors have found."""

from collections.abc import Mapping
from typing import Final

from actors.metrics import Metrics
from router.brain.breaker import CLOSED, HALF_OPEN, OPEN
from router.brain.port import Board

LEVELS: Final = {CLOSED: 0, HALF_OPEN: 1, OPEN: 2}
GAUGES: Final = (
    "trunkline_breaker_state",
    "trunkline_carrier_suspect",
    "trunkline_receipt_trust_ratio",
    "trunkline_receipts_lost",
    "trunkline_receipts_pending",
)
COUNTERS: Final = {  # of ``BrainState.counters``: metric and label
    "alarms_down": ("trunkline_alarms", "down"),
    "alarms_up": ("trunkline_alarms", "up"),
    "epochs": ("trunkline_epochs",),
}


class BoardFigures:
    """Owns the states of breakers as they were last shown. May forget them: a change that nobody saw is not counted."""

    def __init__(self, metrics: Metrics) -> None:
        self.carriers: list[str] = []  # on the last board shown
        self._metrics = metrics
        self._breakers: dict[str, str] = {}
        self._counted: Mapping[str, int] = {}

    def restored(self, counters: Mapping[str, int]) -> None:
        """These were counted by the process before."""
        self._counted = dict(counters)

    def found(self, counters: Mapping[str, int]) -> None:
        """The detectors have counted so far."""
        for name, (metric, *labels) in COUNTERS.items():
            count = counters.get(name, 0)
            # Fewer than before: the state is another one.
            self._metrics.counter(metric, *labels).add(max(count - self._counted.get(name, 0), 0))
        self._counted = dict(counters)

    def show(self, newest: Board) -> None:
        """A board was made here."""
        gauge = self._metrics.gauge
        for name in set(self.carriers).difference(newest.carriers):
            self._hide(name)
        for name, view in newest.carriers.items():
            gauge("trunkline_breaker_state", name).set(LEVELS[view.breaker])
            gauge("trunkline_carrier_suspect", name).set(float(view.suspect))
            gauge("trunkline_receipt_trust_ratio", name).set(view.trust)
            gauge("trunkline_receipts_lost", name).set(float(bool(view.unheard)))
            gauge("trunkline_receipts_pending", name).set(round(view.pending))
            if self._breakers.get(name, view.breaker) != view.breaker:
                self._metrics.counter("trunkline_breaker_changes", name, view.breaker).add()
        self._breakers = {name: view.breaker for name, view in newest.carriers.items()}
        self.carriers = sorted(newest.carriers)

    def hide(self) -> None:
        """Boards are made elsewhere."""
        for name in self.carriers:
            self._hide(name)
        self.carriers, self._breakers = [], {}

    def _hide(self, carrier: str) -> None:
        for name in GAUGES:
            self._metrics.drop(name, carrier)
