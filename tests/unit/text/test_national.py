"""National tables and further elements of headers."""

import pytest

from router.text import gsm, national
from router.text.national import LANGUAGES, LOCKING_SHIFTS, SINGLE_SHIFTS, Shift, shifts_for
from router.text.reading import alphabet_of, class_of, decode
from router.text.segments import MAX_OTHERS, Measure, measure, national_split, split
from router.text.udh import concatenation, header, others_of, shifts_of, udh_fault, without_shifts

ALL = shifts_for(LANGUAGES)
SPANISH = "Código: 8431. Válido más allá."


@pytest.mark.parametrize("shift", ALL)
def test_tables_hold_what_they_show(shift):
    extension = SINGLE_SHIFTS.get(shift.single, gsm.EXTENSION)
    basic = LOCKING_SHIFTS.get(shift.locking, gsm.BASIC)
    assert len(basic) == 128
    assert basic[gsm.ESCAPE] == "\x1b"
    assert (basic[0x0A], basic[0x0D], basic[0x20], basic[0x30:0x3A]) == ("\n", "\r", " ", "0123456789")
    assert len(set(basic)) == 128
    assert gsm.ESCAPE not in extension
    for character in {*basic, *extension.values()} - {"\x1b"}:
        octets = national.encode(character, shift)
        assert octets is not None
        assert national.decode(octets, *shift) == character
        assert len(octets) == (1 if character in basic else 2)
    assert national.encode("ж", shift) is None
    assert national.encode("\x1b", shift) is None


def test_the_standard_tables_read_alike_in_both_ways():
    every = bytes(range(256)) + b"".join(bytes((0x1B, code)) for code in range(128)) + b"\x1b"
    assert national.decode(every, 0, 0) == gsm.decode(every)
    assert national.decode(every, 99, 99) == gsm.decode(every)


def test_what_each_language_needs():
    assert national.encode("ğüşıİöç", Shift(1, 0)) == b"\x1bg\x7e\x1bs\x1bi\x1bI\x7c\x1bc"
    assert national.encode("ğüşıİöç€", Shift(0, 1)) == bytes.fromhex("0c7e1d07407c6004")
    assert national.encode("ãõç", Shift(3, 0)) == b"\x1b\x7b\x1b\x7c\x1b\x09"
    assert national.encode("ãõçº€`|~∞ª\\^", Shift(0, 3)) == bytes.fromhex("7b7c0924187d1a6015121716")
    assert national.encode("`", Shift(3, 0)) is None


def test_pairs_of_tables():
    assert shifts_for(["spanish"]) == (Shift(2, 0),)
    assert set(ALL) == {Shift(1, 0), Shift(2, 0), Shift(3, 0), Shift(0, 1), Shift(0, 3), Shift(1, 1), Shift(3, 3)}
    assert shifts_for(()) == ()
    assert Shift(1, 3).elements == bytes.fromhex("240101250103")


@pytest.mark.parametrize(
    ("text", "languages", "head", "parts"),
    [
        ("ş" + "x" * 153, ["turkish"], "03240101", 1),  # 155 septets beside one element
        ("ş" + "x" * 154, ["turkish"], "03250101", 1),  # 155 by the locking table, which makes ş one septet
        ("ş" + "x" * 155, ["turkish"], "08000300020124010 1".replace(" ", ""), 2),
        ("á" + "x" * 154, ["spanish"], "080003000201240102", 2),  # 156 septets
        ("á" + "x" * 153, ["spanish", "turkish"], "03240102", 1),
        ("áã" + "x" * 151, ["spanish", "portuguese"], "03240103", 1),
        ("á" * 200, ["portuguese"], "080003000201250103", 2),
    ],
)
def test_the_tables_that_need_the_fewest_parts(text, languages, head, parts):
    got = national_split(text, shifts_for(languages), 0)
    assert got is not None
    assert (got.udh, got.encoding, len(got.parts)) == (True, "gsm7", parts)
    assert got.parts[0].hex().startswith(head)
    assert all(udh_fault(part) == "" for part in got.parts)


def test_parts_beside_both_tables_and_a_reference():
    text = "Ğ~" * 150  # the locking table has the first, the extension the second
    got = national_split(text, [Shift(1, 1)], 7)
    assert got is not None
    assert {len(part) for part in got.parts[:-1]} <= {12 + 146, 12 + 145}
    assert "".join(decode(part, 0, udh=True) for part in got.parts) == text


def test_no_tables():
    assert national_split("ж", ALL, 0) is None
    assert national_split("á", (), 0) is None
    assert national_split("á" * 40_000, ALL, 0) is None
    assert national_split("á", ALL, 0, others=bytes((0x70, MAX_OTHERS - 2)) + bytes(MAX_OTHERS - 2)) is None


def test_the_vector_is_written_as_others_write_it():
    got = national_split(SPANISH, shifts_for(["spanish"]), 0)
    assert got is not None
    assert [part.hex() for part in got.parts] == ["03240102431b6f6469676f3a20383433312e20561b616c69646f206d1b617320616c6c1b612e"]


