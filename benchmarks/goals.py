"""What is asked of each benchmark: at least (or at most) so much, and what is aimed at."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final

import msgspec

# Names of figures, as runs tell them.
CARRIED: Final = "messages/s"
OWN_CPU: Final = "own CPU, µs a message"
P50: Final = "accept → submit_sm p50, ms"
P99: Final = "accept → submit_sm p99, ms"
OTP: Final = "otp p99 with the backlog / without"
MEMORY: Final = "journal memory of 1,000,000 queued, GB"
QUEUED: Final = "CPU a message, 2,000,000 queued / empty"
CARRIERS: Final = "CPU a message, 100 carriers / 3"
TENANTS: Final = "CPU a message, 10,000 tenants / 1"
FIRST: Final = "start → first message delivered, s"
IDLE_CPU: Final = "CPU of the whole system, % of a core"
IDLE_MEMORY: Final = "memory of our own processes, MB"


class Goal(msgspec.Struct, frozen=True):
    """One figure. ``least``: what is asked; ``more``: whether more is better."""

    figure: str
    least: float
    aim: float
    more: bool = False

    def met(self, found: float) -> bool:
        """Whether what is asked was reached."""
        return found >= self.least if self.more else found <= self.least

    def aimed(self, found: float) -> bool:
        """Whether what is aimed at was reached."""
        return found >= self.aim if self.more else found <= self.aim

    @property
    def asked(self) -> str:
        """In words."""
        return f"{'≥' if self.more else '≤'} {self.least:,g} (aim {self.aim:,g})"


# On two cores with simulators and load on the same machine, fsync on every commit.
GOALS: Final[Mapping[str, tuple[Goal, ...]]] = {
    "batch-msgpack": (Goal(CARRIED, 10_000, 15_000, more=True), Goal(OWN_CPU, 120, 80)),
    "batch-json": (Goal(CARRIED, 10_000, 15_000, more=True), Goal(OWN_CPU, 120, 80)),
    "single": (Goal(CARRIED, 3_700, 5_000, more=True), Goal(OWN_CPU, 400, 280)),
    "smpp": (Goal(CARRIED, 5_000, 8_000, more=True),),
    "latency": (Goal(P50, 6, 3), Goal(P99, 25, 10)),
    "backlog": (Goal(OTP, 2.0, 1.3),),
    "memory": (Goal(MEMORY, 0.5, 0.35),),
    "growth": (Goal(QUEUED, 1.15, 1.05), Goal(CARRIERS, 1.15, 1.05), Goal(TENANTS, 1.15, 1.05)),
    "start": (Goal(FIRST, 20, 10),),
    "idle": (Goal(IDLE_CPU, 3, 1), Goal(IDLE_MEMORY, 900, 600)),
}


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """A goal and what was found. ``median`` None: no run told it."""

    figure: str
    asked: str
    median: float | None
    least: float | None
    most: float | None
    met: bool
    aimed: bool

    @property
    def word(self) -> str:
        """For people."""
        if self.median is None:
            return "not measured"
        return "aim reached" if self.aimed else "met" if self.met else "missed"


def judge(name: str, found: Sequence[Mapping[str, float]]) -> list[Verdict]:
    """Hold the figures of a benchmark's runs against its goals; the median decides."""
    return [_verdict(goal, [run[goal.figure] for run in found if goal.figure in run]) for goal in GOALS.get(name, ())]


def _verdict(goal: Goal, values: Sequence[float]) -> Verdict:
    if not values:
        return Verdict(figure=goal.figure, asked=goal.asked, median=None, least=None, most=None, met=False, aimed=False)
    middle = median(values)
    return Verdict(
        figure=goal.figure,
        asked=goal.asked,
        median=middle,
        least=min(values),
        most=max(values),
        met=goal.met(middle),
        aimed=goal.aimed(middle),
    )
