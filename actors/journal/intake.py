"""The intake part of the journal: accept and cancel, and the refusal of new work when room runs out."""

import asyncio
from collections.abc import Sequence
from time import monotonic
from typing import Any, Final

from actors.journal.base import Servers
from actors.journal.head import KEYED, WANTS_EVENTS, first_head
from actors.journal.health import pressure_of
from actors.journal.topology import PREFIXES
from router.ids import MessageId, created_ms, partition_of
from router.journal.port import Accepted, Intake, JournalFull
from router.model import State
from router.pressure import Pressure, refused, worst

LOOK_EVERY_S: Final = 1.0


class Reception(Servers):
    """See ``router.journal.port``.

    ``accept`` refuses a batch as a whole when it holds a class that the pressure forbids (``router.pressure``); ``JournalFull.classes``
    says which, in order that the caller may offer the rest again. The pressure is looked up once a second at most.
    """

    _pressure = Pressure()
    _looked_s = float("-inf")
    _look: asyncio.Task[Pressure] | None = None

    async def pressure(self) -> Pressure:
        """How full the journal is, at most a second old; raises ``JournalUnavailable``."""
        if monotonic() - self._looked_s < LOOK_EVERY_S:
            return self._pressure
        if self._look is None or self._look.done():
            self._look = asyncio.ensure_future(self._look_up())
            self._look.add_done_callback(lambda look: look.cancelled() or look.exception())  # told to whoever still waits
        return await asyncio.shield(self._look)  # a caller that gives up must not take the look from the others

    async def _look_up(self) -> Pressure:
        found = worst(await self._all(pressure_of(link) for link in self._topology.links))
        self._pressure, self._looked_s = found, monotonic()
        return found

    async def accept(self, items: Sequence[Intake]) -> list[Accepted]:
        """Make messages durable."""
        if not items:
            return []
        forbidden = refused(await self.pressure())
        if forbidden and any(item.klass in forbidden for item in items):
            raise JournalFull("the journal is short of memory or disk", forbidden)
        lanes: dict[tuple[int, str], int] = {}
        ids: list[bytes] = []
        bodies: list[bytes] = []
        heads: list[bytes] = []
        lane_of: list[int] = []
        dues: list[int] = []
        keys: list[bytes] = []
        keyed = False
        for item in items:
            key = item.idempotency
            keyed = keyed or bool(key)
            flags = (WANTS_EVENTS if item.wants_events else 0) | (KEYED if key else 0)
            state = State.SCHEDULED if item.due_ms else State.QUEUED
            ids.append(item.id)
            bodies.append(item.body)
            heads.append(first_head(state, item.klass, flags, item.segments, item.tenant, item.retention_s))
            lane_of.append(lanes.setdefault((item.klass, item.tenant), len(lanes)) + 1)
            dues.append(item.due_ms)
            keys.append(key)
        names = [f"{int(klass)}:{tenant}" for klass, tenant in lanes]
        columns: list[Sequence[Any]] = [ids, bodies, heads, lane_of, dues]
        if keyed:
            columns.append(keys)
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

    async def cancel(self, message_id: MessageId, tenant: str, event: bytes) -> State | None:
        """Cancel if still SCHEDULED or QUEUED and unassigned."""
        partition = partition_of(message_id)
        args = [PREFIXES[partition], message_id, tenant, event]
        state = await self._topology.home(partition).run("cancel", args)
        return None if state is None else State(state)
