"""The example: it names every key there is, and what it shows as left out is the default."""

import re
import tomllib
from pathlib import Path

from msgspec import structs

from router import settings as declared
from router.config import load_settings
from router.setting import Setting
from router.settings import DEFAULT_CLASSES, Settings
from router.webhooks import encode_secret

EXAMPLE = (Path(__file__).parents[2] / "trunkline.example.toml").read_text("utf-8")
SECRET = encode_secret(bytes(range(32)))


def load(text, environ):
    return load_settings(text, source="t.toml", environ=environ, exists=lambda _: True)


def uncommented(text):
    return "\n".join(line[1:] if re.match(r'#(\[|[a-z0-9_]+ = |"[^"]+" = )', line) else line for line in text.splitlines())


def example():
    return load(uncommented(EXAMPLE), {"ACME_PASSWORD": "pass", "SHOP_WEBHOOK_SECRET": SECRET, "LOOKUP_AUTHORIZATION": "token"})


def test_the_example_is_a_configuration():
    settings = load(EXAMPLE, {"ACME_PASSWORD": "pass"})
    assert [carrier.name for carrier in settings.carriers] == ["acme", "globex"]
    assert settings.classes == {}
    assert settings.api == Settings().api


def test_the_example_names_every_key_of_every_table():
    document = tomllib.loads(uncommented(EXAMPLE))
    carrier, tenant = document["carriers"][0], document["tenants"][0]
    shown = {
        declared.Settings: document,
        declared.Api: document["api"],
        declared.JournalSettings: document["journal"],
        declared.Workers: document["workers"],
        declared.WebhookRules: document["webhooks"],
        declared.ClassRules: document["classes"]["otp"],
        declared.PolicyRules: document["policies"]["patient"],
        declared.Rule: document["rules"][1],
        declared.Portability: document["portability"],
        declared.RescueRules: document["rescue"],
        declared.Network: document["networks"][0],
        declared.CarrierProfile: carrier,
        declared.Tls: carrier["tls"],
        declared.Price: carrier["prices"][0],
        declared.Tenant: tenant,
        declared.Webhook: tenant["webhook"],
        declared.Key: document["keys"][0],
        declared.SmppServer: document["smpp"],
        declared.SmppAccount: document["accounts"][0],
        declared.InboundRule: document["inbound"][0],
    }
    every = {
        kind for kind in vars(declared).values() if isinstance(kind, type) and issubclass(kind, Setting) and kind is not Setting
    }
    assert set(shown) == every
    for kind, table in shown.items():
        assert set(table) == {field.encode_name for field in structs.fields(kind)}, kind


def test_what_the_example_shows_as_left_out_is_the_default():
    full = example()
    slim = load(EXAMPLE, {"ACME_PASSWORD": "pass"})
    assert full.classes == DEFAULT_CLASSES
    tables = {
        "classes": {},
        "policies": {},
        "groups": {},
        "carriers": (),
        "tenants": (),
        "keys": (),
        "accounts": (),
        "inbound": (),
    }
    tables |= {"routing": (), "prefixes": {}, "portability": declared.Portability()}
    assert structs.replace(full, **tables) == structs.replace(slim, **tables)
    blank = structs.replace(full.carriers[0], tls=None, labels={}, tlvs={})
    assert full.carriers[0].tls == declared.Tls()
    assert blank == structs.replace(slim.carriers[0], labels={})
    assert structs.replace(full.tenants[0], webhook=None) == slim.tenants[0]
    assert full.tenants[0].webhook.events == declared.Webhook(url="https://x", secrets=("x",)).events
    assert full.keys[0].scopes == declared.Key(id="x", tenant="x", sha256="x").scopes
    account = full.accounts[0]
    bare = declared.SmppAccount(system_id=account.system_id, tenant="shop", password=account.password)
    assert structs.replace(account, priorities={}) == bare
    assert structs.replace(full.portability, headers={}) == declared.Portability()
    assert full.policies["patient"] == declared.PolicyRules()
    quiet = declared.Rule(name="x")
    shown = {"name", "classes", "after", "before", "time_zone", "deny", "reason", "max_price_micros", "weights"}
    assert {key for key in quiet.__struct_fields__ if getattr(full.routing[1], key) != getattr(quiet, key)} == shown
    assert full.inbound[0] == declared.InboundRule(to="88222", tenant="shop")
