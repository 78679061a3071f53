"""Messages as users see them: the answer to a request, and the state of a message."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, Literal

from msgspec import Struct, field

from router.discreet import discreet
from router.ids import to_text
from router.intake import first_status
from router.journal.port import Record
from router.model import STATUS_OF, ErrorName
from router.numbers import MIN_DIGITS, SHORT_CODE_DIGITS, country_of
from router.record import Body, EventKind, UnreadableRecord, unpack_body, unpack_events
from router.setting import ClassWord

Direction = Literal["outbound", "inbound"]

# The catalogue's numbers, for those who switch on numbers: 1xx ours, 2xx the carrier's, 3xx the recipient's, 4xx unknown.
ERROR_CODES: Final[Mapping[str, int]] = MappingProxyType(
    {
        ErrorName.NO_ROUTE: 101,
        ErrorName.VALIDITY_ENDED: 102,
        ErrorName.ATTEMPTS_EXHAUSTED: 103,
        ErrorName.UNREADABLE_RECORD: 104,
        ErrorName.INCOMPLETE: 105,
        ErrorName.DENIED: 106,
        ErrorName.ERASED: 107,
        ErrorName.REFUSED_BY_CARRIER: 201,
        ErrorName.INVALID_SENDER: 202,
        ErrorName.INVALID_MESSAGE: 203,
        ErrorName.INVALID_DESTINATION: 301,
        ErrorName.NOT_DELIVERED: 302,
        ErrorName.NO_ANSWER: 401,
        ErrorName.NO_RECEIPT: 402,
    }
)


class Cost(Struct, frozen=True):
    """Money. The estimate of intake: the cheapest carrier's price; the one that carries the message may cost more."""

    amount: str  # decimal, six places
    currency: str


class DeliveryError(Struct, frozen=True):
    """Why a message ended otherwise than delivered."""

    code: int
    name: str
    permanent: bool
    carrier_code: str


class MessageAnswer(Struct, frozen=True, kw_only=True):
    """The answer to an accepted message."""

    id: str
    status: str
    segments: int
    encoding: str
    cost: Cost
    created_at: str


@discreet("to", "sender", "text", "client_ref", "metadata", "webhook_url", "tlvs", "udh")
class MessageView(Struct, frozen=True, kw_only=True):
    """A message as it stands now. An inbound one is from a handset, and complete when it comes."""

    id: str
    direction: Direction
    status: str
    to: str
    sender: str = field(name="from")
    text: str
    klass: ClassWord = field(name="class")
    segments: int
    encoding: str
    country: str
    network: str
    cost: Cost
    created_at: str
    expires_at: str
    send_at: str | None = None
    batch_id: str | None = None
    client_ref: str = ""
    profile: str = ""
    policy: str = ""
    tags: tuple[str, ...] = ()
    metadata: dict[str, str] = {}
    webhook_url: str = ""
    flash: bool = False
    tlvs: dict[str, str] = {}  # "0x1400" → octets in hexadecimal
    udh: str = ""  # information elements of its header but those of concatenation, in hexadecimal
    attempts: int = 0
    carrier: str | None = None
    sent_at: str | None = None
    completed_at: str | None = None
    error: DeliveryError | None = None


@lru_cache(1_024)
def _second(at_s: int) -> str:
    """A second of the calendar, without its end; raises what ``datetime`` does for one that no calendar holds."""
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds").removesuffix("+00:00")


def rfc3339(at_ms: int) -> str:
    """Milliseconds since 1970 as users read times. A time no calendar holds reads as 1970.

    Times come in crowds, so seconds are kept: measured 0.3 µs against 2.0, and a webhook tells five of them.
    """
    try:
        at_s, ms = divmod(at_ms, 1_000)
        return f"{_second(at_s)}.{int(ms):03d}Z"
    except (ValueError, OverflowError, OSError, TypeError):
        return "1970-01-01T00:00:00.000Z"


@lru_cache(4_096)
def cost_of(micros: int, currency: str) -> Cost:
    """Integer micros as a decimal."""
    return Cost(f"{micros // 1_000_000}.{micros % 1_000_000:06d}", currency)


def answer(message_id: bytes, body: Body, created_at: str) -> MessageAnswer:
    """The answer to a message just accepted."""
    return MessageAnswer(
        id=to_text(message_id),
        status=first_status(body),
        segments=body.segments,
        encoding=body.encoding,
        cost=cost_of(body.cost_micros, body.currency),
        created_at=created_at,
    )


def body_of(record: Record | None) -> Body | None:
    """The body of a record; None when there is none any more, or none that can be read."""
    if record is None or not record.body:
        return None
    try:
        return unpack_body(record.body)
    except UnreadableRecord:
        return None


def direction_of(body: Body) -> Direction:
    """Which way a message goes."""
    return "outbound" if body.inbound is None else "inbound"


