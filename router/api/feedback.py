"""POST /v1/messages/{id}/feedback and POST /v1/feedback: whether the codes that were sent were used."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final, NamedTuple, TypeVar

import msgspec

from router.api.http import JSON, NDJSON, Call, Reply, json_reply
from router.api.problems import Problem, Refusal
from router.api.read import RETRY_JOURNAL_S
from router.feedback import Attempt, Word, attempt_of, line, observation
from router.ids import InvalidId, MessageId, from_text
from router.intake import milliseconds
from router.journal.port import JournalError, Note, Record
from router.message import DECODE_ERRORS, FieldFault, reason_of
from router.present import body_of, rfc3339
from router.record import Body, EventKind, unpack_events

BATCH_LIMIT: Final = 1_000
AHEAD_MS: Final = 60_000  # a tenant's clock may be ahead by so much
_BODY_LIMIT: Final = 4_096  # octets
_BATCH_BODY_LIMIT: Final = 262_144  # octets: 256 an item, twice what one needs


class FeedbackIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether the code was used, and when; without a time: now."""

    outcome: Word
    at: datetime | None = None


class FeedbackItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of many. The time is asked for: what is told in batches is told late."""

    id: Annotated[str, msgspec.Meta(max_length=64)]
    outcome: Word
    at: datetime


class Feedback(msgspec.Struct, frozen=True, kw_only=True):
    """What stands: the first feedback of a message counts. ``fresh`` is false when it was told before."""

    id: str
    outcome: Word
    at: str
    fresh: bool


class FeedbackResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one item: what stands, or what is wrong with it."""

    index: int
    feedback: Feedback | None = None
    error: Problem | None = None


class FeedbackMeta(msgspec.Struct, frozen=True):
    """The whole batch."""

    accepted: int
    refused: int


class FeedbackAnswer(msgspec.Struct, frozen=True):
    """A result for each item, in the order sent."""

    data: list[FeedbackResult]
    meta: FeedbackMeta


class _Told(NamedTuple):
    """A feedback that makes sense, with what it speaks of."""

    text: str  # the id as it was written
    record: Record
    body: Body
    attempt: Attempt
    word: Word
    at_ms: int


_T = TypeVar("_T")
_one: Final = msgspec.json.Decoder(FeedbackIn)
_many: Final = msgspec.json.Decoder(list[msgspec.Raw])
_item: Final = msgspec.json.Decoder(FeedbackItem)


async def feedback(call: Call) -> Reply:
    """Handle POST /v1/messages/{id}/feedback."""
    octets = await call.body(_BODY_LIMIT)
    if call.media() != JSON:
        raise Refusal("unsupported_media_type", "Send application/json.")
    text = call.parameter("id")
    asked = _decoded(octets, _one)
    (found,) = await _told(call, [(text, asked.outcome, asked.at)])
    if isinstance(found, Refusal):
        raise found
    (done,) = await _keep(call, [found])
    if isinstance(done, Refusal):
        raise done
    return json_reply(202, done)


async def feedbacks(call: Call) -> Reply:
    """Handle POST /v1/feedback: 202 when at least one item was taken, else 422 with the same body."""
    media = call.media()
    if media not in {JSON, NDJSON}:
        raise Refusal("unsupported_media_type", "Send application/json or application/x-ndjson.")
    octets = await call.body(_BATCH_BODY_LIMIT)
    results: list[Feedback | Refusal | None] = []
    asked: list[tuple[str, Word, datetime | None]] = []
    for raw in _lines(octets, media):
        try:
            item = _decoded(raw, _item)
        except Refusal as refusal:
            results.append(refusal)
        else:
            asked.append((item.id, item.outcome, item.at))
            results.append(None)
    found = await _told(call, asked)
    kept = iter(await _keep(call, [one for one in found if not isinstance(one, Refusal)]))
    each = iter([one if isinstance(one, Refusal) else next(kept) for one in found])
    data = []
    for index, result in enumerate(results):
        one = next(each) if result is None else result
        data.append(
            FeedbackResult(index=index, error=one.problem())
            if isinstance(one, Refusal)
            else FeedbackResult(index=index, feedback=one)
        )
    accepted = sum(result.feedback is not None for result in data)
    return json_reply(202 if accepted else 422, FeedbackAnswer(data, FeedbackMeta(accepted, len(data) - accepted)))


