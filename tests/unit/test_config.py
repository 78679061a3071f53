"""Configuration: every mistake is named with its file, line and key, and what is stored comes back."""

import re
from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from router import settings as declared
from router.config import (
    ConfigError,
    check_settings,
    dump_settings,
    load_settings,
    load_settings_bytes,
    parse_settings,
    redact,
    resolve_secrets,
)
from router.config_shape import PATTERN_WORDS, get_pattern, inside
from router.setting import Setting
from router.settings import CarrierProfile, Settings
from router.webhooks import encode_secret

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / "trunkline.example.toml").read_text("utf-8")
GOLDEN = ROOT / "tests" / "data" / "settings-v1.msgpack"
SECRET = encode_secret(bytes(range(32)))
CARRIER = '[[carriers]]\nname = "acme"\naddresses = ["smsc.example:2775"]\nsystem_id = "me"\n'  # lines 1 to 4
TENANT = '[[tenants]]\nid = "shop"\n'
KEY = '[[keys]]\nid = "abcdefgh"\ntenant = "shop"\nsha256 = "' + "0" * 64 + '"\n'


def load(text, environ=None, exists=lambda _: True):
    return load_settings(text, source="t.toml", environ=environ or {}, exists=exists)


def hook(url="https://a.example/", secret=SECRET, more=""):
    return f'{TENANT}[tenants.webhook]\nurl = "{url}"\nsecrets = ["{secret}"]\n{more}\n'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a = \n", "t.toml, line 1: this is no TOML: Invalid value (column 5)"),
        ("a = [", "t.toml: this is no TOML: Invalid value (at end of document)"),
        ('currncy = "EUR"', "t.toml, line 1: currncy is not known; did you mean 'currency'?"),
        ("zzz = 1", "t.toml, line 1: zzz is not known"),
        ('currency = "eur"', "t.toml, line 1: currency must be three capital letters, not 'eur'"),
        ("[api]\n\nport = 70000", "t.toml, line 3: api.port must be at most 65535, not 70000"),
        ('[api]\nport = "80"', "t.toml, line 2: api.port must be a whole number, not a text"),
        ("[webhooks]\ntimeout_s = nan", "t.toml, line 2: webhooks.timeout_s must be at least 0, not nan"),
        ("data_dir = 2026-01-01", "t.toml, line 1: data_dir must be a text, not a date"),
        ('[carriers]\nname = "a"', "t.toml, line 1: carriers must be a list, not a table"),
        (
            '[[carriers]]\nname = "a"\naddresses = []\nsystem_id = "x"',
            "t.toml, line 3: carriers[0].addresses must have at least 1 entry",
        ),
        (
            CARRIER + 'system_type = "0123456789abcd"',
            "t.toml, line 5: carriers[0].system_type must be at most 12 characters long",
        ),
        ('[[carriers]]\nname = "a"\n', "t.toml, line 1: carriers[0].addresses is missing"),
        (CARRIER + "window = -1", "t.toml, line 5: carriers[0].window must be at least 0, not -1"),
        (CARRIER + 'windw = "5"', "t.toml, line 5: carriers[0].windw is not known; did you mean 'window'?"),
        (
            CARRIER + CARRIER + "tls = { verfy = true }",
            "t.toml, line 9: carriers[1].tls.verfy is not known; did you mean 'verify'?",
        ),
        (CARRIER + "tls = 5", "t.toml, line 5: carriers[0].tls must be a table, not a whole number"),
        (
            CARRIER + '[[carriers.prices]]\nto = "*"\nmicros = 1\n[[carriers.prices]]\nto = "abc"\nmicros = 1',
            (
                't.toml, line 9: carriers[0].prices[1].to must be "*", the first digits of numbers, a country such as "GB", or a network '
                "such as \"net:23410\", not 'abc'"
            ),
        ),
        (
            CARRIER + 'classes = ["otp", "makreting"]',
            (
                "t.toml, line 5: carriers[0].classes[1] must be one of otp, transactional, marketing, not 'makreting'; did you mean "
                "'marketing'?"
            ),
        ),
        (
            CARRIER + '[carriers.statuses]\n"0x45" = "other"\n"0x46" = "othr"',
            (
                "t.toml, line 7: carriers[0].statuses.0x46 must be one of permanent, same, other, throttle, queue_full, rebind, not "
                "'othr'; did you mean 'other'?"
            ),
        ),
        ("[classes.otp]\ndeadline_s = 1", "t.toml, line 1: classes.otp.loss_micros is missing"),
        ("[classes.otpp]\ndeadline_s = 1", "t.toml, line 1: classes.otpp is not known here; did you mean 'otp'?"),
        (TENANT + '[tenants.policies]\nalerts = "x"', "t.toml, line 4: tenants[0].policies.alerts is not known here"),
        (
            KEY + KEY.replace("0" * 64, "tl_secret"),
            "t.toml, line 8: keys[1].sha256 must be a SHA-256 in 64 small hexadecimal digits",
        ),
    ],
)
def test_a_mistake_of_shape_is_one_sentence(text, sentence):
    with pytest.raises(ConfigError) as caught:
        parse_settings(text, source="t.toml")
    assert caught.value.problems == (sentence,)
    assert str(caught.value) == sentence


