"""Messages as submit_sm bodies, and the pauses between binds."""

from itertools import pairwise
from random import Random
from typing import get_args

import pytest

from carriers.smpp import commands as c
from carriers.smpp import compose
from carriers.smpp.client import Address, parse_address
from carriers.smpp.compose import Composer, Unsendable, relative_time, source_kind
from carriers.smpp.messages import Message, read_message
from carriers.smpp.pdu import pack_pdu
from carriers.smpp.rebind import CREDENTIALS_MAX_S, LIVED_S, STILL_BOUND_S, Backoff
from router.model import Again
from router.record import Body
from router.settings import CarrierProfile, LongMessages
from router.text.segments import decode


def profile(**fields) -> CarrierProfile:
    return CarrierProfile(**({"name": "acme", "addresses": ("127.0.0.1:2775",), "system_id": "me"} | fields))


def body(text: str = "hello", **fields) -> Body:
    values = {
        "tenant": "t", "to": "447700900123", "sender": "BANK", "text": text, "klass": 1, "created_ms": 0,
        "expires_ms": 3_600_000, "encoding": "gsm7", "segments": 1, "country": "GB", "network": "",
    }  # fmt: skip
    return Body(**(values | fields))


def composed(composer: Composer, message: Body, wall_s: float = 0.0) -> list[Message]:
    parts = composer.compose(message, wall_s)
    assert parts is not None
    assert not isinstance(parts, Unsendable)
    return [read_message(pack_pdu(4, 0, 1, part)) for part in parts]


@pytest.mark.parametrize(
    ("sender", "kind"),
    [("447700900123", (1, 1)), ("+447700900123", (1, 1)), ("12345", (3, 0)), ("1234567", (3, 0)), ("12345678", (1, 1)),
     ("BANK", (5, 0)), ("2FA", (5, 0)), ("+", (5, 0)), ("١٢٣٤٥", (5, 0))],
)  # fmt: skip
def test_senders_by_kind(sender, kind):
    assert source_kind(sender, profile()) == kind


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(3600, "000000010000000R"), (1, "000000000001000R"), (86_399, "000000235959000R"), (86_400 * 30, "000030000000000R"),
     (86_400 * 31, "000101000000000R"), (10**9, "009900000000000R")],
)  # fmt: skip
def test_relative_times(seconds, text):
    assert relative_time(seconds) == text
    assert len(text) == 16


def test_the_validity_is_what_is_left_of_it():
    composer = Composer(profile(), Random(1))
    assert composed(composer, body(), 3_000.0)[0].validity == "000000001000000R"
    assert composer.compose(body(), 3_599.5) is None
    assert composed(Composer(profile(send_validity=False), Random(1)), body())[0].validity == ""


def test_a_short_message_has_no_header():
    (message,) = composed(Composer(profile(service_type="CMT"), Random(1)), body("{€}"))
    assert (message.short_message, message.esm_class, message.data_coding, message.service_type) == (
        b"\x1b(\x1be\x1b)",
        0,
        0,
        "CMT",
    )


def test_ucs2_and_latin1():
    assert composed(Composer(profile(), Random(1)), body("ж", encoding="ucs2"))[0][2:5] == ("ж".encode("utf-16-be"), 0, 8)
    latin = Composer(profile(default_alphabet="latin1"), Random(1))
    assert composed(latin, body("Ä$"))[0][2:5] == ("Ä$".encode("latin-1"), 0, 0)
    assert composed(latin, body("€"))[0][2:5] == ("€".encode("utf-16-be"), 0, 8)


@pytest.mark.parametrize(
    ("text", "encoding", "segments", "alphabet", "coding"),
    [("hello", "gsm7", 1, "gsm7", 0x10), ("@" * 200, "gsm7", 2, "latin1", 0x10), ("ж", "ucs2", 1, "gsm7", 0x18)],
)
def test_a_flash_names_its_class_and_its_alphabet(text, encoding, segments, alphabet, coding):
    composer = Composer(profile(default_alphabet=alphabet), Random(1))
    parts = composed(composer, body(text, encoding=encoding, segments=segments, flash=True))
    assert [part.data_coding for part in parts] == [coding] * segments
    assert decode(parts[0].short_message, coding, udh=segments > 1) == text[: 153 if segments > 1 else 160]


