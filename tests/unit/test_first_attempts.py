"""First attempts as records: what was decided, and what came of it, whatever happened afterwards."""

import msgspec
import pytest

from router.first_attempts import VERSION, FirstAttempt, first_attempt
from router.ids import make_id
from router.journal.port import Record
from router.model import State
from router.record import Body, EventKind, pack_event

ROW = {
    "board": 7,
    "network": "23415",
    "class": "otp",
    "considered": [["one", 20_000, 0.9, 3.5, 100, 53_600, 0.02], ["two", 18_000, 0.5, 9.0, 0, 88_000, 0.1]],
    "excluded": {"three": "no cover"},
    "policy": "balanced",
    "rule": "by-own",
}
AT, TABLE = 1_768_469_400_000, b"table"
ASSIGNED = pack_event(AT, EventKind.ASSIGNED, "one", 1, TABLE, 1, False)
SUBMITTED = pack_event(AT + 40, EventKind.SUBMITTED, "one", ["a"], 30_000)
AGAIN = pack_event(AT + 9_000, EventKind.ASSIGNED, "two", 2, TABLE, 1, False)


def body(**more):
    fields = {"tenant": "shop", "to": "447700900123", "sender": "ACME", "text": "secret", "klass": 0, "created_ms": AT - 100}
    fields |= {"expires_ms": AT + 10**6, "encoding": "gsm7", "segments": 2, "country": "GB", "network": "23410"}
    return Body(**fields | {"currency": "EUR"} | more)


def made(state, *lines, attempts=1, tables=None, **more):
    record = Record(make_id(AT - 100, 3, bytes(10)), state, attempts, b"", b"".join(lines))
    return first_attempt(record, body(**more), {TABLE: [{}, ROW]} if tables is None else tables, {"one": 50}, AT + 60_000)


def receipt(at_ms, carrier="one", carrier_id="a", stat="DELIVRD"):
    return pack_event(at_ms, EventKind.RECEIPT, carrier, carrier_id, stat, "000")


def final(at_ms, state):
    return pack_event(at_ms, EventKind.FINAL, int(state), "", False, "")


def test_a_delivered_message_tells_all_of_its_decision_and_nothing_of_its_content():
    found = made(State.DELIVERED, ASSIGNED, SUBMITTED, receipt(AT + 3_200), final(AT + 3_200, State.DELIVERED))
    assert (found.version, found.outcome, found.seconds, found.status) == (VERSION, "delivered", 3.2, "delivered")
    assert (found.carrier, found.price_micros, found.board, found.rule) == ("one", 20_000, 7, "by-own")
    assert (found.network, found.due_ms, found.at_ms, found.seen_ms) == ("23415", AT - 100, AT, AT + 60_000)
    assert found.considered == [("one", 20_000, 0.9, 3.5, 100, 53_600, 0.02, 50), ("two", 18_000, 0.5, 9.0, 0, 88_000, 0.1, 0)]
    octets = msgspec.json.encode(found)
    assert not any(word in octets for word in (b"secret", b"447700900123", b"ACME"))


@pytest.mark.parametrize(
    ("state", "lines", "outcome", "seconds"),
    [
        (State.QUEUED, (), "pending", None),
        (State.SENT, (ASSIGNED, SUBMITTED), "pending", None),
        (State.UNDELIVERED, (ASSIGNED, SUBMITTED, receipt(AT + 90), final(AT + 90, State.UNDELIVERED)), "undelivered", 0.09),
        (State.EXPIRED, (ASSIGNED, SUBMITTED, receipt(AT + 90), final(AT + 90, State.EXPIRED)), "undelivered", 0.09),
        (State.UNCONFIRMED, (ASSIGNED, SUBMITTED, final(AT + 90, State.UNCONFIRMED)), "unconfirmed", None),
        (State.SENDING, (ASSIGNED, pack_event(AT, EventKind.UNKNOWN, "one", "no answer")), "pending", None),
    ],
)
def test_the_outcome_is_what_a_receipt_said(state, lines, outcome, seconds):
    found = made(state, *lines)
    assert (found.outcome, found.seconds) == (outcome, seconds)


REFUSED = pack_event(AT + 5, EventKind.REFUSED, "one", 8, "refused_by_carrier", "other")
UNKNOWN = pack_event(AT + 5_000, EventKind.UNKNOWN, "one", "no answer")
LATE = pack_event(AT + 9_500, EventKind.SUBMITTED_LATE, "one", ["a"], 9_500_000)
TWO = pack_event(AT + 9_100, EventKind.SUBMITTED, "two", ["b"], 9_000)
DONE = final(AT + 10_000, State.DELIVERED)


