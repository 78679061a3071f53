"""A system that was measured, for the model to be fed with and held against. Pure."""

from typing import Final

import msgspec

from benchmarks.processes import ACTORS
from benchmarks.scale.model import Layout

KINDS: Final = (*ACTORS, "journal", "ray raylet", "ray gcs", "ray rest")  # of the system itself
OTHERS: Final = ("simulators", "load generator")


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """A system that was measured. CPU in microseconds a message, octets and calls of the journal a message."""

    layout: Layout
    mps: float
    own_us: float
    journal_us: float
    octets: float
    calls: float
    idle_cores: dict[str, float] = {}  # by kind of process, with nothing to do
    cores: dict[str, float] = {}  # by kind of process, under the load
    counts: dict[str, int] = {}
    sustained_mps: float = 0.0  # where it was looked for


def outside_us(point: Point) -> float:
    """What others on the same cores use, a message."""
    return sum(point.cores.get(kind, 0.0) for kind in OTHERS) * 1e6 / point.mps


def flat(points: list[Point]) -> list[tuple[str, float, float]]:
    """Of each point, against the first: its name, CPU a message (ours and the journal's) and octets as ratios."""
    first = points[0]
    return [
        (
            name_of(point.layout),
            round((point.own_us + point.journal_us) / max(first.own_us + first.journal_us, 1e-9), 3),
            round(point.octets / max(first.octets, 1e-9), 3),
        )
        for point in points
    ]


def name_of(layout: Layout) -> str:
    """A layout in words."""
    return f"{layout.fronts} fronts, {layout.dispatchers} dispatchers, {layout.carriers} carriers, {layout.shards} journals"
