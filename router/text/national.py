"""National tables of the seven-bit alphabet, named in the header of a message (3GPP TS 23.038, A.2 and A.3).

A single shift table replaces what an escape leads to, a locking shift table the basic alphabet; both may be named at once. Few
networks pass them on, so they are written only where an operator says that one does, and only those of the languages below. What
comes with them is read, whatever the language.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple

from router.text import indic
from router.text.gsm import BASIC, ESCAPE, EXTENSION
from router.text.udh import LOCKING_SHIFT, SINGLE_SHIFT

# Language identifiers: 3GPP TS 23.040, 9.2.3.24.15
LANGUAGES: Final[Mapping[str, int]] = MappingProxyType({"turkish": 1, "spanish": 2, "portuguese": 3})


def _shift(codes: str, characters: str) -> Mapping[int, str]:
    """The standard extension with a language's own characters over it, by code."""
    return MappingProxyType(dict(EXTENSION) | dict(zip(bytes.fromhex(codes), characters, strict=True)))


def _lock(codes: str, characters: str) -> str:
    """The basic table with a language's own characters over it; positions are codes."""
    own = dict(zip(bytes.fromhex(codes), characters, strict=True))
    return "".join(own.get(code, character) for code, character in enumerate(BASIC))


# Language → code after the escape → character.
SINGLE_SHIFTS: Final[Mapping[int, Mapping[int, str]]] = MappingProxyType(
    dict(indic.SINGLE_SHIFTS)
    | {
        1: _shift("47 49 53 63 67 69 73", "ĞİŞçğ\u0131ş"),  # Turkish
        2: _shift("09 41 49 4F 55 61 69 6F 75", "çÁÍÓÚáíóú"),  # Spanish
        3: _shift(  # Portuguese
            "05 09 0B 0C 0E 0F 12 13 15 16 17 18 19 1F 41 49 4F 55 5B 5C 61 69 6F 75 7B 7C 7F",
            "êçÔôÁáΦΓΩΠΨΣΘÊÀÍÓÚÃÕÂíóúãõâ",
        ),
    }
)

# Language → 128 characters. There is none for Spanish.
LOCKING_SHIFTS: Final[Mapping[int, str]] = MappingProxyType(
    dict(indic.LOCKING_SHIFTS)
    | {
        1: _lock("04 07 0B 0C 1C 1D 40 60", "€\u0131ĞğŞşİç"),  # Turkish
        3: _lock(  # Portuguese
            "04 06 07 08 09 0B 0C 0E 0F 12 13 14 15 16 17 18 19 1A 1C 1D 1E 24 40 5B 5C 5D 60 7B 7C 7D",
            "êúíóçÔôÁáªÇÀ∞^\\€Ó|ÂâÊºÍÃÕÚ~ãõ`",
        ),
    }
)

# What septets are not, as in router.text.gsm: octets of Latin-1 that a peer means so, where it has characters for them.
_ABOVE: Final = "\ufffd" * 0x20 + bytes(range(0xA0, 0x100)).decode("latin-1")


class Shift(NamedTuple):
    """A pair of tables to write with. A language of 0 is the standard table."""

    single: int
    locking: int

    @property
    def elements(self) -> bytes:
        """The information elements that name them."""
        single = bytes((SINGLE_SHIFT, 1, self.single)) if self.single else b""
        return single + (bytes((LOCKING_SHIFT, 1, self.locking)) if self.locking else b"")


def decode(octets: bytes, single: int, locking: int) -> str:
    """Unpacked septets to text by these languages' tables; never raises, and shows what ``router.text.gsm.decode`` would."""
    basic = LOCKING_SHIFTS.get(locking, BASIC) + _ABOVE
    extension = SINGLE_SHIFTS.get(single, EXTENSION)
    shown = []
    codes = iter(octets)
    for code in codes:
        if code != ESCAPE:
            shown.append(basic[code])
        elif (following := next(codes, -1)) == ESCAPE:
            shown.append(" ")
        elif following >= 0:
            shown.append(extension.get(following, basic[following]))
    return "".join(shown)


def encode(text: str, shift: Shift) -> bytes | None:
    """Text to unpacked septets by these tables; None where they do not hold a character."""
    septets = text.translate(_encoding(shift))
    return septets.encode("ascii") if septets.isascii() else None


def shifts_for(languages: Iterable[str]) -> tuple[Shift, ...]:
    """The pairs that may be written for these languages (keys of ``LANGUAGES``), shortest header first.

    A locking table goes with the standard extension or with its own language's.
    """
    numbers = tuple(LANGUAGES[language] for language in languages)
    locking = tuple(number for number in numbers if number in LOCKING_SHIFTS)
    return (
        *(Shift(number, 0) for number in numbers),
        *(Shift(0, number) for number in locking),
        *(Shift(number, number) for number in locking),
    )


@lru_cache(maxsize=64)
def _encoding(shift: Shift) -> Mapping[int, str]:
    """Character → septet or escape pair. What is in neither table stays, or becomes U+FFFD where it is ASCII: never ASCII then."""
    basic = LOCKING_SHIFTS.get(shift.locking, BASIC)
    extension = SINGLE_SHIFTS.get(shift.single, EXTENSION)
    return (
        dict.fromkeys(range(0x80), "\ufffd")
        | {ord(character): chr(ESCAPE) + chr(code) for code, character in extension.items()}
        | {ord(character): chr(code) for code, character in enumerate(basic) if code != ESCAPE}
    )