@pytest.mark.parametrize("marks", get_args(LongMessages))
def test_vendors_parameters_go_with_every_part_and_the_messages_before_the_profiles(marks):
    composer = Composer(profile(long_messages=marks, tlvs={"0x1400": "3132", "0x1402": ""}), Random(1))
    own = body(LONG, segments=4, tlvs={0x1400: b"99", 0x1401: b"\x01"})
    for part in composed(composer, own):
        vendors = {tag: value for tag, value in part.tlvs.items() if tag >= 0x1400}
        assert vendors == {0x1400: b"99", 0x1401: b"\x01", 0x1402: b""}
    (part,) = composed(composer, body())
    assert part.tlvs == {0x1400: b"12", 0x1402: b""}


def test_the_reference_counts_for_each_pair():
    composer = Composer(profile(), Random(1))
    long = body("x" * 200, segments=2)
    seen = []
    for _ in range(300):
        one, two = composed(composer, long)
        assert one.short_message[3] == two.short_message[3]
        assert (one.esm_class, one.short_message[:3], one.short_message[4:6]) == (0x40, b"\x05\x00\x03", b"\x02\x01")
        seen.append(one.short_message[3])
    assert all((a + 1) % 256 == b for a, b in pairwise(seen))
    composed(composer, body("x" * 200, segments=2, to="447700900124"))
    assert composed(composer, long)[0].short_message[3] == (seen[-1] + 1) % 256


LONG = "{€}" * 100  # 600 septets in pairs
LONG_UCS2 = "ж😀" * 60  # 180 units, pairs at every odd place


def marks_of(message: Message) -> str:
    """How a part says what it is part of: by which of the ways, and never by two."""
    sar = {c.TLV_SAR_REFERENCE, c.TLV_SAR_TOTAL, c.TLV_SAR_NUMBER} & set(message.tlvs)
    ways = [
        *(["udh8"] if message.esm_class & 0x40 and message.short_message[:3] == b"\x05\x00\x03" else []),
        *(["udh16"] if message.esm_class & 0x40 and message.short_message[:3] == b"\x06\x08\x04" else []),
        *(["sar"] if len(sar) == 3 else []),
        *(["payload"] if c.TLV_MESSAGE_PAYLOAD in message.tlvs else []),
    ]
    assert len(ways) <= 1
    return ways[0] if ways else ""


@pytest.mark.parametrize("marks", get_args(LongMessages))
@pytest.mark.parametrize(("text", "encoding", "segments"), [(LONG, "gsm7", 4), (LONG_UCS2, "ucs2", 3)])
def test_a_long_message_is_marked_in_one_way_only(marks, text, encoding, segments):
    composer = Composer(profile(long_messages=marks), Random(1))
    parts = composed(composer, body(text, encoding=encoding, segments=segments))
    assert {marks_of(part) for part in parts} == {marks}
    octets = {
        "udh8": lambda: [part.short_message[6:] for part in parts],
        "udh16": lambda: [part.short_message[7:] for part in parts],
        "sar": lambda: [part.short_message for part in parts],
        "payload": lambda: [parts[0].tlvs[c.TLV_MESSAGE_PAYLOAD]],
    }[marks]()
    for piece in octets:  # none begins or ends within a character
        assert decode(piece, parts[0].data_coding, udh=False).isprintable()
        assert "\ufffd" not in decode(piece, parts[0].data_coding, udh=False)
    assert "".join(decode(piece, parts[0].data_coding, udh=False) for piece in octets) == text
    if marks == "payload":
        assert (len(parts), parts[0].short_message, parts[0].esm_class) == (1, b"", 0)
    if marks == "sar":
        assert [(part.tlvs[c.TLV_SAR_TOTAL][0], part.tlvs[c.TLV_SAR_NUMBER][0]) for part in parts] == [
            (segments, number) for number in range(1, segments + 1)
        ]
        assert len({part.tlvs[c.TLV_SAR_REFERENCE] for part in parts}) == 1


