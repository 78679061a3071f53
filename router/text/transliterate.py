"""What can stand for characters that GSM 03.38 does not hold: a table, used only where somebody has asked for it.

One such character makes the whole text UCS-2, where a segment holds 70 characters instead of 160. Every entry reads the same or
nearly so: quotation marks and dashes of word processors, spaces, letters without their accent, Greek capitals that look as Latin
ones do. Letters of other scripts have no entry, for they would be another word, nor have fractions and degrees: "2¼" is not "21/4".
"""

import re
import unicodedata
from typing import Final, NamedTuple

from router.text import gsm

_ALIKE: Final = {
    "'": "\u2018\u2019\u201a\u201b\u2032\u2035\u00b4\u0060\u02bc\u02b9\u2039\u203a",
    '"': "\u201c\u201d\u201e\u201f\u2033\u2036\u00ab\u00bb",
    "-": "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2043\u00ad",
    " ": "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000",
    "": "\u200b\u200c\u200d\u2060\ufeff",  # they have no width
    "...": "\u2026",
    "*": "\u2022",
    "/": "\u2044\u2215",
    "x": "\u00d7",
    "|": "\u00a6",
    # Greek capitals that GSM 03.38 leaves to the Latin ones of the same shape (3GPP TS 23.038, 6.2.1)
    "A": "\u0391\u0386",
    "B": "\u0392",
    "E": "\u0395\u0388",
    "H": "\u0397\u0389",
    "I": "\u0399\u038a",
    "K": "\u039a",
    "M": "\u039c",
    "N": "\u039d",
    "O": "\u039f\u038c",
    "P": "\u03a1",
    "T": "\u03a4",
    "X": "\u03a7",
    "Y": "\u03a5\u038e",
    "Z": "\u0396",
    "\u03a9": "\u2126",
    # letters that no accent makes
    "L": "\u0141",
    "l": "\u0142",
    "D": "\u0110\u00d0",
    "d": "\u0111\u00f0",
    "h": "\u0127",
    "i": "\u0131",
    "TH": "\u00de",
    "th": "\u00fe",
    "OE": "\u0152",
    "oe": "\u0153",
    "(c)": "\u00a9",
    "(r)": "\u00ae",
    "TM": "\u2122",
    "No": "\u2116",
}


def _table() -> dict[int, str]:
    """Code point → what stands for it, all of it in GSM 03.38."""
    table = {ord(character): stands for stands, characters in _ALIKE.items() for character in characters}
    # Latin letters with accents (Latin-1, Latin Extended-A and -B, Additional), by what Unicode takes them apart into
    for code in (*range(0xC0, 0x250), *range(0x1E00, 0x1F00)):
        if chr(code) not in gsm.CHARACTERS and code not in table:
            base = unicodedata.normalize("NFKD", chr(code))
            plain = "".join(part for part in base if not unicodedata.combining(part))
            if plain != chr(code) and plain.isascii() and plain.isalpha():
                table[code] = plain
    return table


_TABLE: Final = _table()
_KNOWN: Final = re.compile(f"[{re.escape(''.join(map(chr, _TABLE)))}]")


class Change(NamedTuple):
    """A character that was replaced."""

    character: str
    by: str
    times: int


class Transliterated(NamedTuple):
    """A text that GSM 03.38 holds, and what was done to it."""

    text: str
    changes: tuple[Change, ...]  # in order of appearance


def transliterate(text: str) -> Transliterated | None:
    """The text in GSM 03.38; None when it is so already, or when a character of it has nothing to stand for it.

    All or nothing: replaced quotation marks would be of no use where an emoji makes the text UCS-2 all the same. Accents that
    stand apart (decomposed text) count as the letter they belong to.
    """
    if gsm.count(text) >= 0:
        return None
    composed = unicodedata.normalize("NFC", text)
    replaced = composed.translate(_TABLE)
    if gsm.count(replaced) < 0 or not replaced:
        return None
    times: dict[str, int] = {}
    for character in _KNOWN.findall(composed):
        times[character] = times.get(character, 0) + 1
    return Transliterated(replaced, tuple(Change(character, _TABLE[ord(character)], count) for character, count in times.items()))
