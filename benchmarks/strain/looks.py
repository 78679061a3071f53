"""What is looked at while a load runs: the queues, the journal's memory, and that of every process."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from statistics import median
from typing import Final, NamedTuple

from actors.journal import RedisJournal
from actors.journal.health import read_info
from actors.journal.link import Link
from actors.waiting import woken
from benchmarks.meter import Meter
from benchmarks.processes import ACTORS
from benchmarks.world import World
from router.model import MessageClass

LOOK_S: Final = 1.0
PROCESSES_EVERY: Final = (
    15  # looks: reading the memory of every process takes some 30 ms, in which each of them stands still for a moment
)
# Python keeps what a burst has used, and caches fill: a process counts as growing when it needs more by a fifth and by so much.
GROWTH: Final = 1.2
GROWTH_MB: Final = 24.0


class Look(NamedTuple):
    """One moment. Times in microseconds since 1970, memory in octets."""

    at_us: int
    accepted: int  # by the journal, since it was made
    finished: int
    waiting: Mapping[MessageClass, int]  # in the queues
    used: int
    limit: int
    processes_mb: Mapping[str, tuple[int, float]]  # kind → (processes, PSS); empty where it was not looked at

    @property
    def live(self) -> int:
        """Messages without an end."""
        return self.accepted - self.finished

    @property
    def queued(self) -> int:
        """Messages that wait for a carrier."""
        return sum(self.waiting.values())


class Watch:
    """Looks once a second for as long as it is open. ``looks``: what was seen, oldest first."""

    def __init__(self, world: World) -> None:
        self.looks: list[Look] = []
        self._processes = world.processes()
        self._meter = Meter(world.state.journal_url)
        self._link = Link(world.state.journal_url)
        self._journal = RedisJournal.connect(world.state.journal_url)

    @classmethod
    @asynccontextmanager
    async def over(cls, world: World) -> AsyncIterator["Watch"]:
        """One for a block of code."""
        watch = cls(world)
        over = asyncio.Event()  # not a cancellation: one that comes in the midst of a call over a connection may be lost there
        task = asyncio.create_task(watch._run(over))
        try:
            yield watch
        finally:
            over.set()
            await task
            await watch._meter.close()
            await watch._link.close()
            await watch._journal.close()

    async def look(self, *, processes: bool = False) -> Look:
        """Look now."""
        progress = await self._meter.progress()
        info = read_info(await self._link.command("INFO", "memory"))
        depths = await self._journal.depths()
        sizes = await asyncio.to_thread(self._processes.memory_mb) if processes else {}
        found = Look(
            time.time_ns() // 1_000,
            progress.accepted,
            progress.finished,
            {klass: depth.queued for klass, depth in depths.items()},
            int(info["used_memory"]),
            int(info["maxmemory"]),
            sizes,
        )
        self.looks.append(found)
        return found

    async def _run(self, over: asyncio.Event) -> None:
        number = 0
        while not over.is_set():
            began_s = time.monotonic()
            await self.look(processes=number % PROCESSES_EVERY == 0)
            number += 1
            await woken(over, max(0.0, began_s + LOOK_S - time.monotonic()))


def growing(looks: Sequence[Look]) -> dict[str, tuple[float, float]]:
    """Kinds of our own processes that need much more memory in the last quarter of a load than in the second: megabytes then and then."""
    seen = [look.processes_mb for look in looks if look.processes_mb]
    quarter = len(seen) // 4
    if not quarter:
        return {}
    found = {}
    for kind in (*ACTORS, "journal"):
        before = median(sizes.get(kind, (0, 0.0))[1] for sizes in seen[quarter : 2 * quarter])
        after = median(sizes.get(kind, (0, 0.0))[1] for sizes in seen[-quarter:])
        if kind != "journal" and after > GROWTH * before + GROWTH_MB:
            found[kind] = (round(before, 1), round(after, 1))
    return found