@pytest.mark.parametrize("marks", get_args(LongMessages))
def test_a_message_of_one_segment_has_no_marks_anywhere(marks):
    composer = Composer(profile(long_messages=marks), Random(1))
    for text, encoding in (("x" * 160, "gsm7"), ("ж" * 70, "ucs2")):
        (message,) = composed(composer, body(text, encoding=encoding))
        assert (marks_of(message), len(message.short_message), message.esm_class) == ("", 160 if encoding == "gsm7" else 140, 0)


def test_what_latin1_makes_too_long_for_one_goes_as_the_profile_says():
    for marks in get_args(LongMessages):
        composer = Composer(profile(long_messages=marks, default_alphabet="latin1"), Random(1))
        assert {marks_of(part) for part in composed(composer, body("x" * 150))} == {marks}


def test_wide_references_count_through_sixteen_bits():
    composer = Composer(profile(long_messages="udh16"), Random(3))
    composer._references["BANK", "447700900123"] = 0xFFFE
    long = body("x" * 200, segments=2)
    seen = [composed(composer, long)[0].short_message[3:5].hex() for _ in range(3)]
    assert seen == ["ffff", "0000", "0001"]


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(compose, "MAX_HEADS", 3)
    monkeypatch.setattr(compose, "MAX_REFERENCES", 3)
    composer = Composer(profile(), Random(1))
    for n in range(10):
        composed(composer, body("x" * 200, segments=2, sender=f"S{n}"))
    assert list(composer._heads) == ["S7", "S8", "S9"]
    assert len(composer._references) == 3


@pytest.mark.parametrize(
    ("message", "again"),
    [(body("ж"), Again.NEVER), (body(to="4" * 21), Again.NEVER), (body(sender="БАНК"), Again.NEVER),
     (body("x" * 50_000, segments=300), Again.NEVER)],
)  # fmt: skip
def test_what_cannot_be_written_is_said_without_its_text(message, again):
    refused = Composer(profile(), Random(1)).compose(message, 0.0)
    assert isinstance(refused, Unsendable)
    assert refused.again is again
    assert not any(word in refused.reason for word in ("ж", "БАНК", "444", "xxx"))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:2775", Address("127.0.0.1", 2775)),
        ("[::1]:2775", Address("::1", 2775)),
        ("smsc.example:1", Address("smsc.example", 1)),
    ],
)
def test_addresses(text, address):
    assert parse_address(text) == address
    assert str(address) == text


@pytest.mark.parametrize("text", ["", "host", "host:", ":2775", "host:0", "host:65536", "::1:2775", "host:x"])
def test_what_is_no_address(text):
    with pytest.raises(ValueError, match="address"):
        parse_address(text)


def near(expected_s: float) -> object:
    return pytest.approx(expected_s, rel=0.2001)


def test_pauses_double_and_a_good_bind_resets_them():
    backoff = Backoff(1.0, 60.0, Random(1))
    for expected_s in (1, 2, 4, 8, 16, 32, 60, 60):
        assert backoff.failed(None) == near(expected_s)
    assert backoff.ended(LIVED_S - 1) == near(60)
    assert backoff.ended(LIVED_S) == near(1)


def test_a_wrong_password_waits_from_a_minute_to_a_quarter_of_an_hour():
    backoff = Backoff(1.0, 60.0, Random(1))
    for expected_s in (60, 120, 240, 480, CREDENTIALS_MAX_S, CREDENTIALS_MAX_S):
        assert backoff.failed(0x0E) == near(expected_s)
    backoff.ended(5.0)
    assert backoff.failed(0x0F) == near(60)


def test_an_old_session_not_yet_cleaned_up_gets_time():
    backoff = Backoff(1.0, 60.0, Random(1))
    assert backoff.failed(0x05) == near(1)
    backoff.ended(100.0)
    low_s, high_s = STILL_BOUND_S
    assert low_s <= backoff.failed(0x0D) <= high_s
    assert backoff.failed(0x0D) < low_s