def _address(text: str, least: int) -> str:
    """An address of a message from a handset: with a plus when it is a number that may be dialled from anywhere.

    ``least``: digits that a number has; with fewer it is a short code.
    """
    dialled = text.isascii() and text.isdigit() and len(text) >= least and country_of(text) is not None
    return f"+{text}" if dialled else text


def lines_of(record: Record) -> list[list[Any]]:
    """The history's lines, oldest first; as far as they can be read."""
    try:
        return known_lines(unpack_events(record.events))
    except UnreadableRecord:
        return []


def known_lines(lines: list[Any]) -> list[list[Any]]:
    """Those that have a line's shape."""
    return [line for line in lines if isinstance(line, list) and len(line) >= 2 and isinstance(line[1], int)]


# Plain integers: members of enums take four times as long to find and to compare, and every webhook reads a history.
_FINAL, _RECEIVED, _RECEIPT, _ASSIGNED = map(int, (EventKind.FINAL, EventKind.RECEIVED, EventKind.RECEIPT, EventKind.ASSIGNED))
_TAKEN: Final = frozenset((int(EventKind.SUBMITTED), int(EventKind.SUBMITTED_LATE)))
_BACK: Final = frozenset((int(EventKind.RETURNED), int(EventKind.REFUSED)))


def view(record: Record, body: Body) -> MessageView:
    """A message as it stands."""
    return view_of(record, body, lines_of(record))


def view_of(record: Record, body: Body, lines: list[list[Any]]) -> MessageView:
    """The same where the history's lines are at hand."""
    carrier = body.inbound.carrier if body.inbound is not None else None
    copy = ""  # who has a second copy: the first carrier is shown until that one delivers
    sent_at: str | None = None
    completed_at: str | None = None
    error, receipt = _fault(body), ""
    for line in lines:
        at, number, details = line[0], line[1], line[2:]
        if number == _FINAL:
            completed_at, error = rfc3339(at), delivery_error(details)
            carrier = copy if copy and copy == receipt else carrier
        elif number == _RECEIVED:
            completed_at = rfc3339(at)
        elif not details or not isinstance(details[0], str):
            continue
        elif number == _RECEIPT:
            receipt = details[0]
        elif number == _ASSIGNED and details[5:] == [True]:
            copy = details[0]
        elif details[0] == copy:
            continue
        elif number == _ASSIGNED:
            carrier, sent_at = details[0], None
        elif number in _TAKEN:
            carrier, sent_at = details[0], rfc3339(at)
        elif number in _BACK:
            carrier = carrier if sent_at else None
    return MessageView(
        id=to_text(record.id),
        direction=direction_of(body),
        status=STATUS_OF[record.state],
        to=f"+{body.to}" if body.inbound is None else _address(body.to, SHORT_CODE_DIGITS.stop),
        sender=body.sender if body.inbound is None else _address(body.sender, MIN_DIGITS),
        text=body.text,
        klass=CLASS_WORDS[body.klass],
        segments=body.segments,
        encoding=body.encoding,
        country=body.country,
        network=body.network,
        cost=cost_of(body.cost_micros, body.currency),
        created_at=rfc3339(body.created_ms),
        expires_at=rfc3339(body.expires_ms),
        send_at=rfc3339(body.send_at_ms) if body.send_at_ms else None,
        batch_id=body.batch_id or None,
        client_ref=body.client_ref,
        profile=body.profile,
        policy=body.policy,
        tags=body.tags,
        metadata=body.metadata,
        webhook_url=body.webhook_url,
        flash=body.flash,
        tlvs={f"0x{tag:04X}": octets.hex() for tag, octets in body.tlvs.items()},
        udh=body.udh.hex(),
        attempts=record.attempts,
        carrier=carrier,
        sent_at=sent_at,
        completed_at=completed_at,
        error=error,
    )


CLASS_WORDS: Final[tuple[ClassWord, ...]] = ("otp", "transactional", "marketing")  # by MessageClass number


def _fault(body: Body) -> DeliveryError | None:
    """What is wrong with a message from a handset; an outbound one tells it when it ends."""
    if body.inbound is None or not body.fault:
        return None
    return DeliveryError(code=ERROR_CODES.get(body.fault, 0), name=body.fault, permanent=True, carrier_code="")


def delivery_error(rest: Sequence[Any]) -> DeliveryError | None:
    """The error of a FINAL line's tail ``[state, error name, permanent, carrier code]``; None when it has none."""
    name = rest[1] if len(rest) > 1 else None
    if not name or not isinstance(name, str):
        return None
    return DeliveryError(
        code=ERROR_CODES.get(name, 0),
        name=name,
        permanent=bool(rest[2]) if len(rest) > 2 else True,
        carrier_code=str(rest[3]) if len(rest) > 3 and rest[3] is not None else "",
    )
