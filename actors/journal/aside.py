"""The part of the journal about records that this release cannot read."""

from collections.abc import Sequence

from actors.journal.base import Servers
from actors.journal.dispatch import holder_of
from actors.journal.topology import PREFIXES
from router.ids import MessageId
from router.journal.port import Lease


class Aside(Servers):
    """See ``router.journal.aside``."""

    async def set_aside(self, ids: Sequence[MessageId], lease: Lease | None = None) -> int:
        """From the claimed set aside."""
        return sum(count for count, _ in await self._spread("set_aside", (holder_of(lease),), (ids,))) if ids else 0

    async def take_up(self, partitions: Sequence[int], limit: int) -> int:
        """What can be read now goes on."""
        return sum(count for _, count in await self._over("take_up", partitions, (), (limit,)))

    async def aside(self, partitions: Sequence[int]) -> int:
        """How many stand aside."""

        async def at(site: int, mine: Sequence[int]) -> int:
            return sum(await self._topology.link(site).commands(*(("ZCARD", PREFIXES[p] + "dead") for p in mine)))

        return sum(await self._all(at(site, mine) for site, mine in self._topology.sites(partitions).items()))
