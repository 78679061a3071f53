"""Which partition is where, and so what one script call may span."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, Final

from actors.journal.link import Link
from router.ids import PARTITIONS

PREFIXES: Final = tuple(f"{{p{p:02d}}}:" for p in range(PARTITIONS))


def by_partition(ids: Sequence[bytes]) -> dict[int, list[int]]:
    """Positions in ``ids`` by partition, in order."""
    groups: dict[int, list[int]] = {}
    for position, message_id in enumerate(ids):
        partition = message_id[6] >> 2
        if partition in groups:
            groups[partition].append(position)
        else:
            groups[partition] = [position]
    return groups


class Topology:
    """Independent primaries: partition p lives on server p mod n. One server is the usual case of it."""

    def __init__(self, links: Sequence[Link]) -> None:
        if not links or PARTITIONS % len(links):
            raise ValueError(f"{len(links)} servers cannot share {PARTITIONS} partitions evenly")
        self.links = tuple(links)

    @classmethod
    def connect(cls, url: str) -> "Topology":
        """One URL, or several with commas between, always in the same order."""
        return cls([Link(part.strip()) for part in url.split(",")])

    def site(self, partition: int) -> int:
        """What a script call may span: partitions with the same site."""
        return partition % len(self.links)

    def link(self, site: int) -> Link:
        """The server of a site."""
        return self.links[site]

    def home(self, partition: int) -> Link:
        """The server of a partition."""
        return self.links[partition % len(self.links)]

    def sites(self, partitions: Iterable[int]) -> dict[int, list[int]]:
        """Partitions by site, in the order given."""
        found: dict[int, list[int]] = {}
        for partition in partitions:
            found.setdefault(self.site(partition), []).append(partition)
        return found

    async def close(self) -> None:
        """Close all connections."""
        await asyncio.gather(*(link.close() for link in self.links))


def columns_of(partition: int, positions: Sequence[int], columns: Sequence[Sequence[Any]]) -> list[Any]:
    """What a script gets of one partition: its prefix, then each column cut to it."""
    if len(positions) == len(columns[0]):
        return [PREFIXES[partition], *columns]
    return [PREFIXES[partition], *([column[i] for i in positions] for column in columns)]
