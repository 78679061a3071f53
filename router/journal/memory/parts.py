"""Parts of long messages that wait for each other, in memory."""

from collections.abc import Sequence
from hashlib import sha1

from router.ids import PARTITIONS
from router.journal.memory.book import Book, Gathering
from router.journal.memory.shelf import Shelf
from router.journal.port import Gathered, Group, Part

GROUP_OCTETS = 16


def _digest(octets: bytes) -> bytes:
    return sha1(octets, usedforsecurity=False).digest()


class Parts(Shelf):
    """See ``router.journal.port``."""

    def _gatherings(self, group: bytes) -> Book:
        return self._books[group[0] % PARTITIONS]

    async def gather(self, items: Sequence[Part]) -> list[Gathered]:
        """Take parts in."""
        now_ms = self._clock_ms()
        return [_gather(self._gatherings(item.group).gatherings, item, now_ms) for item in items]

    async def close_groups(self, groups: Sequence[bytes], keep_s: float) -> None:
        """Keep of these groups only what tells their parts from others."""
        until_ms = self._clock_ms() + int(keep_s * 1000)
        for name in groups:
            every = self._gatherings(name).gatherings
            group, message_id = name[:GROUP_OCTETS], name[GROUP_OCTETS:]
            if message_id:
                every.pop(name, None)  # another one has its place: nothing is left to know its parts by
            found = every.get(group)
            if found is None or found.until_ms or (message_id and found.id != message_id):
                continue
            found.parts = {number: _digest(octets) for number, octets in found.parts.items()}
            found.until_ms = until_ms

    async def stale_groups(self, partitions: Sequence[int], older_s: float, limit: int) -> list[Group]:
        """Groups not closed whose first part came longer than ``older_s`` ago, the oldest of each partition first."""
        now_ms = self._clock_ms()
        oldest_ms = now_ms - int(older_s * 1000)
        found: list[Group] = []
        for partition in partitions:
            every = self._books[partition].gatherings
            for name in [name for name, one in every.items() if 0 < one.until_ms <= now_ms]:
                del every[name]
            stale = sorted((one.began_ms, name) for name, one in every.items() if not one.until_ms and one.began_ms <= oldest_ms)
            for _, name in stale[: limit - len(found)]:
                one = every[name]
                found.append(Group(name[:GROUP_OCTETS], one.id, one.total, dict(one.parts)))
        return found


def _gather(every: dict[bytes, Gathering], item: Part, now_ms: int) -> Gathered:
    found = every.get(item.group)
    if found is not None and found.until_ms:
        if found.until_ms > now_ms and found.parts.get(item.number) == _digest(item.octets):
            return Gathered(found.id, fresh=False)
        found = None
    elif found is not None and found.parts.get(item.number, item.octets) != item.octets and found.whole():
        every[item.group + found.id] = found
        found = None
    if found is None:
        found = every[item.group] = Gathering(item.id, item.total, now_ms)
    fresh = found.parts.get(item.number) != item.octets
    found.parts[item.number] = item.octets
    return Gathered(found.id, fresh, found.whole())
