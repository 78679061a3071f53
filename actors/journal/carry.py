"""The carriers' part of the journal: epochs, assignment, what a carrier said of a submit, and receipts."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from actors.journal.base import Servers, ms, register_key
from actors.journal.head import owner_tag
from actors.journal.topology import PREFIXES, by_partition, columns_of
from router.ids import PARTITIONS, MessageId, partition_of_text
from router.journal.port import Assign, Fenced, Hold, Receipt, Receipted, Submitted
from router.model import MessageClass, State

# Carrier ids outlive the horizon by this (but not their records), so that a late double is known for one and not kept as an orphan.
MARGIN_S: Final = 3600.0
_STATES: Final[Mapping[int | None, State | None]] = {None: None, **{int(state): state for state in State}}


def _receipted(flat: Sequence[Any]) -> list[Receipted]:
    rows = iter(flat)
    return [
        Receipted(message_id, _STATES[state], bool(changed), attempts)
        for message_id, state, changed, attempts in zip(rows, rows, rows, rows, strict=True)
    ]


def _submits(items: Sequence[Submitted]) -> list[Sequence[Any]]:
    """Ids, events, horizons, carrier ids, and where any is to be looked at again, when."""
    ids, carrier_ids, horizons, events, looks = zip(*items, strict=True)
    columns: list[Sequence[Any]] = [ids, events, horizons, carrier_ids]
    return [*columns, looks] if any(looks) else columns


class Carry(Servers):
    """See ``router.journal.port``."""

    async def register(self, owner: str, incarnation: str, lease_s: float) -> tuple[int, str, int]:
        """A new epoch for this owner; asked again by the same incarnation, the same one."""
        home = self._topology.home(partition_of_text(owner))
        epoch, before, left_ms = await home.run("register", [register_key(owner), incarnation, ms(lease_s)])
        return epoch, before.decode(), left_ms

    async def renew(self, owner: str, epoch: int, lease_s: float) -> None:
        """Extend the lease; raises ``Fenced``."""
        home = self._topology.home(partition_of_text(owner))
        if not await home.run("renew", [register_key(owner), epoch, ms(lease_s)]):
            raise Fenced(owner)

    async def adopt(self, owner: str, epoch: int, hold_until_ms: Mapping[MessageClass, int], event: bytes) -> int:
        """Fence older epochs everywhere; turn what they had in flight into holds."""
        holds = [hold_until_ms[k] for k in MessageClass]

        async def at(site: int, partitions: list[int]) -> int:
            args = [owner, epoch, self._epoch_key(owner, site), [PREFIXES[p] for p in partitions], holds, event]
            return await self._call(site, "adopt", args)

        sites = self._topology.sites(range(PARTITIONS))
        counts = await self._all(at(site, partitions) for site, partitions in sites.items())
        if min(counts) < 0:
            raise Fenced(owner)
        return sum(counts)

    def _epoch_key(self, owner: str, site: int) -> str:
        return register_key(owner) if self._topology.site(partition_of_text(owner)) == site else ""

    async def assign(self, owner: str, epoch: int, items: Sequence[Assign]) -> list[bool]:
        """Claimed → in flight; raises ``Fenced``."""
        return await self._assigned("assign", owner, (owner_tag(owner),), epoch, items)

    async def _assigned(self, script: str, owner: str, tag: tuple[bytes, ...], epoch: int, items: Sequence[Assign]) -> list[bool]:
        """Have a script bind messages to an owner, unless there is a newer epoch of it."""
        if not items:
            return []
        ids, attempts, events = zip(*items, strict=True)
        groups = by_partition(ids)

        async def at(site: int, partitions: list[int]) -> list[tuple[list[int], list[int]]]:
            batch = [columns_of(p, groups[p], (ids, attempts, events)) for p in partitions]
            reply = await self._call(site, script, [owner, *tag, epoch, self._epoch_key(owner, site), batch])
            if reply == 0:
                raise Fenced(owner)
            return [(groups[p], verdicts) for p, verdicts in zip(partitions, reply, strict=True)]

        taken = [False] * len(items)
        for site in await self._all(at(s, ps) for s, ps in self._topology.sites(groups).items()):
            for positions, verdicts in site:
                for position, verdict in zip(positions, verdicts, strict=True):
                    taken[position] = bool(verdict)
        return taken

    def _margin_ms(self) -> int:
        return ms(min(MARGIN_S, self._retention_s))

    async def hold(self, owner: str, items: Sequence[Hold]) -> None:
        """In flight → UNKNOWN with a timer."""
        if items:
            ids, untils, events, attempts = zip(*items, strict=True)
            await self._spread("hold", (owner,), (ids, attempts, events, untils))

    async def submitted(self, owner: str, carrier: str, items: Sequence[Submitted]) -> list[Receipted]:
        """In flight (or UNKNOWN) → SENT, and what receipts that came before did."""
        if not items:
            return []
        columns = _submits(items)
        home = partition_of_text(carrier)
        groups = by_partition(columns[0])
        sites = self._topology.sites(groups)
        first = [owner, owner_tag(owner), carrier, PREFIXES[home], self._margin_ms()]
        if list(sites) == [self._topology.site(home)]:
            batch = [columns_of(p, positions, columns) for p, positions in groups.items()]
            return _receipted(await self._call(self._topology.site(home), "submitted", [*first, batch]))
        return await self._submitted_apart(owner, carrier, items)

    async def _submitted_apart(self, owner: str, carrier: str, items: Sequence[Submitted]) -> list[Receipted]:
        """The carrier's partition is on another server than the messages: three idempotent steps instead of one.

        The ids are remembered first: a receipt that comes in between finds its message and ends it as one that overtook the answer.
        """
        tag = owner_tag(owner)
        home = partition_of_text(carrier)
        flat: list[tuple[str, bytes, MessageId, int]] = []
        for item in items:
            for segment, carrier_id in enumerate(item.carrier_ids):
                if carrier_id:
                    flat.append((carrier_id, item.id + bytes((segment,)) + tag, item.id, segment))
        latest = max(item.horizon_ms for item in items)
        pairs = [part for carrier_id, value, _, _ in flat for part in (carrier_id, value)]
        link = self._topology.home(home)
        early = await link.run("remember", [carrier, PREFIXES[home], pairs, latest, self._margin_ms()])
        await self._spread("submit", (owner, tag), _submits(items))
        if not early:
            return []
        rows = [(flat[at - 1][2], flat[at - 1][3], tag, state, event, final) for at, state, event, final in early]
        did = await self._apply(rows)
        await link.run("forget", [carrier, PREFIXES[home], [carrier_id for carrier_id, *_ in flat]])
        return did

    async def receipts(self, carrier: str, items: Sequence[Receipt]) -> list[Receipted]:
        """Apply delivery receipts of one carrier account."""
        if not items:
            return []
        home = partition_of_text(carrier)
        columns = [list(column) for column in zip(*items, strict=True)]
        columns[1] = [int(state) for state in columns[1]]
        args = [carrier, PREFIXES[home], *columns]
        if len(self._topology.sites(range(PARTITIONS))) == 1:
            return _receipted(await self._call(self._topology.site(home), "receipts", args, confirmed=True))
        whose = await self._call(self._topology.site(home), "whose", args, confirmed=True)
        known = [
            (position, (entry[:16], entry[16], entry[17:19], int(item.state), item.event, item.final_event))
            for position, (entry, item) in enumerate(zip(whose, items, strict=True))
            if entry is not None
        ]
        results = [Receipted(None, None, changed=False)] * len(items)
        for (position, _), did in zip(known, await self._apply([row for _, row in known]), strict=True):
            results[position] = did
        return results

    async def _apply(self, rows: Sequence[tuple[Any, ...]]) -> list[Receipted]:
        """Receipts whose messages are known: (id, segment, tag, state, event, final event) each."""
        results = [Receipted(None, None, changed=False)] * len(rows)
        if not rows:
            return results
        ids = [MessageId(row[0]) for row in rows]
        for reply, groups in await self._spread("apply", (), (ids, rows), confirmed=True):
            for flat, positions in zip(reply, groups, strict=True):
                for position, did in zip(positions, _receipted(flat), strict=True):
                    results[position] = did
        return results
