"""The reading part of the journal: records, lists, depths, and small values kept beside the messages."""

from collections.abc import Sequence

from actors.journal.base import Servers, ms
from actors.journal.head import read_head
from actors.journal.topology import PREFIXES, by_partition
from router.ids import PARTITIONS, MessageId, make_id, partition_of_text
from router.journal.port import Depth, Record
from router.model import MessageClass
from router.record import UnreadableRecord


def value_key(name: str) -> tuple[int, str]:
    """The partition and key of a named value."""
    partition = partition_of_text(name)
    return partition, f"{PREFIXES[partition]}v:{name}"


class Reading(Servers):
    """See ``router.journal.port``."""

    async def read(self, ids: Sequence[MessageId]) -> list[Record | None]:
        """Records by id; None also for one that this release cannot read."""
        return await self._records(ids, None)

    async def inspect(self, ids: Sequence[MessageId], owners: Sequence[str] = ()) -> list[Record | None]:
        """Records by id, and where each stands; dear (a queue is searched), for operators and tests."""
        places: list[str] = [""] * len(ids)
        for partition, positions in by_partition(ids).items():
            args = [PREFIXES[partition], [ids[i] for i in positions], list(owners)]
            flat = await self._topology.home(partition).run("inspect", args)
            for position, where in zip(positions, flat[2::3], strict=True):
                places[position] = where.decode()
        return await self._records(ids, places)

    async def _records(self, ids: Sequence[MessageId], places: Sequence[str] | None) -> list[Record | None]:
        found: list[Record | None] = [None] * len(ids)
        groups = by_partition(ids)

        async def at(partitions: list[int]) -> None:
            commands: list[tuple[object, ...]] = []
            for p in partitions:
                mine = [ids[i] for i in groups[p]]
                commands += [("HMGET", PREFIXES[p] + "s", *mine), ("HMGET", PREFIXES[p] + "m", *mine)]
            replies = iter(await self._topology.home(partitions[0]).commands(*commands))
            for p, heads, bodies in zip(partitions, replies, replies, strict=True):
                for position, octets, body in zip(groups[p], heads, bodies, strict=True):
                    if octets is None:
                        continue
                    try:
                        head = read_head(octets)
                    except UnreadableRecord:
                        continue
                    place = places[position] if places else ""
                    opened = self._cipher.open(ids[position], body) if body else b""
                    found[position] = Record(ids[position], head.state, head.attempts, opened, head.history, place, head.tenant)

        await self._all([at(partitions) for partitions in self._topology.sites(groups).values()])
        return found

    async def list_ids(self, tenant: str, *, before: MessageId | None, created_after_ms: int, limit: int) -> list[MessageId]:
        """A tenant's messages, newest first, older than ``before``, created after the time given."""
        oldest = make_id(created_after_ms + 1, 0, bytes(10)) if created_after_ms > 0 else bytes(16)
        args = (tenant, before or b"", oldest, limit)
        replies = await self._over("list", range(PARTITIONS), (), args)
        every = [MessageId(message_id) for _, reply in replies for message_id in reply]
        return sorted(every, reverse=True)[:limit]

    async def depths(self) -> dict[MessageClass, Depth]:
        """Queue depth and age by class, over all partitions; a cancelled message counts until its turn comes."""
        totals = {klass: Depth(0, 0) for klass in MessageClass}
        for _, flat in await self._over("depths", range(PARTITIONS), (), ([int(k) for k in MessageClass],)):
            for klass in MessageClass:
                queued, oldest = flat[klass * 2], flat[klass * 2 + 1]
                before = totals[klass]
                ages = [age for age in (before.oldest_ms, oldest) if age]
                totals[klass] = Depth(before.queued + queued, min(ages, default=0))
        return totals

    async def put_value(self, name: str, value: bytes, ttl_s: float = 0, *, confirmed: bool = False) -> None:
        """Keep a named value, and wake who listens for it; one with a lifetime wakes nobody."""
        partition, key = value_key(name)
        await self._call(self._topology.site(partition), "put", [key, name, value, ms(ttl_s)], confirmed=confirmed)

    async def get_value(self, name: str) -> bytes | None:
        """A named value."""
        partition, key = value_key(name)
        return await self._topology.home(partition).command("GET", key)
