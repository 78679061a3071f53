"""What a message must be: a row per field and fault."""

import json

import msgspec
import pytest

from router.ids import make_id
from router.intake import SCHEDULE_LIMIT_MS, seal, settle
from router.message import FieldFault, Malformed, MessageIn, decode_message
from router.model import MessageClass
from router.record import Body, pack_body, unpack_body
from router.settings import CarrierProfile, Network, Price, Settings, Tenant, Webhook
from router.terms import Terms

NOW_MS = 1_768_469_400_000  # 2026-01-15T09:30:00Z
GOOD = {"to": "+447700900123", "text": "Your code is 4711"}


def carrier(name, **more):
    return CarrierProfile(name=name, addresses=("127.0.0.1:2775",), system_id="x", **more)


SETTINGS = Settings(
    carriers=(
        carrier("cheap", covers=("GB",), prices=(Price(to="GB", micros=20_000),), classes=("marketing", "transactional")),
        carrier("dear", covers=("GB", "FR"), prices=(Price(to="*", micros=35_000), Price(to="447701", micros=50_000))),
        carrier("off", enabled=False),
    ),
    networks=(Network(prefix="447700", mcc_mnc="23410"),),
    tenants=(Tenant(id="acme", policies={"otp": "fastest"}, retention_s=600, webhook=Webhook(secrets=("whsec_x",))),),
)
TERMS = Terms.compile(SETTINGS)
TENANT = TERMS.tenants["acme"]


def decide(fields, **more):
    message = decode_message(json.dumps(fields).encode())
    return settle(message, TENANT, TERMS, NOW_MS, **more) if isinstance(message, MessageIn) else message


SHAPE_FAULTS = [
    ({"to": 447700900123}, "/to", "invalid_message"),
    ({"to": None}, "/to", "invalid_message"),
    ({"to": "1" * 65}, "/to", "invalid_message"),
    ({"text": ""}, "/text", "invalid_message"),
    ({"text": ["a"]}, "/text", "invalid_message"),
    ({"text": "a" * 4591}, "/text", "invalid_message"),
    ({"from": 7}, "/from", "invalid_message"),
    ({"class": "urgent"}, "/class", "invalid_message"),
    ({"class": 1}, "/class", "invalid_message"),
    ({"profile": "p" * 65}, "/profile", "invalid_message"),
    ({"client_ref": "r" * 129}, "/client_ref", "invalid_message"),
    ({"tags": "vip"}, "/tags", "invalid_message"),
    ({"tags": ["a"] * 21}, "/tags", "invalid_message"),
    ({"tags": ["ok", ""]}, "/tags/1", "invalid_message"),
    ({"tags": ["t" * 65]}, "/tags/0", "invalid_message"),
    ({"metadata": []}, "/metadata", "invalid_message"),
    ({"flash": "yes"}, "/flash", "invalid_message"),
    ({"tlvs": {"0x13ff": "00"}}, "/tlvs", "invalid_message"),
    ({"tlvs": {"0x4000": "00"}}, "/tlvs", "invalid_message"),
    ({"tlvs": {"1400": "00"}}, "/tlvs", "invalid_message"),
    ({"tlvs": {"0x1400": "0"}}, "/tlvs", "invalid_message"),
    ({"tlvs": {"0x1400": "00" * 256}}, "/tlvs", "invalid_message"),
    ({"tlvs": {"0x1400": "00\n"}}, "/tlvs", "invalid_message"),
    ({"tlvs": {f"0x14{n:02x}": "" for n in range(17)}}, "/tlvs", "invalid_message"),
    ({"metadata": {str(n): "" for n in range(33)}}, "/metadata", "invalid_message"),
    ({"metadata": {"": "v"}}, "/metadata", "invalid_message"),
    ({"metadata": {"k" * 65: "v"}}, "/metadata", "invalid_message"),
    ({"metadata": {"k": "v" * 513}}, "/metadata", "invalid_message"),
    ({"metadata": {"k": 1}}, "/metadata", "invalid_message"),
    ({"send_at": "tomorrow"}, "/send_at", "invalid_message"),
    ({"send_at": "2026-01-15T10:00:00"}, "/send_at", "invalid_message"),  # no offset
    ({"send_at": 1768469400}, "/send_at", "invalid_message"),
    ({"validity_period": 0}, "/validity_period", "invalid_message"),
    ({"validity_period": 604_801}, "/validity_period", "invalid_message"),
    ({"validity_period": 1.5}, "/validity_period", "invalid_message"),
    ({"encoding": "latin1"}, "/encoding", "invalid_message"),
    ({"max_segments": 0}, "/max_segments", "invalid_message"),
    ({"max_segments": 31}, "/max_segments", "invalid_message"),
    ({"webhook_url": "ftp://example.com"}, "/webhook_url", "invalid_message"),
    ({"webhook_url": "https://"}, "/webhook_url", "invalid_message"),
    ({"webhook_url": "https://example.com/\n"}, "/webhook_url", "invalid_message"),
    ({"webhook_url": "https://e.com/" + "a" * 2040}, "/webhook_url", "invalid_message"),
    ({"policy": "luckiest"}, "/policy", "invalid_message"),
    ({"retention": 59}, "/retention", "invalid_message"),
    ({"retention": 7_776_001}, "/retention", "invalid_message"),
    ({"failover": ["rcs"]}, "/failover", "unknown_field"),
    ({"a/b~c": 1}, "/a~1b~0c", "unknown_field"),
]
SENSE_FAULTS = [
    ({"to": "12"}, "/to", "invalid_message"),
    ({"to": "+4477009001234567"}, "/to", "invalid_message"),
    ({"to": "hello"}, "/to", "invalid_message"),
    ({"to": "+999123456789"}, "/to", "invalid_message"),
    ({"to": "+4915112345678"}, "/to", "no_route"),
    ({"to": "+33612345678", "class": "marketing", "text": "x\0"}, "/text", "not_encodable"),
    ({"from": "MUCHTOOLONGNAME"}, "/from", "invalid_message"),
    ({"from": "   "}, "/from", "invalid_message"),
    ({"text": "a\0b"}, "/text", "not_encodable"),
    ({"text": "a\tb"}, "/text", "not_encodable"),
    ({"text": "a\x85b"}, "/text", "not_encodable"),
    ({"text": "жaж", "encoding": "gsm7"}, "/text", "not_encodable"),
    ({"text": "a" * 161, "max_segments": 1}, "/text", "too_many_segments"),
    ({"text": "ж" * 700}, "/text", "too_many_segments"),
    ({"send_at": "2026-01-15T09:29:59Z"}, "/send_at", "invalid_message"),
    ({"send_at": "2026-03-15T09:30:00Z"}, "/send_at", "invalid_message"),
    ({"send_at": "0001-01-01T00:00:00+23:59"}, "/send_at", "invalid_message"),
    ({"send_at": "9999-12-31T23:59:59-23:59"}, "/send_at", "invalid_message"),
]


