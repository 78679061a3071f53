"""What stands for characters that GSM 03.38 does not hold."""

import unicodedata

import pytest

from router.text import gsm
from router.text.transliterate import _TABLE, Change, transliterate


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("‘a’ “b” „c“ «d»", "'a' 'b'".replace("'b'", '"b"') + ' "c" "d"'),
        ("1–2 — 3 − 4", "1-2 - 3 - 4"),
        ("wait…", "wait..."),
        ("a\u00a0b\u202fc\u200b", "a b c"),
        ("Ça va: á â ê ç œ", "Ça va: a a e c oe"),
        ("ÀÁÂÃ ÈÊË Ő Ž Š İ ı", "AAAA EEE O Z S I i"),
        ("ΑΒΓΔΕ ΟΚ", "ABΓΔE OK"),
        ("e\u0301 o\u0301", "é o"),
        ("ŁÓDŹ straße æø", "LODZ straße æø"),
    ],
)
def test_it_reads_the_same(text, sent):
    found = transliterate(text)
    assert found is not None
    assert found.text == sent


@pytest.mark.parametrize("text", ["", "plain", "Zürich {€}", "Привет", "a 😀", "“ж”", "2¼", "20 °C", "Καλημέρα", "\u200b"])
def test_what_is_gsm_already_or_cannot_become_so_stays(text):
    assert transliterate(text) is None


def test_the_changes_are_told_in_order():
    found = transliterate("“a” “b” …")
    assert found is not None
    assert found.changes == (Change("“", '"', 2), Change("”", '"', 2), Change("…", "...", 1))


def test_the_table_replaces_only_foreign_characters_and_only_by_known_ones():
    for code, stands in _TABLE.items():
        assert chr(code) not in gsm.CHARACTERS
        assert gsm.count(stands) >= 0
        assert len(stands) <= 3, unicodedata.name(chr(code))
