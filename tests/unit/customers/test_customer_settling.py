"""From submissions to bodies: the same verdicts as the API's, in SMPP's words."""

import pytest
from msgspec.structs import replace

from carriers.customers.reading import Fault
from carriers.customers.settling import check, incomplete, settle_parts
from carriers.smpp.commands import RSUBMITFAIL
from router.model import ErrorName
from router.record import Body, pack_body, unpack_body
from router.rule_settings import Rule
from router.terms import Terms
from router.text.udh import concatenation
from tests.unit.customers.world import NOW_MS, SHOP, TERMS, account, submission

MESSAGE_ID = "M01ARZ3NDEKTSV4RRFFQ69G5FAV"
HOUR_MS = 3_600_000


def settled(*parts, of=None, tenant=SHOP, first_ms=NOW_MS):
    return settle_parts(parts, of or account(), tenant, TERMS, NOW_MS, message_id=MESSAGE_ID, first_ms=first_ms)


def body(*parts, **more):
    got = settled(*parts, **more)
    assert isinstance(got, Body), got
    assert unpack_body(pack_body(got)) == got
    return got


def cut(octets, *sizes, **fields):
    """Octets as parts of these sizes, the last one taking what is left."""
    total = len(sizes) + 1
    parts = []
    for number, size in enumerate((*sizes, len(octets)), 1):
        header = concatenation(0x5A, total, number)
        asked = {"registered_delivery": 1 if number == total else 0}  # Jasmin asks on the last one only
        parts.append(submission(header + octets[:size], **({"esm_class": 0x43} | asked | fields)))
        octets = octets[size:]
    return parts


def test_a_plain_message():
    got = body(submission(b"\0 hi", service_type="CMT"))
    assert (got.text, got.encoding, got.segments, got.to, got.sender, got.klass) == ("@ hi", "gsm7", 1, "447700900123", "ACME", 1)
    assert (got.country, got.cost_micros, got.created_ms, got.tenant) == ("GB", 10_000, NOW_MS, "shop")
    assert got.expires_ms == NOW_MS + int(TERMS.rules[1].validity_s * 1000)
    client = got.client
    assert client is not None
    assert (client.account, client.message_id, client.asked, client.service_type) == ("gw", MESSAGE_ID, (1,), "CMT")
    assert (client.source, client.source_ton, client.destination, client.destination_ton, client.destination_npi) == (
        "ACME", 5, "447700900123", 1, 1,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("octets", "data_coding", "of", "text", "encoding"),
    [
        (b"\x00\x11", 0x01, {}, "@_", "gsm7"),  # node-smpp sends GSM 03.38 under 1
        (b"@_", 0x01, {"ascii_alphabet": "latin1"}, "@_", "gsm7"),
        (b"@_", 0x00, {"alphabet": "latin1"}, "@_", "gsm7"),
        (b"\xe7", 0x03, {}, "ç", "ucs2"),
        (b"\xe9", 0x03, {}, "é", "gsm7"),
        (b"\xbf\xe0", 0x06, {}, "Пр", "ucs2"),
        (b"\xf9\xec", 0x07, {}, "של", "ucs2"),
        ("hi".encode("utf-16-be"), 0x08, {}, "hi", "ucs2"),  # who writes UCS-2 gets UCS-2
        ("\ufeffhi".encode("utf-16-be"), 0x08, {}, "hi", "ucs2"),
        (b"h\0i\0", 0x08, {}, "\u6800\u6900", "ucs2"),
        (b"\x1b\x0a", 0x00, {}, "\n", "gsm7"),  # page break
        (b"a\tb", 0x03, {}, "a\tb", "ucs2"),
        (b"\x00\x80\xff", 0x04, {}, "\x00\x80\xff", "octets"),
        (b"\x00\x80\xff", 0xF6, {}, "\x00\x80\xff", "octets"),
        (b"\x00", 0xF1, {}, "@", "gsm7"),
    ],
)
def test_alphabets(octets, data_coding, of, text, encoding):
    got = body(submission(octets, data_coding=data_coding), of=account(**of))
    assert (got.text, got.encoding, got.flash) == (text, encoding, False)