CLASS = "[classes.{word}]\ndeadline_s = {deadline}\nloss_micros = 1\ntime_micros_per_s = 1\nvalidity_s = {validity}\nattempts = {attempts}\n"
CLASS += 'on_unknown = "resend"\nunknown_hold_s = {hold}\n'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (CARRIER + CARRIER, "line 6: carriers[1].name is the same as that of carriers[0]: 'acme'"),
        (TENANT + TENANT, "line 4: tenants[1].id is the same as that of tenants[0]: 'shop'"),
        (TENANT + KEY + KEY.replace("abcdefgh", "12345678"), "line 10: keys[1].sha256 is the same as that of keys[0]"),
        (TENANT + KEY + KEY.replace("0" * 64, "1" * 64), "line 8: keys[1].id is the same as that of keys[0]: 'abcdefgh'"),
        (
            TENANT + KEY.replace('"shop"', '"shp"'),
            "line 5: keys[0].tenant names a tenant that does not exist: 'shp'; did you mean 'shop'?",
        ),
        (TENANT + KEY + "scopes = []", "line 7: keys[0].scopes must not be empty: the key could do nothing"),
        (
            '[[networks]]\nprefix = "44"\nmcc_mnc = "23410"\n' * 2,
            "line 5: networks[1].prefix is the same as that of networks[0]: '44'",
        ),
        (
            '[[networks]]\nprefix = "44"\nmcc_mnc = "13410"\n',
            "line 3: networks[0].mcc_mnc must begin with a mobile country code (2xx to 7xx or 9xx), not '13410'",
        ),
        (CARRIER + "classes = []", "line 5: carriers[0].classes must not be empty: to stop a carrier, set enabled = false"),
        (CARRIER + 'covers = ["UK"]', "line 5: carriers[0].covers[0] must be a country of ISO 3166: did you mean 'GB'?"),
        (
            CARRIER + 'covers = ["net:12"]',
            (
                'line 5: carriers[0].covers[0] must be "*", the first digits of numbers, a country such as "GB", or a network such as '
                "\"net:23410\", not 'net:12'"
            ),
        ),
        (
            CARRIER + 'prices = [{ to = "GB", micros = 1 }, { to = "GB", micros = 2 }]',
            "line 5: carriers[0].prices[1].to is the same as that of prices[0]: 'GB'",
        ),
        (CARRIER + 'tlvs = { 0x0424 = "00" }', "line 5: carriers[0].tlvs.0x0424 must be a tag from 0x1400 to 0x3FFF"),
        (CARRIER + 'tlvs = { 0x1400 = "0" }', "line 5: carriers[0].tlvs.0x1400 must be up to 255 octets in hexadecimal"),
        (
            CARRIER + 'statuses = { "69" = "other" }',
            'line 5: carriers[0].statuses.69 must be a command_status other than 0, such as "0x45"',
        ),
        (CARRIER + 'statuses = { "0x45" = "other", "0x045" = "same" }', "line 5: carriers[0].statuses.0x045 is there twice"),
        (CARRIER + "response_timeout_s = 0", "line 5: carriers[0].response_timeout_s must be more than 0"),
        (CARRIER + "rebind_max_s = 0.5", "line 5: carriers[0].rebind_max_s must be at least rebind_min_s, 1 s"),
        (
            CARRIER + '[carriers.tls]\nca_file = "missing.pem"',
            "line 6: carriers[0].tls.ca_file names a file that does not exist: 'missing.pem'",
        ),
        (
            TENANT + '[tenants.policies]\notp = "fast"',
            "line 4: tenants[0].policies.otp must be one of balanced, cheapest, fastest, reliable, not 'fast'; did you mean 'fastest'?",
        ),
        (hook(secret="abc"), "line 5: tenants[0].webhook.secrets[0] must begin with whsec_"),
        (hook(secret="whsec_a-b"), "line 5: tenants[0].webhook.secrets[0] must be base64 after whsec_"),
        (hook(secret=encode_secret(bytes(23))), "line 5: tenants[0].webhook.secrets[0] must hold 24 to 64 octets, not 23"),
        (
            hook(url="http://a.example/"),
            "line 4: tenants[0].webhook.url must be https: only hosts of webhooks.allow_hosts may be reached by http",
        ),
        (hook(url="https://u:p@a.example/"), "line 4: tenants[0].webhook.url must not name a user"),
        (hook(url="https://[::ffff:7f00:1]/"), "line 4: tenants[0].webhook.url leads to ::ffff:7f00:1, which is loopback"),
        (hook(more="events = []"), 'line 6: tenants[0].webhook.events must not be empty: ["message.*"] is everything'),
        (
            '[webhooks]\nallow_hosts = ["a b"]',
            "line 2: webhooks.allow_hosts cannot be used: 'a b' is neither a host name nor an address nor a network",
        ),
        ("dashboard_port = 8080", "line 1: dashboard_port must not be the port of the API, 8080"),
        (
            '[journal]\nurl = "localhost"',
            "line 2: journal.url must be a URL such as redis://host:6379/0, rediss://… or unix:///path/of/socket",
        ),
        (
            "[journal]\nreplicas = 1",
            "line 2: journal.replicas must be 0 without journal.url: the server of our own has no replicas to wait for",
        ),
        (
            CLASS.format(word="otp", deadline=90, validity=300, attempts=3, hold=3),
            "line 2: classes.otp.deadline_s must not be longer than that of transactional (60 s): otp is the class that cannot wait",
        ),
        (
            CLASS.format(word="otp", deadline=10, validity=5, attempts=3, hold=3),
            "line 5: classes.otp.validity_s must be at least deadline_s, 10 s: a message must live until it is late",
        ),
        (
            CLASS.format(word="otp", deadline=10, validity=20, attempts=3, hold=20),
            "line 8: classes.otp.unknown_hold_s must be less than validity_s, 20 s: else nothing is ever sent again",
        ),
        (
            CLASS.format(word="otp", deadline=10, validity=20, attempts=1, hold=2),
            "line 6: classes.otp.attempts must be at least 2 where on_unknown is 'resend'",
        ),
    ],
)
def test_a_mistake_between_keys_is_one_sentence(text, sentence):
    with pytest.raises(ConfigError) as caught:
        load(text, exists=lambda _: False)
    assert caught.value.problems == (f"t.toml, {sentence}",)


