"""What a message costs when there is much more of everything: queued messages, carriers, tenants. CPU of our processes and the journal's server."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.fill import fill, sealing
from benchmarks.goals import CARRIERS, QUEUED, TENANTS
from benchmarks.load import Load, carried
from benchmarks.meter import Meter
from benchmarks.processes import OWN
from benchmarks.result import Run
from benchmarks.world import PRICES_MICROS, Shape, World

RATE_MPS: Final = 3_000.0
# With a queue, carriers take what their contracts let them; so much of that is offered, and with the queue empty as well.
OFFERED: Final = 0.97
QUEUE: Final = 2_000_000
SHORT_QUEUE: Final = 20_000
MANY_CARRIERS: Final = 100
MANY_TENANTS: Final = 10_000
REQUEST: Final = 5  # messages: at this rate 600 requests a second, so that all tenants have their turn in 17 s
SHORT_S: Final = 20.0  # of each load
WARM_S: Final = 4.0
ACTORS_S: Final = 400.0  # for a hundred carriers' processes to come up
STRIDE: Final = 5_000_000  # between the numbers in the texts of one load and the next

QUEUE_SHAPE: Final = Shape(prices_micros=dict.fromkeys(PRICES_MICROS, 20_000), speed_mps=int(RATE_MPS / len(PRICES_MICROS)))
OTHERS: Final = tuple(f"other{number:02d}" for number in range(1, MANY_CARRIERS - len(PRICES_MICROS) + 1))
FEW: Final = Shape(later=OTHERS)
TENANTS_SHAPE: Final = Shape(tenants=MANY_TENANTS)


def many_carriers() -> dict[str, int]:
    """Those of a usual world, and others that stand by at the dearer price, or a little more: who has a hundred uses few of them at once."""
    return dict(PRICES_MICROS) | {name: 40_100 + 100 * place for place, name in enumerate(OTHERS)}


def each_us(run: Run, kinds: tuple[str, ...] = (OWN, "journal")) -> float:
    """Microseconds of CPU a message, of those that came and those that went, in the mean."""
    spent = sum(run.cost.cpu_s.get(kind, 0.0) for kind in kinds)
    return spent * 1e6 / max(1.0, (run.accepted + run.finished) / 2)


def ratio(now: Run, before: Run) -> float:
    """How much more a message costs now."""
    return round(each_us(now) / max(each_us(before), 1e-9), 3)


def queued(world: World, duration_s: float, queue: int = QUEUE) -> Run:
    """The same load on an empty system, beside a short queue and beside a long one."""
    return asyncio.run(_queued(world, duration_s, queue))


async def _queued(world: World, duration_s: float, queue: int) -> Run:
    load = Load(mode="batch", format="msgpack", rate_mps=OFFERED * RATE_MPS, duration_s=duration_s, mix="marketing=1")
    await carried(world, msgspec.structs.replace(load, duration_s=WARM_S, first=STRIDE), check=False)
    empty = await carried(world, msgspec.structs.replace(load, seed=2, first=2 * STRIDE), check=False, drain=False)
    journal = sealing(world.state.journal_url, Path(world.state.keys_dir))
    meter = Meter(world.state.journal_url)
    try:
        # The carriers go on meanwhile: what they take is put on top.
        await fill(journal, world.used, int(SHORT_QUEUE + RATE_MPS * WARM_S), seed=3)
        short = await carried(world, msgspec.structs.replace(load, seed=3, first=3 * STRIDE), check=False, drain=False)
        await fill(journal, world.used, int(queue * 1.15), seed=4)
        before = await meter.progress()
        deep = await carried(world, msgspec.structs.replace(load, seed=4, first=4 * STRIDE), check=False, drain=False)
        after = await meter.progress()
        faults = tuple((await meter.check()).faults)
    finally:
        await meter.close()
        await journal.close()
    figures = {QUEUED: ratio(deep, empty), f"CPU a message, {SHORT_QUEUE:,} queued / empty": ratio(short, empty)}
    figures |= (
        dict(_named("empty", empty)) | dict(_named(f"{SHORT_QUEUE:,} queued", short)) | dict(_named(f"{queue:,} queued", deep))
    )
    figures |= {
        "queued when it began": before.accepted - before.finished,
        "queued when it was over": after.accepted - after.finished,
    }
    lost = empty.lost + short.lost + deep.lost
    return msgspec.structs.replace(deep, lost=lost, faults=faults, figures=figures)


def carriers(world: World, duration_s: float) -> tuple[Run, float]:
    """The same load with a few carriers and with many, most of which stand by; also what a message of one of many tenants is held against."""
    return asyncio.run(_carriers(world, duration_s))


async def _carriers(world: World, duration_s: float) -> tuple[Run, float]:
    load = Load(mode="batch", format="msgpack", rate_mps=RATE_MPS, duration_s=duration_s)
    await carried(world, msgspec.structs.replace(load, duration_s=WARM_S, first=STRIDE), check=False)
    few = await carried(world, msgspec.structs.replace(load, seed=2, first=2 * STRIDE))
    one = await carried(world, msgspec.structs.replace(load, seed=3, first=3 * STRIDE, tenants=1, batch=REQUEST))
    world.shape = world.shape._replace(prices_micros=many_carriers())
    took_s = await world.change(world.with_carriers(), ACTORS_S)
    await carried(world, msgspec.structs.replace(load, seed=4, duration_s=WARM_S, first=4 * STRIDE), check=False)
    many = await carried(world, msgspec.structs.replace(load, seed=5, first=5 * STRIDE))
    figures = {CARRIERS: ratio(many, few)}
    figures |= dict(_named("3 carriers", few)) | dict(_named(f"{MANY_CARRIERS} carriers", many))
    figures |= {f"until {MANY_CARRIERS} carriers were ready, s": round(took_s, 1)}
    faults = few.faults + one.faults + many.faults
    lost = few.lost + one.lost + many.lost
    return msgspec.structs.replace(many, lost=lost, faults=faults, figures=figures), each_us(one)


def tenants(world: World, duration_s: float, one_us: float) -> Run:
    """Requests of all tenants in turns. ``one_us``: what a message costs when one tenant sends the same requests."""
    return asyncio.run(_tenants(world, duration_s, one_us))


async def _tenants(world: World, duration_s: float, one_us: float) -> Run:
    load = Load(mode="batch", rate_mps=RATE_MPS, duration_s=duration_s, tenants=MANY_TENANTS, batch=REQUEST)
    await carried(world, msgspec.structs.replace(load, duration_s=WARM_S, first=STRIDE), check=False)
    many = await carried(world, msgspec.structs.replace(load, seed=2, first=2 * STRIDE))
    figures = {
        TENANTS: round(each_us(many) / max(one_us, 1e-9), 3),
        "1 tenant: own and journal CPU, µs a message": round(one_us, 1),
    }
    return msgspec.structs.replace(many, figures=figures | dict(_named(f"{MANY_TENANTS:,} tenants", many)))


def together(parts: Sequence[Run]) -> Run:
    """Runs in worlds of their own as one: what was found in each."""
    figures = [part.figures for part in parts]
    goals = {name: found[name] for found in figures for name in (QUEUED, CARRIERS, TENANTS) if name in found}
    return Run(
        duration_s=sum(part.duration_s for part in parts),
        figures=goals | {name: value for found in figures for name, value in found.items()},
        lost=sum(part.lost for part in parts),
        duplicates=sum(part.duplicates for part in parts),
        faults=tuple(fault for part in parts for fault in part.faults),
    )


def _named(when: str, run: Run) -> Iterator[tuple[str, float]]:
    yield f"{when}: own and journal CPU, µs a message", round(each_us(run), 1)
    for kind in ("front", "dispatcher", "carrier", "brain", "limiter", "supervisor", "journal"):
        yield f"{when}: {kind}, µs a message", round(each_us(run, (kind,)), 1)