@pytest.mark.parametrize(("change", "pointer", "code"), SHAPE_FAULTS + SENSE_FAULTS)
def test_a_fault_names_its_field(change, pointer, code):
    faults = decide(GOOD | change)
    assert isinstance(faults, list)
    assert [(fault.pointer, fault.code) for fault in faults] == [(pointer, code)]
    assert faults[0].detail.endswith(".")


def test_every_fault_of_shape_is_named_at_once():
    faults = decide({"from": 1, "tags": [2], "colour": "red"})
    assert {fault.pointer for fault in faults} == {"/to", "/text", "/from", "/tags/0", "/colour"}


def test_every_fault_of_sense_is_named_at_once():
    faults = decide({"to": "12", "from": " ", "text": "\0", "send_at": "2020-01-01T00:00:00Z"})
    assert [fault.pointer for fault in faults] == ["/to", "/from", "/text", "/send_at"]


def test_characters_that_gsm7_does_not_hold_are_named():
    (fault,) = decide(GOOD | {"text": "aжbя", "encoding": "gsm7"})
    assert "'ж' (U+0436)" in fault.detail
    assert "'я' (U+044F)" in fault.detail


@pytest.mark.parametrize("octets", [b"", b"{", b'{"to":"\xff"}', b'{"to":"\\ud800"}', b"[" * 100_000, b"\xef\xbb\xbf{}"])
def test_octets_that_are_no_json(octets):
    assert isinstance(decode_message(octets), Malformed)


@pytest.mark.parametrize("octets", [b"", b"\xc1", b"\x81\xa2to\xa1\xff", b"\x91" * 100_000, b"\xdf\xff\xff\xff\xff"])
def test_octets_that_are_no_msgpack(octets):
    assert isinstance(decode_message(octets, packed=True), Malformed)


@pytest.mark.parametrize("value", [1, [], "x", None, {1: 2}, {("a",): 1} and {True: 1}])
def test_values_that_are_no_message(value):
    faults = decode_message(msgspec.msgpack.encode(value), packed=True)
    assert isinstance(faults, Malformed) or all(isinstance(fault, FieldFault) for fault in faults)


def test_everything_is_settled():
    body = decide(
        GOOD
        | {
            "from": "ACME",
            "class": "otp",
            "client_ref": "r",
            "tags": ["a"],
            "metadata": {"k": "v"},
            "webhook_url": "https://example.com/x",
            "retention": 3600,
            "validity_period": 60,
        }
    )
    assert body == Body(
        tenant="acme",
        to="447700900123",
        sender="ACME",
        text="Your code is 4711",
        klass=0,
        created_ms=NOW_MS,
        expires_ms=NOW_MS + 60_000,
        encoding="gsm7",
        segments=1,
        country="GB",
        network="23410",
        client_ref="r",
        tags=("a",),
        metadata={"k": "v"},
        webhook_url="https://example.com/x",
        policy="fastest",  # the tenant's for otp
        cost_micros=35_000,  # "cheap" takes no otp
        currency="EUR",
        retention_s=3600,
    )


