"""What a tenant tells of a message that was sent: whether its code was used, and what the brain makes of that."""

from typing import Final, Literal, NamedTuple, get_args

from router.brain.port import Observation, Outcome
from router.journal.port import Record
from router.model import MessageClass, State
from router.present import lines_of
from router.record import Body, EventKind, pack_event

Word = Literal["converted", "not_converted"]
WORDS: Final[tuple[Word, ...]] = get_args(Word)
_SUBMITS: Final = (EventKind.SUBMITTED, EventKind.SUBMITTED_LATE)


class Attempt(NamedTuple):
    """The submit that a feedback speaks of."""

    carrier: str
    written_ms: int  # when it was written to the carrier
    delivered_ms: int  # its positive receipt; 0: there is none


def attempt_of(record: Record) -> Attempt | None:
    """The submit whose receipt says that it was delivered, else the latest one; None: no carrier has taken the message (yet).

    With a second copy beside the first and no receipt of either, the first one: it has had the time to be read.
    """
    submits: list[tuple[str, int]] = []
    copied = False
    receipt, delivered_ms = "", 0
    for at_ms, kind, *details in lines_of(record):
        if kind == EventKind.ASSIGNED:
            copied = details[5:] == [True]
        elif kind in _SUBMITS and details and isinstance(details[0], str):
            latency_us = details[2] if len(details) > 2 and isinstance(details[2], int) else 0
            submits.append((details[0], at_ms - latency_us // 1000))
        elif kind == EventKind.RECEIPT and details and not delivered_ms:
            receipt = details[0]
        elif kind == EventKind.FINAL and details and details[0] == State.DELIVERED:
            delivered_ms = at_ms
    if not submits:
        return None
    told = [one for one in submits if one[0] == receipt] if delivered_ms else []
    carrier, written_ms = told[-1] if told else submits[0 if copied else -1]
    return Attempt(carrier, written_ms, delivered_ms if told else 0)


def observation(record: Record, body: Body, attempt: Attempt, word: Word, at_ms: int) -> Observation:
    """The feedback as the brain hears it."""
    klass = MessageClass(body.klass)
    return Observation(
        at_ms / 1000,
        attempt.carrier,
        body.network,
        klass,
        Outcome.CONVERTED if word == "converted" else Outcome.NOT_CONVERTED,
        max(at_ms - attempt.written_ms, 0) / 1000,
        record.attempts == 1,
        body.tenant if klass is MessageClass.OTP else "",
        max(at_ms - attempt.delivered_ms, 0) / 1000 if attempt.delivered_ms else -1.0,
    )


def line(word: Word, at_ms: int) -> bytes:
    """The feedback as the history keeps it."""
    return pack_event(at_ms, EventKind.FEEDBACK, word == "converted")
