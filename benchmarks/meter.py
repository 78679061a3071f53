"""The journal's side of a measurement: progress, calls and octets, times that messages took, and the checker's verdict."""

import time
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from actors.journal import RedisJournal
from actors.journal.link import Link
from actors.journal.topology import PREFIXES
from benchmarks.result import Latency, latency_of
from router.ids import MessageId, created_ms
from router.journal.port import Conservation
from router.record import EventKind, unpack_events

RETENTION_S: Final = 86_400.0
SAMPLE_PER_PARTITION: Final = 40  # ended messages whose history is read for latencies: 2,560 of a run
# Stages of a life as its history tells them, all counted from the creation of the id.
STAGES: Final = {
    EventKind.ASSIGNED: "created → assigned",
    EventKind.SUBMITTED: "created → answered",
    EventKind.FINAL: "created → final",
}


class Progress(NamedTuple):
    """Messages the journal took and ended since it was made, at a moment of the monotonic clock."""

    at_s: float
    accepted: int
    finished: int


class Traffic(NamedTuple):
    """The server's counters."""

    calls: Mapping[str, int]  # by command, those inside scripts included
    octets_in: int
    octets_out: int
    aof: int


class Meter:
    """Reads over connections of its own. What it asks itself (``HMGET``, ``INFO``) is left out of the calls it tells."""

    def __init__(self, url: str) -> None:
        self._link = Link(url)
        self._journal = RedisJournal.connect(url, retention_s=RETENTION_S)

    async def close(self) -> None:
        """Close the connections."""
        await self._link.close()
        await self._journal.close()

    async def progress(self) -> Progress:
        """One round trip, some 0.1 ms of the server."""
        answers = await self._link.commands(*(("HMGET", prefix + "ctr", "accepted", "finished") for prefix in PREFIXES))
        return Progress(
            time.monotonic(), sum(int(taken or 0) for taken, _ in answers), sum(int(ended or 0) for _, ended in answers)
        )

    async def traffic(self) -> Traffic:
        """Counters since the server's start."""
        info: dict[str, Any] = await self._link.client.info("everything")
        calls = {name.removeprefix("cmdstat_"): int(stat["calls"]) for name, stat in info.items() if name.startswith("cmdstat_")}
        return Traffic(
            calls, int(info["total_net_input_bytes"]), int(info["total_net_output_bytes"]), int(info.get("aof_current_size", 0))
        )

    async def version(self) -> str:
        """Server and version."""
        told = await self._journal.health()
        return f"{told['server']} {told['version']}, {told['durability']}"

    async def latencies(self, since_ms: int) -> dict[str, Latency]:
        """How long random messages created since then took, by stage, as the journal's own history tells."""
        picked = await self._link.commands(*(("HRANDFIELD", prefix + "s", SAMPLE_PER_PARTITION) for prefix in PREFIXES))
        ids = [MessageId(found) for some in picked for found in some if created_ms(MessageId(found)) >= since_ms]
        times: dict[str, list[float]] = {stage: [] for stage in STAGES.values()}
        for record in await self._journal.read(ids):
            if record is None:
                continue
            seen: set[str] = set()
            for event in unpack_events(record.events):
                stage = STAGES.get(event[1])
                if stage is not None and stage not in seen:  # the first attempt, where there were several
                    seen.add(stage)
                    times[stage].append(float(event[0] - created_ms(record.id)))
        return {stage: latency_of(values) for stage, values in times.items() if values}

    async def check(self) -> Conservation:
        """The checker's verdict."""
        return await self._journal.check()
