"""Metrics: the catalogue, what a process counts with, and what /metrics shows. ``python -m actors.metrics`` prints the table.

In an actor: ``metrics = Metrics("carrier")``, then ``metrics.counter("trunkline_submitted", "acme", "otp").add(50)``; it hands
out ``snapshot(metrics)`` when asked. Whoever serves /metrics keeps one ``Totals``, gives it the snapshots of all processes and
returns its ``exposition()``.
"""

import sys

from actors.exposition import CONTENT_TYPE, Totals, merge
from actors.instruments import Counter, Gauge, Histogram, Metrics, Snapshot, snapshot
from actors.metric_table import BY_NAME, TABLE, Across, Kind, Metric, markdown

__all__ = [
    "BY_NAME",
    "CONTENT_TYPE",
    "TABLE",
    "Across",
    "Counter",
    "Gauge",
    "Histogram",
    "Kind",
    "Metric",
    "Metrics",
    "Snapshot",
    "Totals",
    "markdown",
    "merge",
    "snapshot",
]

if __name__ == "__main__":
    sys.stdout.write(markdown())