@pytest.mark.parametrize(
    ("address", "good"),
    [
        ("smsc.example:2775", True),
        ("10.0.0.1:2775", True),
        ("[2001:db8::1]:2775", True),
        ("localhost:1", True),
        ("smsc.example", False),
        ("smsc.example:0", False),
        ("smsc.example:65536", False),
        (":2775", False),
        ("2001:db8::1:2775", False),
        ("smpp://smsc.example:2775", False),
        ("a b:2775", False),
        ("256.1.1.1:2775", False),
    ],
)
def test_addresses_are_host_and_port(address, good):
    text = CARRIER.replace("smsc.example:2775", address)
    if good:
        assert load(text).carriers[0].addresses == (address,)
    else:
        with pytest.raises(ConfigError, match=re.escape("carriers[0].addresses[0] must be")):
            load(text)


def test_all_mistakes_between_keys_are_told_at_once():
    with pytest.raises(ConfigError) as caught:
        load(CARRIER + CARRIER + TENANT + TENANT)
    assert len(caught.value.problems) == 2


def test_settings_built_in_code_are_checked_for_shape_too():
    good = CarrierProfile(name="a", addresses=("a:1",), system_id="x")
    settings = Settings(carriers=(structs.replace(good, sessions=0),))
    problems = check_settings(settings, exists=lambda _: True)
    assert [(problem.path, problem.wrong) for problem in problems] == [(("carriers", 0, "sessions"), "must be at least 1, not 0")]


def test_passwords_and_secrets_can_come_from_the_environment():
    text = CARRIER + 'password = "env:PASSWORD"\n' + hook(secret="env:HOOK")
    settings = load(text, {"PASSWORD": "pass", "HOOK": SECRET})
    assert settings.carriers[0].password == "pass"
    assert settings.tenants[0].webhook.secrets == (SECRET,)
    with pytest.raises(ConfigError) as caught:
        load(text, {"PASSWORD": ""})
    assert caught.value.problems == (
        "t.toml, line 5: carriers[0].password needs the environment variable 'PASSWORD', which is not set",
        "t.toml, line 10: tenants[0].webhook.secrets[0] needs the environment variable 'HOOK', which is not set",
    )


def test_a_password_of_the_environment_is_checked_like_any_other():
    with pytest.raises(ConfigError, match="password must be at most 64 characters long"):
        load(CARRIER + 'password = "env:PASSWORD"', {"PASSWORD": "x" * 65})


