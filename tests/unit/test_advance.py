"""What follows an attempt."""

import pytest

from router.advance import SAME_CARRIER_WAIT_MS, End, Plan, Retry, after_claim, after_refusal
from router.model import Again, ErrorName, MessageClass, State
from router.record import EventKind
from router.settings import DEFAULT_CLASSES, ClassRules

NOW_MS = 1_800_000_000_000
LATER_MS = NOW_MS + 3_600_000
OTP, TRANSACTIONAL, MARKETING = MessageClass


def rules(klass: MessageClass, **changes: object) -> ClassRules:
    given = DEFAULT_CLASSES[klass.word]
    return ClassRules(**{name: changes.get(name, getattr(given, name)) for name in given.__struct_fields__})


def refuse(again: Again, klass: MessageClass = TRANSACTIONAL, *, attempts: int = 1, expires_ms: int = LATER_MS) -> Retry | End:
    return after_refusal(
        again,
        ErrorName.REFUSED_BY_CARRIER,
        klass=klass,
        attempts=attempts,
        rules=rules(klass),
        expires_ms=expires_ms,
        now_ms=NOW_MS,
    )


def unknown(carrier: str) -> list[object]:
    return [NOW_MS, EventKind.UNKNOWN, carrier, "link cut"]


def refused(carrier: str) -> list[object]:
    return [NOW_MS, EventKind.REFUSED, carrier, 8, "refused_by_carrier", "other"]


def claim(
    state: State,
    events: list[list[object]],
    klass: MessageClass = TRANSACTIONAL,
    *,
    attempts: int = 1,
    expires_ms: int = LATER_MS,
) -> Plan | End:
    return after_claim(state, events, attempts=attempts, rules=rules(klass), expires_ms=expires_ms, now_ms=NOW_MS)


def wrong_number(carrier: str, again: str = "other") -> list[object]:
    return [NOW_MS, EventKind.REFUSED, carrier, 0x0B, "invalid_destination", again]


def test_a_number_that_two_carriers_do_not_know_is_no_number():
    assert claim(State.QUEUED, [wrong_number("a"), refused("b")], attempts=2) == Plan(("a", "b"), doubtful=False)
    assert claim(State.QUEUED, [wrong_number("a"), wrong_number("a", "same")], attempts=2) == Plan(("a", "a"), doubtful=False)
    two = [wrong_number("a"), wrong_number("b")]
    assert claim(State.QUEUED, two, attempts=2) == End(State.FAILED, ErrorName.INVALID_DESTINATION, permanent=True)
    lost = claim(State.QUEUED, [unknown("c"), *two], attempts=3)
    assert lost == End(State.UNCONFIRMED, ErrorName.NO_ANSWER, permanent=False)


def test_a_refusal_for_good_ends_the_message():
    assert refuse(Again.NEVER) == End(State.FAILED, ErrorName.REFUSED_BY_CARRIER, permanent=True)


@pytest.mark.parametrize("klass", list(MessageClass))
def test_another_carrier_is_asked_at_once(klass):
    assert refuse(Again.OTHER, klass) == Retry(0)


def test_the_same_carrier_is_asked_later_and_later():
    first, second = refuse(Again.SAME), refuse(Again.SAME, attempts=2)
    assert first == Retry(NOW_MS + SAME_CARRIER_WAIT_MS[TRANSACTIONAL])
    assert second == Retry(NOW_MS + 2 * SAME_CARRIER_WAIT_MS[TRANSACTIONAL])


def test_a_one_time_code_does_not_wait_for_the_same_carrier():
    assert refuse(Again.SAME, OTP) == Retry(0)


def test_a_retry_is_not_planned_beyond_the_validity():
    assert refuse(Again.SAME, MARKETING, expires_ms=NOW_MS + 5) == Retry(NOW_MS + 5)


def test_after_the_validity_a_refusal_ends_as_expired():
    assert refuse(Again.OTHER, expires_ms=NOW_MS) == End(State.EXPIRED, ErrorName.VALIDITY_ENDED, permanent=True)


def test_attempts_are_limited_by_class():
    last = rules(TRANSACTIONAL).attempts
    assert isinstance(refuse(Again.SAME, attempts=last - 1), Retry)
    assert refuse(Again.SAME, attempts=last) == End(State.FAILED, ErrorName.ATTEMPTS_EXHAUSTED, permanent=False)


def test_a_queued_message_is_planned_around_those_that_had_it():
    assert claim(State.QUEUED, [refused("a"), refused("b")], attempts=2) == Plan(("a", "b"), doubtful=False)


def test_a_queued_message_past_its_validity_expires():
    assert claim(State.QUEUED, [], expires_ms=NOW_MS) == End(State.EXPIRED, ErrorName.VALIDITY_ENDED, permanent=True)


def test_with_an_attempt_in_doubt_the_honest_end_is_unconfirmed():
    end = claim(State.QUEUED, [unknown("a")], expires_ms=NOW_MS)
    assert end == End(State.UNCONFIRMED, ErrorName.NO_ANSWER, permanent=False)


@pytest.mark.parametrize(
    ("klass", "lost", "again"),
    [(OTP, 1, True), (OTP, 2, True), (TRANSACTIONAL, 1, True), (TRANSACTIONAL, 2, False), (MARKETING, 1, False)],
)
def test_a_submit_without_an_answer_follows_its_class(klass, lost, again):
    next_ = claim(State.UNKNOWN, [unknown("a")] * lost, klass, attempts=lost)
    assert next_ == (
        Plan(("a",) * lost, doubtful=True) if again else End(State.UNCONFIRMED, ErrorName.NO_ANSWER, permanent=False)
    )


def test_even_a_one_time_code_is_not_sent_for_ever():
    assert isinstance(claim(State.UNKNOWN, [unknown("a")], OTP, attempts=rules(OTP).attempts), End)
