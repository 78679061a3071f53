"""The life of a message: its classes, its states and the table of moves between them."""

from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Final


class MessageClass(IntEnum):
    """What a message is for; the number is its place in line."""

    OTP = 0
    TRANSACTIONAL = 1
    MARKETING = 2

    @property
    def word(self) -> str:
        """The class as users write it: ``otp``, ``transactional``, ``marketing``."""
        return self.name.lower()


CLASS_BY_WORD: Final = MappingProxyType({c.word: c for c in MessageClass})


class State(IntEnum):
    """Where a message stands. Stored as one octet: a number, once given, is never used for anything else."""

    SCHEDULED = 1
    QUEUED = 2
    SENDING = 3
    UNKNOWN = 4
    SENT = 5
    DELIVERED = 16
    UNDELIVERED = 17
    FAILED = 18
    REJECTED = 19
    EXPIRED = 20
    CANCELED = 21
    UNCONFIRMED = 22
    RECEIVED = 23

    @property
    def final(self) -> bool:
        """Whether nothing can follow."""
        return self >= State.DELIVERED


class Status(StrEnum):
    """What users see (the REST API, webhooks, message detail records)."""

    ACCEPTED = "accepted"
    SCHEDULED = "scheduled"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELED = "canceled"
    DELIVERY_UNCONFIRMED = "delivery_unconfirmed"
    RECEIVED = "received"


STATUS_OF: Final = MappingProxyType(
    {
        State.SCHEDULED: Status.SCHEDULED,
        State.QUEUED: Status.QUEUED,
        State.SENDING: Status.SENDING,
        State.UNKNOWN: Status.SENDING,
        State.SENT: Status.SENT,
        State.DELIVERED: Status.DELIVERED,
        State.UNDELIVERED: Status.UNDELIVERED,
        State.FAILED: Status.FAILED,
        State.REJECTED: Status.REJECTED,
        State.EXPIRED: Status.EXPIRED,
        State.CANCELED: Status.CANCELED,
        State.UNCONFIRMED: Status.DELIVERY_UNCONFIRMED,
        State.RECEIVED: Status.RECEIVED,
    }
)

STATES_OF_STATUS: Final = MappingProxyType(
    {status: tuple(s for s, word in STATUS_OF.items() if word is status) for status in STATUS_OF.values()}
)

# Where a record begins. A message from a handset is complete when it comes: it begins and ends as RECEIVED.
BEGINNINGS: Final = frozenset({State.SCHEDULED, State.QUEUED, State.RECEIVED})

# The law: which state may follow which, and when that happens in the real world.
# A move that is not in the table does not happen; an event that asks for it is a late or a double one, and is dropped.
TRANSITIONS: Final = MappingProxyType(
    {
        (State.SCHEDULED, State.QUEUED): "its send_at has come",
        (State.SCHEDULED, State.CANCELED): "the tenant took it back before its time",
        (State.SCHEDULED, State.EXPIRED): "its validity ended before it could be queued",
        (State.QUEUED, State.SENDING): "a carrier had room, and the assignment is on disk before the first octet leaves",
        (State.QUEUED, State.CANCELED): "the tenant took it back while it waited",
        (State.QUEUED, State.EXPIRED): "no carrier had room within its validity",
        (State.QUEUED, State.UNCONFIRMED): "its validity ended while an earlier attempt was still in doubt",
        (State.QUEUED, State.REJECTED): "our own policy refuses it: no carrier covers the destination, or a rule denies it",
        (State.QUEUED, State.FAILED): "every attempt that its class allows has been refused",
        (State.QUEUED, State.DELIVERED): "a receipt for an attempt that was held for lost overtook the next one",
        (State.SENDING, State.SENT): "the carrier answered the submit with a message id",
        (
            State.SENDING,
            State.QUEUED,
        ): "the carrier refused in a way that another attempt may mend (throttled, temporary, other route)",
        (State.SENDING, State.FAILED): "the carrier refused for good, and no other carrier would do better",
        (State.SENDING, State.UNKNOWN): "the answer never came: link cut, answer late, or the carrier actor died in between",
        (State.SENDING, State.DELIVERED): "the receipt overtook the answer to the submit",
        (State.SENDING, State.UNDELIVERED): "the receipt overtook the answer to the submit",
        (State.SENDING, State.EXPIRED): "the receipt overtook the answer to the submit",
        (State.SENDING, State.UNCONFIRMED): "a receipt with the state UNKNOWN overtook the answer to the submit",
        (State.UNKNOWN, State.SENT): "the answer came late",
        (State.UNKNOWN, State.SENDING): "the hold is over, its class prefers a second copy, and a carrier had room for it",
        (State.UNKNOWN, State.DELIVERED): "the receipt settled what the missing answer left open",
        (State.UNKNOWN, State.UNDELIVERED): "the receipt settled what the missing answer left open",
        (State.UNKNOWN, State.EXPIRED): "the carrier says that it expired there, or its validity ended here",
        (State.UNKNOWN, State.UNCONFIRMED): "its class prefers a lost copy to a second one, and the hold is over",
        (State.UNKNOWN, State.FAILED): "no carrier would take it a second time",
        (State.SENT, State.DELIVERED): "a receipt says DELIVRD",
        (State.SENT, State.UNDELIVERED): "a receipt says UNDELIV, DELETED or REJECTD",
        (State.SENT, State.EXPIRED): "a receipt says EXPIRED",
        (State.SENT, State.UNCONFIRMED): "no receipt came within the horizon, or one with the state UNKNOWN",
    }
)


class Fault(StrEnum):
    """Whose fault a failed attempt was."""

    SENDER = "sender"  # the message or the tenant: another attempt changes nothing
    RECIPIENT = "recipient"  # the number: dead, barred, unreachable
    CARRIER = "carrier"  # this carrier: another may do better
    NETWORK = "network"  # the line between: what became of the message is not known
    OURS = "ours"  # a bug or a bad setting here


class Again(StrEnum):
    """Whether and where another attempt is worth making."""

    NEVER = "never"
    SAME = "same"  # the same carrier, later
    OTHER = "other"  # another carrier, now
    PAUSE = "pause"  # the same carrier when its lane has slowed down; not counted as an attempt


class ErrorName(StrEnum):
    """Why a message ended otherwise than delivered: the catalogue of delivery errors."""

    NO_ROUTE = "no_route"
    REFUSED_BY_CARRIER = "refused_by_carrier"
    INVALID_DESTINATION = "invalid_destination"
    INVALID_SENDER = "invalid_sender"
    INVALID_MESSAGE = "invalid_message"
    ATTEMPTS_EXHAUSTED = "attempts_exhausted"
    VALIDITY_ENDED = "validity_ended"
    NO_ANSWER = "no_answer"
    NO_RECEIPT = "no_receipt"
    NOT_DELIVERED = "not_delivered"
    UNREADABLE_RECORD = "unreadable_record"
    INCOMPLETE = "incomplete"
    DENIED = "denied"
    ERASED = "erased"
