"""The SMPP server's intake alone: submits that become durable and wait, because no carrier is there."""

import asyncio
import json
import resource
import subprocess
import time
from typing import Any, Final

from benchmarks.load import GRACE_S, Load, cost_of, told_latencies
from benchmarks.meter import Meter
from benchmarks.processes import spent_between
from benchmarks.result import Run
from benchmarks.world import World

GONE_S: Final = 1.0  # for the carriers' actors to see that their SMSCs are gone


def take_in(world: World, load: Load) -> Run:
    """Stop the carriers, put the load on, and count what is durable. Messages stay queued."""
    return asyncio.run(_take_in(world, load))


async def _take_in(world: World, load: Load) -> Run:
    for simulator in world.simulators.values():
        simulator.stop()
    await asyncio.sleep(GONE_S)
    meter = Meter(world.state.journal_url)
    try:
        processes, result_file = world.processes(), world.folder / "load.json"
        cpu, traffic, first = processes.cpu_s(), await meter.traffic(), await meter.progress()
        used_before = resource.getrusage(resource.RUSAGE_CHILDREN)
        started_s = time.monotonic()
        with (world.folder / "load.log").open("ab") as log:
            generator = await asyncio.create_subprocess_exec(
                *load.arguments(world, result_file), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
            await asyncio.wait_for(generator.wait(), load.duration_s + GRACE_S)
        took_s = time.monotonic() - started_s
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = spent_between(cpu, processes.cpu_s())
        spent["load generator"] = used.ru_utime + used.ru_stime - used_before.ru_utime - used_before.ru_stime
        last = await meter.progress()
        durable = last.accepted - first.accepted
        told: dict[str, Any] = json.loads(result_file.read_bytes())
        checked = await meter.check()
        return Run(
            asked_mps=load.rate_mps,
            duration_s=load.duration_s,
            accepted=told["accepted"],
            refused=sum(entry["messages"] for entry in told["refused"]),
            errors=sum(told["errors"].values()) + told["unsent"],
            accepted_mps=told["accepted_mps"],
            latencies=told_latencies(told),
            cost=cost_of(spent, took_s, (traffic, await meter.traffic()), durable),
            up_s=round(world.up_s, 2),
            first_delivered_s=round(world.first_s, 2),
            lost=max(0, told["accepted"] - durable),
            faults=tuple(checked.faults),
        )
    finally:
        await meter.close()
