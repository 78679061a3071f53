"""What follows an attempt: the rules that turn a carrier's verdict, or its silence, into a message's next move.

Pure: facts in, one of ``Again``-like values out. The carrier actor asks ``after_refusal`` when an answer came, the
dispatcher asks ``after_claim`` when it takes a message up again.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from router.model import Again, ErrorName, MessageClass, State
from router.record import EventKind
from router.settings import ClassRules

# Wait before the same carrier is tried again, by class; doubles with each attempt. SMPP.md section 4 suggests 30 s for
# RSYSERR; a one-time code is useless by then, so it asks sooner and moves on to another carrier.
SAME_CARRIER_WAIT_MS: Final = {MessageClass.OTP: 1_000, MessageClass.TRANSACTIONAL: 5_000, MessageClass.MARKETING: 30_000}
SAME_CARRIER_WAIT_LIMIT_MS: Final = 600_000


class Retry(NamedTuple):
    """Queue it again, at ``due_ms`` (0: at once)."""

    due_ms: int


class End(NamedTuple):
    """It is over."""

    state: State
    error: ErrorName
    permanent: bool


class Plan(NamedTuple):
    """Look for a carrier; those in ``tried`` have had it already (oldest first, one entry an attempt)."""

    tried: tuple[str, ...]
    doubtful: bool  # an earlier attempt may have arrived: what follows may be a double


def after_refusal(
    again: Again, error: ErrorName, *, klass: MessageClass, attempts: int, rules: ClassRules, expires_ms: int, now_ms: int
) -> Retry | End:
    """The carrier said no to attempt number ``attempts`` (from 1)."""
    if again is Again.NEVER:
        return End(State.FAILED, error, permanent=True)
    if now_ms >= expires_ms:
        return End(State.EXPIRED, ErrorName.VALIDITY_ENDED, permanent=True)
    if attempts >= rules.attempts:
        return End(State.FAILED, ErrorName.ATTEMPTS_EXHAUSTED if again is not Again.OTHER else error, permanent=False)
    if again is Again.OTHER or klass is MessageClass.OTP:
        return Retry(0)
    wait_ms = min(SAME_CARRIER_WAIT_MS[klass] << min(attempts - 1, 10), SAME_CARRIER_WAIT_LIMIT_MS)
    return Retry(min(now_ms + wait_ms, expires_ms))


_FRESH: Final = Plan((), doubtful=False)


def after_claim(
    state: State, events: Sequence[Sequence[Any]], *, attempts: int, rules: ClassRules, expires_ms: int, now_ms: int
) -> Plan | End:
    """A dispatcher has the message in hand: look for a carrier, or end it.

    ``events`` is its history. UNKNOWN here means that the hold is over and neither answer nor receipt came.
    """
    if not events and state is not State.UNKNOWN and now_ms < expires_ms:
        return _FRESH  # nearly all: 0.1 µs instead of 1.6
    lost = sum(1 for event in events if event[1] == EventKind.UNKNOWN)
    if state is State.UNKNOWN:
        once_more = rules.on_unknown == "resend" or (rules.on_unknown == "resend_once" and lost <= 1)
        if not once_more or attempts >= rules.attempts or now_ms >= expires_ms:
            return End(State.UNCONFIRMED, ErrorName.NO_ANSWER, permanent=False)
    elif wrong_number(events):
        if lost:
            return End(State.UNCONFIRMED, ErrorName.NO_ANSWER, permanent=False)
        return End(State.FAILED, ErrorName.INVALID_DESTINATION, permanent=True)
    elif now_ms >= expires_ms:
        # With an attempt in doubt the honest end is "not known", not "expired".
        if lost:
            return End(State.UNCONFIRMED, ErrorName.NO_ANSWER, permanent=False)
        return End(State.EXPIRED, ErrorName.VALIDITY_ENDED, permanent=True)
    return Plan(tried_carriers(events), doubtful=lost > 0)


def wrong_number(events: Sequence[Sequence[Any]]) -> bool:
    """Whether two carriers have said that there is no such number: a third will not know it either (ESME_RINVDSTADR)."""
    refusals = [event for event in events if event[1] == EventKind.REFUSED]
    wrong = {event[2] for event in refusals if event[4] == ErrorName.INVALID_DESTINATION and event[5] == Again.OTHER}
    return len(wrong) > 1


def tried_carriers(events: Sequence[Sequence[Any]]) -> tuple[str, ...]:
    """Carriers that refused the message or lost it, oldest first, one entry an attempt."""
    return tuple(event[2] for event in events if event[1] in {EventKind.REFUSED, EventKind.UNKNOWN})
