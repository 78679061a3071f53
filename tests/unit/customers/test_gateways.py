"""What well-known gateways and libraries write, octet by octet, and what it comes to."""

import pytest

from carriers.customers.reading import Submission, group_of, read
from carriers.customers.settling import settle_parts
from carriers.smpp.messages import MalformedPdu, read_message
from router.record import Body
from tests.unit.customers.world import NOW_MS, SHOP, TERMS, account


def pdu(*fields: bytes | int) -> bytes:
    """A submit_sm of these fields after its header."""
    body = b"".join(bytes((field,)) if isinstance(field, int) else field for field in fields)
    return (16 + len(body)).to_bytes(4, "big") + bytes.fromhex("000000040000000000000001") + body


def tail(text: bytes, *, registered: int = 0, coding: int = 0) -> bytes:
    return bytes((registered, 0, coding, 0, len(text))) + text


def kannel(text, *, registered=0, esm=3, coding=0):
    # autodetected types of number, store and forward, an absolute validity in UTC
    return pdu(b"\0", 5, 0, b"ACME\0", 1, 1, b"447700900123\0", esm, 0, 0, b"\0", b"261122124557000+\0", tail(text, registered=registered, coding=coding))  # fmt: skip


def node_smpp(text):
    # no type of number, GSM 03.38 under data_coding 1
    return pdu(b"\0", 0, 0, b"\0", 0, 0, b"447700900123\0", 0, 0, 0, b"\0", b"\0", tail(text, coding=1))


def smpplib(text, *, esm=0, coding=0):
    return pdu(b"\0", 5, 0, b"ACME\0", 1, 1, b"447700900123\0", esm, 0, 0, b"\0", b"\0", tail(text, registered=1, coding=coding))  # fmt: skip


def jasmin(text, *, registered=0, esm=0x43):
    return pdu(b"\0", 2, 1, b"88222\0", 1, 1, b"447700900123\0", esm, 0, 0, b"\0", b"000000233000000R\0", tail(text, registered=registered))  # fmt: skip


def php_smpp(text, tags=b"", *, registered=1):
    # a NUL behind the text that no length counts, then the tags
    return pdu(b"\0", 5, 0, b"ACME\0", 1, 1, b"447700900123\0", 0, 0, 0, b"\0", b"\0", tail(text, registered=registered), b"\0", tags)  # fmt: skip


def cloudhopper(text):
    # a payload and an optional parameter of its own, esm_class 0
    return pdu(b"\0", 3, 0, b"40404\0", 1, 1, b"447700900123\0", 0, 0, 0, b"\0", b"\0", tail(b"", registered=1), b"\x04\x24", len(text).to_bytes(2, "big"), text, b"\x02\x04\0\2\0\1")  # fmt: skip


def settled(*pdus: bytes) -> Body:
    parts = [read(read_message(one), account()) for one in pdus]
    submissions = [part for part in parts if isinstance(part, Submission)]
    assert submissions == parts
    assert len({group_of(part, account()) for part in submissions}) == 1
    assert [part.number for part in submissions] == list(range(1, len(parts) + 1))
    assert {part.total for part in submissions} == {len(parts)}
    body = settle_parts(submissions, account(), SHOP, TERMS, NOW_MS, message_id="M1", first_ms=NOW_MS)
    assert isinstance(body, Body), body
    return body


def pieces(octets: bytes, size: int) -> list[bytes]:
    return [octets[at : at + size] for at in range(0, len(octets), size)]


def udh8(octets: bytes, size: int) -> list[bytes]:
    cut = pieces(octets, size)
    return [bytes((5, 0, 3, 9, len(cut), n)) + piece for n, piece in enumerate(cut, 1)]


LONG = "Grüße, 10 € " * 30  # an escape pair may fall anywhere
LONG_OCTETS = LONG.replace("ü", "\x7e").replace("ß", "\x1e").replace("€", "\x1be").encode("latin-1")
EMOJI = "😀" * 100


@pytest.mark.parametrize(
    ("pdus", "text", "asked"),
    [
        ([kannel(b"Hi @".replace(b"@", b"\0"), registered=0x11)], "Hi @", (0x11,)),
        # kannel cuts surrogate pairs at 67 units, and asks on the first part
        ([kannel(part, registered=0x11 * (n == 0), esm=0x43, coding=8) for n, part in enumerate(udh8(("a" + EMOJI).encode("utf-16-be"), 134))],
         "a" + EMOJI, (0x11, 0, 0)),
        ([node_smpp(b"\x00\x02")], "@$", (0,)),
        ([smpplib(b"Hello")], "Hello", (1,)),
        ([smpplib(part, esm=0x40) for part in udh8(LONG_OCTETS, 153)], LONG, (1, 1, 1)),
        # Jasmin asks on the last part, and sends short codes as national
        ([jasmin(part, registered=int(n == 2)) for n, part in enumerate(udh8(LONG_OCTETS, 153))], LONG, (0, 0, 1)),
        ([php_smpp(b"Hallo")], "Hallo", (1,)),
        # php-smpp marks parts by tags and cuts at 152
        ([php_smpp(part, bytes.fromhex(f"020c00020007020e000103020f0001{n:02x}")) for n, part in enumerate(pieces(LONG_OCTETS, 152), 1)],
         LONG, (1, 1, 1)),
        ([cloudhopper(LONG_OCTETS)], LONG, (1,)),
    ],
)  # fmt: skip
def test_what_they_write(pdus, text, asked):
    body = settled(*pdus)
    assert body.text == text
    assert (body.to, body.country) == ("447700900123", "GB")
    assert body.client is not None
    assert body.client.asked == asked
    assert body.sender.encode() in pdus[0]


def test_a_stray_nul_is_passed_over_and_nothing_else():
    assert read_message(php_smpp(b"x")).tlvs == {}
    assert read_message(php_smpp(b"x", b"\x02\x04\0\2\0\1")).tlvs == {0x204: b"\0\1"}
    assert read_message(php_smpp(b"x", b"\0\x1e\0\2a\0")).tlvs == {0x1E: b"a\0"}
    assert read_message(smpplib(b"x") + b"\0\x1e\0\2a\0").tlvs == {0x1E: b"a\0"}
    for stray in (b"\x01", b"\0\0", b"\0\x02\x04\0\2\0", b"\x01\x02\x04\0\2\0\1"):
        with pytest.raises(MalformedPdu):
            read_message(smpplib(b"x") + stray)
        assert isinstance(read_message(smpplib(b"x") + stray, whole_tlvs=False).tlvs, dict)
