import pytest

from router.text.reading import decode
from router.text.udh import Concatenation, concatenation, read_udh, udh_fault


@pytest.mark.parametrize(
    ("octets", "data_coding", "text"),
    [
        (b"\x00\x02", 0x00, "@$"),
        (b"\x00\x02", 0x01, "@$"),  # clients send GSM text under 1 by default
        (b"\xe4\x80", 0x03, "ä€"),  # Windows-1252 octets do appear under Latin-1
        (b"\x00\x02", 0x04, "\x00\x02"),
        (b"\x04\x1f", 0x08, "П"),
        (b"\xd8\x3d\xde\x00", 0x08, "😀"),  # every phone sends surrogate pairs under UCS-2
        (b"\xfe\xff\x00A", 0x08, "A"),
        (b"\xff\xfeA\x00", 0x08, "A"),
        (b"\x00A\x00", 0x08, "A\ufffd"),
        (b"\x00", 0x10, "@"),  # flash
        (b"\x00", 0x14, "\x00"),
        (b"\x00A", 0x18, "A"),  # flash, UCS-2
        (b"\x00", 0xF1, "@"),
        (b"\x00", 0xF5, "\x00"),
        (b"\x00", 0xC8, "@"),
        (b"\x00A", 0xE8, "A"),
    ],
)
def test_data_codings(octets: bytes, data_coding: int, text: str) -> None:
    assert decode(octets, data_coding, udh=False) == text


def test_a_peer_whose_default_is_latin1() -> None:
    assert decode(b"\xe4@", 0x00, udh=False, alphabet="latin1") == "ä@"
    assert decode(b"\x00", 0xF1, udh=False, alphabet="latin1") == "@"


def test_single_shift_tables() -> None:
    turkish = bytes.fromhex("03240101") + b"\x1bI\x1b\x65"
    assert decode(turkish, 0, udh=True) == "İ€"
    portuguese = bytes.fromhex("03240103") + b"\x1b\x7b\x1b\x0f"
    assert decode(portuguese, 0, udh=True) == "ãá"
    tamil = bytes.fromhex("0324010b") + b"\x1b\x65\x1b\x1c"
    assert decode(tamil, 0, udh=True) == "€௦"


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (bytes.fromhex("0500035a0201") + b"x", (Concatenation(0x5A, 2, 1), b"x")),
        (bytes.fromhex("06080412340302") + b"x", (Concatenation(0x1234, 3, 2, wide=True), b"x")),
        (bytes.fromhex("0b05040b8423f00003070201") + b"x", (Concatenation(7, 2, 1), b"x")),  # ports come first
        (bytes.fromhex("03240102") + b"x", (None, b"x")),
        (bytes.fromhex("0500035a0203") + b"x", (None, b"x")),
        (bytes.fromhex("0500035a0200") + b"x", (None, b"x")),
        (bytes.fromhex("0500035a0000") + b"x", (None, b"x")),
        (bytes.fromhex("0500035a"), (None, b"")),
        (b"\x00x", (None, b"x")),
        (b"", (None, b"")),
    ],
)
def test_read_udh(octets: bytes, expected: tuple[Concatenation | None, bytes]) -> None:
    assert read_udh(octets) == expected


@pytest.mark.parametrize(
    ("octets", "fault"),
    [
        (bytes.fromhex("0500035a0201"), ""),
        (bytes.fromhex("0b05040b8423f00003070201"), ""),
        (b"\x00", ""),
        (b"", "no header"),
        (bytes.fromhex("0500035a"), "header longer than the message"),
        (bytes.fromhex("0500035a0203"), "part 3 of 2"),
        (bytes.fromhex("0500035a0200"), "part 0 of 2"),
        (bytes.fromhex("0500035a0000"), "part 0 of 0"),
        (bytes.fromhex("0400025a02"), "concatenation element of the wrong length"),
        (bytes.fromhex("0405040b84"), "element cut off"),
    ],
)
def test_what_a_receiver_refuses(octets: bytes, fault: str) -> None:
    assert udh_fault(octets) == fault


def test_what_we_write_is_sound() -> None:
    for wide in (False, True):
        header = concatenation(0x1FF, 255, 255, wide=wide)
        assert udh_fault(header) == ""
        assert read_udh(header)[0] == Concatenation(0x1FF if wide else 0xFF, 255, 255, wide=wide)