@pytest.mark.parametrize(
    ("fields", "flash"),
    [({"data_coding": 0x10}, True), ({"data_coding": 0x18, "text": b"\0a"}, True), ({"data_coding": 0xF0}, True),
     ({"data_coding": 0x11}, False), ({"data_coding": 0xF4}, False), ({"tlvs": {5: b"\1"}}, True)],
)  # fmt: skip
def test_flash(fields, flash):
    assert body(submission(**fields)).flash is flash


def test_parts_are_joined_before_they_are_read():
    # kannel cuts surrogate pairs at 67 units, others cut escape pairs
    octets = ("x" * 66 + "😀" + "y" * 10).encode("utf-16-be")
    got = body(*cut(octets, 134, data_coding=8))
    assert (got.text, got.segments) == ("x" * 66 + "😀" + "y" * 10, 2)
    got = body(*cut(b"a" * 152 + b"\x1b\x65" + b"b" * 20, 153))
    assert (got.text, got.segments) == ("a" * 152 + "€" + "b" * 20, 2)
    got = body(*cut("жук".encode("utf-16-be"), 3, data_coding=8))
    assert got.text == "жук"
    assert got.client is not None
    assert got.client.asked == (0, 1)


def test_parts_in_their_own_tables():
    turkish = bytes.fromhex("240101")
    parts = [
        submission(concatenation(1, 2, 1, others=turkish) + b"\x1bI\x1b", esm_class=0x40),
        submission(concatenation(1, 2, 2, others=turkish) + b"s", esm_class=0x40),
    ]
    got = body(*parts)
    assert (got.text, got.udh, got.encoding) == ("İş", b"", "ucs2")
    # what only some parts name holds for these
    parts[1] = submission(concatenation(1, 2, 2) + b"s\x1be", esm_class=0x40)
    parts[0] = submission(concatenation(1, 2, 1, others=bytes.fromhex("250101")) + b"\x40", esm_class=0x40)
    assert body(*parts).text == "İs€"
    mixed = [
        submission(concatenation(1, 2, 1) + b"a", esm_class=0x40),
        submission(concatenation(1, 2, 2) + b"\x04\x36", esm_class=0x40, data_coding=8),
    ]
    assert body(*mixed).text == "aж"


def test_binary_with_ports():
    push = bytes.fromhex("06050415811581") + bytes(range(100, 233))
    got = body(submission(push, esm_class=0x40, data_coding=4))
    assert (got.encoding, got.segments, got.udh.hex()) == ("octets", 1, "050415811581")
    assert got.text.encode("latin-1") == bytes(range(100, 233))
    got = body(submission(push + b"x", esm_class=0x40, data_coding=4))
    assert (got.segments, got.cost_micros) == (2, 20_000)


def test_a_long_text_in_one_piece():
    got = body(submission(b"", tlvs={0x424: b"x" * 400}))
    assert (got.segments, got.client and got.client.asked) == (3, (1,))


def test_who_wants_characters_replaced_wants_that_of_ucs2_too():
    curly = submission("“hi”".encode("utf-16-be"), data_coding=8)
    got = body(curly, tenant=TERMS.tenants["thrifty"])
    assert (got.text, got.encoding) == ('"hi"', "gsm7")
    assert body(curly).text == "“hi”"


def test_classes_by_account_and_priority():
    of = replace(account(), klass="otp", priorities={"0": "transactional", "3": "otp"})
    assert body(submission(priority=1), of=of).klass == 0
    assert body(submission(priority=0), of=of).klass == 1
    assert body(submission(priority=3), of=of).klass == 0


@pytest.mark.parametrize(
    ("destination", "ton", "npi"),
    [("447700900123", 1, 1), ("+447700900123", 1, 1), ("447700900123", 0, 0), ("00447700900123", 0, 0), ("447700900123", 2, 1),
     ("447700900123", 5, 0), ("+44 7700 900123", 99, 77)],
)  # fmt: skip
def test_destinations(destination, ton, npi):
    got = body(submission(destination=destination, destination_ton=ton, destination_npi=npi))
    assert got.to == "447700900123"
    assert got.client is not None
    assert (got.client.destination, got.client.destination_ton, got.client.destination_npi) == (destination, ton, npi)


