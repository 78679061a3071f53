"""The benchmarks by name: what each puts on the system, and how often."""

import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, Literal, NamedTuple, TypeVar

from benchmarks import apart, growth
from benchmarks.backlog import otp_beside, shape
from benchmarks.goals import CARRIED, GOALS
from benchmarks.intake import take_in
from benchmarks.latency import Half, half_load
from benchmarks.load import Load
from benchmarks.memory import queue_many
from benchmarks.resting import alone_once, begin_once, idle_once
from benchmarks.result import Row, Run
from benchmarks.scale import measured
from benchmarks.scale.outcome import conclude
from benchmarks.stages.run import measure as measure_stages
from benchmarks.sustained import Sought, sustain
from benchmarks.world import Shape, World

# Where the steps begin.
BATCH_MPS: Final = 6_000.0
SINGLE_MPS: Final = 1_500.0
SMPP_MPS: Final = 2_500.0
NEAR: Final = 0.85  # of what one format sustains, the steps of the other begin
SMPP_INTAKE_MPS: Final = 4_000.0
DURATION_S: Final = 60.0
IDLE_S: Final = 20.0
ONE: Final = 1  # simulator for all carriers, as the gateways had that these figures are held against


T = TypeVar("T")


class Wish(NamedTuple):
    """What the command line asks for. ``duration_s`` and ``rate_mps``: 0 is each benchmark's own."""

    runs: int = 1
    duration_s: float = 0.0
    rate_mps: float = 0.0

    def lasting(self, own_s: float = DURATION_S) -> float:
        """Seconds of a load."""
        return self.duration_s or own_s


class Seen:
    """Whom to tell that something begins; and what later benchmarks want to know of earlier ones."""

    def __init__(self, begins: Callable[[str], None]) -> None:
        self.begins = begins
        self.server = ""
        self.batch_mps = 0.0  # what the batch API sustains, once that was measured
        self.single_mps = 0.0  # and the single-message API


Plan = Callable[[Wish, Seen], Iterator[Row]]


def batch(form: Literal["msgpack", "json"], wish: Wish, seen: Seen) -> Iterator[Row]:
    """The batch API, 500 messages a request; ends are read from the journal's own counters."""
    load = Load(mode="batch", format=form, rate_mps=NEAR * seen.batch_mps or BATCH_MPS, duration_s=wish.lasting())
    row = _rows(f"batch-{form}", partial(sustain, sought=Sought(load, wish.rate_mps)), Shape(simulators=ONE), wish, seen)
    seen.batch_mps = row.middle(f"figures.{CARRIED}")[0]
    yield row


def single(wish: Wish, seen: Seen) -> Iterator[Row]:
    """One message a request, and one webhook for each message."""
    load = Load(mode="single", rate_mps=SINGLE_MPS, duration_s=wish.lasting(), webhooks=True)
    row = _rows("single", partial(sustain, sought=Sought(load, wish.rate_mps)), Shape(webhooks=True, simulators=ONE), wish, seen)
    seen.single_mps = row.middle(f"figures.{CARRIED}")[0]
    yield row


def smpp(wish: Wish, seen: Seen) -> Iterator[Row]:
    """A customer's gateway in another process, with a receipt for each message."""
    load = Load(mode="smpp", rate_mps=SMPP_MPS, duration_s=wish.lasting())
    yield _rows("smpp", partial(sustain, sought=Sought(load, wish.rate_mps)), Shape(smpp=True, simulators=ONE), wish, seen)


def intake(wish: Wish, seen: Seen) -> Iterator[Row]:
    """The SMPP server's intake alone: no carrier is there."""
    load = Load(mode="smpp", rate_mps=wish.rate_mps or SMPP_INTAKE_MPS, duration_s=wish.lasting(), receipts=False)
    yield _rows("smpp-intake", partial(take_in, load=load), Shape(smpp=True), wish, seen)


def latency(wish: Wish, seen: Seen) -> Iterator[Row]:
    """The work of ``single`` at half of what it sustains; without a run of it, a short search finds that first."""
    load = Load(mode="single", rate_mps=SINGLE_MPS, duration_s=wish.lasting(), webhooks=True)
    half = Half(load, wish.rate_mps or seen.single_mps / 2)
    yield _rows("latency", partial(half_load, half=half), Shape(webhooks=True, diaries=True, simulators=ONE), wish, seen)


