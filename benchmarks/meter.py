"""The journal's side of a measurement: progress, calls and octets, times that messages took, and the checker's verdict."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from actors.journal import RedisJournal
from actors.journal.health import read_info
from actors.journal.topology import PREFIXES, Topology
from benchmarks.result import Latency, latency_of
from router.ids import PARTITIONS, MessageId, created_ms
from router.journal.port import Conservation
from router.record import EventKind, unpack_events

RETENTION_S: Final = 86_400.0
SAMPLE_PER_PARTITION: Final = 150  # ended messages whose history is read for latencies: at most 9,600 of a run
READ_AT_ONCE: Final = 1_000
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
    memory: int  # octets in use


class Meter:
    """Reads over connections of its own. What it asks itself (``HMGET``, ``INFO``) is left out of the calls it tells.

    ``url``: several servers with commas between are one journal, and their figures are added up.
    """

    def __init__(self, url: str) -> None:
        self._servers = Topology.connect(url)
        self._journal = RedisJournal.connect(url, retention_s=RETENTION_S)

    async def close(self) -> None:
        """Close the connections."""
        await self._servers.close()
        await self._journal.close()

    async def _of_each(self, *words: object) -> list[Any]:
        """The answers of all partitions to one command, whose second word is the key without its prefix."""
        found: list[Any] = []
        for site, mine in self._servers.sites(range(PARTITIONS)).items():
            name, key, *rest = words
            found += await self._servers.link(site).commands(*((name, f"{PREFIXES[p]}{key}", *rest) for p in mine))
        return found

    async def progress(self) -> Progress:
        """One round trip a server, some 0.1 ms of it."""
        answers = await self._of_each("HMGET", "ctr", "accepted", "finished")
        return Progress(
            time.monotonic(), sum(int(taken or 0) for taken, _ in answers), sum(int(ended or 0) for _, ended in answers)
        )

    async def aof(self) -> int:
        """Octets of the append-only files; less than before when they have been rewritten."""
        told = [read_info(await link.command("INFO", "persistence")) for link in self._servers.links]
        return sum(int(info.get("aof_current_size", 0)) for info in told)

    async def traffic(self) -> Traffic:
        """Counters since the servers' start."""
        calls: Counter[str] = Counter()
        octets_in = octets_out = memory = 0
        for link in self._servers.links:
            info: dict[str, Any] = await link.client.info("everything")
            calls.update(
                {name.removeprefix("cmdstat_"): int(stat["calls"]) for name, stat in info.items() if name.startswith("cmdstat_")}
            )
            octets_in += int(info["total_net_input_bytes"])
            octets_out += int(info["total_net_output_bytes"])
            memory += int(info["used_memory"])
        return Traffic(calls, octets_in, octets_out, memory)

    async def version(self) -> str:
        """Server and version."""
        told = await self._journal.health()
        return f"{told['server']} {told['version']}, {told['durability']}"

    async def lives(self, since_ms: int) -> list[dict[str, float]]:
        """Random messages created since then: milliseconds by stage, as the journal's own history tells them, and ``"created"`` since 1970."""
        picked = await self._of_each("HRANDFIELD", "s", SAMPLE_PER_PARTITION)
        ids = [MessageId(found) for some in picked for found in some if created_ms(MessageId(found)) >= since_ms]
        lives: list[dict[str, float]] = []
        for start in range(0, len(ids), READ_AT_ONCE):
            for record in await self._journal.read(ids[start : start + READ_AT_ONCE]):
                if record is None:
                    continue
                began_ms = created_ms(record.id)
                seen = {"created": float(began_ms)}
                for event in unpack_events(record.events):
                    stage = STAGES.get(event[1])
                    if stage is not None:  # the first attempt, where there were several
                        seen.setdefault(stage, float(event[0] - began_ms))
                lives.append(seen)
        return lives

    async def check(self) -> Conservation:
        """The checker's verdict."""
        return await self._journal.check()


def latencies_of(lives: Sequence[Mapping[str, float]]) -> dict[str, Latency]:
    """How long messages took, by stage."""
    found = {stage: [life[stage] for life in lives if stage in life] for stage in STAGES.values()}
    return {stage: latency_of(values) for stage, values in found.items() if values}