@pytest.mark.parametrize(
    ("source", "ton", "sender"),
    [("ACME", 5, "ACME"), ("ACME", 1, "ACME"), ("+447700900999", 1, "447700900999"), ("447700900999", 0, "447700900999"),
     ("00447700900999", 0, "447700900999"), ("88222", 3, "88222"), ("88222", 5, "88222"), ("", 0, ""), ("Müller", 5, "Müller")],
)  # fmt: skip
def test_senders(source, ton, sender):
    assert body(submission(source=source, source_ton=ton)).sender == sender


@pytest.mark.parametrize(
    ("fields", "send_at_ms", "expires_ms"),
    [
        ({"schedule": "261122134557000+"}, NOW_MS + 3 * HOUR_MS, NOW_MS + 27 * HOUR_MS),
        ({"schedule": "000000020000000R"}, NOW_MS + 2 * HOUR_MS, NOW_MS + 26 * HOUR_MS),
        ({"schedule": "261122104557000+"}, 0, NOW_MS + 24 * HOUR_MS),
        ({"schedule": "261122004557000+"}, 0, NOW_MS + 24 * HOUR_MS),  # repeated by a gateway after a throttling
        ({"validity": "000000010000000R"}, 0, NOW_MS + HOUR_MS),
        ({"validity": "261122114557000+"}, 0, NOW_MS + HOUR_MS),
        ({"validity": "000100000000000R"}, 0, NOW_MS + 7 * 24 * HOUR_MS),
        ({"validity": "000000000000000R"}, 0, NOW_MS + 24 * HOUR_MS),
        ({"schedule": "000000000000000R"}, 0, NOW_MS + 24 * HOUR_MS),
        ({"schedule": "000000020000000R", "validity": "000000030000000R"}, NOW_MS + 2 * HOUR_MS, NOW_MS + 3 * HOUR_MS),
    ],
)
def test_times(fields, send_at_ms, expires_ms):
    got = body(submission(**fields))
    assert (got.send_at_ms, got.expires_ms) == (send_at_ms, expires_ms)


def test_relative_times_count_from_the_first_part():
    parts = cut(b"x" * 200, 153, validity="000000010000000R")
    assert body(*parts, first_ms=NOW_MS - 60_000).expires_ms == NOW_MS + HOUR_MS - 60_000
    got = settled(*parts, first_ms=NOW_MS - HOUR_MS)
    assert isinstance(got, Fault)
    assert got.status == 0x62


FAULTS = [
    ({"destination": ""}, 0x0B),
    ({"destination": "07700900123"}, 0x0B),
    ({"destination": "07700900123", "destination_ton": 2}, 0x0B),
    ({"destination": "12345", "destination_ton": 3}, 0x0B),
    ({"destination": "ACME"}, 0x0B),
    ({"destination": "33612345678"}, 0x0B),  # no carrier goes there
    ({"source": "TWELVELETTER"}, 0x0A),
    ({"source": "12"}, 0x0A),
    ({"source": "07700900123", "source_ton": 2}, 0x0A),
    ({"source": "[[[[[["}, 0x0A),
    ({"schedule": "261120104557000+"}, 0x61),
    ({"schedule": "270101104557000+"}, 0x61),
    ({"validity": "261122104556000+"}, 0x62),
    ({"schedule": "000000020000000R", "validity": "000000010000000R"}, 0x62),
]
OF_THE_TEXT = [
    ({"text": b"\0a\0", "data_coding": 8}, 0x01),
    ({"text": b"\xfe\xff", "data_coding": 8}, 0x01),
    ({"text": b"", "tlvs": {0x424: b"x" * 4_591}}, 0x01),
    ({"text": b"", "tlvs": {0x424: b"\0x" * 2_100}, "data_coding": 8}, 0x01),
]


@pytest.mark.parametrize(("fields", "status"), FAULTS + OF_THE_TEXT)
def test_what_is_refused(fields, status):
    got = settled(submission(**fields))
    assert isinstance(got, Fault)
    assert got.status == status
    assert not any(word in got.reason for word in ("0770", "3361", "LETTER", "xxx"))


