"""National tables of South Asia: words as handsets send them, and what must hold of every table."""

import unicodedata

import pytest

from router.text import gsm
from router.text.indic import LOCKING_SHIFTS, SINGLE_SHIFTS
from router.text.reading import decode

BLOCKS = {
    4: 0x0980, 5: 0x0A80, 6: 0x0900, 7: 0x0C80, 8: 0x0D00, 9: 0x0B00, 10: 0x0A00, 11: 0x0B80, 12: 0x0C00, 13: 0x0600,
}  # fmt: skip
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@pytest.mark.parametrize("language", BLOCKS)
def test_a_locking_table_is_of_its_script(language):
    table, block = LOCKING_SHIFTS[language], BLOCKS[language]
    assert len(table) == 128
    assert (table[0x0A], table[0x0D], table[0x1B], table[0x20:0x22]) == ("\n", "\r", "\x1b", " !")
    assert (table[0x28:0x2A], table[0x2C], table[0x2E], table[0x30:0x3C], table[0x3F]) == (")(", ",", ".", "0123456789:;", "?")
    assert table[0x61:0x7B] == LETTERS
    letters = [character for character in table if character > "\x7f"]
    assert len(letters) == len(set(letters))
    for character in letters:
        assert block <= ord(character) < block + (0x100 if language == 13 else 0x80)
        assert unicodedata.category(character) in {"Lo", "Mn", "Mc", "No", "So", "Sc"}, hex(ord(character))
    if language != 13:
        # in the order of Unicode but for the last five and 0x60
        assert (body := [ord(character) for character in letters if table.index(character) < 0x60]) == sorted(body)


@pytest.mark.parametrize("language", BLOCKS)
def test_a_shift_table_has_what_all_have(language):
    table = SINGLE_SHIFTS[language]
    assert {code: table[code] for code in gsm.EXTENSION} == dict(gsm.EXTENSION)
    assert "".join(table[code] for code in range(0x41, 0x5B)) == LETTERS.upper()
    assert "".join(table[code] for code in range(0x0A)) == "@£$¥¿\"¤%&'"
    digits = [table[code] for code in range(0x19, 0x26) if code in table and unicodedata.category(table[code]) == "Nd"]
    assert [unicodedata.digit(digit) for digit in digits] == list(range(10))
    own = [character for character in table.values() if ord(character) > 0xFF and character != "€"]
    assert len(own) == len(set(own))
    assert all(unicodedata.category(character) != "Cn" for character in own)


# (language, locking, octets, text)
READ = [
    (6, True, "2f424c5f2759", "नमस्ते"),
    (4, True, "4050014650", "বাংলা"),
    (5, True, "17531d44502752", "ગુજરાતી"),
    (7, True, "24", "ಡ"),
    (11, True, "274251485f", "தமிழ்"),
    (12, True, "27584653175311", "తెలుగు "),  # nothing stands at 0x11
    (13, True, "00251a53", "اردو"),
    (6, False, "1b1c1b1d1b251b1941", "०१९।A"),
    (4, False, "1b191b1a1b1c1b231b241b34", "০১২৯\u09df৺"),
    (11, False, "1b241b251b2e", "௮௯௺"),
    (12, False, "1b221b231b32", "౬౭౿"),
    (13, False, "1b3f1b261b24", "۔،۸"),
]


@pytest.mark.parametrize(("language", "locking", "octets", "text"), READ)
def test_words(language, locking, octets, text):
    header = bytes((3, 0x25 if locking else 0x24, 1, language))
    assert decode(header + bytes.fromhex(octets), 0, udh=True) == text
