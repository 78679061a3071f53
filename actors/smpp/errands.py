"""What customers ask about messages they have sent: query_sm, cancel_sm, replace_sm."""

import logging
from collections.abc import AsyncIterator
from typing import Final

import msgspec

from actors.door import Door
from carriers.customers.message_ids import read_id
from carriers.customers.reading import Fault, read
from carriers.customers.settling import settle_parts
from carriers.customers.states import found_of
from carriers.smpp import commands as c
from carriers.smpp.events import Request
from carriers.smpp.messages import Message
from carriers.smpp.operations import Cancel, Query, Replace, pack_found
from carriers.smpp.server.port import Line
from router.ids import MessageId
from router.journal.port import JournalError, Record
from router.model import ErrorName, State
from router.record import Body, Client, EventKind, UnreadableRecord, pack_body, pack_event, unpack_body
from router.settings import SmppAccount
from router.text.segments import DATA_CODING_BINARY, DATA_CODING_UCS2

log = logging.getLogger("trunkline.esme")

SEARCH_LIMIT: Final = 2_000  # messages of a tenant that a cancel_sm without an id looks through, newest first
SEARCH_PAGE: Final = 200
ALIVE: Final = frozenset({State.SCHEDULED, State.QUEUED})
_CODINGS: Final = {"ucs2": DATA_CODING_UCS2, "octets": DATA_CODING_BINARY}  # of an account's own text by its encoding; else 0


class Errands:
    """All of one server."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def run(self, line: Line, request: Request) -> None:
        """Do it and answer."""
        status, body = c.RSYSERR, None
        try:
            match request.body:
                case Query():
                    status, body = await self._query(line, request.body)
                case Cancel():
                    status = await self._cancel(line.account, request.body)
                case Replace():
                    status = await self._replace(line.account, request.body)
                case _:
                    status = c.RINVCMDID
        except JournalError as error:
            log.warning("esme.journal_down error=%s", type(error).__name__)
        except Exception:
            # A bug of ours: the process goes on, for it would meet the same request again after a restart.
            log.exception("esme.errand_failed account=%s command=%d", line.account.system_id, request.command)
        line.answer(request, status, body)
        line.flush()

    async def _query(self, line: Line, query: Query) -> tuple[int, bytes | None]:
        known = read_id(query.message_id)
        record = (await self._door.journal.read([known[0]]))[0] if known is not None else None
        found = found_of(record, line.account, known[1] if known is not None else 0, version=line.version)
        return (c.ROK, pack_found(found._replace(message_id=query.message_id))) if found is not None else (c.RINVMSGID, None)

    # -- cancel_sm ---------------------------------------------------------------------------------------------------
    async def _cancel(self, account: SmppAccount, cancel: Cancel) -> int:
        """By id, or without one all that wait from this sender to this recipient (SMPP 3.4, 4.9.1)."""
        if cancel.message_id:
            own = await self._own(cancel.message_id, account)
            if own is None:
                return c.RINVMSGID
            message_id, _, client = own
            if not _matches(cancel, client):
                return c.RCANCELFAIL
            return c.ROK if await self._take_back(message_id, account) else c.RCANCELFAIL
        if not cancel.destination:
            return c.RINVDSTADR
        taken = 0
        async for message_id, client in self._waiting(account):
            if _matches(cancel, client) and cancel.service_type in {"", client.service_type}:
                taken += await self._take_back(message_id, account)
        return c.ROK if taken else c.RCANCELFAIL

    async def _take_back(self, message_id: MessageId, account: SmppAccount) -> bool:
        event = pack_event(self._door.now_ms(), EventKind.FINAL, int(State.CANCELED), "", True, "")
        state = await self._door.journal.cancel(message_id, account.tenant, event)
        if state is State.CANCELED:
            self._door.count_canceled()
        return state is State.CANCELED

    async def _waiting(self, account: SmppAccount) -> AsyncIterator[tuple[MessageId, Client]]:
        """The account's messages that no carrier has yet, newest first, as far as the search goes."""
        before: MessageId | None = None
        for _ in range(SEARCH_LIMIT // SEARCH_PAGE):
            ids = await self._door.journal.list_ids(account.tenant, before=before, created_after_ms=0, limit=SEARCH_PAGE)
            for record in await self._door.journal.read(ids):
                client = _client(record, account)
                if record is not None and client is not None and record.state in ALIVE:
                    yield record.id, client
            if len(ids) < SEARCH_PAGE:
                return
            before = ids[-1]

    # -- replace_sm --------------------------------------------------------------------------------------------------
    async def _replace(self, account: SmppAccount, replace: Replace) -> int:
        """Another text for a message that no carrier has yet. Its time stays: a schedule of its own is refused."""
        own = await self._own(replace.message_id, account)
        tenant = self._door.terms.tenants.get(account.tenant)
        if own is None or tenant is None:
            return c.RINVMSGID
        if replace.schedule:
            return c.RINVSCHED
        message_id, body, client = own
        if replace.source and replace.source != client.source:
            return c.RREPLACEFAIL
        message = Message(
            client.source,
            client.destination,
            replace.short_message,
            data_coding=_CODINGS.get(body.encoding, 0),
            registered_delivery=replace.registered_delivery,
            tlvs=body.tlvs,
            source_ton=client.source_ton,
            source_npi=client.source_npi,
            destination_ton=client.destination_ton,
            destination_npi=client.destination_npi,
            service_type=client.service_type,
            validity=replace.validity,
            default_id=replace.default_id,
        )
        submission = read(message, account)
        if isinstance(submission, Fault):
            return submission.status
        now_ms = self._door.now_ms()
        fresh = settle_parts(
            [submission], account, tenant, self._door.terms, now_ms, message_id=client.message_id, first_ms=now_ms
        )
        if isinstance(fresh, Fault):
            return fresh.status
        kept = msgspec.structs.replace(
            fresh,
            created_ms=body.created_ms,
            send_at_ms=body.send_at_ms,
            expires_ms=fresh.expires_ms if replace.validity else body.expires_ms,
            klass=body.klass,
            batch_id=body.batch_id,
            # whether anybody is to be told was settled with the record; which receipts are sent is not
            client=msgspec.structs.replace(client, asked=(replace.registered_delivery,)),
        )
        event = pack_event(now_ms, EventKind.QUEUED, "replaced by the sender")
        state = await self._door.journal.replace(message_id, account.tenant, pack_body(kept), kept.segments, event)
        return c.ROK if state in ALIVE else c.RREPLACEFAIL

    async def _own(self, text: str, account: SmppAccount) -> tuple[MessageId, Body, Client] | None:
        """A message by the id it was answered with, if it is this account's."""
        known = read_id(text)
        if known is None:
            return None
        record = (await self._door.journal.read([known[0]]))[0]
        client = _client(record, account)
        return (known[0], unpack_body(record.body), client) if record is not None and client is not None else None


def _client(record: Record | None, account: SmppAccount) -> Client | None:
    """How a message came, if it came by this account."""
    if record is None or not record.body:
        return None
    try:
        client = unpack_body(record.body).client
    except UnreadableRecord:
        log.error("esme.%s id=%s", ErrorName.UNREADABLE_RECORD, record.id.hex())  # noqa: TRY400 (the trace would show the record)
        return None
    return client if client is not None and client.account == account.system_id else None


def _matches(cancel: Cancel, client: Client) -> bool:
    """Whether the addresses given are the message's; those left out fit any."""
    return cancel.source in {"", client.source} and cancel.destination in {"", client.destination}