@pytest.mark.parametrize(("fields", "status"), FAULTS)
def test_what_is_refused_before_its_siblings_are_known(fields, status):
    header = bytes.fromhex("0500035a0201")
    part = submission(header + b"x", esm_class=0x40, **fields)
    got = check(part, account(), SHOP, TERMS, NOW_MS)
    assert isinstance(got, Fault)
    assert got.status == status


@pytest.mark.parametrize(("fields", "status"), OF_THE_TEXT)
def test_a_text_is_judged_when_it_is_whole(fields, status):
    assert isinstance(check(submission(**fields), account(), SHOP, TERMS, NOW_MS), Body), hex(status)


def test_too_many_parts_are_refused_at_the_first():
    first = check(submission(concatenation(1, 30, 1) + b"x", esm_class=0x40), account(), SHOP, TERMS, NOW_MS)
    assert isinstance(first, Body)
    assert (first.segments, first.cost_micros) == (1, 10_000)  # what the part costs
    got = check(submission(concatenation(1, 31, 1) + b"x", esm_class=0x40), account(), SHOP, TERMS, NOW_MS)
    assert isinstance(got, Fault)
    assert got.status == 0x01


def test_a_part_longer_than_a_segment_is_refused():
    for length, fits in ((160, True), (161, False)):
        part = submission(b"", tlvs={0x424: b"x" * length, 0x20C: b"\0\1", 0x20E: b"\2", 0x20F: b"\1"})
        got = check(part, account(), SHOP, TERMS, NOW_MS)
        assert isinstance(got, Body if fits else Fault)


def test_no_carrier_for_the_class():
    of = replace(account(), klass="marketing")
    got = settled(submission(), of=of)
    assert isinstance(got, Fault)
    assert got.status == 0x0B


def test_vendors_parameters_of_all_parts():
    first, second = cut(b"x" * 200, 153)
    got = body(replace(first, tlvs={0x1400: b"a"}), replace(second, tlvs={0x1400: b"b", 0x1401: b"c"}))
    assert got.tlvs == {0x1400: b"a", 0x1401: b"c"}


def test_what_stays_incomplete_ends_with_receipts_for_what_came():
    parts = cut(b"a" * 153 + b"b" * 153 + b"c", 153, 153, registered_delivery=1, tlvs={0x1400: b"x"})
    come = {3: parts[2], 1: parts[0]}
    got = incomplete(come, 3, account(), SHOP, TERMS, NOW_MS, message_id=MESSAGE_ID, first_ms=0)
    assert (got.fault, got.text, got.segments, got.cost_micros) == (ErrorName.INCOMPLETE, "a" * 153 + "c", 1, 0)
    assert (got.to, got.country, got.sender, got.send_at_ms, got.tenant) == ("447700900123", "GB", "ACME", 0, "shop")
    assert got.expires_ms > NOW_MS
    assert got.client is not None
    assert (got.client.asked, got.client.message_id) == ((1, 0, 1), MESSAGE_ID)
    assert unpack_body(pack_body(got)) == got


def test_a_whole_that_cannot_be_sent_ends_as_invalid():
    parts = dict(enumerate(cut(b"\0x" * 100, 133, data_coding=8, destination="33612345678"), 1))
    got = incomplete(parts, 2, account(), SHOP, TERMS, NOW_MS, message_id=MESSAGE_ID, first_ms=0)
    assert (got.fault, got.country, got.segments) == (ErrorName.INVALID_MESSAGE, "FR", 2)


def test_what_a_rule_denies_is_refused_and_the_rule_named():
    rules = (Rule(name="no-casino", senders=("casino*",), deny=True),)
    terms = Terms.compile(replace(TERMS.settings, routing=rules))
    got = check(submission(source="CASINO7"), account(), SHOP, terms, NOW_MS)
    assert isinstance(got, Fault)
    assert got.status == RSUBMITFAIL
    assert "no-casino" in got.reason
    assert isinstance(check(submission(), account(), SHOP, terms, NOW_MS), Body)
