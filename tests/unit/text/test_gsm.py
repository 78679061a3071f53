import pytest

from router.text import gsm


def test_the_basic_table_has_128_codes_and_no_double() -> None:
    assert len(gsm.BASIC) == 128
    assert len(set(gsm.BASIC)) == 128
    assert gsm.BASIC[gsm.ESCAPE] == "\x1b"


@pytest.mark.parametrize(
    ("character", "code"),
    [
        ("@", 0x00),
        ("\n", 0x0A),
        ("\r", 0x0D),
        ("Δ", 0x10),
        ("_", 0x11),
        ("É", 0x1F),
        ("¤", 0x24),
        ("¡", 0x40),
        ("§", 0x5F),
        ("à", 0x7F),
    ],
)
def test_well_known_codes(character: str, code: int) -> None:
    assert gsm.encode(character) == bytes((code,))
    assert gsm.decode(bytes((code,))) == character


@pytest.mark.parametrize(
    ("character", "code"),
    [
        ("\f", 0x0A),
        ("^", 0x14),
        ("{", 0x28),
        ("}", 0x29),
        ("\\", 0x2F),
        ("[", 0x3C),
        ("~", 0x3D),
        ("]", 0x3E),
        ("|", 0x40),
        ("€", 0x65),
    ],
)
def test_the_extension_costs_two(character: str, code: int) -> None:
    assert gsm.count(character) == 2
    assert gsm.encode(character) == bytes((0x1B, code))
    assert gsm.decode(bytes((0x1B, code))) == character


# Tempting, and not in the alphabet.
@pytest.mark.parametrize("character", [*"`\tçáíóúâê“”’–…\u00a0ΑΒΕ\x1b\x00\x7f😀", "\ud800"])
def test_what_is_not_in_it(character: str) -> None:
    assert gsm.count("abc" + character) == -1
    assert gsm.foreign("a" + character + "b" + character) == [1, 3]
    with pytest.raises(gsm.NotGsm):
        gsm.encode("abc" + character)
    with pytest.raises(gsm.NotGsm):
        gsm.encode("é€" + character)


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"\x1b\x41", "A"),  # a pair without a meaning shows its basic character
        (b"\x1b\x1b\x65", " e"),  # a second escape stands for a table of the future: a space
        (b"a\x1b", "a"),  # an escape at the end
        (b"\x00\x00", "@@"),  # never a C string
        (b"\xe9\x80", "é\ufffd"),  # no septets: Latin-1 by habit
    ],
)
def test_odd_octets_are_read_all_the_same(octets: bytes, text: str) -> None:
    assert gsm.decode(octets) == text
