"""What one machine can show of more of everything: the same load on systems with more fronts, dispatchers, carriers, and journal servers."""

import asyncio
from typing import Final

import msgspec

from benchmarks.load import Load, carried
from benchmarks.meter import Meter
from benchmarks.processes import OWN, spent_between
from benchmarks.result import Run
from benchmarks.scale.model import Layout
from benchmarks.scale.points import Point
from benchmarks.sustained import STEP_S, WARM_S, find
from benchmarks.world import Shape, World

RATE_MPS: Final = 2_000.0
LOAD_S: Final = 12.0
REST_S: Final = 6.0
STRIDE: Final = 5_000_000  # between the numbers in the texts of one load and the next
CARRIERS: Final = 3  # of the smallest system
# Fronts, dispatchers and carriers together; then servers of the journal.
WORKERS: Final = (1, 2, 4)
JOURNALS: Final = (2, 4)


def shape(workers: int, journals: int) -> Shape:
    """Carriers of one price: all of them have work."""
    prices = {f"carrier{number}": 20_000 for number in range(CARRIERS + workers - 1)}
    return Shape(prices_micros=prices, fronts=workers, dispatchers=workers, journals=journals, simulators=CARRIERS)


def layout_of(world: World) -> Layout:
    """As the model sees it: one node, everything on the same cores."""
    asked = world.shape
    return Layout(
        shards=asked.journals, carriers=len(asked.prices_micros), fronts=asked.fronts, dispatchers=asked.dispatchers, apart=False
    )


def measure(world: World, *, rate_mps: float = RATE_MPS, duration_s: float = LOAD_S, search: bool = False) -> tuple[Point, Run]:
    """Rest, then the load; ``search``: then also how much is sustained."""
    return asyncio.run(_measure(world, rate_mps, duration_s, search=search))


async def _measure(world: World, rate_mps: float, duration_s: float, *, search: bool) -> tuple[Point, Run]:
    load = Load(mode="batch", format="msgpack", rate_mps=rate_mps, duration_s=duration_s)
    await carried(world, msgspec.structs.replace(load, duration_s=WARM_S, first=STRIDE), check=False)
    idle = await _rest(world)
    run = await carried(world, msgspec.structs.replace(load, seed=2, first=2 * STRIDE))
    took_s = duration_s + STEP_S  # about: cores are told from what the run itself counted
    shares = run.cost.cpu_share
    seconds = next((run.cost.cpu_s[kind] / share for kind, share in shares.items() if share > 0.01), took_s)
    point = Point(
        layout=layout_of(world),
        mps=round(run.finished / seconds, 1),
        own_us=run.cost.cpu_us_per_message.get(OWN, 0.0),
        journal_us=run.cost.cpu_us_per_message.get("journal", 0.0),
        octets=run.cost.journal_in_per_message + run.cost.journal_out_per_message,
        calls=run.cost.journal_calls_per_message,
        idle_cores={kind: round(share, 4) for kind, share in idle.items()},
        cores={kind: share for kind, share in shares.items() if kind != OWN},
        counts={kind: number for kind, (number, _) in run.memory_mb.items()},
    )
    if search:
        found, steps = await find(world, msgspec.structs.replace(load, rate_mps=2 * rate_mps, seed=3))
        point, run = msgspec.structs.replace(point, sustained_mps=round(found, 1)), msgspec.structs.replace(run, steps=steps)
    return point, run


async def _rest(world: World) -> dict[str, float]:
    """Cores that each kind uses with nothing to do."""
    processes, meter = world.processes(), Meter(world.state.journal_url)
    try:
        before, began = processes.cpu_s(), await meter.progress()
        await asyncio.sleep(REST_S)
        after, ended = processes.cpu_s(), await meter.progress()
    finally:
        await meter.close()
    took_s = ended.at_s - began.at_s
    return {kind: used / took_s for kind, used in spent_between(before, after).items() if kind != OWN}
