"""POST /v1/messages: one message in, 202 when it is durable."""

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple, NoReturn

from router.api.endpoint import Later
from router.api.http import JSON, MSGPACK, Call, Header, Reply, json_reply
from router.api.idempotency import OFFERS, REPLAYED, Idempotency, Keyed, submit
from router.api.problems import Refusal, code_of, summary
from router.ids import ENTROPY_OCTETS, MessageId, make_id
from router.intake import CLASS_OF, seal, settle
from router.journal.port import Accepted, Intake, JournalError, JournalFull
from router.limits import Admitted, Refused
from router.message import FieldFault, Malformed, MessageIn, decode_message
from router.model import MessageClass
from router.present import answer, rfc3339
from router.record import Body

log = logging.getLogger(__name__)

SINGLE_BODY_LIMIT: Final = 262_144  # octets: every field at its limit, in four-octet characters, is less than half of it
RETRY_JOURNAL_S: Final = 1  # a server that restarts is back within seconds
RETRY_FULL_S: Final = 15  # memory and disk are freed by draining, which takes its time
RETRY_SHED_S: Final = 30  # what is shed first comes back last


class Sender:
    """Single messages."""

    def __init__(self, idempotency: Idempotency) -> None:
        self._idempotency = idempotency

    async def post(self, call: Call) -> Reply:
        """Handle POST /v1/messages."""
        front = call.front
        message, octets = await read_message(call)
        keyed = self._idempotency.key_of(call)
        if keyed is None:
            offered = _offer(call, message)
            try:
                await submit(front, (offered.item,))
            except JournalError as error:
                refuse_journal(call, error, 1, offered.item.klass)
            return _taken(call, offered)
        settled = settle(message, call.tenant, front.terms, call.now_ms, keyed=True)
        if isinstance(settled, list):
            if (before := await self._before(call, keyed, octets)) is not None:
                return before
            refuse_faults(call, settled)
        body = settled
        klass = CLASS_OF[body.klass]
        refuse_if_shed(call, klass)
        admit(call, 1, body.cost_micros)
        with self._idempotency.under_way(keyed.digest):

            def again(created_ms: int) -> list[Body]:
                resettled = settle(message, call.tenant, front.terms, created_ms, keyed=True)
                return [body if isinstance(resettled, list) else resettled]

            try:
                done = await self._idempotency.submit(call, keyed, octets, [0], [body], again)
            except JournalError as error:
                refuse_journal(call, error, 1, klass)
        message_id, body, (accepted,) = done.ids[0], done.bodies[0], done.outcome
        if not (isinstance(accepted, Accepted) and accepted.fresh):
            return _accepted(message_id, body, [REPLAYED])
        front.count_accepted(call.tenant.id, klass, 1, body.segments)
        return _accepted(message_id, body, [])

    # -- requests that are whole when they come -------------------------------------------------------------------
    @staticmethod
    def fits(headers: Mapping[bytes, bytes], size: int) -> bool:
        """Any that nothing has to be asked for; under an idempotency key the journal may have to tell what it has."""
        return size <= SINGLE_BODY_LIMIT and b"idempotency-key" not in headers

    @staticmethod
    def take(call: Call, octets: bytes, later: Later) -> Reply | None:
        """Handle POST /v1/messages as ``post`` does."""
        offered = _offer(call, _message(call, _media(call), octets))
        _submit(call, offered, later)
        return None

    async def _before(self, call: Call, keyed: Keyed, octets: bytes) -> Reply | None:
        """The first answer to a request that was accepted when nothing stood against it; None: it was not."""
        try:
            standing = await self._idempotency.standing(call, keyed, octets, [0])
        except JournalError as error:
            refuse_journal(call, error, 1)
        return _accepted(*standing[0], [REPLAYED]) if standing else None


class _Offered(NamedTuple):
    """A message that nothing stands against, and its limits paid."""

    item: Intake
    body: Body


def _offer(call: Call, message: MessageIn) -> _Offered:
    """All that is decided of a message without a key before it is made durable."""
    front = call.front
    body = settle(message, call.tenant, front.terms, call.now_ms)
    if isinstance(body, list):
        refuse_faults(call, body)
    refuse_if_shed(call, CLASS_OF[body.klass])
    admit(call, 1, body.cost_micros)
    message_id = make_id(call.now_ms, front.partition(), front.entropy(ENTROPY_OCTETS))
    return _Offered(seal(message_id, body, call.tenant), body)


def _submit(call: Call, offered: _Offered, later: Later, times: int = 1) -> None:
    """``idempotency.submit`` for one message, told instead of awaited."""
    call.front.offer((offered.item,), partial(later, _told, call, offered, later, times))


