"""The most that is sustained: steps upwards in one world, then the rate they found for the whole duration."""

import asyncio
from typing import Final, NamedTuple

import msgspec

from benchmarks.goals import CARRIED, OWN_CPU
from benchmarks.load import Load, carried
from benchmarks.processes import OWN
from benchmarks.result import Run
from benchmarks.steps import AGAIN, Search
from benchmarks.world import World

WARM_S: Final = 4.0
STEP_S: Final = 6.0
TRIES: Final = 4  # of the whole duration, each a little slower than the one before
NUMBERS: Final = 4_000_000  # between the first text of one load and that of the next: repeats would count as duplicates


class Sought(NamedTuple):
    """What is looked for. ``load.rate_mps``: where the steps begin; ``rate_mps``: asked for by name, nothing is looked for; 0: not."""

    load: Load
    rate_mps: float = 0.0


def sustain(world: World, sought: Sought) -> Run:
    """Find the rate, carry it for the whole duration, and tell of that."""
    return asyncio.run(_sustain(world, sought))


async def _sustain(world: World, sought: Sought) -> Run:
    rate = sought.rate_mps
    steps: list[tuple[float, bool]] = []
    if not rate:
        rate, steps = await find(world, sought.load)
    run = None
    for _ in range(TRIES):
        run = await carried(world, _numbered(sought.load, len(steps) + 1, rate, sought.load.duration_s))
        if run.sustained or sought.rate_mps or not run.clean:
            break
        steps.append((round(rate, 1), False))
        rate *= AGAIN
    assert run is not None  # noqa: S101 (there is at least one try)
    figures = {CARRIED: round(run.carried_mps, 1), OWN_CPU: run.cost.cpu_us_per_message.get(OWN, 0.0)}
    return msgspec.structs.replace(run, figures=figures, steps=steps)


async def find(world: World, load: Load) -> tuple[float, list[tuple[float, bool]]]:
    """The greatest rate that short loads sustain, and what was tried."""
    await carried(world, msgspec.structs.replace(load, rate_mps=load.rate_mps / 2, duration_s=WARM_S), check=False)
    search = Search(load.rate_mps)
    steps: list[tuple[float, bool]] = []
    while search.rate is not None:
        rate = search.rate
        run = await carried(world, _numbered(load, len(steps) + 1, rate, STEP_S), check=False)
        search.tell(held=run.sustained)
        steps.append((round(rate, 1), run.sustained))
    return search.found or load.rate_mps / 10, steps


def _numbered(load: Load, number: int, rate_mps: float, duration_s: float) -> Load:
    return msgspec.structs.replace(load, rate_mps=rate_mps, duration_s=duration_s, seed=number + 1, first=number * NUMBERS)
