"""The intake part of the journal: accept, what comes from handsets, and what a tenant may still change."""

from collections.abc import Sequence
from typing import Any, Final

from actors.journal.admission import FROM_SMPP, Admission
from actors.journal.head import CHANNELED, KEYED, WANTS_EVENTS, first_head
from actors.journal.topology import PREFIXES
from router.ids import MessageId, created_ms, partition_of
from router.journal.port import Accepted, Intake, Note, Received
from router.model import MessageClass, State

DAY_MS: Final = 86_400_000


class Reception(Admission):
    """See ``router.journal.port``."""

    async def accept(self, items: Sequence[Intake]) -> list[Accepted]:
        """Make messages durable."""
        if not items:
            return []
        await self.admit(item.klass for item in items)
        lanes: dict[tuple[int, str], int] = {}
        ids: list[bytes] = []
        bodies: list[bytes] = []
        heads: list[bytes] = []
        lane_of: list[int] = []
        dues: list[int] = []
        keys: list[bytes] = []
        channels: list[str] = []
        keyed = channeled = False
        seal = self._cipher.seal
        for item in items:
            key = item.idempotency
            flags = WANTS_EVENTS if item.wants_events else 0
            if key:
                keyed = True
                key = self._cipher.mask(key)
                flags |= KEYED
            if item.channel:
                channeled = True
                flags |= CHANNELED
            state = State.SCHEDULED if item.due_ms else State.QUEUED
            ids.append(item.id)
            bodies.append(seal(item.tenant, item.id, item.body))
            heads.append(first_head(state, item.klass, flags, item.segments, item.tenant, item.retention_s))
            lane_of.append(lanes.setdefault((item.klass, item.tenant), len(lanes)) + 1)
            dues.append(item.due_ms)
            keys.append(key)
            channels.append(item.channel)
        names = [f"{int(klass)}:{tenant}" for klass, tenant in lanes]
        columns: list[Sequence[Any]] = [ids, bodies, heads, lane_of, dues]
        if keyed or channeled:
            columns.append(keys)
        if channeled:
            columns.append(channels)
        return await self._accept(columns, names)

    async def _accept(self, columns: Sequence[Sequence[Any]], lanes: Sequence[str]) -> list[Accepted]:
        ids = columns[0]
        results: list[Accepted | None] = [None] * len(ids)
        for reply, groups in await self._spread("accept", (lanes,), columns, confirmed=True):
            for verdicts, positions in zip(reply, groups, strict=True):
                for position, verdict in zip(positions, verdicts, strict=True):
                    if -1 <= verdict <= 1:
                        results[position] = Accepted(created_ms(ids[position]), fresh=verdict == 1)
                    else:
                        results[position] = Accepted(abs(verdict), conflict=verdict < 0, fresh=False)
        return [result for result in results if result is not None]

    async def first_use(self, partition: int, key: bytes, now_ms: int) -> int | None:
        """When a request was first accepted; looked up as scripts/accept.lua keeps it."""
        key = self._cipher.mask(key)
        today = now_ms // DAY_MS  # here; around midnight it may be another day at the server, or its clock was ahead
        names = [f"{PREFIXES[partition]}idem:{today + shift}:{key[0]}" for shift in (0, -1, 1)]
        found = await self._topology.home(partition).commands(*(("HGET", name, key[:16]) for name in names))
        for entry in found:
            if entry is not None and (first_ms := int.from_bytes(entry[:6], "big")) + DAY_MS > now_ms:
                return first_ms if entry[6:] == key[16:] else None
        return None

    async def cancel(self, message_id: MessageId, tenant: str, event: bytes) -> State | None:
        """Cancel if still SCHEDULED or QUEUED and unassigned."""
        partition = partition_of(message_id)
        args = [PREFIXES[partition], message_id, tenant, event]
        state = await self._call(self._topology.site(partition), "cancel", args, confirmed=True)
        return None if state is None else State(state)

    async def replace(self, message_id: MessageId, tenant: str, body: bytes, segments: int, event: bytes) -> State | None:
        """Another body for a message that nobody has in hand; what took effect is told again when the call is repeated."""
        partition = partition_of(message_id)
        sealed = self._cipher.seal(tenant, message_id, body)
        args = [PREFIXES[partition], message_id, tenant, sealed, min(max(segments, 1), 255), event]
        state = await self._call(self._topology.site(partition), "replace", args, confirmed=True)
        return None if state is None else State(state)

    async def note(self, items: Sequence[Note]) -> list[bytes | None]:
        """Lines beside histories, one of a kind a message; returns the line of the kind that stands, None: no such message."""
        results: list[bytes | None] = [None] * len(items)
        if items:
            columns = list(zip(*items, strict=True))
            for reply, groups in await self._spread("note", (), columns, confirmed=True):
                for lines, positions in zip(reply, groups, strict=True):
                    for position, line in zip(positions, lines, strict=True):
                        results[position] = line
        return results

    async def receive(self, items: Sequence[Received]) -> None:
        """Make messages from handsets durable: accepted and finished at once."""
        if not items:
            return
        await self.admit(FROM_SMPP)
        heads = []
        for item in items:
            flags = (WANTS_EVENTS if item.wants_events else 0) | (CHANNELED if item.channel else 0)
            head = first_head(State.RECEIVED, MessageClass.TRANSACTIONAL, flags, 1, item.tenant, item.retention_s)
            heads.append(head + item.event)
        bodies = [self._cipher.seal(item.tenant, item.id, item.body) for item in items]
        columns = ([item.id for item in items], bodies, heads, [item.channel for item in items])
        await self._spread("receive", (int(State.RECEIVED),), columns, confirmed=True)
