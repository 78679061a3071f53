"""How long a message takes from the front to the wire of a carrier, at half of what the system sustains."""

import asyncio
from collections.abc import Sequence
from itertools import chain
from typing import Final, NamedTuple

import msgspec

from actors.cli.chaos.evidence import read_diary
from benchmarks.goals import P50, P99
from benchmarks.load import Load, carried
from benchmarks.result import Latency, Run, latency_of
from benchmarks.strain.notes import Notes, read_notes
from benchmarks.sustained import find
from benchmarks.world import World
from router.ids import created_ms, from_text
from sims.invariants import Submit

RECORD: Final = "accepted.txt"
FIRST: Final = 90_000_000  # the number before that in the first text: not those of the search
TO_WIRE: Final = "accept → submit_sm"
ANSWER_TO_WIRE: Final = "202 → submit_sm"


class Half(NamedTuple):
    """``rate_mps`` 0: half of what a search finds."""

    load: Load
    rate_mps: float


def half_load(world: World, half: Half) -> Run:
    """Open-loop load, with the clocks of front and simulators, which are one."""
    return asyncio.run(_half_load(world, half))


async def _half_load(world: World, half: Half) -> Run:
    rate = half.rate_mps
    steps: list[tuple[float, bool]] = []
    if not rate:
        whole, steps = await find(world, half.load)
        rate = whole / 2
    load = msgspec.structs.replace(half.load, rate_mps=rate, record=RECORD, first=FIRST)
    run = await carried(world, load)
    notes = read_notes(world.folder / RECORD)
    diaries = await asyncio.to_thread(lambda: [read_diary(world.diary(name), name, notes.marks) for name in world.simulators])
    found = to_wire(notes, list(chain.from_iterable(one.submits for one in diaries)))
    wire = found[TO_WIRE]
    missing = len(notes.accepted) - wire.count
    return msgspec.structs.replace(
        run,
        latencies=found | run.latencies,
        steps=steps,
        lost=max(run.lost, missing),
        figures={P50: wire.p50, P99: wire.p99, "rate, messages/s": round(rate, 1)},
    )


def to_wire(notes: Notes, submits: Sequence[Submit]) -> dict[str, Latency]:
    """From acceptance, which ids know to a millisecond and from its beginning, and from the answer's arrival, to the first octets of a submit."""
    first: dict[str, int] = {}
    for submit in submits:
        first[submit.id] = min(submit.at_us, first.get(submit.id, submit.at_us))
    met = [fact for fact in notes.accepted if fact.id in first]
    return {
        TO_WIRE: latency_of([first[fact.id] / 1e3 - created_ms(from_text(fact.id)) for fact in met]),
        ANSWER_TO_WIRE: latency_of([max(0.0, (first[fact.id] - fact.at_us) / 1e3) for fact in met]),
    }