def _told(call: Call, offered: _Offered, later: Later, times: int, outcome: Sequence[Accepted] | Exception) -> Reply | None:
    klass = offered.item.klass
    if isinstance(outcome, JournalFull) and klass not in outcome.classes and times < OFFERS:
        _submit(call, offered, later, times + 1)
        return None
    if isinstance(outcome, JournalError):
        refuse_journal(call, outcome, 1, klass)
    if isinstance(outcome, Exception):
        raise outcome
    return _taken(call, offered)


def _taken(call: Call, offered: _Offered) -> Reply:
    item, body = offered
    call.front.count_accepted(call.tenant.id, item.klass, 1, body.segments)
    return _accepted(item.id, body, [])


def _accepted(message_id: MessageId, body: Body, headers: list[Header]) -> Reply:
    told = answer(message_id, body, rfc3339(body.created_ms))
    headers.append((b"location", b"/v1/messages/" + told.id.encode()))
    return json_reply(202, told, headers)


async def read_message(call: Call) -> tuple[MessageIn, bytes]:
    """One message and its octets from a JSON or msgpack body."""
    media = _media(call)
    octets = await call.body(SINGLE_BODY_LIMIT)
    return _message(call, media, octets), octets


def _media(call: Call) -> bytes:
    media = call.media()
    if media not in {JSON, MSGPACK}:
        raise Refusal("unsupported_media_type", "Send application/json or application/msgpack.")
    return media


def _message(call: Call, media: bytes, octets: bytes) -> MessageIn:
    message = decode_message(octets, packed=media == MSGPACK)
    if isinstance(message, MessageIn):
        return message
    if not isinstance(message, Malformed):
        refuse_faults(call, message)
    call.front.count_refused(call.tenant.id, "malformed_body", 1)
    raise Refusal("malformed_body", message.detail)


def refuse_faults(call: Call, faults: list[FieldFault]) -> NoReturn:
    """422 with every fault."""
    code = code_of(faults)
    call.front.count_refused(call.tenant.id, code, 1)
    raise Refusal(code, summary(faults), faults=faults)


def refuse_if_shed(call: Call, klass: MessageClass) -> None:
    """503 while the system has no room for this class (429 for marketing, which is the first to wait its turn)."""
    reason = call.front.sheds(klass)
    if reason:
        call.front.count_refused(call.tenant.id, "shed", 1)
        raise Refusal("shed", reason, status=shed_status(klass), retry_after_s=RETRY_SHED_S)


def shed_status(klass: MessageClass) -> int:
    """Marketing may come later (429); for any other class the system is not up to its task (503)."""
    return 429 if klass is MessageClass.MARKETING else 503


def admit(call: Call, messages: int, spend_micros: int) -> None:
    """429 beyond the tenant's limits; the figures are kept for the answer's headers."""
    call.limits = limits = call.front.admit(call.tenant.id, messages, spend_micros)
    if isinstance(limits, Admitted):
        return
    code = limit_code(limits)
    call.front.count_refused(call.tenant.id, code, messages)
    raise Refusal(code, limit_detail(limits), retry_after_s=limits.retry_after_s)


def limit_code(refused: Refused) -> str:
    """The problem's code for a limiter's rule."""
    return "spend_limited" if refused.rule == "spend" else "rate_limited"


def limit_detail(refused: Refused) -> str:
    """What the limit is, in a sentence."""
    if refused.rule == "spend":
        return "The day's spend limit leaves no room for this."
    return f"The limit is {refused.limit} messages a second; {refused.remaining} could go now."


def journal_code(error: JournalError) -> str:
    """The problem's code for a journal that failed us."""
    return "journal_full" if isinstance(error, JournalFull) else "journal_unavailable"


def journal_detail(error: JournalError) -> str:
    """What a client should know and do."""
    if isinstance(error, JournalFull):
        return "There is no room for new messages; those accepted before are being sent."
    return "It is not known to be durable. Try again; with an Idempotency-Key that cannot make a second copy."


def journal_status(error: JournalError, klass: MessageClass | None = None) -> int:
    """503; 429 for marketing that finds no room, as when it is shed."""
    return shed_status(klass) if isinstance(error, JournalFull) and klass is not None else 503


def refuse_journal(call: Call, error: JournalError, messages: int, klass: MessageClass | None = None) -> NoReturn:
    """503 (or 429) with Retry-After."""
    code = journal_code(error)
    log.warning("api.accept_failed code=%s tenant=%s messages=%d", code, call.tenant.id, messages)
    call.front.count_refused(call.tenant.id, code, messages)
    retry_s = RETRY_FULL_S if code == "journal_full" else RETRY_JOURNAL_S
    raise Refusal(code, journal_detail(error), status=journal_status(error, klass), retry_after_s=retry_s)
