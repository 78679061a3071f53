"""What one run found out."""

from collections.abc import Sequence
from statistics import median
from typing import Any, Final

import msgspec

from benchmarks.goals import Verdict, judge
from benchmarks.scale.outcome import Scale

DRAIN_LIMIT_S: Final = 2.0  # sustained: what is left at the end of the load is delivered within this …
SUSTAINED: Final = 0.98  # … of the rate asked for so much was taken …
BEHIND_LIMIT: Final = (
    0.02  # … and of what was taken in the second half of the load no more stayed behind: it would add up to seconds.
)
BEHIND_S: Final = 0.15  # So much comes and goes with batches and looks, whatever the trend


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds."""

    count: int
    p50: float
    p90: float
    p99: float
    max: float


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What was used between two moments. All by message where the name says so."""

    cpu_us_per_message: dict[str, float] = {}  # by kind of process
    cpu_share: dict[str, float] = {}  # by kind of process, of one core
    cpu_s: dict[str, float] = {}  # by kind of process
    journal_calls_per_message: float = 0.0  # what clients call: scripts and commands
    journal_commands_per_message: float = 0.0  # what scripts call inside the server
    journal_in_per_message: float = 0.0  # octets
    journal_out_per_message: float = 0.0
    journal_aof_per_message: float = 0.0
    journal_calls: dict[str, int] = {}  # by command
    scripts: dict[str, int] = {}  # calls by script, as our processes counted them
    batches: dict[str, float] = {}  # messages a call, by script
    actor_calls: dict[str, int] = {}  # Ray calls from our actors to our actors, by method
    actor_calls_per_message: float = 0.0


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """A run over its time: counters as they stood at ``at_s``, and for messages drawn at random [created at s, ms to submit, ms to end]."""

    at_s: list[float] = []
    accepted: list[int] = []
    finished: list[int] = []
    delays: list[tuple[float, float, float]] = []


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One run. Throughputs are messages a second; latencies count from the intended send time where there is one."""

    asked_mps: float = 0.0
    duration_s: float = 0.0
    accepted: int = 0
    finished: int = 0
    refused: int = 0
    errors: int = 0
    accepted_mps: float = 0.0
    delivered_mps: float = 0.0  # from the first accept to the last end
    drain_s: float = 0.0  # from the last accept to the last end
    behind: float = (
        0.0  # share of what was taken in the second half of the load that was not ended then, beyond what had stood there
    )
    latencies: dict[str, Latency] = {}
    cost: Cost = Cost()
    memory_mb: dict[str, tuple[int, float]] = {}  # kind → (processes, PSS)
    up_s: float = 0.0
    first_delivered_s: float = 0.0
    lost: int = 0
    duplicates: int = 0
    bad_signatures: int = 0
    faults: tuple[str, ...] = ()
    figures: dict[str, float] = {}  # those that are asked for, and what else is worth a line
    steps: list[tuple[float, bool]] = []  # rates that were tried before, and whether they were sustained
    series: Series | None = None

    @property
    def clean(self) -> bool:
        """Nothing lost, and the checker finds nothing."""
        return not self.lost and not self.faults and not self.bad_signatures

    @property
    def sustained(self) -> bool:
        """Whether the rate asked for was carried from end to end."""
        enough = self.accepted_mps >= SUSTAINED * self.asked_mps and not self.refused and not self.errors
        steady = self.behind <= BEHIND_LIMIT + BEHIND_S / max(self.duration_s / 2, BEHIND_S)
        return enough and steady and self.drain_s <= DRAIN_LIMIT_S

    @property
    def carried_mps(self) -> float:
        """What was taken in a second where that was sustained, what was ended in a second where not."""
        return self.accepted_mps if self.sustained else min(self.accepted_mps, self.delivered_mps)


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """What a stage costs by itself: microseconds of CPU a message, ours and the journal's server's, in batches of so many."""

    stage: str
    batch: int
    own_us: float
    journal_us: float = 0.0


class Row(msgspec.Struct, kw_only=True):
    """The runs of one benchmark. ``goal``: what is asked, in words; "" for nothing."""

    name: str
    goal: str = ""
    runs: list[Run] = []
    verdicts: list[Verdict] = []
    stages: list[Stage] = []
    scale: Scale | None = None

    def judged(self) -> "Row":
        """With what its goals say of its runs."""
        self.verdicts = judge(self.name, [run.figures for run in self.runs])
        return self

    @property
    def reached(self) -> bool:
        """Whether every goal was met."""
        return all(verdict.met for verdict in self.verdicts)

    def middle(self, field: str) -> tuple[float, float, float]:
        """Median, least and greatest of a figure: a dotted path such as ``latencies.accepted.p99``."""
        values = [value for run in self.runs if (value := _at(run, field)) is not None]
        return (median(values), min(values), max(values)) if values else (0.0, 0.0, 0.0)


def _at(run: Run, path: str) -> float | None:
    value: Any = run
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else getattr(value, name, None)
        if value is None:
            return None
    return float(value)


def latency_of(values_ms: Sequence[float]) -> Latency:
    """Exact percentiles of single durations."""
    ordered = sorted(values_ms)

    def at(percent: float) -> float:
        return round(ordered[min(len(ordered) - 1, int(percent / 100 * len(ordered)))], 2) if ordered else 0.0

    return Latency(count=len(ordered), p50=at(50), p90=at(90), p99=at(99), max=round(ordered[-1], 2) if ordered else 0.0)
