"""Which pending messages may be sent again, from their records alone."""

import msgspec
import pytest

from router.brain.port import Want
from router.feedback import attempt_of
from router.history import history
from router.journal.port import Claimed, Record
from router.model import ErrorName, MessageClass, State
from router.present import view
from router.record import Body, EventKind, pack_body, pack_event
from router.rescues import Rescues, stuck
from router.rule_settings import RescueRules
from router.settings import Settings, Tenant

NOW_MS = 1_768_000_000_000
OTP, TRANSACTIONAL, MARKETING = MessageClass
BODY = Body(
    tenant="shop",
    to="447700900123",
    sender="ACME",
    text="x",
    klass=int(OTP),
    created_ms=NOW_MS - 8_000,
    expires_ms=NOW_MS + 60_000,
    encoding="gsm7",
    segments=1,
    country="GB",
    network="23410",
)
ASSIGNED = pack_event(NOW_MS - 7_000, EventKind.ASSIGNED, "a", 1, b"d" * 8, 0, False)
SUBMITTED = pack_event(NOW_MS - 6_000, EventKind.SUBMITTED, "a", ["a0"], 500_000)
REFUSED = pack_event(NOW_MS - 6_500, EventKind.REFUSED, "z", 8, ErrorName.REFUSED_BY_CARRIER, "other")
UNKNOWN = pack_event(NOW_MS - 6_500, EventKind.UNKNOWN, "z", "no answer")
LATE = pack_event(NOW_MS - 5_500, EventKind.SUBMITTED_LATE, "z", ["z0"], 500_000)
COPY = pack_event(NOW_MS - 1_000, EventKind.ASSIGNED, "b", 2, b"d" * 8, 1, False, True)
MINE = pack_event(NOW_MS - 900, EventKind.SUBMITTED, "b", ["b0"], 500_000)


def rescues(*classes, **tenant):
    return Rescues(Settings(rescue=RescueRules(classes=classes, earliest_s=4), tenants=(Tenant(id="shop", **tenant),)))


def want_of(body, klass, tried, now_ms):
    assert now_ms == NOW_MS
    return Want(body.network, body.country, body.to, klass, body.segments, tried)


def found(events=ASSIGNED + SUBMITTED, state=State.SENT, asked=None, **changes):
    body = pack_body(msgspec.structs.replace(BODY, **changes))
    message = Claimed(b"i" * 16, 1, state, body, events)
    return stuck(message, asked or rescues("otp", "transactional"), want_of, lambda klass: (15.0, 60.0, 600.0)[klass], NOW_MS)


def test_a_pending_message_is_told_with_who_has_it_since_when_and_until_when():
    item = found(ASSIGNED + REFUSED + SUBMITTED)
    assert (item.carrier, item.want.klass, item.want.tried) == ("a", OTP, ("z",))
    assert item.submitted_s == pytest.approx(NOW_MS / 1000 - 6.5)  # when it was written, not when the answer came
    assert item.deadline_s == pytest.approx(NOW_MS / 1000 + 7.0)


def test_the_deadline_of_a_scheduled_message_runs_from_its_time():
    assert found(send_at_ms=NOW_MS - 7_000).deadline_s == pytest.approx(NOW_MS / 1000 + 8.0)


@pytest.mark.parametrize(
    "left_alone",
    [
        found(state=State.DELIVERED),
        found(ASSIGNED),
        found(UNKNOWN + SUBMITTED),
        found(SUBMITTED + LATE),
        found(SUBMITTED + SUBMITTED),
        found(pack_event(NOW_MS, EventKind.SUBMITTED, "a", [""], 1)),
        found(b"\xc1"),
        found(segments=2),
        found(klass=int(MARKETING)),
        found(expires_ms=NOW_MS),
        found(asked=rescues("transactional")),
        found(asked=rescues("otp", rescue=False)),
    ],
    ids=["ended", "not taken", "in doubt", "answered late", "taken twice", "without an id", "unreadable", "of two segments",
         "marketing", "expired", "class", "tenant"],
)  # fmt: skip
def test_who_is_left_alone(left_alone):
    assert left_alone is None


