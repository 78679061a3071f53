"""Messages that come alone to an idle system: from the client's request to ``submit_sm`` at the carrier."""

import asyncio
import random
import time
from typing import Final

from benchmarks.client import Client, Refused
from benchmarks.load import cost_of
from benchmarks.meter import Meter, latencies_of
from benchmarks.processes import spent_between
from benchmarks.result import Run, latency_of
from benchmarks.world import World

MESSAGES: Final = 200
GAP_S: Final = 0.05  # mean of the exponential gaps
SETTLE_S: Final = 20.0
LOOK_S: Final = 0.05
AT_CARRIER: Final = "request → submit_sm"
ACCEPTED: Final = "request → 202"


def measure(world: World, messages: int = MESSAGES) -> Run:
    """One request after the other over one connection; arrival times are the simulators' own, of the same machine's clock."""
    return asyncio.run(_measure(world, messages))


async def _measure(world: World, messages: int) -> Run:
    meter = Meter(world.state.journal_url)
    try:
        processes, dice = world.processes(), random.Random(1)
        cpu, traffic, first = processes.cpu_s(), await meter.traffic(), await meter.progress()
        started_s, since_ms = time.monotonic(), time.time_ns() // 1_000_000
        sent_s, answered_ms, errors = await asyncio.to_thread(_send, world, messages, dice)
        deadline_s = time.monotonic() + SETTLE_S
        last = await meter.progress()
        while last.finished - first.finished < len(sent_s) and time.monotonic() < deadline_s:
            await asyncio.sleep(LOOK_S)
            last = await meter.progress()
        took_s = time.monotonic() - started_s
        spent = spent_between(cpu, processes.cpu_s())
        arrived_s = world.arrived()
        latencies = {
            AT_CARRIER: latency_of([(arrived_s[to] - at_s) * 1e3 for to, at_s in sent_s.items() if to in arrived_s]),
            ACCEPTED: latency_of(answered_ms),
        }
        checked = await meter.check()
        return Run(
            duration_s=round(took_s, 1),
            accepted=len(sent_s),
            errors=errors,
            latencies=latencies | latencies_of(await meter.lives(since_ms)),
            cost=cost_of(spent, took_s, (traffic, await meter.traffic()), len(sent_s)),
            up_s=round(world.up_s, 2),
            first_delivered_s=round(world.first_s, 2),
            lost=len(sent_s) - (last.finished - first.finished),
            duplicates=sum(stats["duplicates"] for stats in world.stats().values()),
            faults=tuple(checked.faults),
        )
    finally:
        await meter.close()


def _send(world: World, messages: int, dice: random.Random) -> tuple[dict[str, float], list[float], int]:
    """(destination → time of the request in seconds since 1970, milliseconds to each answer, failed requests)."""
    sent_s: dict[str, float] = {}
    answered_ms: list[float] = []
    errors = 0
    client = Client(world.state.api_url, world.state.key)
    for number in range(messages):
        time.sleep(dice.expovariate(1 / GAP_S))
        to = f"4915112{number:06d}"
        at_s, from_s = time.time(), time.perf_counter()
        try:
            client.send(to, f"Your code is {number:06d}")
        except Refused:
            errors += 1
            continue
        answered_ms.append((time.perf_counter() - from_s) * 1e3)
        sent_s[to] = at_s
    client.close()
    return sent_s, answered_ms, errors
