"""What a carrier actor remembers of its submits until their receipts come."""

from typing import NamedTuple

from router.journal.port import Record
from router.model import MessageClass
from router.record import Body, EventKind, unpack_body, unpack_events


class Flight(NamedTuple):
    """What is remembered of a submit until its receipt."""

    network: str
    klass: MessageClass
    first: bool
    submitted_s: float
    tenant: str  # of an otp message, whose conversions may be told


def reporter(body: Body, klass: MessageClass) -> str:
    """Whose conversions would speak of this message; codes alone have any."""
    return body.tenant if klass is MessageClass.OTP else ""


def flight_of(record: Record, carrier: str) -> Flight | None:
    """A submit to the carrier as its record tells it; None: there is none. Raises ``UnreadableRecord``."""
    body = unpack_body(record.body)
    written_ms, attempt = 0, record.attempts
    for line in unpack_events(record.events):
        if line[1] == EventKind.ASSIGNED and line[2] == carrier:
            attempt = line[3]
        elif line[1] == EventKind.SUBMITTED and line[2] == carrier:
            written_ms = line[0]
    if not written_ms:
        return None
    klass = MessageClass(body.klass)
    return Flight(body.network, klass, attempt == 1, written_ms / 1000, reporter(body, klass))
