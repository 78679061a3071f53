"""Long messages that come in parts: each part is durable before it is answered, the whole is taken when none is missing."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from actors.batching import Outbox
from actors.door import Door
from carriers.customers.message_ids import id_text
from carriers.customers.reading import Fault, Submission, group_of, pack_submission, unpack_submission
from carriers.customers.settling import incomplete, settle_parts
from router.ids import MessageId, created_ms
from router.intake import CLASS_OF, seal
from router.journal.port import Gathered, Group, JournalError, Part
from router.record import Body, UnreadableRecord
from router.settings import SmppAccount, Tenant

log = logging.getLogger("trunkline.esme")

MARK: Final = b"c"  # second octet of a group: parts from customers; those from carriers have another
TWICE_S: Final = 60.0  # how long the same part again is known for a repetition after an answer that got lost
LOOK_S: Final = 5.0
ABANDONED_S: Final = 10.0  # a group complete for so long lost the process that completed it
LOOK_LIMIT: Final = 500  # groups a look
CLOSE_LIMIT: Final = 500


class Parts:
    """All groups of one server's partitions. May forget everything: what matters is in the journal."""

    def __init__(self, door: Door, accounts: Callable[[], dict[str, SmppAccount]], partitions: Callable[[], list[int]]) -> None:
        """``partitions``: whose stale groups are this server's business."""
        self._door = door
        self._accounts = accounts
        self._partitions = partitions
        self._closed: Outbox[bytes] = Outbox("groups", self._close, limit=CLOSE_LIMIT, pause_s=0.01)

    @property
    def boxes(self) -> tuple[Outbox[bytes], ...]:
        """The boxes that must be run, and flushed before leaving."""
        return (self._closed,)

    async def gather(self, items: Sequence[tuple[MessageId, Submission]], account: SmppAccount) -> list[Gathered]:
        """Make parts durable; raises ``JournalError``. The ids are those of wholes, should these be the first parts."""
        parts = [
            Part(_marked(group_of(part, account)), message_id, part.number, part.total, pack_submission(part), account.tenant)
            for message_id, part in items
        ]
        gathered = await self._door.journal.gather(parts)
        self._door.metrics.counter("trunkline_parts", "customer").add(len(parts))
        return gathered

    def complete(self, wholes: Sequence[Gathered], account: SmppAccount, tenant: Tenant) -> None:
        """Take the wholes in, in the background: their parts are durable and answered."""
        for one in {one.id: one for one in wholes}.values():
            self._door.spawn(self._try_to_take(one.id, list(one.whole), account, tenant))

    async def _try_to_take(self, message_id: MessageId, octets: Sequence[bytes], account: SmppAccount, tenant: Tenant) -> None:
        try:
            await self._take(message_id, octets, account, tenant)
        except Exception:
            log.exception("esme.group_failed id=%s", message_id.hex())  # as below: the next look finds it

    async def _take(self, message_id: MessageId, octets: Sequence[bytes], account: SmppAccount, tenant: Tenant) -> None:
        try:
            parts = [unpack_submission(part) for part in octets]
        except UnreadableRecord:
            log.error("esme.unreadable_part id=%s", message_id.hex())  # noqa: TRY400 (the trace would show the part)
            return
        door, first_ms = self._door, created_ms(message_id)
        told = id_text(message_id)
        settled = settle_parts(parts, account, tenant, door.terms, door.now_ms(), message_id=told, first_ms=first_ms)
        if isinstance(settled, Fault):
            # Its parts have been answered: it cannot be refused any more, so it ends at once, and its receipts say how.
            log.info("esme.whole_refused id=%s status=0x%02X reason=%s", message_id.hex(), settled.status, settled.reason)
            settled = self._unfit(dict(enumerate(parts, 1)), len(parts), account, tenant, message_id)
        await self._accept(message_id, settled, tenant, parts[0], account)

    async def _accept(self, message_id: MessageId, body: Body, tenant: Tenant, part: Submission, account: SmppAccount) -> None:
        intake = seal(message_id, body, tenant)
        try:
            (accepted,) = await self._door.submit([intake])
        except JournalError as error:
            log.warning("esme.whole_waits id=%s error=%s", message_id.hex(), type(error).__name__)
            return  # the next look finds the group complete and not closed
        if accepted.fresh:
            self._door.count_accepted(tenant.id, CLASS_OF[body.klass], 1, body.segments)
        self._closed.put([_marked(group_of(part, account)) + message_id])

    def _unfit(
        self, parts: dict[int, Submission], total: int, account: SmppAccount, tenant: Tenant, message_id: MessageId
    ) -> Body:
        door, told = self._door, id_text(message_id)
        return incomplete(
            parts, total, account, tenant, door.terms, door.now_ms(), message_id=told, first_ms=created_ms(message_id)
        )

    async def _close(self, groups: list[bytes]) -> None:
        await self._door.journal.close_groups(groups, TWICE_S)

    # -- groups that nobody completes --------------------------------------------------------------------------------
    async def keep_looking(self) -> None:
        """Finish what a process that died left complete, and end what stays incomplete; for ever."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                stale = await self._door.journal.stale_groups(self._partitions(), ABANDONED_S, LOOK_LIMIT)
            except JournalError as error:
                log.warning("esme.parts_unseen error=%s", type(error).__name__)
                continue
            for group in stale:
                if group.group[1:2] == MARK:
                    try:
                        await self._look_at(group)
                    except Exception:
                        # A bug of ours: the group stays in the journal, and must not keep the others from their end.
                        log.exception("esme.group_failed id=%s", group.id.hex())

    async def _look_at(self, group: Group) -> None:
        door = self._door
        complete = len(group.parts) >= group.total
        age_s = (door.now_ms() - created_ms(group.id)) / 1000
        if not complete and age_s < door.settings.smpp.parts_timeout_s:
            return
        try:
            parts = {number: unpack_submission(octets) for number, octets in group.parts.items()}
        except UnreadableRecord:
            log.error("esme.unreadable_part id=%s", group.id.hex())  # noqa: TRY400 (the trace would show the part)
            return
        account = next(
            (one for one in self._accounts().values() if any(_marked(group_of(p, one)) == group.group for p in parts.values())),
            None,
        )
        tenant = door.terms.tenants.get(account.tenant) if account is not None else None
        if account is None or tenant is None:
            log.warning("esme.parts_of_nobody id=%s", group.id.hex())  # the account is gone, and with it whoever would be told
            self._closed.put([group.group + group.id])
        elif complete:
            await self._take(group.id, [group.parts[number] for number in range(1, group.total + 1)], account, tenant)
        else:
            log.info("esme.incomplete id=%s parts=%d of=%d", group.id.hex(), len(parts), group.total)
            door.metrics.counter("trunkline_parts_incomplete", "customer").add()
            body = self._unfit(parts, group.total, account, tenant, group.id)
            await self._accept(group.id, body, tenant, next(iter(parts.values())), account)


def _marked(group: bytes) -> bytes:
    return group[:1] + MARK + group[2:]
