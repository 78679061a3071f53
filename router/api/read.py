"""What became of messages: one, a page of them, a history; and taking one back."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, NoReturn

import msgpack
import msgspec

from router.api.http import Call, Reply, json_reply
from router.api.problems import Refusal
from router.api.query import PAGE_LIMIT, Search, search
from router.history import EventView, decision_ids, decision_name, history
from router.ids import InvalidId, MessageId, from_text, to_text
from router.journal.port import JournalError, Record
from router.model import STATUS_OF, State
from router.present import MessageView, body_of, direction_of, view
from router.record import ERASED, Body, EventKind, pack_event

SCAN_LIMIT: Final = 2_500  # messages looked at for one page; a rare match may need several pages, each with its cursor
DECISIONS_LIMIT: Final = 64  # decision tables fetched at once, and for one history; no class attempts a message so often
RETRY_JOURNAL_S: Final = 1


class PageMeta(msgspec.Struct, frozen=True):
    """Where the next page begins. A page may be short, even empty, and have more after it: the scan has a limit."""

    next_cursor: str | None
    has_more: bool


class MessagePage(msgspec.Struct, frozen=True):
    """Messages, newest first."""

    data: list[MessageView]
    meta: PageMeta


class EventPage(msgspec.Struct, frozen=True):
    """A message's history, oldest first."""

    data: list[EventView]
    meta: PageMeta


def unavailable(error: JournalError) -> NoReturn:
    """503: the journal did not answer a question."""
    raise Refusal("journal_unavailable", "Nothing was changed by asking.", retry_after_s=RETRY_JOURNAL_S) from error


def wanted_id(call: Call) -> MessageId:
    """The id in the path; what cannot be an id is not found."""
    try:
        return from_text(call.parameter("id"))
    except InvalidId:
        raise Refusal("not_found", "There is no such message.") from None


async def own_message(call: Call, message_id: MessageId) -> tuple[Record, Body]:
    """The tenant's message; 410 for one whose text and numbers were erased, 404 for another tenant's, exactly as for one that does not exist or whose retention is over."""
    try:
        (record,) = await call.front.journal.read([message_id])
    except JournalError as error:
        unavailable(error)
    if record is not None and record.body == ERASED and record.tenant == call.tenant.id:
        raise Refusal(
            "erased", f"The message was {STATUS_OF[record.state]}; its text and numbers can be read by nobody any more."
        )
    body = body_of(record)
    if record is None or body is None or body.tenant != call.tenant.id:
        raise Refusal("not_found", "There is no such message.")
    return record, body


async def get_message(call: Call) -> Reply:
    """Handle GET /v1/messages/{id}."""
    record, body = await own_message(call, wanted_id(call))
    return json_reply(200, view(record, body))


async def get_events(call: Call) -> Reply:
    """Handle GET /v1/messages/{id}/events."""
    record, _ = await own_message(call, wanted_id(call))
    tables = await decision_tables(call, sorted(decision_ids(record))[:DECISIONS_LIMIT])
    return json_reply(200, EventPage(history(record, tables), PageMeta(None, has_more=False)))


async def decision_tables(call: Call, wanted: Sequence[bytes]) -> dict[bytes, list[Any]]:
    """The decision tables of these ids that are still kept."""
    tables: dict[bytes, list[Any]] = {}
    try:
        for start in range(0, len(wanted), DECISIONS_LIMIT):
            some = wanted[start : start + DECISIONS_LIMIT]
            packed = await asyncio.gather(*(call.front.journal.get_value(decision_name(one)) for one in some))
            tables |= {one: _table(octets) for one, octets in zip(some, packed, strict=True) if octets is not None}
    except JournalError as error:
        unavailable(error)
    return tables


def _table(packed: bytes) -> list[Any]:
    """A decision table; one that this release cannot read explains nothing."""
    try:
        table = msgpack.unpackb(packed)
    except (ValueError, msgpack.UnpackException):
        return []
    return table if isinstance(table, list) else []


async def cancel(call: Call) -> Reply:
    """Handle POST /v1/messages/{id}/cancel: 200 when it is cancelled now or was before, 409 when it is too late."""
    message_id = wanted_id(call)
    event = pack_event(call.now_ms, EventKind.FINAL, int(State.CANCELED), "", False, "")
    try:
        state = await call.front.journal.cancel(message_id, call.tenant.id, event)
    except JournalError as error:
        unavailable(error)
    if state is None:
        raise Refusal("not_found", "There is no such message.")
    if state is not State.CANCELED:
        raise Refusal("not_cancelable", f"The message is {STATUS_OF[state]}.")
    call.front.count_canceled()
    record, body = await own_message(call, message_id)
    return json_reply(200, view(record, body))


async def list_messages(call: Call) -> Reply:
    """Handle GET /v1/messages."""
    asked = search(call.scope["query_string"])
    span = Span(asked.limit, asked.before, asked.created_after_ms)
    found, meta = await scan(call, span, lambda record, body: _fits(record, body, asked))
    return json_reply(200, MessagePage([view(record, body) for record, body in found], meta))


class Span(NamedTuple):
    """A stretch of a tenant's messages, newest first."""

    limit: int
    before: MessageId | None
    created_after_ms: int


async def scan(call: Call, span: Span, fits: Callable[[Record, Body], bool]) -> tuple[list[tuple[Record, Body]], PageMeta]:
    """One page of the tenant's messages that can still be read and fit."""
    found: list[tuple[Record, Body]] = []
    before, scanned, more = span.before, 0, True
    try:
        while more and len(found) < span.limit and scanned < SCAN_LIMIT:
            ids = await call.front.journal.list_ids(
                call.tenant.id, before=before, created_after_ms=span.created_after_ms, limit=PAGE_LIMIT + 1
            )
            more = len(ids) > PAGE_LIMIT
            ids = ids[:PAGE_LIMIT]
            for message_id, record in zip(ids, await call.front.journal.read(ids), strict=True):
                if len(found) == span.limit:
                    more = True
                    break
                before = message_id
                scanned += 1
                body = body_of(record)
                if record is not None and body is not None and body.tenant == call.tenant.id and fits(record, body):
                    found.append((record, body))
    except JournalError as error:
        unavailable(error)
    cursor = to_text(before) if more and before is not None else None
    return found, PageMeta(cursor, has_more=cursor is not None)


def _fits(record: Record, body: Body, asked: Search) -> bool:
    return (
        (not asked.states or record.state in asked.states)
        and (not asked.to or body.to == asked.to)
        and (not asked.client_ref or body.client_ref == asked.client_ref)
        and (not asked.batch_id or body.batch_id == asked.batch_id)
        and (not asked.direction or direction_of(body) == asked.direction)
    )
