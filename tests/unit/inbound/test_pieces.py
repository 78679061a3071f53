"""Messages from handsets in pieces: packed, joined and read."""

import pytest

from router.ids import make_id
from router.inbound import read_address
from router.numbers import NetworkTable
from router.pieces import (
    HOLE,
    MARK,
    Piece,
    digest_of,
    group_of,
    inbound_body,
    pack_piece,
    read_pieces,
    unpack_piece,
)
from router.record import Inbound, UnreadableRecord
from router.settings import InboundRule, Network, Settings
from router.text.udh import Concatenation

ID = make_id(1_700_000_000_000, 3, b"0123456789")


def piece(octets, data_coding=0, udh=b"", source="447700900123", ton=1):
    return Piece(
        carrier="acme",
        source=read_address(source, ton),
        destination=read_address("12345", 3),
        octets=octets,
        data_coding=data_coding,
        udh=udh,
    )


def body(pieces, total=None):
    total = total or len(pieces)
    wording = read_pieces(pieces, total, "gsm7")
    rule = InboundRule(to="*", tenant="t", account="gate")
    networks = NetworkTable((Network(prefix="4477", mcc_mnc="23410"),))
    return inbound_body(ID, pieces, total, wording, rule, networks, Settings(currency="GBP"))


def test_a_piece_survives_the_journal_in_the_same_octets():
    one = piece(b"\x00\xff", 8, b"\x05\x04\x00\x01\x00\x02")
    assert unpack_piece(pack_piece(one)) == one
    assert pack_piece(unpack_piece(pack_piece(one))) == pack_piece(one)
    # The layout outlives releases: it only ever grows at its end.
    assert pack_piece(piece(b"hi")).hex() == ("9701a461636d6592ac343437373030393030313233c392a53132333435c2c402686900c400")
    for junk in (b"", b"\xc0", b"\x91\x01"):
        with pytest.raises(UnreadableRecord):
            unpack_piece(junk)


def test_groups_differ_in_whatever_differs():
    part = Concatenation(7, 3, 1)
    same = {group_of(piece(b"a"), part), group_of(piece(b"b", 8), part._replace(number=2))}
    assert len(same) == 1
    others = {
        group_of(piece(b"a"), part._replace(reference=8)),
        group_of(piece(b"a"), part._replace(total=4)),
        group_of(piece(b"a"), part._replace(wide=True)),
        group_of(piece(b"a", source="447700900124"), part),
    }
    assert len(others | same) == 5
    assert {group[1:2] for group in others} == {MARK}
    assert {len(group) for group in others} == {16}
    assert digest_of(piece(b"a")) != digest_of(piece(b"b"))


def test_octets_are_joined_before_they_are_read():
    smile = "😀".encode("utf-16-be")
    assert read_pieces({1: piece(b"\0a" + smile[:2], 8), 2: piece(smile[2:], 8)}, 2, "gsm7").text == "a😀"
    assert read_pieces({1: piece(b"a\x1b"), 2: piece(b"\x65")}, 2, "gsm7").text == "a€"
    assert read_pieces({1: piece(b"a"), 2: piece(b"\x04\x36", 8)}, 2, "gsm7").text == "aж"
    assert read_pieces({1: piece(b"\xe9")}, 1, "latin1").text == "é"


def test_what_is_missing_leaves_a_hole():
    whole = {1: piece(b"one"), 2: piece(b"two"), 3: piece(b"three"), 4: piece(b"four")}
    assert read_pieces(whole, 4, "gsm7").text == "onetwothreefour"
    without = lambda *gone: {number: one for number, one in whole.items() if number not in gone}  # noqa: E731 - short
    assert read_pieces(without(2), 4, "gsm7").text == f"one{HOLE}threefour"
    assert read_pieces(without(4), 4, "gsm7").text == f"onetwothree{HOLE}"
    headless = read_pieces(without(1, 3), 4, "gsm7")
    assert (headless.text, headless.keyed) == (f"{HOLE}two{HOLE}four", "")
    assert read_pieces(without(2), 4, "gsm7").keyed.startswith("one")


def test_a_body():
    made = body({1: piece(b"hello")})
    assert (made.tenant, made.to, made.sender, made.text) == ("t", "12345", "447700900123", "hello")
    assert (made.country, made.network, made.encoding, made.segments) == ("GB", "23410", "gsm7", 1)
    assert (made.created_ms, made.expires_ms, made.currency, made.fault) == (1_700_000_000_000, 1_700_000_000_000, "GBP", "")
    assert made.inbound == Inbound(carrier="acme", account="gate")


def test_a_body_of_what_came():
    made = body({1: piece("ж".encode("utf-16-be"), 8), 3: piece("д".encode("utf-16-be"), 8)}, 3)
    assert (made.encoding, made.segments, made.fault) == ("ucs2", 3, "incomplete")


def test_binary_keeps_its_octets_and_its_ports():
    ports = b"\x05\x04\x0b\x84\x00\x00"
    made = body({1: piece(b"\x00\xff", 4, ports), 2: piece(b"\x01", 4, ports)})
    assert (made.encoding, made.text.encode("latin-1"), made.udh) == ("octets", b"\x00\xff\x01", ports)


def test_national_tables_are_read_and_not_passed_on():
    made = body({1: piece(b"\x1b\x63", 0, b"\x24\x01\x01")})
    assert (made.text, made.udh) == ("ç", b"")


def test_a_sender_without_a_country():
    made = body({1: piece(b"x", source="BANK", ton=5)})
    assert (made.sender, made.country, made.network) == ("BANK", "", "")
