"""Parts of long messages that wait for each other; see scripts/_parts.lua for how they stand."""

from collections.abc import Iterable, Sequence

from actors.journal.admission import FROM_SMPP, Admission
from actors.journal.base import ms
from actors.journal.cipher import GROUP_OCTETS
from actors.journal.topology import PREFIXES
from router.ids import PARTITIONS, MessageId
from router.journal.port import Gathered, Group, Part


def _by_partition(names: Sequence[bytes]) -> dict[int, list[int]]:
    """Positions by the partition of a group, in order."""
    found: dict[int, list[int]] = {}
    for position, name in enumerate(names):
        found.setdefault(name[0] % PARTITIONS, []).append(position)
    return found


def _name(group: bytes, number: int) -> bytes:
    """What a part is bound to: 16 octets."""
    return group[:15] + bytes((number,))


class Parts(Admission):
    """See ``router.journal.port``."""

    async def gather(self, items: Sequence[Part]) -> list[Gathered]:
        """Make parts durable: one script call a server."""
        if not items:
            return []
        await self.admit(FROM_SMPP)
        sealed = [(*one[:4], self._sealed(one)) for one in items]
        columns = list(zip(*sealed, strict=True))
        results: list[Gathered | None] = [None] * len(items)
        spread = await self._spread("gather", (), columns, confirmed=True, groups=_by_partition(columns[0]))
        for reply, groups in spread:
            for flat, positions in zip(reply, groups, strict=True):
                rows = iter(flat)
                for position, message_id, fresh, whole in zip(positions, rows, rows, rows, strict=True):
                    opened = self._opened(items[position].group, enumerate(whole, 1))
                    results[position] = Gathered(MessageId(message_id), bool(fresh), tuple(opened.values()))
        return [result for result in results if result is not None]

    def _sealed(self, part: Part) -> bytes:
        return self._cipher.seal(part.tenant, _name(part.group, part.number), part.octets, GROUP_OCTETS)

    def _opened(self, group: bytes, parts: Iterable[tuple[int, bytes]]) -> dict[int, bytes]:
        return {number: self._cipher.open(_name(group, number), octets, GROUP_OCTETS) for number, octets in parts}

    async def close_groups(self, groups: Sequence[bytes], keep_s: float) -> None:
        """Keep of these groups only what tells their parts from others, and that for a while."""
        if groups:
            await self._spread("close_groups", (ms(keep_s),), (groups,), groups=_by_partition(groups))

    async def stale_groups(self, partitions: Sequence[int], older_s: float, limit: int) -> list[Group]:
        """Groups not closed whose first part came longer than ``older_s`` ago, the oldest of each partition first."""
        found: list[Group] = []
        for site, mine in self._topology.sites(partitions).items():
            if len(found) >= limit:
                break
            flat = await self._call(site, "stale_groups", [[PREFIXES[p] for p in mine], ms(older_s), limit - len(found)])
            rows = iter(flat)
            for group, message_id, total, parts in zip(rows, rows, rows, rows, strict=True):
                opened = self._opened(group, zip(parts[0::2], parts[1::2], strict=True))
                found.append(Group(group, MessageId(message_id), total, opened))
        return found
