"""Rules and policies at the API: what is denied, what leaves no route, what a preview tells."""

import msgspec
import numpy as np
import pytest

from actors.triage import want_of
from router.brain.plan import Memo, plan
from router.model import MessageClass
from router.rule_settings import PolicyRules, Rule
from router.settings import CarrierProfile, Price
from router.terms import Terms

GB = "+447700900123"


@pytest.fixture
def ruled(api):
    """The same API under other settings."""

    def put(*rules, **more):
        before = api.front.terms.settings
        dear = CarrierProfile(
            name="dear",
            addresses=("127.0.0.1:1",),
            system_id="x",
            prices=(Price(to="GB", micros=50_000),),
        )
        settings = msgspec.structs.replace(before, routing=rules, carriers=(*before.carriers, dear), **more)
        terms = api.front.terms = Terms.compile(settings, secret=b"s")

        def planned(body):
            klass = MessageClass(body.klass)
            want = want_of(body, klass, (), terms.book, api.front.now_ms())
            room = dict.fromkeys(terms.deck.names, 100)
            rules_ = dict(zip(MessageClass, terms.rules, strict=True))
            done = plan([want], None, room, 0.0, np.random.default_rng(1), deck=terms.deck, rules=rules_, memo=Memo())
            return done.decisions[done.choices[0].row]

        api.front.plan = planned
        return api

    return put


async def test_a_denied_message_is_refused_and_the_rule_named(ruled):
    api = ruled(Rule(name="no-ads", classes=("marketing",), deny=True, reason="No advertising at night."))
    status, shown, _ = await api("POST", "/v1/messages", {"to": GB, "text": "x", "class": "marketing"})
    assert (status, shown["code"]) == (403, "denied")
    assert shown["detail"] == "The rule no-ads does not let this message through: No advertising at night."
    assert (await api("POST", "/v1/messages", {"to": GB, "text": "x", "class": "otp"}))[0] == 202


async def test_a_denied_message_does_not_sink_its_batch(ruled):
    api = ruled(Rule(name="no-casino", senders=("casino*",), deny=True))
    batch = [{"to": GB, "text": "x", "from": "CASINO7"}, {"to": GB, "text": "x", "from": "ACME"}]
    status, shown, _ = await api("POST", "/v1/messages/batch", batch)
    assert status == 202
    assert shown["data"][0]["error"]["code"] == "denied"
    assert shown["data"][1]["status"] == "accepted"


async def test_rules_that_leave_no_carrier_leave_no_route(ruled):
    api = ruled(Rule(name="own-only", allow=("two",)))
    status, shown, _ = await api("POST", "/v1/messages", {"to": GB, "text": "x"})
    assert (status, shown["code"]) == (422, "no_route")
    assert shown["detail"] == "The rules leave no carrier for this message: own-only."


async def test_the_cost_told_is_of_a_carrier_that_the_rules_leave(ruled):
    api = ruled(Rule(name="not-one", exclude=("one",)))
    _, shown, _ = await api("POST", "/v1/messages", {"to": GB, "text": "x"})
    assert shown["cost"]["amount"] == "0.050000"


async def test_a_price_may_be_too_high(ruled):
    api = ruled(Rule(name="thrift", tags=("bulk",), max_price_micros=9_999))
    status, shown, _ = await api("POST", "/v1/messages", {"to": GB, "text": "x", "tags": ["bulk"]})
    assert (status, shown["code"]) == (422, "no_route")
    assert (await api("POST", "/v1/messages", {"to": GB, "text": "x"}))[0] == 202


async def test_a_preview_shows_the_rule(ruled):
    api = ruled(Rule(name="dear-first", classes=("otp",), pin="dear"), Rule(name="not-one", tags=("t",), exclude=("one",)))
    _, shown, _ = await api("POST", "/v1/messages/preview", {"to": GB, "text": "x", "class": "otp"})
    assert (shown["carrier"], shown["route"]["rule"]) == ("dear", "dear-first")
    _, shown, _ = await api("POST", "/v1/messages/preview", {"to": GB, "text": "x", "class": "otp", "tags": ["t"]})
    assert shown["route"]["rule"] == "dear-first, not-one"
    assert shown["route"]["excluded"]["one"] == "rule not-one"


async def test_a_preview_shows_what_a_rule_denies(ruled):
    api = ruled(Rule(name="shut", deny=True))
    status, shown, _ = await api("POST", "/v1/messages/preview", {"to": GB, "text": "x"})
    assert (status, shown["accepted"], [one["code"] for one in shown["refused_by"]]) == (200, False, ["denied"])


async def test_other_faults_are_told_with_a_denial(ruled):
    api = ruled(Rule(name="shut", deny=True))
    status, shown, _ = await api("POST", "/v1/messages", {"to": GB, "text": "x" * 4_000})
    assert (status, shown["code"]) == (422, "invalid_message")
    assert {one["pointer"] for one in shown["errors"]} == {"", "/text"}


@pytest.mark.parametrize("policy", ["balanced", "cheapest", "fastest", "reliable", "bold"])
async def test_every_policy_of_the_settings_can_be_asked_for(ruled, policy):
    api = ruled(policies={"bold": PolicyRules(loss_factor=3)})
    assert (await api("POST", "/v1/messages", {"to": GB, "text": "x", "policy": policy}))[0] == 202


@pytest.mark.parametrize(
    ("policy", "detail"),
    [
        ("bald", "There is no such policy; there are balanced, cheapest, fastest, reliable, bold."),
        ("Bold!", "Expected the name of a policy: small letters, digits, - and _."),
    ],
)
async def test_an_unknown_policy_is_told_by_its_field(ruled, policy, detail):
    api = ruled(policies={"bold": PolicyRules(loss_factor=3)})
    status, shown, _ = await api("POST", "/v1/messages", {"to": GB, "text": "x", "policy": policy})
    assert (status, shown["code"]) == (422, "invalid_message")
    assert shown["errors"] == [{"pointer": "/policy", "detail": detail}]


async def test_a_rules_policy_goes_before_the_messages(ruled):
    api = ruled(Rule(name="fast", classes=("otp",), policy="fastest"))
    for klass, policy in (("otp", "fastest"), ("marketing", "cheapest")):
        message = {"to": GB, "text": "x", "class": klass, "policy": "cheapest"}
        _, shown, _ = await api("POST", "/v1/messages/preview", message)
        assert shown["route"]["policy"] == policy
