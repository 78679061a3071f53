"""All stages with all batch sizes."""

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.result import Stage
from benchmarks.stages import carrier
from benchmarks.stages.hooks import Hooks, webhook
from benchmarks.stages.intake import accept, finish, plan
from benchmarks.stages.lab import Cost, Lab
from benchmarks.stages.wire import Wire, at_carrier
from benchmarks.world import HOME

BATCHES: Final = (1, 10, 100, 500)
WHOLE_ACTOR: Final = (10, 100)  # messages an offer, with the whole of a carrier's actor at a rate of its own


def measure(batches: Sequence[int] = BATCHES, *, actor: bool = True) -> list[Stage]:
    """Run them, half a minute. ``actor``: the whole of a carrier's actor, too."""
    HOME.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=HOME) as folder:
        found = asyncio.run(_measure(Path(folder).resolve(), batches))
    stages = [Stage(stage=name, batch=batch, own_us=own, journal_us=journal) for name, batch, own, journal in found]
    if actor:
        stages += [Stage(stage=name, batch=batch, own_us=round(us, 1)) for name, batch, us in carrier.rows(WHOLE_ACTOR)]
    return stages


async def _measure(folder: Path, batches: Sequence[int]) -> list[Cost]:
    found: list[Cost] = []
    async with Lab.opened(folder) as lab:
        await accept(lab, 100)  # warms: scripts are loaded, tables filled
        ends = {}
        found += [await stage(lab, batch) for stage in (accept, plan) for batch in batches]
        async with Wire.opened(lab) as wire:
            await at_carrier(lab, wire, 100)
            for batch in batches:
                found += await at_carrier(lab, wire, batch)
        for batch in batches:
            ends[batch] = await finish(lab, batch)
            found.append(ends[batch])
        async with Hooks.opened(lab) as hooks:
            for batch in batches:
                found.append(await webhook(lab, hooks, batch, ends[batch]))
    order = list(dict.fromkeys(cost.stage for cost in found))
    return sorted(found, key=lambda cost: (order.index(cost.stage), cost.batch))
