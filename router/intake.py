"""From a message that fits its shape to one that can be sent: number, encoding, segments, route, price and times settled.

Nothing is looked up outside: the terms (settings compiled) and the time come in. Measured figures stand in the tests' report.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

from router.ids import MessageId
from router.journal.port import Intake
from router.message import SEGMENTS_DEFAULT, FieldFault, MessageIn
from router.model import CLASS_BY_WORD, Status
from router.numbers import InvalidNumber, InvalidSender, length_fault, parse_number, parse_sender
from router.record import Body, pack_body
from router.routes import NOT_COVERED
from router.rules import FREE, Ruling
from router.settings import Tenant
from router.terms import Terms
from router.text.segments import NotEncodable, measure
from router.text.transliterate import Transliterated, transliterate
from router.tlvs import parse_tlvs

SCHEDULE_LIMIT_MS: Final = 30 * 86_400_000  # how far ahead send_at may lie
REPLAY_GRACE_MS: Final = 24 * 3_600_000  # how long an idempotency key lives, so how late a retry may come after its send_at
RECEIPT_ASKED: Final = 0x03  # bits of registered_delivery (SMPP 3.4, 5.2.17): whatever its end, or only one kind of it
NAMED_CHARACTERS: Final = 10  # characters that an error lists

_NUMBERS: Final = {word: int(klass) for word, klass in CLASS_BY_WORD.items()}  # plain integers: enums cost more to hash
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
# Control characters but line feed and carriage return, the two that GSM 03.38 and phones know; and lone surrogates.
_UNSENDABLE: Final = re.compile("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


known_sender: Final = lru_cache(4_096)(parse_sender)  # tenants have a handful of senders each, and reading one takes 2 µs


def _sentence(reason: str) -> str:
    return f"{reason[:1].upper()}{reason[1:]}."


def milliseconds(moment: datetime) -> int:
    """An aware datetime as milliseconds since 1970."""
    return (moment - _EPOCH) // _MS


def wording(message: MessageIn, tenant: Tenant) -> Transliterated | None:
    """What is sent instead of the text, where somebody has asked for that and it helps; None: the text as it is."""
    wanted = tenant.transliterate if message.transliterate is None else message.transliterate
    return transliterate(message.text) if wanted and message.encoding != "ucs2" else None


class Wire(NamedTuple):
    """What a message has that came by SMPP and that the API has no word for."""

    binary: bool = False  # its text is octets, one character each
    udh: bytes = b""  # information elements for the header of every part, at most ``MAX_OTHERS`` octets


def settle(
    message: MessageIn,
    tenant: Tenant,
    terms: Terms,
    now_ms: int,
    *,
    batch_id: str = "",
    keyed: bool = False,
    wire: Wire | None = None,
) -> Body | list[FieldFault]:
    """Settle everything about a message, or tell all that stands against it.

    ``keyed``: the request carries an idempotency key, so it may be a retry that comes after its ``send_at``. ``wire``: of a
    message that came by SMPP. Its control characters are let through: whoever encoded them knows what phones do with them.
    """
    faults: list[FieldFault] = []
    klass = _NUMBERS[message.klass]
    rules = terms.rules[klass]

    digits = message.to[1:]
    goes = (
        terms.known(digits)
        if message.to[:1] == "+" and 8 <= len(digits) <= 15 and digits.isascii() and digits.isdigit()
        else None
    )
    if goes is None:
        to = parse_number(message.to)
        if isinstance(to, InvalidNumber):
            faults.append(FieldFault("/to", _sentence(to.reason)))
        else:
            digits = to.digits
            goes = terms.destination(digits)
    if goes is not None and not goes.lengths >> len(digits) & 1:
        faults.append(FieldFault("/to", length_fault(digits, goes.lengths)))

    sender = message.sender
    if sender:
        parsed = known_sender(sender)
        if isinstance(parsed, InvalidSender):
            faults.append(FieldFault("/from", _sentence(parsed.reason)))
        else:
            sender = parsed.text

    encoding, segments, udh = "", 0, b""
    text = message.text
    if wire is None and not text.isprintable() and (bad := _UNSENDABLE.search(text)):
        faults.append(FieldFault("/text", f"U+{ord(bad.group()):04X} at position {bad.start()} cannot be sent.", "not_encodable"))
    else:
        binary, udh = wire or (False, b"")
        if binary:
            measured = measure(text, "octets", len(udh))
        else:
            if (replaced := wording(message, tenant)) is not None:
                text = replaced.text
            measured = measure(text, message.encoding, len(udh))
        if isinstance(measured, NotEncodable):
            faults.append(_not_encodable(measured))
        else:
            encoding, segments = measured.encoding, measured.segments
            if segments > message.max_segments:
                faults.append(
                    FieldFault(
                        "/text", f"{segments} segments are needed and {message.max_segments} are allowed.", "too_many_segments"
                    )
                )

    if message.policy and message.policy not in terms.policies:
        faults.append(FieldFault("/policy", f"There is no such policy; there are {', '.join(terms.policies)}."))

    send_at_ms = 0
    if message.send_at is not None:
        send_at_ms = milliseconds(message.send_at)
        if send_at_ms <= now_ms:
            if not keyed or send_at_ms <= now_ms - REPLAY_GRACE_MS:
                faults.append(FieldFault("/send_at", "This time is over."))
            send_at_ms = 0
        elif send_at_ms > now_ms + SCHEDULE_LIMIT_MS:
            faults.append(FieldFault("/send_at", "This is more than 30 days ahead."))

    price = 0
    if goes is not None:
        ruling = terms.book.ruling(
            tenant.id, klass, sender, goes.network, goes.country, digits, message.tags, send_at_ms or now_ms
        )
        price = goes.quotes[klass] if ruling is FREE else terms.quote(goes, digits, klass, ruling)
        if ruling.denied:
            faults.append(denial(ruling))
        elif price == NOT_COVERED:
            faults.append(_no_route(message.klass, ruling, covered=goes.quotes[klass] != NOT_COVERED))

    if message.webhook_url and tenant.webhook is None:
        faults.append(FieldFault("/webhook_url", "This tenant has no webhook secret, so its events could not be signed."))

    if faults or goes is None:
        return faults
    validity_ms = int((message.validity_period or rules.validity_s) * 1000)
    return Body(
        tenant=tenant.id,
        to=digits,
        sender=sender,
        text=text,
        klass=klass,
        created_ms=now_ms,
        expires_ms=(send_at_ms or now_ms) + validity_ms,
        encoding=encoding,
        segments=segments,
        country=goes.country,
        network=goes.network,
        send_at_ms=send_at_ms,
        client_ref=message.client_ref,
        batch_id=batch_id,
        tags=message.tags,
        metadata=message.metadata,
        webhook_url=message.webhook_url,
        policy=message.policy or tenant.policies.get(message.klass, ""),
        profile=message.profile,
        cost_micros=price * segments,
        currency=terms.settings.currency,
        retention_s=message.retention or tenant.retention_s,
        max_segments=0 if message.max_segments == SEGMENTS_DEFAULT else message.max_segments,
        flash=message.flash and encoding != "octets",
        tlvs=parse_tlvs(message.tlvs) if message.tlvs else {},
        udh=udh,
    )


def denial(ruling: Ruling) -> FieldFault:
    """What the sender of a message is told that a rule does not let through."""
    said = f": {ruling.reason.rstrip('.')}" if ruling.reason else ""
    return FieldFault("", f"The rule {ruling.denied} does not let this message through{said}.", "denied")


def _no_route(klass: str, ruling: Ruling, *, covered: bool) -> FieldFault:
    if covered:
        return FieldFault("/to", f"The rules leave no carrier for this message: {ruling.text}.", "no_route")
    return FieldFault("/to", f"No carrier takes {klass} messages to this destination.", "no_route")


def _not_encodable(verdict: NotEncodable) -> FieldFault:
    named = ", ".join(f"{character!r} (U+{ord(character):04X})" for character in verdict.characters[:NAMED_CHARACTERS])
    more = len(verdict.characters) - NAMED_CHARACTERS
    return FieldFault("/text", f"gsm7 does not hold {named}{f' and {more} more' if more > 0 else ''}.", "not_encodable")


def seal(message_id: MessageId, body: Body, tenant: Tenant, idempotency: bytes = b"") -> Intake:
    """The body as the journal takes it."""
    return Intake(
        message_id,
        body.tenant,
        CLASS_OF[body.klass],
        pack_body(body),
        body.expires_ms,
        body.send_at_ms,
        body.segments,
        bool(body.webhook_url) or (tenant.webhook is not None and bool(tenant.webhook.url)),
        idempotency,
        body.retention_s,
        body.client.account if body.client is not None and any(asked & RECEIPT_ASKED for asked in body.client.asked) else "",
    )


CLASS_OF: Final = tuple(CLASS_BY_WORD.values())  # by number; a tuple is indexed in a tenth of the time an enum takes to be called


def first_status(body: Body) -> Status:
    """The word of the answer: a message for later is scheduled, any other accepted."""
    return Status.SCHEDULED if body.send_at_ms else Status.ACCEPTED
