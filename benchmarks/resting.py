"""What is measured without a load: the start, a system with nothing to do, and messages that come alone."""

import asyncio
import time
from typing import Final

import msgspec

from benchmarks import lone
from benchmarks.goals import FIRST, IDLE_CPU, IDLE_MEMORY
from benchmarks.load import cost_of
from benchmarks.meter import Meter
from benchmarks.processes import ACTORS, spent_between
from benchmarks.result import Run
from benchmarks.world import World

CALM_S: Final = 3.0  # after the first message, until nothing of the start is left
REST_S: Final = 10.0  # and until nothing of its end is left either: a system that was just busy is not idle
OTHERS: Final = frozenset({"simulators", "load generator"})


def begin_once(world: World) -> Run:
    """The start that has just been."""
    return asyncio.run(_begun(world))


async def _begun(world: World) -> Run:
    meter = Meter(world.state.journal_url)
    try:
        done = await meter.progress()
        return Run(
            accepted=done.accepted,
            lost=done.accepted - done.finished,
            up_s=round(world.up_s, 2),
            first_delivered_s=round(world.first_s, 2),
            faults=tuple((await meter.check()).faults),
            figures={FIRST: round(world.first_s, 2), "start → ready, s": round(world.up_s, 2)},
        )
    finally:
        await meter.close()


def alone_once(world: World) -> Run:
    """The lone messages, once the start is over."""
    time.sleep(CALM_S)
    return lone.measure(world)


def idle_once(world: World, duration_s: float) -> Run:
    """Nothing to do, once the start is over."""
    time.sleep(CALM_S + REST_S)
    return asyncio.run(_rest(world, duration_s))


async def _rest(world: World, duration_s: float) -> Run:
    meter = Meter(world.state.journal_url)
    try:
        processes = world.processes()
        cpu, traffic, began_s = processes.cpu_s(), await meter.traffic(), time.monotonic()
        await asyncio.sleep(duration_s)
        took_s = time.monotonic() - began_s
        spent = spent_between(cpu, processes.cpu_s())
        checked = await meter.check()
        run = Run(
            duration_s=round(took_s, 1),
            cost=cost_of(spent, took_s, (traffic, await meter.traffic()), 0),
            memory_mb=processes.memory_mb(),
            up_s=round(world.up_s, 2),
            first_delivered_s=round(world.first_s, 2),
            faults=tuple(checked.faults),
        )
        shares = run.cost.cpu_share
        own_mb = sum(size for kind, (_, size) in run.memory_mb.items() if kind in ACTORS)
        figures = {
            # Ray's own processes belong to the whole system, and so does the journal's server; its customers and carriers do not.
            IDLE_CPU: round(
                100 * sum(share for kind, share in shares.items() if kind not in OTHERS and not kind.startswith("all")), 2
            ),
            "CPU of our own processes, % of a core": round(100 * sum(shares.get(kind, 0.0) for kind in ACTORS), 2),
            "CPU of Ray's processes, % of a core": round(
                100 * sum(v for kind, v in shares.items() if kind.startswith("ray ")), 2
            ),
            "CPU of the journal, % of a core": round(100 * shares.get("journal", 0.0), 2),
            IDLE_MEMORY: round(own_mb, 1),
        }
        return msgspec.structs.replace(run, figures=figures)
    finally:
        await meter.close()
