"""Mistakes in policies, groups and rules are named with their key."""

import pytest

from router.config import ConfigError, load_settings

CARRIER = '[[carriers]]\nname = "acme"\naddresses = ["smsc.example:2775"]\nsystem_id = "me"\n'  # lines 1 to 4
TENANT = '[[tenants]]\nid = "shop"\n'
RULE = '[[rules]]\nname = "r"\n'


def load(text):
    return load_settings(text, source="t.toml", environ={}, exists=lambda _: True)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[policies.Bold]\nfloor = 0.5", "line 1: policies.Bold must be 1 to 32 small letters, digits, - or _, beginning with a letter or digit"),
        ("[policies.fastest]\nfloor = 0.5", "line 1: policies.fastest has the name of a policy that is built in: choose another"),
        ("[policies.bold]\nfloor = 1.5", "line 2: policies.bold.floor must be at most 1, not 1.5"),
        ("[policies.bold]\nlos_factor = 1.5", "line 2: policies.bold.los_factor is not known; did you mean 'loss_factor'?"),
        (CARRIER + '[groups]\nacme = ["acme"]', "line 6: groups.acme has the name of a carrier"),
        (CARRIER + '[groups]\nown = ["acmee"]', "line 6: groups.own[0] names a carrier that does not exist: 'acmee'; did you mean 'acme'?"),
        (CARRIER + '[groups]\nown = ["acme", "acme"]', "line 6: groups.own[1] is there twice: 'acme'"),
        (CARRIER + "[groups]\nown = []", "line 6: groups.own must have at least 1 entry"),
        (
            TENANT + '[tenants.policies]\notp = "bolt"\n[policies.bold]\nfloor = 0.5',
            "line 4: tenants[0].policies.otp must be one of balanced, cheapest, fastest, reliable, bold, not 'bolt'; did you mean 'bold'?",
        ),
        (
            RULE,
            "line 1: rules[0] does nothing: give it one of deny, allow, exclude, pin, order, weights, max_price_micros, policy, last",
        ),
        (RULE + "deny = true\n" + RULE + "deny = true", "line 5: rules[1].name is the same as that of rules[0]: 'r'"),
        (RULE + 'deny = true\ntenants = ["shp"]\n' + TENANT, "line 4: rules[0].tenants[0] names a tenant that does not exist: 'shp'; did you mean 'shop'?"),
        (RULE + 'deny = true\nto = ["UK"]', "line 4: rules[0].to[0] must be a country of ISO 3166: did you mean 'GB'?"),
        (RULE + 'deny = true\nafter = "25:00"', "line 4: rules[0].after must be a time of day such as \"08:30\", not '25:00'"),
        (RULE + 'deny = true\nafter = "08:00"\nbefore = "08:00"', "line 4: rules[0].after must not be the same as before"),
        (RULE + 'deny = true\nafter = "08:00"\ntime_zone = "Europe/Bonn"', "line 5: rules[0].time_zone is not known: 'Europe/Bonn'"),
        (RULE + 'deny = true\ndays = ["mo"]', "line 4: rules[0].days[0] must be one of mon, tue, wed, thu, fri, sat, sun, not 'mo'; did you mean 'mon'?"),
        (RULE + 'deny = true\nsenders = ["*"]', "line 4: rules[0].senders[0] must be a sender, or the beginning of senders and \"*\", not '*'"),
        (CARRIER + RULE + 'allow = ["acm"]', "line 7: rules[0].allow[0] names no carrier and no group: 'acm'; did you mean 'acme'?"),
        (CARRIER + RULE + 'pin = "x"', "line 7: rules[0].pin names no carrier and no group: 'x'"),
        (CARRIER + RULE + 'pin = "acme"\norder = ["acme"]', "line 7: rules[0].pin has no use beside order: its first entry is the first choice"),
        (CARRIER + RULE + "weights = { acme = 0 }", "line 7: rules[0].weights.acme must be at least 0.01, not 0"),
        (CARRIER + RULE + "weights = { acm = 2 }", "line 7: rules[0].weights.acm names no carrier and no group: 'acm'; did you mean 'acme'?"),
        (RULE + 'policy = "cheap"', "line 3: rules[0].policy must be one of balanced, cheapest, fastest, reliable, not 'cheap'; did you mean 'cheapest'?"),
        (RULE + 'last = true\nreason = "No."', "line 4: rules[0].reason has no use where deny is not true: nobody is told it"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence(text, sentence):
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert caught.value.problems == (f"t.toml, {sentence}",)


def test_own_policies_are_as_good_as_those_built_in():
    settings = load(f'[policies.bold]\nfloor = 0.5\n{TENANT}[tenants.policies]\notp = "bold"\n{RULE}policy = "bold"')
    assert settings.policies["bold"].floor == 0.5
    assert settings.routing[0].policy == "bold"
