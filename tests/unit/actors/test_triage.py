"""What a dispatcher has claimed: what rules do to it."""

import msgspec
import pytest

from actors.triage import triage
from router.journal.port import Claimed
from router.model import ErrorName, MessageClass, State
from router.record import ERASED, Body, EventKind, pack_body, pack_event, unpack_body, unpack_events
from router.rule_settings import Rule
from router.rules import FREE, RuleBook
from router.settings import Settings

NOW_MS = 1_768_000_000_000
RULES = {klass: Settings().rules(klass) for klass in MessageClass}
BODY = Body(
    tenant="shop",
    to="447700900123",
    sender="ACME",
    text="x",
    klass=int(MessageClass.MARKETING),
    created_ms=NOW_MS,
    expires_ms=NOW_MS + 60_000,
    encoding="gsm7",
    segments=1,
    country="GB",
    network="23410",
    policy="fastest",
)


def claimed(attempts=0, events=b"", state=State.QUEUED, **changes):
    fields = {"id": b"i" * 16, "attempts": attempts, "state": state, "events": events}
    fields |= {"body": pack_body(msgspec.structs.replace(BODY, **changes))}
    return Claimed(**{name: fields.get(name, 0) for name in Claimed._fields})


def sorted_out(message, *rules):
    return triage([message], RULES, RuleBook(rules, {}, ("acme",)), NOW_MS, 0.0)


def test_what_rules_say_goes_with_the_message():
    (item,), ends, _ = sorted_out(claimed(), Rule(name="pin", pin="acme", policy="cheapest"))
    assert (ends, item.want.ruling.tiers, item.want.policy) == ([], {"acme": 0}, "cheapest")
    (item,), _, _ = sorted_out(claimed())
    assert (item.want.ruling, item.want.policy) == (FREE, "fastest")


@pytest.mark.parametrize(("state", "end"), [(State.QUEUED, State.FAILED), (State.UNKNOWN, State.UNCONFIRMED)])
def test_what_was_erased_ends_and_says_so(state, end):
    pending, (ended,), _ = sorted_out(claimed(state=state)._replace(body=ERASED))
    assert (pending, ended.finish.state, ended.end.error) == ([], end, ErrorName.ERASED)
    assert unpack_events(ended.finish.event)[-1][3] == "erased"


REFUSED = pack_event(NOW_MS, EventKind.ASSIGNED, "acme", 1, b"d", 0, False) + pack_event(
    NOW_MS, EventKind.REFUSED, "acme", 8, "refused_by_carrier", "other"
)


@pytest.mark.parametrize(
    ("message", "state", "error"),
    [
        (claimed(), State.REJECTED, ErrorName.DENIED),
        (claimed(attempts=1, events=REFUSED), State.FAILED, ErrorName.ATTEMPTS_EXHAUSTED),
    ],
)
def test_a_message_that_a_rule_denies_by_now_ends_and_its_history_names_the_rule(message, state, error):
    pending, (ended,), _ = sorted_out(message, Rule(name="quiet", classes=("marketing",), deny=True))
    assert pending == []
    assert (ended.finish.state, ended.end.error) == (state, error)
    lines = unpack_events(ended.finish.event)
    assert lines[0] == [NOW_MS, EventKind.DENIED, "quiet"]
    assert lines[1][:4] == [NOW_MS, EventKind.FINAL, int(state), error]


def test_a_number_that_moved_is_planned_and_sent_for_its_new_network():
    book = RuleBook([Rule(name="net", to=("net:23415",), pin="acme")], {}, ("acme",))
    (item,), _, strangers = triage([claimed()], RULES, book, NOW_MS, 0.0, lambda *_: "23415")
    assert (item.want.network, item.want.ruling.tiers, strangers) == ("23415", {"acme": 0}, [])
    assert unpack_body(item.claimed.body).network == "23415"


def test_a_number_that_is_to_be_asked_for_is_set_aside():
    message = claimed()
    asked = []
    found = triage([message], RULES, RuleBook([], {}, ()), NOW_MS, 0.0, lambda *place: asked.append(place))
    assert (found.pending, found.ends, found.strangers) == ([], [], [(message, "447700900123")])
    assert asked == [("447700900123", "GB")]