def test_looks_are_asked_for_where_a_copy_may_be_made():
    asked = rescues("otp")
    assert asked.look_ms(OTP, "shop", 1, 100.0) == 104_000
    assert asked.look_ms(OTP, "shop", 2, 100.0) == 0
    assert asked.look_ms(TRANSACTIONAL, "shop", 1, 100.0) == 0
    assert rescues("otp", rescue=False).look_ms(OTP, "shop", 1, 100.0) == 0
    assert rescues().look_ms(OTP, "shop", 1, 100.0) == 0
    assert rescues("otp").terms.earliest_s == 4


def shown(*lines, state=State.SENT):
    return view(Record(b"i" * 16, state, 2, pack_body(BODY), b"".join(lines)), BODY)


def receipt(carrier, stat):
    return pack_event(NOW_MS, EventKind.RECEIPT, carrier, f"{carrier}0", stat, "")


def final(state):
    return pack_event(NOW_MS, EventKind.FINAL, int(state), "", False, "")


def test_the_first_carrier_is_shown_until_the_copy_delivers():
    before = shown(ASSIGNED, SUBMITTED)
    during = shown(ASSIGNED, SUBMITTED, COPY, MINE)
    refused = shown(ASSIGNED, SUBMITTED, COPY, pack_event(NOW_MS, EventKind.REFUSED, "b", 8, "refused_by_carrier", "other"))
    assert {(one.carrier, one.sent_at, one.status) for one in (before, during, refused)} == {("a", before.sent_at, "sent")}
    lines = (ASSIGNED, SUBMITTED, COPY, MINE)
    assert shown(*lines, receipt("a", "DELIVRD"), final(16), state=State.DELIVERED).carrier == "a"
    assert shown(*lines, receipt("b", "DELIVRD"), final(16), state=State.DELIVERED).carrier == "b"
    late = shown(*lines, receipt("a", "UNDELIV"), receipt("b", "DELIVRD"), final(16), state=State.DELIVERED)
    assert (late.carrier, late.status) == ("b", "delivered")


def test_the_history_tells_the_copy_and_its_sums():
    row = {
        "board": 7,
        "network": "23410",
        "class": "otp",
        "considered": [["b", 20_000, 0.9, 7.0, 0, -240_000]],
        "excluded": {"a": "has it"},
        "policy": "balanced",
        "rescue": ["a", 5.5, 0.03],
    }
    record = Record(b"i" * 16, State.SENT, 2, pack_body(BODY), ASSIGNED + SUBMITTED + COPY)
    _, first, _, copy = history(record, {b"d" * 8: [row | {"rescue": None}, row]})
    assert (first.copy, copy.copy, copy.attempt) == (msgspec.UNSET, True, 2)
    assert (copy.explanation.rescue.carrier, copy.explanation.rescue.age_s, copy.explanation.rescue.success) == ("a", 5.5, 0.03)
    assert copy.explanation.considered[0].total_micros == -240_000
    assert first.explanation is None  # a row that cannot be read


def test_a_code_used_before_any_receipt_speaks_of_the_first_copy():
    """Whose receipt has come is told by it; until then the first copy is the likelier one."""

    def carrier(*lines, state=State.SENT):
        return attempt_of(Record(b"i" * 16, state, 2, pack_body(BODY), b"".join((ASSIGNED, SUBMITTED, *lines)))).carrier

    delivered = final(16)
    assert carrier(COPY, MINE) == "a"
    assert carrier(COPY, MINE, receipt("b", "DELIVRD"), delivered, state=State.DELIVERED) == "b"
    assert carrier(COPY, MINE, receipt("a", "DELIVRD"), delivered, state=State.DELIVERED) == "a"
    again = pack_event(NOW_MS - 1_000, EventKind.ASSIGNED, "b", 2, b"d" * 8, 1, False)
    assert carrier(again, MINE) == "b"
