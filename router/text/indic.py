"""National tables of ten languages of South Asia (3GPP TS 23.038, A.2.4 to A.2.13 and A.3.4 to A.3.13), for reading.

The scripts' blocks of Unicode are laid out alike, and so are their tables: in a locking table a letter stands at the same place
in every script, and places whose letter a script lacks are void. Typing errors of the standard are put right, as phones do:
0x24 of the Kannada locking table (a second 0CAA), 0x24 of the Tamil shift table (a second 0BEF), 0x22 and 0x23 of the Telugu one.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from router.text.gsm import ESCAPE

_VOID: Final = " "

# Offsets into a script's block, by code from 0x00 to 0x5F; 00 is what does not hang on the script.
_PLACES: Final = bytes.fromhex(
    "01020305060708090A0B 00 0C0D 00 0E0F"
    "101112131415161718191A 00 1B1C1D1E"
    "0000 1F2021222324 0000 2526 00 27 00 28"
    "000000000000000000000000 292A2B 00"
    "2C2D2E2F30313233343536373839 3C3D"
    "3E3F404142434445464748494A4B4C4D"
)
_URDU: Final = bytes.fromhex(
    "2722287B807EA62AC27F 00 797D 00 7A7C"
    "2B2C8184838586872D2E2F 00 8C88898A"
    "0000 8F8D30319193 0000 9932 00 96 00 98"
    "000000000000000000000000 9A3334 00"
    "35363738394142A9AAABAFB3B1444546"
    "BABBBC48C4D5C1BE21CCD0D24D504F57"
)
# What stands where the offset is 0.
_COMMON: Final[Mapping[int, str]] = MappingProxyType(
    {0x0A: "\n", 0x0D: "\r", 0x1B: "\x1b", 0x20: " ", 0x21: "!", 0x28: ")", 0x29: "(", 0x2C: ",", 0x2E: ".", 0x3F: "?"}
    | {0x30 + at: character for at, character in enumerate("0123456789:;")}
)


def _lock(block: int, void: str, own: str, places: bytes = _PLACES) -> str:
    """128 characters. ``void``: offsets that the script lacks; ``own``: offsets of what stands at 0x60 and from 0x7B on."""
    lacks = set(bytes.fromhex(void))
    first, *last = bytes.fromhex(own)
    body = [
        _COMMON.get(code, _VOID) if not offset else _VOID if offset in lacks else chr(block + offset)
        for code, offset in enumerate(places)
    ]
    return "".join(body) + chr(block + first) + "abcdefghijklmnopqrstuvwxyz" + "".join(chr(block + offset) for offset in last)


LOCKING_SHIFTS: Final[Mapping[int, str]] = MappingProxyType(
    {
        4: _lock(0x0980, "0D 0E 11 12 29 31 33 34 35 45 46 49 4A", "4E 57 5C 5D 70 71"),  # Bengali
        5: _lock(0x0A80, "0E 12 29 31 34 46 4A", "50 60 61 62 63 71"),  # Gujarati
        6: _lock(0x0900, "", "50 72 7B 7C 7E 7F"),  # Hindi
        7: _lock(0x0C80, "01 0D 11 29 34 45 49", "55 56 60 61 62 63"),  # Kannada
        8: _lock(0x0D00, "01 0D 11 29 3C 45 49", "57 60 61 62 63 79"),  # Malayalam
        9: _lock(0x0B00, "0D 0E 11 12 29 31 34 45 46 49 4A", "56 57 60 61 62 63"),  # Oriya
        10: _lock(0x0A00, "0B 0C 0D 0E 11 12 29 31 34 37 3D 43 44 45 46 49 4A", "51 70 71 72 73 74"),  # Punjabi
        11: _lock(  # Tamil
            0x0B80, "01 0B 0C 0D 11 16 17 18 1B 1D 20 21 22 25 26 27 2B 2C 2D 3C 3D 43 44 45 49", "50 57 70 71 72 79"
        ),
        12: _lock(0x0C00, "0D 11 29 34 3C 45 49", "55 56 60 61 62 63"),  # Telugu
        13: _lock(0x0600, "", "54 55 51 53 56 70", _URDU),  # Urdu
    }
)

_SIGNS: Final = "@£$¥¿\"¤%&'\f*+ -/<=>¡^¡_#*"  # 0x00 to 0x18; 0x0D is a control that is not used


def _shift(characters: str) -> Mapping[int, str]:
    """By code after the escape. ``characters``: what stands from 0x19 on, leaving out what all tables have; "_" is void."""
    table = {code: character for code, character in enumerate(_SIGNS) if character != _VOID}
    table |= {0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|", 0x65: "€"}
    table |= {0x41 + at: letter for at, letter in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ")}
    places = (code for code in range(0x19, 0x40) if code != ESCAPE and code not in table)
    return MappingProxyType(table | {code: c for code, c in zip(places, characters, strict=False) if c != "_"})


def _digits(zero: int) -> str:
    return "".join(chr(zero + digit) for digit in range(10))


def _letters(block: int, offsets: str) -> str:
    return "".join(chr(block + offset) for offset in bytes.fromhex(offsets))


_DANDAS: Final = "\u0964\u0965"

SINGLE_SHIFTS: Final[Mapping[int, Mapping[int, str]]] = MappingProxyType(
    {
        4: _shift("\u09e6\u09e7" + _digits(0x09E6)[2:] + _letters(0x0980, "5F 60 61 62 63 72 73 74 75 76 77 78 79 7A")),
        5: _shift(_DANDAS + _digits(0x0AE6)),
        6: _shift(_DANDAS + _digits(0x0966) + _letters(0x0900, "51 52 53 54 58 59 5A 5B 5C 5D 5E 5F 60 61 62 63 70 71")),
        7: _shift(_DANDAS + _digits(0x0CE6) + _letters(0x0C80, "5E 71 72")),
        8: _shift(_DANDAS + _digits(0x0D66) + _letters(0x0D00, "70 71 72 73 74 75 7A 7B 7C 7D 7E 7F")),
        9: _shift(_DANDAS + _digits(0x0B66) + _letters(0x0B00, "5C 5D 5F 70 71")),
        10: _shift(_DANDAS + _digits(0x0A66) + _letters(0x0A00, "59 5A 5B 5C 5E 75")),
        11: _shift(_DANDAS + _digits(0x0BE6) + _letters(0x0B80, "73 74 75 76 77 78 7A")),
        12: _shift("__" + _digits(0x0C66) + _letters(0x0C00, "58 59 78 79 7A 7B 7C 7D 7E 7F")),
        13: _shift(
            "\u0600\u0601" + _digits(0x06F0) + _letters(0x0600, "0C 0D 0E 0F 10 11 12 13 14 1B 1F 40 52 58 6B 6C 72 73 CD D4")
        ),
    }
)