def test_locking_tables_are_read():
    assert decode(bytes.fromhex("03250101") + b"\x40\x1be\x1bg", 0, udh=True) == "İ€g"
    assert decode(bytes.fromhex("06240101250101") + b"\x40\x1bg\x1b", 0, udh=True) == "İğ"
    assert decode(bytes.fromhex("03250103") + b"\x60\x7d\x1b\x1bx", 0, udh=True) == "~` x"
    assert decode(bytes.fromhex("03250102") + b"\x40", 0, udh=True) == "¡"  # there is none for Spanish


PORTS = bytes.fromhex("05040b8423f0")


@pytest.mark.parametrize(
    ("text", "requested", "others", "expected"),
    [
        ("x" * 160, "auto", 0, Measure("gsm7", 160, 1)),
        ("x" * 155, "auto", 3, Measure("gsm7", 155, 1)),
        ("x" * 156, "auto", 3, Measure("gsm7", 156, 2)),
        ("x" * 298, "auto", 3, Measure("gsm7", 298, 2)),
        ("x" * 299, "auto", 3, Measure("gsm7", 299, 3)),
        ("x" * 152, "auto", 6, Measure("gsm7", 152, 1)),
        ("x" * 292, "auto", 6, Measure("gsm7", 292, 2)),
        ("x" * 293, "auto", 6, Measure("gsm7", 293, 3)),
        ("ж" * 66, "auto", 6, Measure("ucs2", 66, 1)),
        ("ж" * 67, "auto", 6, Measure("ucs2", 67, 2)),
        ("ж" * 128, "auto", 6, Measure("ucs2", 128, 2)),
        ("ж" * 129, "auto", 6, Measure("ucs2", 129, 3)),
        ("\xff" * 140, "octets", 0, Measure("octets", 140, 1)),
        ("\xff" * 141, "octets", 0, Measure("octets", 141, 2)),
        ("\xff" * 268, "octets", 0, Measure("octets", 268, 2)),
        ("\xff" * 269, "octets", 0, Measure("octets", 269, 3)),
        ("\xff" * 133, "octets", 6, Measure("octets", 133, 1)),
        ("\xff" * 256, "octets", 6, Measure("octets", 256, 2)),
        ("\xff" * 257, "octets", 6, Measure("octets", 257, 3)),
        ("", "octets", 0, Measure("octets", 0, 1)),
    ],
)
def test_measures_beside_further_elements(text, requested, others, expected):
    assert measure(text, requested, others) == expected
    parts = split(text, expected.encoding, 1, others=(bytes((0x70, others - 2)) + bytes(others - 2)) if others else b"").parts
    assert len(parts) == expected.segments


def test_every_part_carries_the_elements():
    (one,) = split("\0\xff", "octets", 1, others=PORTS).parts
    assert one == b"\x06" + PORTS + b"\0\xff"
    for wide in (False, True):
        got = split("\xff" * 300, "octets", 0x1234, others=PORTS, wide=wide)
        assert got.udh
        assert all(others_of(part) == PORTS and udh_fault(part) == "" for part in got.parts)
        assert max(len(part) for part in got.parts) == 140
    # parts with a header are marked there, whatever else was asked for
    assert split("x" * 300, "gsm7", 1, others=PORTS, header=False).parts == split("x" * 300, "gsm7", 1, others=PORTS).parts


def test_elements_apart():
    octets = concatenation(1, 2, 1, others=PORTS + Shift(1, 3).elements) + b"text"
    others = others_of(octets)
    assert others == PORTS + Shift(1, 3).elements
    assert shifts_of(others) == (1, 3)
    assert without_shifts(others) == PORTS
    assert header(others) + b"text" == bytes((12,)) + others + b"text"
    assert (header(b""), others_of(b""), shifts_of(b""), without_shifts(b"")) == (b"", b"", (0, 0), b"")
    assert shifts_of(bytes.fromhex("2400")) == (0, 0)


@pytest.mark.parametrize(
    ("data_coding", "alphabet", "klass"),
    [(0x00, "gsm7", None), (0x03, "latin1", None), (0x06, "cyrillic", None), (0x07, "hebrew", None), (0x08, "ucs2", None),
     (0x04, "octets", None), (0x05, "octets", None), (0x10, "gsm7", 0), (0x11, "gsm7", 1), (0x16, "octets", 2), (0x18, "ucs2", 0),
     (0xF0, "gsm7", 0), (0xF6, "octets", 2)],
)  # fmt: skip
def test_what_a_data_coding_names(data_coding, alphabet, klass):
    assert (alphabet_of(data_coding), class_of(data_coding)) == (alphabet, klass)


def test_alphabets_of_one_octet():
    assert decode("Привет".encode("iso8859-5"), 0x06, udh=False) == "Привет"
    assert decode("שלום".encode("iso8859-8"), 0x07, udh=False) == "שלום"
    assert decode(b"\xa1\xff", 0x07, udh=False) == "\ufffd\ufffd"
