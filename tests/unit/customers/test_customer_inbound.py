"""Messages from handsets, as an account likes them."""

import pytest

from carriers.customers.inbound import inbound_of
from carriers.smpp.messages import read_message
from carriers.smpp.pdu import pack_pdu
from router.record import Body, Inbound
from tests.unit.customers.world import NOW_MS, account

PORTS = bytes.fromhex("050415811581")


def body(text, **fields):
    values = {
        "tenant": "shop", "to": "88222", "sender": "447700900123", "text": text, "klass": 1, "created_ms": NOW_MS,
        "expires_ms": 0, "encoding": "gsm7", "segments": 1, "country": "GB", "network": "GB", "inbound": Inbound(carrier="one"),
    }  # fmt: skip
    return Body(**(values | fields))


def delivered(of, version=0x34, reference=0x125A, **habits):
    return [read_message(pack_pdu(5, 0, 1, one)) for one in inbound_of(of, account(**habits), version, reference)]


def test_a_short_one():
    (got,) = delivered(body("Stop @ €"))
    assert (got.short_message, got.data_coding, got.esm_class) == (b"Stop \0 \x1be", 0, 0)
    assert (got.source, got.source_ton, got.source_npi) == ("447700900123", 1, 1)
    assert (got.destination, got.destination_ton, got.destination_npi) == ("88222", 3, 0)
    assert (got.registered_delivery, got.tlvs, got.service_type, got.priority) == (0, {}, "", 0)


@pytest.mark.parametrize(
    ("address", "kind"),
    [("447700900123", (1, 1)), ("+447700900123", (1, 1)), ("88222", (3, 0)), ("1234567", (3, 0)), ("12345678", (1, 1)), ("07700900123", (0, 0)),
     ("ACME", (5, 0)), ("Müller", (5, 0)), ("МТС", (5, 0)), ("", (5, 0))],
)  # fmt: skip
def test_addresses(address, kind):
    (got,) = delivered(body("x", sender=address, to=address))
    assert (got.source_ton, got.source_npi) == (got.destination_ton, got.destination_npi) == kind
    assert got.source == got.destination == address.removeprefix("+").replace("МТС", "???")


@pytest.mark.parametrize(
    ("text", "alphabet", "data_coding", "octets"),
    [
        ("é@", "gsm7", 0, b"\x05\0"),
        ("é@", "latin1", 0, b"\xe9@"),
        ("ç", "gsm7", 8, b"\0\xe7"),
        ("ç", "latin1", 0, b"\xe7"),
        ("€", "gsm7", 0, b"\x1be"),
        ("€", "latin1", 8, b"\x20\xac"),
        ("\x80", "latin1", 8, b"\0\x80"),  # as Latin-1 it would be read as the euro of Windows-1252
        ("ж", "latin1", 8, b"\x04\x36"),
        ("", "gsm7", 0, b""),
    ],
)
def test_alphabets(text, alphabet, data_coding, octets):
    (got,) = delivered(body(text, encoding="whatever it came in"), alphabet=alphabet)
    assert (got.data_coding, got.short_message) == (data_coding, octets)


def test_binary_with_its_header():
    (got,) = delivered(body("\0\xff", encoding="octets", udh=PORTS))
    assert (got.data_coding, got.esm_class, got.short_message) == (4, 0x40, b"\x06" + PORTS + b"\0\xff")
    (got,) = delivered(body("\0\xff", encoding="octets"))
    assert (got.data_coding, got.esm_class, got.short_message) == (4, 0, b"\0\xff")


LONG = "{€}" * 60  # 360 septets


def test_long_ones():
    parts = delivered(body(LONG))
    assert [one.short_message[:6].hex() for one in parts] == ["0500035a0301", "0500035a0302", "0500035a0303"]
    assert {one.esm_class for one in parts} == {0x40}
    parts = delivered(body(LONG), long_messages="udh16")
    assert [one.short_message[:7].hex() for one in parts] == ["060804125a0301", "060804125a0302", "060804125a0303"]
    parts = delivered(body(LONG), long_messages="sar")
    assert [one.tlvs for one in parts] == [{0x20C: b"\x12\x5a", 0x20E: b"\3", 0x20F: bytes((n,))} for n in (1, 2, 3)]
    assert {one.esm_class for one in parts} == {0}
    (one,) = delivered(body(LONG), long_messages="payload")
    assert (one.short_message, len(one.tlvs[0x424]), one.esm_class) == (b"", 360, 0)


@pytest.mark.parametrize("marks", ["sar", "payload"])
def test_headers_where_parameters_cannot_be(marks):
    for parts in (
        delivered(body(LONG), version=0x33, long_messages=marks),
        delivered(body("x" * 200, udh=PORTS), long_messages=marks),
    ):
        assert all(one.esm_class == 0x40 and not one.tlvs and one.short_message[1] == 0 for one in parts)
        assert len(parts) > 1
    (short,) = delivered(body("x"), long_messages=marks)
    assert (short.tlvs, short.esm_class) == ({}, 0)


def test_more_than_can_be_numbered_goes_whole():
    assert len(delivered(body("ж" * 16_001, encoding="ucs2"), long_messages="udh16")) == 243
    (got,) = delivered(body("😀" * 16_001, encoding="ucs2"))
    assert (got.short_message, len(got.tlvs[0x424])) == (b"", 64_000)
