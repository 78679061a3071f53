"""From what a customer wrote by SMPP to a message that can be sent, through the same intake as the REST API's."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final, NamedTuple

from msgspec.structs import replace

from carriers.customers.joining import Joined, join_parts
from carriers.customers.reading import RINVDCS, Fault, Submission
from carriers.customers.times import moment_ms
from carriers.smpp.commands import RINVDSTADR, RINVEXPIRY, RINVMSGLEN, RINVSCHED, RINVSRCADR, RSUBMITFAIL
from router.intake import Wire, known_sender, settle
from router.message import SEGMENTS_LIMIT, TEXT_LIMIT, VALIDITY_LIMIT_S, FieldFault, MessageIn
from router.model import CLASS_BY_WORD, ErrorName
from router.numbers import Number, Sender, parse_number
from router.record import Body, Client
from router.setting import ClassWord
from router.settings import SmppAccount, Tenant
from router.terms import Terms
from router.text.segments import Measure, capacity, measure

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NO_TIME: Final = frozenset({"", "000000000000000R"})
_VALIDITY_LIMIT_MS: Final = VALIDITY_LIMIT_S * 1_000

# What a fault of the API's fields is called by SMPP (3.4, 5.1.3).
_STATUSES: Final[Mapping[str, int]] = MappingProxyType(
    {"/to": RINVDSTADR, "/from": RINVSRCADR, "/text": RINVMSGLEN, "/send_at": RINVSCHED, "/validity_period": RINVEXPIRY}
)


class _Times(NamedTuple):
    """When it may be sent, absolute."""

    send_at_ms: int  # 0: now
    until_ms: int  # 0: as long as its class is worth it


def check(submission: Submission, account: SmppAccount, tenant: Tenant, terms: Terms, now_ms: int) -> Body | Fault:
    """What stands against a part before its siblings are known: everything but what hangs on the whole text.

    Where nothing does: a message as it would be with a text of one segment, for its class and what the part costs.
    """
    if submission.total > SEGMENTS_LIMIT:
        return Fault(RINVMSGLEN, f"{submission.total} parts, and {SEGMENTS_LIMIT} are allowed")
    if submission.total > 1 and len(submission.octets) > capacity("gsm7"):
        return Fault(RINVMSGLEN, "a part that is longer than a segment")
    times = _times(submission, now_ms, now_ms)
    if isinstance(times, Fault):
        return times
    settled = settle(_message(submission, "x", "auto", times, account), tenant, terms, now_ms, keyed=True)
    return settled if isinstance(settled, Body) else _fault_of(settled)


def settle_parts(
    parts: Sequence[Submission],
    account: SmppAccount,
    tenant: Tenant,
    terms: Terms,
    now_ms: int,
    *,
    message_id: str,
    first_ms: int,
) -> Body | Fault:
    """Settle a message: one submission that is whole, or all parts of it in order.

    ``message_id``: as answered, without the number of a part; ``first_ms``: when its first part came, from which relative times
    count. A schedule that was over when it came, by up to a day, means now: gateways repeat what was throttled with the times
    it had. A validity is cut to what the API allows.
    """
    first = parts[0]
    joined = join_parts(parts, account)
    if fault := _text_fault(joined):
        return fault
    times = _times(first, now_ms, first_ms)
    if isinstance(times, Fault):
        return times
    # Who wants characters replaced to save segments wants that most where a gateway has chosen UCS-2 for their sake.
    encoding = "auto" if tenant.transliterate else joined.encoding
    message = _message(first, joined.text, encoding, times, account, flash=joined.flash)
    settled = settle(message, tenant, terms, now_ms, keyed=True, wire=Wire(joined.binary, joined.udh))
    if not isinstance(settled, Body):
        return _fault_of(settled)
    return replace(
        settled,
        expires_ms=min(times.until_ms, (settled.send_at_ms or now_ms) + _VALIDITY_LIMIT_MS)
        if times.until_ms
        else settled.expires_ms,
        tlvs=_tlvs(parts),
        client=_client(first, tuple(part.registered_delivery for part in parts), account, message_id),
    )


def incomplete(
    parts: Mapping[int, Submission],
    total: int,
    account: SmppAccount,
    tenant: Tenant,
    terms: Terms,
    now_ms: int,
    *,
    message_id: str,
    first_ms: int,  # noqa: ARG001 (as of settle_parts: it is over by now)
) -> Body:
    """The body of parts (by number) that cannot become a message: siblings never came, or their whole was refused.

    Its ``fault`` says which, so that it ends REJECTED and receipts follow for the parts that came. It costs nothing.
    """
    present = [parts[number] for number in sorted(parts)]
    first = present[0]
    joined = join_parts(present, account)
    text = joined.text[:TEXT_LIMIT]
    number = parse_number(first.destination)
    digits = number.digits if isinstance(number, Number) else "".join(filter(str.isdecimal, first.destination))
    goes = terms.destination(digits)
    sender = known_sender(first.source) if first.source else None
    klass = CLASS_BY_WORD[_class_word(first, account)]
    measured = measure(text, "octets" if joined.binary else joined.encoding, len(joined.udh))
    encoding, segments = (measured.encoding, measured.segments) if isinstance(measured, Measure) else ("ucs2", len(parts))
    return Body(
        tenant=tenant.id,
        to=digits,
        sender=sender.text if isinstance(sender, Sender) else first.source,
        text=text,
        klass=int(klass),
        created_ms=now_ms,
        expires_ms=now_ms + int(terms.rules[klass].validity_s * 1_000),
        encoding=encoding,
        segments=segments,
        country=goes.country,
        network=goes.network,
        currency=terms.settings.currency,
        retention_s=tenant.retention_s,
        tlvs=_tlvs(present),
        client=_client(
            first,
            tuple(parts[n].registered_delivery if n in parts else 0 for n in range(1, total + 1)),
            account,
            message_id,
        ),
        udh=joined.udh,
        fault=ErrorName.INVALID_MESSAGE if len(parts) == total else ErrorName.INCOMPLETE,
    )


def _class_word(submission: Submission, account: SmppAccount) -> ClassWord:
    return account.priorities.get(str(submission.priority), account.klass) if account.priorities else account.klass


def _message(
    submission: Submission, text: str, encoding: str, times: _Times, account: SmppAccount, *, flash: bool = False
) -> MessageIn:
    to = submission.destination
    return MessageIn(
        # The type of number is not asked: 0 and 1 come with a plus, with 00 and with neither, and what is national or a short
        # code does not read as a number with a country code.
        to=f"+{to}" if to[:1] not in {"+", "0"} else to,
        text=text,
        sender=submission.source,
        klass=_class_word(submission, account),
        send_at=_EPOCH + timedelta(milliseconds=times.send_at_ms) if times.send_at_ms else None,
        encoding="ucs2" if encoding == "ucs2" else "auto",
        max_segments=SEGMENTS_LIMIT,
        flash=flash,
    )


def _times(submission: Submission, now_ms: int, first_ms: int) -> _Times | Fault:
    """Both times; neither may contradict the other. What is no time has been refused by ``read``."""
    send_at_ms = moment_ms(submission.schedule, first_ms) if submission.schedule else 0
    # No time at all is what some write who mean none.
    until_ms = moment_ms(submission.validity, first_ms) if submission.validity not in _NO_TIME else 0
    if send_at_ms is None:
        return Fault(RINVSCHED, "schedule_delivery_time is no time")
    if until_ms is None:
        return Fault(RINVEXPIRY, "validity_period is no time")
    if until_ms and until_ms <= max(now_ms, send_at_ms):
        return Fault(RINVEXPIRY, "validity_period is over before it can be sent")
    return _Times(max(send_at_ms, 0), until_ms)


def _text_fault(joined: Joined) -> Fault | None:
    if joined.broken:
        return Fault(RINVMSGLEN, "UCS-2 of an odd number of octets")
    if not (joined.text or joined.udh):
        return Fault(RINVMSGLEN, "no text")
    if len(joined.text) > TEXT_LIMIT:
        return Fault(RINVMSGLEN, f"more than {TEXT_LIMIT} characters")
    return None


def _fault_of(faults: Sequence[FieldFault]) -> Fault:
    """The first fault as SMPP says it. Details of a text name characters of it, so they stay here."""
    first = faults[0]
    if first.code == "not_encodable":
        return Fault(RINVDCS, "text not encodable")
    return Fault(_STATUSES.get(first.pointer, RSUBMITFAIL), f"{first.pointer}: {first.detail}")


def _tlvs(parts: Sequence[Submission]) -> dict[int, bytes]:
    """Vendors' parameters of all parts; of a tag that several have the first one's."""
    return {tag: value for part in reversed(parts) for tag, value in part.tlvs.items()}


def _client(first: Submission, asked: tuple[int, ...], account: SmppAccount, message_id: str) -> Client:
    return Client(
        account=account.system_id,
        message_id=message_id,
        source=first.source,
        source_ton=first.source_ton,
        source_npi=first.source_npi,
        destination=first.destination,
        destination_ton=first.destination_ton,
        destination_npi=first.destination_npi,
        asked=asked,
        service_type=first.service_type,
    )