@pytest.mark.parametrize(
    ("asked", "tenants", "encoding", "text", "sent", "in_encoding"),
    [
        (True, False, "auto", "“Łódź” – 5 €", '"Lodz" - 5 €', "gsm7"),
        (None, True, "gsm7", "Don’t", "Don't", "gsm7"),
        (False, True, "auto", "Don’t", "Don’t", "ucs2"),
        (None, False, "auto", "Don’t", "Don’t", "ucs2"),
        (True, False, "ucs2", "Don’t", "Don’t", "ucs2"),
        (True, False, "auto", "Don’t 😀", "Don’t 😀", "ucs2"),
        (True, False, "auto", "Zürich [1]", "Zürich [1]", "gsm7"),
    ],
)
def test_nothing_is_replaced_unless_asked_for_and_of_use(asked, tenants, encoding, text, sent, in_encoding):
    tenant = Tenant(id="acme", transliterate=tenants)
    message = MessageIn(to="+447700900123", text=text, encoding=encoding, transliterate=asked)
    body = settle(message, tenant, TERMS, NOW_MS)
    assert (body.text, body.encoding) == (sent, in_encoding)


def test_what_is_for_the_carrier_is_kept_with_the_message():
    body = decide(GOOD | {"flash": True, "tlvs": {"0x1400": "3132", "0X1401".lower(): "FFff", "0x3FfF": ""}})
    assert (body.flash, body.tlvs) == (True, {0x1400: b"12", 0x1401: b"\xff\xff", 0x3FFF: b""})
    assert unpack_body(pack_body(body)) == body
    plain = decide(GOOD)
    assert (plain.flash, plain.tlvs) == (False, {})


@pytest.mark.parametrize(
    ("change", "micros"),
    [
        ({}, 20_000),
        ({"text": "a" * 161}, 40_000),
        ({"class": "otp"}, 35_000),
        ({"class": "otp", "to": "+447701900123"}, 50_000),
        ({"to": "+33612345678"}, 35_000),
    ],
)
def test_the_quote_is_the_cheapest_carrier_that_takes_it(change, micros):
    first = decide(GOOD | change)
    again = decide(GOOD | change)  # from memory
    assert first.cost_micros == again.cost_micros == micros


def test_numbers_are_normalised_however_they_are_written():
    bodies = [decide(GOOD | {"to": to}) for to in ("+44 7700 900-123", "0044 7700 900123", "447700900123", "+447700900123")]
    assert {body.to for body in bodies} == {"447700900123"}
    assert {(body.country, body.network) for body in bodies} == {("GB", "23410")}


def test_validity_counts_from_send_at_and_defaults_to_the_class():
    body = decide(GOOD | {"send_at": "2026-01-15T10:30:00+00:00"})
    assert body.send_at_ms == NOW_MS + 3_600_000
    assert body.expires_ms == body.send_at_ms + 86_400_000
    last_ms = NOW_MS + SCHEDULE_LIMIT_MS
    assert last_ms == NOW_MS + 30 * 86_400_000


def test_a_retry_after_its_send_at_is_taken_and_only_with_a_key():
    late = GOOD | {"send_at": "2026-01-15T09:00:00Z"}
    assert isinstance(decide(late), list)
    assert decide(late, keyed=True).send_at_ms == 0
    assert isinstance(decide(GOOD | {"send_at": "2026-01-14T09:30:00Z"}, keyed=True), list)  # its key is forgotten by now


def test_sealing_keeps_what_the_journal_needs():
    body = decide(GOOD | {"class": "marketing", "send_at": "2026-01-15T10:30:00Z", "text": "a" * 200})
    message_id = make_id(NOW_MS, 3, bytes(10))
    intake = seal(message_id, body, TENANT, b"k" * 24)
    assert (intake.id, intake.tenant, intake.klass) == (message_id, "acme", MessageClass.MARKETING)
    assert (intake.expires_ms, intake.due_ms, intake.segments) == (body.expires_ms, body.send_at_ms, 2)
    assert (intake.wants_events, intake.idempotency, intake.retention_s) == (False, b"k" * 24, 600)
    assert unpack_body(intake.body) == body


def test_events_are_wanted_by_the_message_or_its_tenant():
    body = decide(GOOD)
    own = decide(GOOD | {"webhook_url": "http://example.com"})
    hooked = Tenant(id="acme", webhook=Webhook(url="https://example.com", secrets=("whsec_x",)))
    message_id = make_id(NOW_MS, 3, bytes(10))
    assert [seal(message_id, b, t).wants_events for b, t in ((body, TENANT), (own, TENANT), (body, hooked))] == [
        False,
        True,
        True,
    ]


def test_an_address_of_its_own_needs_a_secret_to_sign_with():
    message = decode_message(b'{"to":"+447700900123","text":"hi","webhook_url":"https://example.com/x"}', packed=False)
    bare = Tenant(id="acme")
    assert [fault.pointer for fault in settle(message, bare, TERMS, NOW_MS)] == ["/webhook_url"]