def test_what_another_attempt_reached_is_not_the_firsts():
    refused = made(State.DELIVERED, ASSIGNED, REFUSED, AGAIN, TWO, receipt(AT + 10_000, "two", "b"), DONE, attempts=2)
    assert (refused.carrier, refused.outcome, refused.status, refused.attempts) == ("one", "refused", "delivered", 2)
    lost = made(State.DELIVERED, ASSIGNED, UNKNOWN, AGAIN, TWO, receipt(AT + 10_000, "two", "b"), DONE, attempts=2)
    assert (lost.outcome, lost.seconds) == ("unconfirmed", None)
    late = made(State.DELIVERED, ASSIGNED, UNKNOWN, AGAIN, TWO, LATE, receipt(AT + 10_000), DONE, attempts=2)
    assert (late.outcome, late.seconds) == ("delivered", 10.0)


def test_an_attempt_that_was_taken_back_unsent_does_not_count():
    back = pack_event(AT + 5, EventKind.RETURNED, "one", "drained")
    other = pack_event(AT + 50, EventKind.ASSIGNED, "two", 1, TABLE, 1, "draw")
    found = made(State.SENT, ASSIGNED, back, other)
    assert (found.carrier, found.at_ms, found.price_micros) == ("two", AT + 50, 18_000)
    assert (found.explored, found.reason) == (True, "draw")
    assert made(State.QUEUED, ASSIGNED, back).at_ms == 0


def test_a_decision_that_is_not_kept_or_cannot_be_read_leaves_the_rest():
    gone = made(State.SENT, ASSIGNED, SUBMITTED, tables={})
    assert (gone.carrier, gone.considered, gone.price_micros, gone.network) == ("one", [], -1, "23410")
    odd = made(State.SENT, ASSIGNED, tables={TABLE: [{}, {"considered": [["one"], 7, ["one", "x", 1, 1, 1, 1]], "excluded": 3}]})
    assert (odd.considered, odd.excluded) == ([], {})
    old = made(State.SENT, ASSIGNED, tables={TABLE: [{}, ROW | {"considered": [entry[:6] for entry in ROW["considered"]]}]})
    assert [option[6] for option in old.considered] == [None, None]


def test_a_record_survives_json():
    found = made(State.DELIVERED, ASSIGNED, SUBMITTED, receipt(AT + 3_200), final(AT + 3_200, State.DELIVERED))
    assert msgspec.json.decode(msgspec.json.encode(found), type=FirstAttempt) == found


COPY = pack_event(AT + 6_000, EventKind.ASSIGNED, "two", 2, TABLE, 1, False, True)
COPIED = pack_event(AT + 6_040, EventKind.SUBMITTED, "two", ["b"], 30_000)


@pytest.mark.parametrize(
    ("state", "lines", "outcome", "seconds"),
    [
        (State.SENT, (), "pending", None),
        (State.DELIVERED, (receipt(AT + 7_000, "two", "b"), final(AT + 7_000, State.DELIVERED)), "unconfirmed", None),
        (State.DELIVERED, (receipt(AT + 8_000), final(AT + 8_000, State.DELIVERED)), "delivered", 8.0),
        (State.SENT, (receipt(AT + 9_000, stat="UNDELIV"),), "undelivered", 9.0),
    ],
)
def test_beside_a_second_copy_only_receipts_of_its_own_speak_of_the_first(state, lines, outcome, seconds):
    found = made(state, ASSIGNED, SUBMITTED, COPY, COPIED, *lines, attempts=2)
    assert (found.carrier, found.outcome, found.seconds, found.attempts) == ("one", outcome, seconds, 2)


def test_the_layout_is_stable():
    # What stands here is read outside of the system: another layout is another VERSION.
    names = [field.encode_name for field in msgspec.structs.fields(FirstAttempt)]
    assert VERSION == 1
    assert names[:14] == [
        "version",
        "id",
        "tenant",
        "class",
        "country",
        "network",
        "segments",
        "currency",
        "due_ms",
        "at_ms",
        "seen_ms",
        "policy",
        "rule",
        "board",
    ]
    assert names[14:] == [
        "carrier",
        "explored",
        "reason",
        "considered",
        "excluded",
        "price_micros",
        "outcome",
        "seconds",
        "attempts",
        "status",
    ]