def backlog(wish: Wish, seen: Seen) -> Iterator[Row]:
    """One-time codes, without and with a million marketing messages queued."""
    yield _rows("backlog", partial(otp_beside, duration_s=wish.lasting()), shape(), wish, seen)


def memory(wish: Wish, seen: Seen) -> Iterator[Row]:
    """A journal's server alone."""
    row = Row(name="memory")
    for _ in range(wish.runs):
        seen.begins(row.name)
        run, seen.server = queue_many()
        row.runs.append(run)
    yield row.judged()


def grow(wish: Wish, seen: Seen) -> Iterator[Row]:
    """Three worlds: one whose queue grows, one whose carriers do, one with many tenants; a row of all three for each run."""
    row, duration_s = Row(name="growth"), min(wish.lasting(), growth.SHORT_S)
    for _ in range(wish.runs):
        seen.begins("growth: queued")
        parts = [in_world(partial(growth.queued, duration_s=duration_s), growth.QUEUE_SHAPE, seen)]
        seen.begins("growth: carriers")
        run, one_us = in_world(partial(growth.carriers, duration_s=duration_s), growth.FEW, seen)
        seen.begins("growth: tenants")
        parts += [run, in_world(partial(growth.tenants, duration_s=duration_s, one_us=one_us), growth.TENANTS_SHAPE, seen)]
        row.runs.append(growth.together(parts))
    yield row.judged()


def start(wish: Wish, seen: Seen) -> Iterator[Row]:
    """From nothing to the first delivered message."""
    yield _rows("start", begin_once, Shape(), wish, seen)


def idle(wish: Wish, seen: Seen) -> Iterator[Row]:
    """Nothing to do."""
    yield _rows("idle", partial(idle_once, duration_s=wish.lasting(IDLE_S)), Shape(), wish, seen)


def lone(wish: Wish, seen: Seen) -> Iterator[Row]:
    """One ``otp`` at a time."""
    yield _rows("lone", alone_once, Shape(), wish, seen)


def stages(wish: Wish, seen: Seen) -> Iterator[Row]:  # noqa: ARG001 (a plan like any other; it has one size)
    """The hot stages alone, without Ray."""
    seen.begins("stages")
    yield Row(name="stages", stages=measure_stages())


def scale(wish: Wish, seen: Seen) -> Iterator[Row]:
    """The same load on systems with more of everything, and what the model makes of it."""
    row, points = Row(name="scale"), []
    sizes = [(workers, 1) for workers in measured.WORKERS] + [(1, journals) for journals in measured.JOURNALS]
    for workers, journals in sizes:
        seen.begins(f"scale: {workers} of fronts, dispatchers and carriers, {journals} of journals")
        rate, lasting = wish.rate_mps or measured.RATE_MPS, min(wish.lasting(), measured.LOAD_S)
        work = partial(measured.measure, rate_mps=rate, duration_s=lasting, search=(workers, journals) == (1, 1))
        point, run = in_world(work, measured.shape(workers, journals), seen)
        points.append(point)
        row.runs.append(run)
    row.scale = conclude(points, here=len(os.sched_getaffinity(0)))
    yield row


PLANS: Final[dict[str, Plan]] = {
    "batch-msgpack": partial(batch, "msgpack"),
    "batch-json": partial(batch, "json"),
    "single": single,
    "smpp": smpp,
    "latency": latency,
    "backlog": backlog,
    "memory": memory,
    "growth": grow,
    "start": start,
    "idle": idle,
    "stages": stages,
    "scale": scale,
    "smpp-intake": intake,
    "lone": lone,
}
USUAL: Final = (*(name for name in PLANS if name in GOALS), "stages")  # what is measured when nothing is named


def _rows(name: str, measure: Callable[[World], Run], shape: Shape, wish: Wish, seen: Seen) -> Row:
    """The row of a benchmark, each run in a world of its own."""
    row = Row(name=name)
    for _ in range(wish.runs):
        seen.begins(name)
        row.runs.append(in_world(measure, shape, seen))
    return row.judged()


def in_world(measure: Callable[[World], T], shape: Shape, seen: Seen) -> T:
    """See ``benchmarks.apart``; the server is noted."""
    found, seen.server = apart.in_world(measure, shape)
    return found
