"""GET /v1/records: what was decided for each message and what came of it, for analysis; without texts, senders and numbers."""

from typing import Final, get_args

import msgspec

from router.api.http import Call, Reply, json_reply
from router.api.query import PAGE_DEFAULT, cursor, moment_ms, page_size, parameters
from router.api.read import PageMeta, Span, decision_tables, scan
from router.first_attempts import FirstAttempt, first_attempt
from router.history import decision_ids
from router.ids import MessageId, make_id
from router.model import CLASS_BY_WORD
from router.setting import ClassWord


class RecordPage(msgspec.Struct, frozen=True):
    """First attempts, newest message first. A page may be short, even empty, and have more after it: the scan has a limit."""

    data: list[FirstAttempt]
    meta: PageMeta


def class_word(text: str) -> int:
    """A class by its name."""
    if text not in CLASS_BY_WORD:
        raise ValueError(f"Expected one of {', '.join(get_args(ClassWord))}.")
    return int(CLASS_BY_WORD[text])


_PARAMETERS: Final = {
    "class": class_word,
    "created_after": moment_ms,
    "created_before": moment_ms,
    "limit": page_size,
    "after": cursor,
}


async def records(call: Call) -> Reply:
    """Handle GET /v1/records?class=&created_after=&created_before=&limit=&after=."""
    asked = parameters(call.scope["query_string"], _PARAMETERS)
    before: MessageId | None = asked.get("after")
    if "created_before" in asked:
        newest = make_id(asked["created_before"], 0, bytes(10))
        before = newest if before is None else min(before, newest)
    klass = asked.get("class")
    span = Span(asked.get("limit", PAGE_DEFAULT), before, asked.get("created_after", 0))
    found, meta = await scan(call, span, lambda _, body: body.inbound is None and klass in {None, body.klass})
    wanted = sorted({one for record, _ in found for one in decision_ids(record)})
    tables = await decision_tables(call, wanted)
    speeds = {profile.name: profile.speed_mps for profile in call.front.terms.settings.carriers}
    page = [first_attempt(record, body, tables, speeds, call.now_ms) for record, body in found]
    return json_reply(200, RecordPage(page, meta))
