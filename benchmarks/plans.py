"""The benchmarks by name: what each puts on the system, and what it asks of it."""

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Final, Literal, NamedTuple

from benchmarks import lone
from benchmarks.intake import take_in
from benchmarks.load import Load, carry, cost_of
from benchmarks.machine import server_of
from benchmarks.meter import Meter
from benchmarks.processes import spent_between
from benchmarks.result import Row, Run
from benchmarks.world import Shape, World, running

BATCH_MPS: Final = 3_000
SINGLE_MPS: Final = 1_200
SMPP_MPS: Final = 2_500
SMPP_INTAKE_MPS: Final = 4_000
DURATION_S: Final = 30.0
STEPS_MPS: Final = (3_000, 4_000, 5_000, 6_500, 8_000, 10_000, 12_000, 15_000)
STEP_S: Final = 10.0
LONE_GOAL_MS: Final = 15.0
IDLE_S: Final = 10.0
CALM_S: Final = 3.0  # after the first message, until nothing of the start is left


class Wish(NamedTuple):
    """What the command line asks for. ``duration_s`` and ``rate_mps``: 0 is each benchmark's own."""

    runs: int = 1
    duration_s: float = 0.0
    rate_mps: float = 0.0


class Seen(NamedTuple):
    """Whom to tell: that something begins, and which server the journal has."""

    begins: Callable[[str], None]
    server: Callable[[str], None]


def batch(wish: Wish, seen: Seen) -> Iterator[Row]:
    """The batch API, 500 messages a request, in both formats."""
    forms: tuple[Literal["msgpack", "json"], ...] = ("msgpack", "json")
    for form in forms:
        load = Load(mode="batch", format=form, rate_mps=wish.rate_mps or BATCH_MPS, duration_s=wish.duration_s or DURATION_S)
        yield _loaded(f"batch {form}", load, wish, seen)


def single(wish: Wish, seen: Seen) -> Iterator[Row]:
    """One message a request, without webhooks and with one for each message."""
    for webhooks in (False, True):
        load = Load(
            mode="single", rate_mps=wish.rate_mps or SINGLE_MPS, duration_s=wish.duration_s or DURATION_S, webhooks=webhooks
        )
        yield _loaded("single + webhook" if webhooks else "single", load, wish, seen)


def smpp(wish: Wish, seen: Seen) -> Iterator[Row]:
    """A customer's gateway in another process, with a receipt for each message, and the server's intake alone."""
    load = Load(mode="smpp", rate_mps=wish.rate_mps or SMPP_MPS, duration_s=wish.duration_s or DURATION_S)
    yield _loaded("smpp + receipts", load, wish, seen)
    load = Load(mode="smpp", rate_mps=wish.rate_mps or SMPP_INTAKE_MPS, duration_s=wish.duration_s or DURATION_S, receipts=False)
    row = Row(name="smpp intake", goal=f"{load.rate_mps:,.0f}/s durable for {load.duration_s:g} s, no carrier there")
    for _ in range(wish.runs):
        seen.begins(row.name)
        row.runs.append(_in_world(partial(take_in, load=load), seen, smpp=True))
    row.reached = 2 * sum(run.sustained for run in row.runs) > len(row.runs)
    yield row


def limit(wish: Wish, seen: Seen) -> Iterator[Row]:
    """The batch API at rising rates, until one is not carried any more."""
    for rate_mps in (wish.rate_mps,) if wish.rate_mps else STEPS_MPS:
        load = Load(mode="batch", format="msgpack", rate_mps=rate_mps, duration_s=wish.duration_s or STEP_S)
        row = _loaded(f"limit {rate_mps:,.0f}/s", load, wish, seen)
        row.goal = ""  # a search, not a promise
        yield row
        if not row.reached:
            return


def alone(wish: Wish, seen: Seen) -> Iterator[Row]:
    """One ``otp`` at a time."""
    row = Row(name="lone otp", goal=f"median to submit_sm under {LONE_GOAL_MS:g} ms")
    for _ in range(wish.runs):
        seen.begins(row.name)
        row.runs.append(_in_world(alone_once, seen))
    row.reached = row.middle(f"latencies.{lone.AT_CARRIER}.p50")[0] < LONE_GOAL_MS
    yield row


def idle(wish: Wish, seen: Seen) -> Iterator[Row]:
    """Nothing to do."""
    row = Row(name="idle")
    for _ in range(wish.runs):
        seen.begins(row.name)
        row.runs.append(_in_world(partial(idle_once, duration_s=wish.duration_s or IDLE_S), seen))
    yield row


PLANS: Final[dict[str, Callable[[Wish, Seen], Iterator[Row]]]] = {
    "batch": batch,
    "limit": limit,
    "single": single,
    "smpp": smpp,
    "lone": alone,
    "idle": idle,
}


def _loaded(name: str, load: Load, wish: Wish, seen: Seen) -> Row:
    """The row of a load, each run in a world of its own."""
    row = Row(name=name, goal=f"{load.rate_mps:,.0f}/s sustained for {load.duration_s:g} s")
    for _ in range(wish.runs):
        seen.begins(row.name)
        row.runs.append(_in_world(partial(carry, load=load), seen, webhooks=load.webhooks, smpp=load.mode == "smpp"))
    row.reached = 2 * sum(run.sustained for run in row.runs) > len(row.runs)
    return row


def alone_once(world: World) -> Run:
    """The lone messages, once the start is over."""
    time.sleep(CALM_S)
    return lone.measure(world)


def idle_once(world: World, duration_s: float) -> Run:
    """Nothing to do, once the start is over."""
    time.sleep(CALM_S)
    return asyncio.run(_rest(world, duration_s))


def _in_world(measure: Callable[[World], Run], seen: Seen, *, webhooks: bool = False, smpp: bool = False) -> Run:
    """A measurement in a world of its own, and that in a process of its own."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        run, server = pool.submit(_measured, measure, webhooks=webhooks, smpp=smpp).result()
    seen.server(server)
    return run


def _measured(measure: Callable[[World], Run], *, webhooks: bool, smpp: bool) -> tuple[Run, str]:
    with running(Shape(webhooks=webhooks, smpp=smpp)) as world:
        return measure(world), server_of(world.state.journal_url)


async def _rest(world: World, duration_s: float) -> Run:
    meter = Meter(world.state.journal_url)
    try:
        processes = world.processes()
        cpu, traffic, began_s = processes.cpu_s(), await meter.traffic(), time.monotonic()
        await asyncio.sleep(duration_s)
        took_s = time.monotonic() - began_s
        spent = spent_between(cpu, processes.cpu_s())
        checked = await meter.check()
        return Run(
            duration_s=round(took_s, 1),
            cost=cost_of(spent, took_s, (traffic, await meter.traffic()), 0),
            memory_mb=processes.memory_mb(),
            up_s=round(world.up_s, 2),
            first_delivered_s=round(world.first_s, 2),
            faults=tuple(checked.faults),
        )
    finally:
        await meter.close()
