"""The dispatchers' part of the journal: leases of partitions, claims, and the ways out of the claimed set."""

from collections.abc import Mapping, Sequence
from typing import Final

from actors.journal.base import Servers, ms
from actors.journal.head import history_of
from actors.journal.health import read_info
from actors.journal.topology import PREFIXES, by_partition
from router.ids import PARTITIONS, MessageId
from router.journal.port import Claimed, Finish, Lease, Requeue
from router.model import MessageClass, State

_STATES: Final = {int(state): state for state in State}  # 0.03 µs a message, where the enum's own call takes 0.3


class Dispatch(Servers):
    """See ``router.journal.port``."""

    async def lease_partitions(self, owner: str, epoch: int, partitions: Sequence[int], lease_s: float) -> list[int]:
        """Take or renew partitions."""
        replies = await self._over("lease", partitions, (owner, epoch, ms(lease_s)), ())
        held = {p for mine, reply in replies for p, took in zip(mine, reply, strict=True) if took}
        return [p for p in partitions if p in held]

    async def release_partitions(self, owner: str, epoch: int, partitions: Sequence[int]) -> None:
        """Give back what is claimed there and drop the leases."""
        await self._over("release", partitions, (owner, epoch), ())

    async def claim(
        self, owner: str, epoch: int, partitions: Sequence[int], wanted: Mapping[MessageClass, int]
    ) -> tuple[list[Claimed], set[int]]:
        """Take up to so many of each class, from the first partitions that have them, tenants in turn."""
        wishes = {int(k): n for k, n in sorted(wanted.items()) if n > 0}
        if not wishes or not partitions:
            return [], set()
        claimed: list[Claimed] = []
        more: set[int] = set()
        for site, mine in self._topology.sites(partitions).items():
            # One site after the other: the first gives what it has, the next what is still wanted.
            flat, left = await self._call(site, "claim", [owner, epoch, [PREFIXES[p] for p in mine], list(wishes.items())])
            rows = iter(flat)
            unseal = self._cipher.open
            for message_id, octets, body in zip(rows, rows, rows, strict=True):
                claimed.append(Claimed(message_id, octets[3], _STATES[octets[1]], unseal(message_id, body), history_of(octets)))
                wishes[octets[2]] -= 1
            more.update(left)
            wishes = {k: n for k, n in wishes.items() if n > 0}
            if not wishes:
                break
        return claimed, more

    async def requeue(self, owner: str, items: Sequence[Requeue], lease: Lease | None = None) -> None:
        """Back to the queue or to ``due``."""
        if items:
            ids, dues, events, counted, attempts = zip(*items, strict=True)
            await self._spread("requeue", (owner, holder_of(lease)), (ids, attempts, events, dues, counted))

    async def still_claimed(self, ids: Sequence[MessageId]) -> list[bool]:
        """Which of these stand in the claimed set."""
        found = [False] * len(ids)
        for partition, positions in by_partition(ids).items():
            words = ("ZMSCORE", PREFIXES[partition] + "claimed", *(ids[i] for i in positions))
            for position, score in zip(positions, await self._topology.home(partition).command(*words), strict=True):
                found[position] = score is not None
        return found

    async def in_flight(self, owner: str) -> list[MessageId]:
        """What a carrier owner has in flight."""

        async def at(site: int, mine: Sequence[int]) -> list[bytes]:
            keys = (("ZRANGE", f"{PREFIXES[p]}if:{owner}", 0, -1) for p in mine)
            return [message_id for some in await self._topology.link(site).commands(*keys) for message_id in some]

        sites = self._topology.sites(range(PARTITIONS))
        return [MessageId(i) for some in await self._all(at(site, mine) for site, mine in sites.items()) for i in some]

    async def history(self) -> str:
        """The servers' replication ids: each is another one from a start or a promotion on."""
        infos = await self._all(link.command("INFO", "replication") for link in self._topology.links)
        return " ".join(read_info(info).get("master_replid", "") for info in infos)

    async def finish(self, owner: str, items: Sequence[Finish], lease: Lease | None = None) -> None:
        """End messages."""
        if items:
            ids, states, events, attempts = zip(*items, strict=True)
            await self._spread("finish", (owner, holder_of(lease)), (ids, attempts, events, [int(s) for s in states]))

    async def pump(self, partitions: Sequence[int], limit: int) -> tuple[int, int]:
        """Move due timers to the front of their queues."""
        replies = [reply for _, reply in await self._over("pump", partitions, (), (limit,))]
        return sum(moved for moved, _ in replies), min((soonest for _, soonest in replies if soonest), default=0)

    async def expire_waits(self, partitions: Sequence[int], limit: int, event: bytes) -> int:
        """Horizons that are over."""
        return sum(reply for _, reply in await self._over("expire", partitions, (), (limit, event)))

    async def retire(self, partitions: Sequence[int], limit: int, keep_s: float) -> int:
        """Drop what ended long enough ago; returns how many records were handled."""
        return sum(reply for _, reply in await self._over("retire", partitions, (), (limit, ms(keep_s))))


def holder_of(lease: Lease | None) -> str:
    """How a partition's note of who leases it begins; "": whoever does."""
    return "" if lease is None else f"{lease[0]}\n{lease[1]}\n"