def test_the_environment_overrides_the_file():
    environ = {"TRUNKLINE_REDIS_URL": "redis://db:6379/1", "TRUNKLINE_DATA_DIR": "/data", "TRUNKLINE_API_PORT": "81"}
    text = 'data_dir = "here"\n[api]\nport = 80\nhost = "::1"\n[journal]\nurl = "redis://other"\nreplicas = 2'
    settings = load(text, environ)
    assert (settings.journal.url, settings.journal.replicas) == ("redis://db:6379/1", 2)
    assert (settings.api.port, settings.api.host, settings.data_dir) == (81, "::1", "/data")
    assert load(text, dict.fromkeys(environ, "")).api.port == 80
    for port in ("x", "-1", "65536", "1e3"):
        with pytest.raises(ConfigError, match="TRUNKLINE_API_PORT must be a port"):
            load(text, {"TRUNKLINE_API_PORT": port})
    with pytest.raises(ConfigError, match=r"^the environment \(TRUNKLINE_REDIS_URL\): journal.url must be a URL"):
        load(text, {"TRUNKLINE_REDIS_URL": "db:6379"})


# -- what is stored and shown -----------------------------------------------------------------------------------------


def uncommented(text):
    return "\n".join(line[1:] if re.match(r'#(\[|[a-z0-9_]+ = |"[^"]+" = )', line) else line for line in text.splitlines())


def example():
    return load(uncommented(EXAMPLE), {"ACME_PASSWORD": "pass", "SHOP_WEBHOOK_SECRET": SECRET, "LOOKUP_AUTHORIZATION": "token"})


def test_settings_come_back_from_the_journal():
    settings = example()
    assert load_settings_bytes(dump_settings(settings)) == settings
    assert load_settings_bytes(dump_settings(Settings())) == Settings()


def test_what_this_release_once_wrote_can_be_read_for_ever():
    settings = load_settings_bytes(GOLDEN.read_bytes())
    assert settings.carriers[0].password == "pass"
    assert settings.carriers[0].statuses == {"0x45": "other"}
    assert settings.tenants[0].webhook.secrets == (SECRET,)
    assert settings.keys[0].scopes == ("send", "read")


def test_keys_of_a_later_release_are_ignored():
    version, document = msgspec.msgpack.decode(dump_settings(example()))
    document["new"] = 1
    document["api"]["new"] = {"a": 1}
    document["carriers"][0]["tls"]["new"] = 1
    document["carriers"][0]["prices"][0]["new"] = 1
    document["classes"]["otp"]["new"] = 1
    assert load_settings_bytes(msgspec.msgpack.encode([version, document, "more"])) == example()


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\xc1",
        b"\x90",
        b"\xa1x",
        b"\x80",
        *(msgspec.msgpack.encode(x) for x in (None, 5, [2, {}], [1], [1, None], [1, {"api": 5}])),
    ],
)
def test_octets_that_are_no_configuration_are_told(octets):
    with pytest.raises(ConfigError, match=r"^the stored configuration"):
        load_settings_bytes(octets)


def test_nothing_secret_is_shown():
    settings = load(CARRIER + 'password = "hunter2"\n' + hook() + KEY)
    for url in (
        "redis://u:hunter2@db/0",
        "redis://:hunter2@db",
        "redis://a:hunter2@b,redis://c:hunter2@d",
        "unix:///s?password=hunter2&db=1",
    ):
        shown = redact(structs.replace(settings, journal=structs.replace(settings.journal, url=url)))
        text = repr(shown)
        assert "hunter2" not in text
        assert SECRET not in text
        assert "0" * 64 not in text
        assert shown["journal"]["url"].count("***") == url.count("hunter2")
        assert shown["carriers"][0]["system_id"] == "me"
    assert settings.carriers[0].password == "hunter2", "showing changes nothing"


@pytest.mark.parametrize("key", ["password", "secrets", "sha256", "url"])
def test_no_error_repeats_a_secret(key):
    texts = {
        "password": CARRIER + f'password = "{"hunter2" * 20}"',
        "secrets": hook(secret="hunter2"),
        "sha256": TENANT + KEY.replace("0" * 64, "hunter2"),
        "url": hook(url="ftp://u:hunter2@a.example"),
    }
    with pytest.raises(ConfigError) as caught:
        load(texts[key])
    assert "hunter2" not in str(caught.value)


# -- words -------------------------------------------------------------------------------------------------------------


def inside_or_none(kind, step):
    try:
        return inside(kind, step)
    except (IndexError, TypeError, StopIteration):
        return None


def test_every_pattern_of_the_settings_has_words():
    patterns = {
        get_pattern(part)
        for kind in vars(declared).values()
        if isinstance(kind, type) and issubclass(kind, Setting)
        for field in structs.fields(kind)
        for part in (field.type, inside_or_none(field.type, 0))
    }
    assert patterns - {""} == set(PATTERN_WORDS)


def test_secrets_are_resolved_without_touching_the_rest():
    settings = parse_settings(CARRIER + TENANT, source="t")
    assert resolve_secrets(settings, {}) == (settings, [])
