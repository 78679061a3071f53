"""Rules before the brain: which fit, what they do together, when they are in force."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from router.model import MessageClass
from router.rule_settings import Rule
from router.rules import FREE, RuleBook

NOON_MS = int(datetime(2026, 1, 14, 12, tzinfo=UTC).timestamp() * 1000)  # a Wednesday
CARRIERS = ("acme", "globex", "initech")
GROUPS = {"own": ("acme", "initech")}


def book(*rules, groups=GROUPS, carriers=CARRIERS):
    return RuleBook([Rule(**({"name": f"r{at}"} | rule)) for at, rule in enumerate(rules)], groups, carriers)


def ask(asked, at_ms=NOON_MS, **message):
    given = {"tenant": "shop", "klass": MessageClass.OTP, "sender": "ACME", "network": "23410", "country": "GB"}
    given |= {"number": "447700900123", "tags": ()} | message
    return asked.ruling(at_ms=at_ms, **given)


def at_ms(text, zone="UTC"):
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


@pytest.mark.parametrize(
    ("condition", "fitting", "other"),
    [
        ({"tenants": ("shop", "bank")}, {}, {"tenant": "club"}),
        ({"classes": ("otp",)}, {}, {"klass": MessageClass.MARKETING}),
        ({"senders": ("ACME",)}, {"sender": "Acme"}, {"sender": "ACMES"}),
        ({"senders": ("acm*",)}, {}, {"sender": "AC"}),
        ({"senders": ("+4915*",)}, {"sender": "4915112345678"}, {"sender": "4916012345678"}),
        ({"senders": ("ACME",)}, {}, {"sender": ""}),
        ({"to": ("*",)}, {}, None),
        ({"to": ("GB",)}, {}, {"country": "DE", "number": "4915112345678", "network": "DE"}),
        ({"to": ("net:23410",)}, {}, {"network": "23415"}),
        ({"to": ("net:23410",)}, {}, {"network": "GB"}),
        ({"to": ("4477", "49151")}, {}, {"number": "447800900123"}),
        ({"to": ("44770090", "DE")}, {}, {"number": "447700800123"}),
        ({"tags": ("vip", "spring")}, {"tags": ("x", "spring")}, {"tags": ("x",)}),
        ({"tags": ("vip",)}, {"tags": ("vip",)}, {}),
        ({"days": ("wed",)}, {}, {"at_ms": NOON_MS + 86_400_000}),
        ({"tenants": ("shop",), "classes": ("otp",), "to": ("GB",)}, {}, {"tenant": "club"}),
        ({"tenants": ("shop",), "classes": ("otp",), "to": ("GB",)}, {}, {"country": "IE"}),
    ],
)
def test_a_rule_fits_when_all_its_conditions_do(condition, fitting, other):
    asked = book(condition | {"deny": True})
    for _ in range(2):  # found, and found again
        assert ask(asked, **fitting).denied == "r0"
        if other is not None:
            assert ask(asked, **other) is FREE


def test_without_rules_everybody_is_free():
    assert ask(book()) is FREE
    assert not FREE.bars("acme", 10**12)


def test_the_first_rule_with_an_effect_decides_it():
    asked = book(
        {"classes": ("otp",), "pin": "acme"},
        {"order": ("globex", "acme"), "policy": "fastest", "max_price_micros": 5_000},
        {"policy": "cheapest", "weights": {"own": 2.0, "acme": 3.0}},
        {"weights": {"acme": 9.0}},
    )
    found = ask(asked)
    assert found.tiers == {"acme": 0}
    assert (found.policy, found.most_micros, found.most_rule) == ("fastest", 5_000, "r1")
    assert found.weights == {"acme": 3.0, "initech": 2.0}
    assert found.rules == ("r0", "r1", "r2")
    assert found.text == "r0, r1, r2"
    assert ask(asked, klass=MessageClass.MARKETING).tiers == {"globex": 0, "acme": 1}


def test_a_deny_can_be_lifted_by_a_rule_before_it():
    asked = book({"tenants": ("bank",), "deny": False}, {"deny": True, "reason": "Closed."})
    assert ask(asked, tenant="bank").denied == ""
    assert (ask(asked).denied, ask(asked).reason) == ("r1", "Closed.")


def test_allow_names_all_others_as_left_out_and_exclusions_add_up():
    asked = book({"exclude": ("acme",)}, {"allow": ("own",)}, {"exclude": ("initech",)})
    found = ask(asked)
    assert found.barred == {"acme": "r0", "globex": "r1", "initech": "r2"}
    assert found.bars("globex", 0) == "r1"


def test_a_price_is_bound_by_the_segment():
    found = ask(book({"max_price_micros": 0}))
    assert found.bars("acme", 0) == ""
    assert found.bars("acme", 1) == "r0"


def test_after_a_last_rule_none_is_asked():
    asked = book({"classes": ("otp",), "last": True}, {"deny": True})
    assert ask(asked) is FREE or not ask(asked).denied
    assert ask(asked, klass=MessageClass.MARKETING).denied == "r1"


def test_an_order_of_groups_has_tiers():
    assert ask(book({"order": ("own", "globex")})).tiers == {"acme": 0, "initech": 0, "globex": 1}


def test_equal_answers_are_one_object():
    asked = book({"to": ("GB",), "pin": "acme"}, {"to": ("FR",), "deny": True})
    assert ask(asked) is ask(asked, tenant="club", sender="X", number="447911123456")
    assert ask(asked) is not ask(book({"to": ("GB",), "pin": "acme"}))


NIGHT = {"after": "21:00", "before": "08:00", "deny": True}


@pytest.mark.parametrize(
    ("rule", "moment", "zone", "denied"),
    [
        (NIGHT, "2026-01-14T20:59:59", "UTC", False),
        (NIGHT, "2026-01-14T21:00:00", "UTC", True),
        (NIGHT, "2026-01-15T07:59:59", "UTC", True),
        (NIGHT, "2026-01-15T08:00:00", "UTC", False),
        (NIGHT | {"time_zone": "Europe/Berlin"}, "2026-01-14T20:30:00", "UTC", True),  # 21:30 there
        (NIGHT | {"time_zone": "Europe/Berlin"}, "2026-07-14T19:30:00", "UTC", True),  # in summer, too
        (NIGHT | {"time_zone": "Europe/Berlin"}, "2026-07-14T18:30:00", "UTC", False),
        (NIGHT | {"time_zone": "Asia/Kolkata"}, "2026-01-14T21:00:00", "Asia/Kolkata", True),
        (NIGHT | {"time_zone": "Asia/Kolkata"}, "2026-01-14T20:59:00", "Asia/Kolkata", False),
        # The night that begins on Friday, until Saturday morning
        (NIGHT | {"days": ("fri",)}, "2026-01-16T22:00:00", "UTC", True),
        (NIGHT | {"days": ("fri",)}, "2026-01-17T07:00:00", "UTC", True),
        (NIGHT | {"days": ("fri",)}, "2026-01-17T22:00:00", "UTC", False),
        (NIGHT | {"days": ("fri",)}, "2026-01-16T07:00:00", "UTC", False),
        (NIGHT | {"days": ("sun",)}, "2026-01-19T07:00:00", "UTC", True),
        ({"days": ("sat", "sun"), "deny": True}, "2026-01-17T00:00:00", "UTC", True),
        ({"days": ("sat", "sun"), "deny": True}, "2026-01-16T23:59:59", "UTC", False),
        ({"days": ("sat",), "deny": True, "time_zone": "Pacific/Auckland"}, "2026-01-16T12:00:00", "UTC", True),  # Saturday there
        ({"after": "08:00", "deny": True}, "2026-01-14T23:59:00", "UTC", True),
        ({"after": "08:00", "deny": True}, "2026-01-14T07:59:00", "UTC", False),
        ({"before": "08:00", "deny": True}, "2026-01-14T07:59:00", "UTC", True),
        ({"before": "24:00", "after": "12:00", "deny": True}, "2026-01-14T23:59:00", "UTC", True),
        # An hour that the clocks pass twice is in force twice; one that they leave out, never
        ({"after": "02:00", "before": "03:00", "deny": True, "time_zone": "Europe/Berlin"}, "2026-10-25T00:30:00", "UTC", True),
        ({"after": "02:00", "before": "03:00", "deny": True, "time_zone": "Europe/Berlin"}, "2026-10-25T01:30:00", "UTC", True),
        ({"after": "02:00", "before": "03:00", "deny": True, "time_zone": "Europe/Berlin"}, "2026-03-29T01:00:00", "UTC", False),
    ],
)
def test_hours_are_those_of_the_rules_time_zone(rule, moment, zone, denied):
    asked = book(rule)
    ask(asked)  # what is remembered of another moment does not count
    assert bool(ask(asked, at_ms=at_ms(moment, zone)).denied) is denied


def test_answers_follow_the_clock():
    asked = book(NIGHT, {"pin": "acme"})
    day, night = at_ms("2026-01-14T20:59:59"), at_ms("2026-01-14T21:00:00")
    assert [bool(ask(asked, at_ms=moment).denied) for moment in (day, night, day, night)] == [False, True, False, True]
    assert ask(asked, at_ms=day).tiers == {"acme": 0}
