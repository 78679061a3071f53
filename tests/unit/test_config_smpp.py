"""What an operator is told about accounts, the SMPP server and the rules for messages from handsets."""

import pytest

from router.config import ConfigError, load_settings
from router.passwords import hash_password

HASH = hash_password("swordfish", bytes(16))
GOOD = f"""
[smpp]
keep_s = 3600

[[tenants]]
id = "shop"

[[tenants]]
id = "bank"

[[carriers]]
name = "acme"
addresses = ["smsc.example:2775"]
system_id = "me"

[[accounts]]
system_id = "shop-gw"
tenant = "shop"
password = "{HASH}"
addresses = ["203.0.113.7", "2001:db8::/32"]
priorities = {{ "3" = "otp" }}

[[inbound]]
to = "88222"
carrier = "acme"
tenant = "shop"
account = "shop-gw"
"""


def load(text):
    return load_settings(text, source="t.toml", environ={}, exists=lambda _: False)


def test_what_is_right_is_read():
    settings = load(GOOD)
    assert settings.accounts[0].klass == "transactional"
    assert settings.accounts[0].priorities == {"3": "otp"}
    assert settings.inbound[0].account == "shop-gw"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('tenant = "shop"\npassword', 'tenant = "shoop"\npassword', "accounts[0].tenant names a tenant that does not exist"),
        ("scrypt$16384$", "scrypt$16385$", "accounts[0].password has parameters that scrypt does not take"),
        ("scrypt$16384$", "scrypt$1073741824$", "accounts[0].password asks for too much memory"),
        (HASH, "swordfish", "accounts[0].password must be what `trunkline accounts create` prints"),
        ("203.0.113.7", "203.0.113.7/24", "accounts[0].addresses[0] must be an address"),
        ('"3" = "otp"', '"256" = "otp"', "must be a priority_flag"),
        ('"3" = "otp"', '"03" = "otp"', "must be a priority_flag"),
        ('shop-gw"\ntenant', 'shop gw"\ntenant', "accounts[0].system_id must be 1 to 15 characters of ASCII without blanks"),
        ("keep_s = 3600", 'tls_certificate = "/nowhere.pem"', "smpp.tls_certificate names a file that does not exist"),
        ("keep_s = 3600", "keep_s = 0", "smpp.keep_s must be more than 0"),
        (
            'carrier = "acme"',
            'carrier = "acne"',
            "inbound[0].carrier names a carrier that does not exist: 'acne'; did you mean 'acme'?",
        ),
        ('account = "shop-gw"', 'account = "shop"', "inbound[0].account names an account that does not exist"),
        (
            'tenant = "shop"\naccount',
            'tenant = "bank"\naccount',
            "inbound[0].account belongs to the tenant 'shop', not to 'bank'",
        ),
        ('to = "88222"', 'to = "88*222"', "inbound[0].to must be a number or short code"),
    ],
)
def test_what_is_wrong_is_named(old, new, says):
    assert old in GOOD
    with pytest.raises(ConfigError) as raised:
        load(GOOD.replace(old, new))
    assert any(says in problem for problem in raised.value.problems), raised.value.problems


def test_two_rules_cannot_have_one_message():
    with pytest.raises(ConfigError, match=r"inbound\[1\] says the same as inbound\[0\]"):
        load(GOOD + '\n[[inbound]]\nto = "88222"\ncarrier = "acme"\ntenant = "bank"\n')


def test_two_accounts_cannot_have_one_name():
    with pytest.raises(ConfigError, match=r"accounts\[1\].system_id is the same"):
        load(GOOD + f'\n[[accounts]]\nsystem_id = "shop-gw"\ntenant = "bank"\npassword = "{HASH}"\n')
