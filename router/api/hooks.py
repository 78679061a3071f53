"""Webhook events that could not be delivered: look at them, and send them on their way again."""

from typing import Annotated, Final

import msgspec

from router.api.http import JSON, Call, Reply, json_reply
from router.api.problems import Refusal
from router.api.query import PAGE_DEFAULT, page_size, parameters
from router.api.read import unavailable
from router.ids import to_text
from router.journal.port import JournalError, Notice
from router.message import DECODE_ERRORS, reason_of
from router.model import STATUS_OF
from router.record import UnreadableRecord, unpack_body

DEAD_SCAN_LIMIT: Final = 5_000  # dead letters looked at: those of other tenants are passed over
REPLAY_LIMIT: Final = 1_000
_BODY_LIMIT: Final = 131_072  # octets: a thousand event ids are half of it


class DeadNotice(msgspec.Struct, frozen=True, kw_only=True):
    """An event that was given up."""

    event_id: str
    type: str
    tenant: str
    message_id: str
    tries: int
    webhook_url: str  # "" when it went to the tenant's own


class DeadNotices(msgspec.Struct, frozen=True):
    """Dead letters, oldest first."""

    data: list[DeadNotice]


class ReplayIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which to send again: those named, or all (of the tenant; of all tenants with the scope admin) up to a thousand."""

    event_ids: Annotated[list[Annotated[str, msgspec.Meta(max_length=64)]], msgspec.Meta(max_length=REPLAY_LIMIT)] | None = None


class Replayed(msgspec.Struct, frozen=True):
    """How many are on their way again."""

    replayed: int


_decoder: Final = msgspec.json.Decoder(ReplayIn)


async def _dead(call: Call) -> list[tuple[Notice, DeadNotice]]:
    """The dead letters this key may see: the tenant's own, with the scope admin everybody's."""
    everybody = "admin" in call.key.scopes
    try:
        notices = await call.front.journal.dead_notices(DEAD_SCAN_LIMIT)
    except JournalError as error:
        unavailable(error)
    shown = []
    for notice in notices:
        try:
            body = unpack_body(notice.body)
        except UnreadableRecord:
            continue
        if everybody or body.tenant == call.tenant.id:
            shown.append(
                (
                    notice,
                    DeadNotice(
                        event_id=notice.event_id,
                        type=f"message.{STATUS_OF[notice.state]}",
                        tenant=body.tenant,
                        message_id=to_text(notice.id),
                        tries=notice.tries,
                        webhook_url=body.webhook_url,
                    ),
                )
            )
    return shown


async def dead(call: Call) -> Reply:
    """Handle GET /v1/webhooks/dead?limit=."""
    asked = parameters(call.scope["query_string"], {"limit": page_size})
    shown = [view for _, view in await _dead(call)]
    return json_reply(200, DeadNotices(shown[: asked.get("limit", PAGE_DEFAULT)]))


async def replay(call: Call) -> Reply:
    """Handle POST /v1/webhooks/dead/replay. Another tenant's event is not found, and then nothing is replayed."""
    octets = await call.body(_BODY_LIMIT)
    if octets and call.media() != JSON:
        raise Refusal("unsupported_media_type", "Send application/json.")
    try:
        asked = _decoder.decode(octets or b"{}")
    except DECODE_ERRORS as error:
        raise Refusal("malformed_body", reason_of(error)) from None
    letters = {notice.event_id: notice for notice, _ in await _dead(call)}
    if asked.event_ids is None:
        chosen = list(letters.values())[:REPLAY_LIMIT]
    else:
        wanted = dict.fromkeys(asked.event_ids)
        if not letters.keys() >= wanted.keys():
            raise Refusal("not_found", "One of these events is not among the dead letters.")
        chosen = [letters[event_id] for event_id in wanted]
    try:
        await call.front.journal.replay_notices(chosen)
    except JournalError as error:
        unavailable(error)
    return json_reply(202, Replayed(len(chosen)))
