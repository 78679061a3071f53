"""What intake makes of rules, of own policies and of numbers that cannot be."""

import json
from datetime import UTC, datetime

import pytest

from router.intake import settle
from router.message import decode_message
from router.record import Body
from router.rule_settings import PolicyRules, Rule
from router.settings import CarrierProfile, Price, Settings, Tenant
from router.terms import Terms

NOON_MS = int(datetime(2026, 1, 14, 12, tzinfo=UTC).timestamp() * 1000)
TENANT = Tenant(id="shop", policies={"otp": "bold"})


def carrier(name, micros):
    return CarrierProfile(name=name, addresses=("h:1",), system_id="x", covers=("GB",), prices=(Price(to="*", micros=micros),))


def terms(*rules):
    return Terms.compile(
        Settings(
            carriers=(carrier("cheap", 10_000), carrier("dear", 30_000)),
            tenants=(TENANT,),
            policies={"bold": PolicyRules(loss_factor=2)},
            routing=rules,
        )
    )


def decide(known, **fields):
    message = decode_message(json.dumps({"to": "+447700900123", "text": "x"} | fields).encode())
    return settle(message, TENANT, known, NOON_MS)


@pytest.mark.parametrize("to", ["+4477009001234", "+44 7700 9001234"])
def test_a_number_of_a_length_that_its_country_does_not_have_is_refused(to):
    known = terms()
    for _ in range(2):  # its country's destination is remembered by then
        assert isinstance(decide(known), Body)
        [fault] = decide(known, to=to)
        assert (fault.pointer, fault.code) == ("/to", "invalid_message")
        assert fault.detail == "A number with this country code has 9, 11 or 12 digits, the code included, and not 13."


def test_a_rule_counts_at_the_time_of_sending():
    known = terms(Rule(name="night", after="21:00", before="08:00", deny=True))
    assert isinstance(decide(known), Body)
    assert isinstance(decide(known, send_at="2026-01-15T08:00:00Z"), Body)
    [fault] = decide(known, send_at="2026-01-14T21:00:00Z")
    assert (fault.pointer, fault.code) == ("", "denied")


def test_the_price_quoted_is_the_least_that_rules_leave():
    known = terms(
        Rule(name="not-cheap", senders=("ACME",), exclude=("cheap",)), Rule(name="cap", tags=("t",), max_price_micros=10_000)
    )
    for _ in range(2):
        assert decide(known).cost_micros == 10_000
        assert decide(known, tags=["t"]).cost_micros == 10_000
        assert decide(known, **{"from": "acme"}).cost_micros == 30_000
        [fault] = decide(known, tags=["t"], **{"from": "ACME"})
        assert (fault.pointer, fault.code) == ("/to", "no_route")
        assert fault.detail == "The rules leave no carrier for this message: not-cheap, cap."


def test_senders_are_compared_as_they_are_kept():
    known = terms(Rule(name="no-mobile", senders=("+447*",), deny=True))
    assert decide(known, **{"from": "+44 7700 900001"})[0].code == "denied"
    assert isinstance(decide(known, **{"from": "+4420 7946 0000"}), Body)


def test_policies_of_the_settings_are_for_messages_and_tenants():
    assert decide(terms(), policy="bold").policy == "bold"
    assert decide(terms(), **{"class": "otp"}).policy == "bold"
    [fault] = decide(terms(), policy="bald")
    assert (fault.pointer, fault.code) == ("/policy", "invalid_message")