def _lines(octets: bytes, media: bytes) -> Sequence[bytes | msgspec.Raw]:
    """The items of a batch, undecoded."""
    try:
        found = [one for one in octets.split(b"\n") if one.strip()] if media == NDJSON else _many.decode(octets)
    except DECODE_ERRORS as error:
        raise Refusal("malformed_body", reason_of(error)) from None
    if not found:
        raise Refusal("malformed_body", "A batch has at least one item.")
    if len(found) > BATCH_LIMIT:
        raise Refusal("too_large", f"A batch has at most {BATCH_LIMIT} items.")
    return found


def _decoded(octets: bytes | msgspec.Raw, decoder: msgspec.json.Decoder[_T]) -> _T:
    """One item; refused as malformed where it is no JSON, as invalid where it is no feedback."""
    try:
        return decoder.decode(octets)
    except msgspec.ValidationError as error:
        raise _invalid("", reason_of(error)) from None
    except DECODE_ERRORS as error:
        raise Refusal("malformed_body", reason_of(error)) from None


def _invalid(pointer: str, detail: str) -> Refusal:
    return Refusal("invalid_feedback", detail, faults=[FieldFault(pointer, detail, "invalid_feedback")])


async def _told(call: Call, asked: Sequence[tuple[str, Word, datetime | None]]) -> list[_Told | Refusal]:
    """Find the messages spoken of, in one reading; another tenant's is not found."""
    ids: list[MessageId | None] = []
    for text, _, _ in asked:
        try:
            ids.append(from_text(text))
        except InvalidId:
            ids.append(None)
    try:
        records = iter(await call.front.journal.read([one for one in ids if one is not None]))
    except JournalError as error:
        raise _unavailable() from error
    return [
        _sense(call, item, None if message_id is None else next(records)) for item, message_id in zip(asked, ids, strict=True)
    ]


def _sense(call: Call, item: tuple[str, Word, datetime | None], record: Record | None) -> _Told | Refusal:
    """Whether a feedback makes sense of its message."""
    text, word, at = item
    body = body_of(record)
    if record is None or body is None or body.tenant != call.tenant.id:
        return Refusal("not_found", "There is no such message.")
    attempt = attempt_of(record)
    if attempt is None:
        return Refusal("not_sent", "No carrier has taken this message.")
    if at is not None and at.tzinfo is None:
        return _invalid("/at", "Expected an RFC 3339 time with an offset.")
    at_ms = call.now_ms if at is None else milliseconds(at)
    if at_ms > call.now_ms + AHEAD_MS:
        return _invalid("/at", "This time is yet to come.")
    if at_ms < attempt.written_ms - AHEAD_MS:
        return _invalid("/at", "The message was sent after this time.")
    return _Told(text, record, body, attempt, word, min(max(at_ms, attempt.written_ms), max(call.now_ms, attempt.written_ms)))


async def _keep(call: Call, told: Sequence[_Told]) -> list[Feedback | Refusal]:
    """Write it into the histories, and tell the brain what is new. One feedback a message counts, the first."""
    notes = [Note(one.record.id, call.tenant.id, int(EventKind.FEEDBACK), line(one.word, one.at_ms)) for one in told]
    try:
        lines = await call.front.journal.note(notes)
    except JournalError as error:
        raise _unavailable() from error
    results: list[Feedback | Refusal] = []
    seen = []
    known: set[MessageId] = set()
    for one, note, stands in zip(told, notes, lines, strict=True):
        if stands is None:
            results.append(Refusal("not_found", "There is no such message."))
            continue
        # The journal gives back the line that stands; one that was in the record before was told before.
        fresh = stands == note.event and note.event not in one.record.events and note.id not in known
        known.add(note.id)
        (at_ms, _, used), *_ = unpack_events(stands)
        word: Word = "converted" if used else "not_converted"
        if word != one.word:
            results.append(Refusal("feedback_given", f"It was told before that this message was {word}."))
            continue
        results.append(Feedback(id=one.text.upper(), outcome=word, at=rfc3339(at_ms), fresh=fresh))
        if fresh:
            seen.append(observation(one.record, one.body, one.attempt, word, one.at_ms))
    if seen:
        call.front.observe(seen)
    return results


def _unavailable() -> Refusal:
    return Refusal("journal_unavailable", "Tell it again: that does no harm.", retry_after_s=RETRY_JOURNAL_S)
