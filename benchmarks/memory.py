"""What a million queued messages take of the journal's memory: its server alone, filled as fronts fill it."""

import asyncio
import os
import tempfile
import time
from pathlib import Path
from typing import Final

from actors.journal import EmbeddedServer
from actors.journal.keyring import Keyring
from benchmarks.fill import fill, sealing
from benchmarks.goals import MEMORY
from benchmarks.meter import Meter
from benchmarks.processes import Processes
from benchmarks.result import Run
from benchmarks.world import HOME, PLAIN, TENANT, World

QUEUED: Final = 1_000_000
OCTETS: Final = 3 << 30  # the server's limit: marketing is refused at 70 % of it


def queue_many(count: int = QUEUED) -> tuple[Run, str]:
    """Fill, look, check; the run, and what the server is."""
    HOME.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=HOME) as folder:
        return asyncio.run(_queue(Path(folder).resolve(), count))


async def _queue(folder: Path, count: int) -> tuple[Run, str]:
    server = EmbeddedServer(folder / "journal", maxmemory=OCTETS)
    await server.start()
    try:
        Keyring(folder / "keys").ensure([TENANT], time.time_ns() // 1_000_000)
        journal, meter = sealing(server.url, folder / "keys"), Meter(server.url)
        try:
            _, settings = World(folder, PLAIN).settings()
            processes = Processes(os.getpid(), {"journal": [pid for pid in [server.pid()] if pid]})
            before, cpu, began_s = await meter.traffic(), processes.cpu_s(), time.monotonic()
            await fill(journal, settings, count)
            took_s, used = time.monotonic() - began_s, processes.cpu_s()["journal"] - cpu["journal"]
            after, progress = await meter.traffic(), await meter.progress()
            began_s = time.monotonic()
            checked = await meter.check()
            octets = after.memory - before.memory
            run = Run(
                accepted=progress.accepted,
                lost=max(0, count - checked.counts.get("queue", 0)),
                faults=tuple(checked.faults),
                figures={
                    MEMORY: round(octets / 1e9 * QUEUED / count, 3),
                    "octets a message": round(octets / count, 1),
                    "filled, messages/s": round(count / took_s),
                    "journal CPU, µs a message": round(used * 1e6 / count, 1),
                    "octets on disk a message": round(await meter.aof() / count, 1),
                    "checked in, s": round(time.monotonic() - began_s, 1),
                },
            )
            return run, await meter.version()
        finally:
            await meter.close()
            await journal.close()
    finally:
        await server.stop()
