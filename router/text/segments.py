"""How many segments a text costs, in which encoding, and the very octets of each.

Capacities (SMPP 3.4, 5.2.21, and 3GPP TS 23.040, 9.2.3.24): 140 octets a segment; as septets 160, or 153 and 152 beside an
8-bit and a 16-bit concatenation header; as UCS-2 70, 67 and 66 units; as octets 140, 134 and 133. Further information elements
in the header make them less. A text of "octets" is binary: one character an octet, U+0000 to U+00FF.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from router.text import gsm, national
from router.text.national import Shift
from router.text.reading import decode
from router.text.udh import UDH8_OCTETS, UDH16_OCTETS, Concatenation, concatenation, header, read_udh, udh_fault

__all__ = [
    "DATA_CODING_ASCII",
    "DATA_CODING_BINARY",
    "DATA_CODING_DEFAULT",
    "DATA_CODING_LATIN1",
    "DATA_CODING_UCS2",
    "MAX_OTHERS",
    "MAX_PARTS",
    "Concatenation",
    "Measure",
    "NotEncodable",
    "Segments",
    "TooManyParts",
    "capacity",
    "data_coding_of",
    "decode",
    "join",
    "measure",
    "national_split",
    "read_udh",
    "split",
    "udh_fault",
    "whole",
]

MAX_PARTS: Final = 255  # the total is one octet of the header
MAX_OTHERS: Final = (
    128  # octets of further elements: with more, a part beside a concatenation header would have no room for a pair
)
_SEGMENT_OCTETS: Final = 140

# SMPP 3.4, 5.2.19
DATA_CODING_DEFAULT: Final = 0x00  # whatever the carrier means by it: GSM 03.38 nearly everywhere
DATA_CODING_ASCII: Final = 0x01
DATA_CODING_LATIN1: Final = 0x03
DATA_CODING_BINARY: Final = 0x04
DATA_CODING_UCS2: Final = 0x08

_DATA_CODINGS: Final = {
    "gsm7": DATA_CODING_DEFAULT,
    "latin1": DATA_CODING_LATIN1,
    "ucs2": DATA_CODING_UCS2,
    "octets": DATA_CODING_BINARY,
}
_FLASH_CODINGS: Final = {"gsm7": 0x10, "ucs2": 0x18}
# encoding → what one segment holds, in octets of short_message: alone, beside an 8-bit and beside a 16-bit reference
_CAPACITIES: Final = {
    "gsm7": (160, 153, 152),
    "latin1": (140, 134, 133),
    "ucs2": (140, 134, 132),
    "octets": (140, 134, 133),
}


class Measure(NamedTuple):
    """What a text needs."""

    encoding: str  # "gsm7", "ucs2", "latin1" or "octets"
    units: int  # septets, UTF-16 code units or octets
    segments: int  # with 8-bit references; above MAX_PARTS the text cannot be sent, which is for the caller to refuse


class NotEncodable(NamedTuple):
    """The requested encoding does not hold these characters."""

    characters: tuple[str, ...]  # each once, in order of appearance
    positions: tuple[int, ...]  # indices into the text, of every occurrence


class Segments(NamedTuple):
    """A text as it goes out."""

    encoding: str  # "gsm7", "ucs2", "latin1" or "octets"
    parts: tuple[bytes, ...]  # short_message octets, header included
    udh: bool  # every part begins with a user data header


class TooManyParts(ValueError):
    """More segments than one octet can number: the caller has not looked at what ``measure`` said."""


def data_coding_of(encoding: str, *, flash: bool = False) -> int:
    """The data_coding that says "gsm7", "latin1", "ucs2" or "octets" on the wire.

    ``flash``: with message class 0, for which Latin-1 has no value and binary no use (``KeyError``; 3GPP TS 23.038, 4).
    """
    return _FLASH_CODINGS[encoding] if flash else _DATA_CODINGS[encoding]


def capacity(encoding: str) -> int:
    """Octets of short_message that a segment alone holds."""
    return _CAPACITIES[encoding][0]


def measure(text: str, requested: str = "auto", others: int = 0) -> Measure | NotEncodable:
    """Settle the encoding of a text and count.

    ``requested``: "auto" (GSM 03.38 when it holds the whole text, else UCS-2), "gsm7", "ucs2", "latin1" or "octets"; nothing is
    ever transliterated. A lone surrogate, which no encoding holds, makes any text ``NotEncodable``. ``others``: octets of
    further information elements, at most ``MAX_OTHERS``. Raises ``ValueError`` for another word. Measured: 0.8 µs for a plain
    text of 90 characters.
    """
    if requested in {"auto", "gsm7"}:
        units = gsm.count(text)
        if units >= 0:
            alone, beside_8, _ = _capacities("gsm7", others)
            if units <= alone:
                return Measure("gsm7", units, 1)
            if units == len(text):
                return Measure("gsm7", units, -(-units // beside_8))
            return Measure("gsm7", units, len(_cut("gsm7", gsm.encode(text), beside_8)))
        if requested == "gsm7":
            return _not_encodable(text, gsm.foreign(text))
    elif requested in {"latin1", "octets"}:
        wrong = [i for i, character in enumerate(text) if character > "\xff"]
        if wrong:
            return _not_encodable(text, wrong)
        alone, beside_8, _ = _capacities(requested, others)
        return Measure(requested, len(text), 1 if len(text) <= alone else -(-len(text) // beside_8))
    elif requested != "ucs2":
        raise ValueError(f"unknown encoding {requested!r}")
    try:
        octets = text.encode("utf-16-be")
    except UnicodeEncodeError:
        return _not_encodable(text, [i for i, character in enumerate(text) if "\ud800" <= character <= "\udfff"])
    units = len(octets) // 2
    alone, beside_8, _ = _capacities("ucs2", others)
    if len(octets) <= alone:
        return Measure("ucs2", units, 1)
    if units == len(text):
        return Measure("ucs2", units, -(-len(octets) // beside_8))
    return Measure("ucs2", units, len(_cut("ucs2", octets, beside_8)))


def split(
    text: str,
    encoding: str,
    reference: int,
    *,
    alphabet: str = "gsm7",
    wide: bool = False,
    header: bool = True,
    others: bytes = b"",
) -> Segments:
    """Cut a text into the octets of its segments.

    ``encoding`` is what ``measure`` settled. ``alphabet`` is what data_coding 0 means to the carrier: with "latin1" a "gsm7"
    text goes out as Latin-1, or as UCS-2 when Latin-1 does not hold it all (€, Greek capitals). ``reference`` tells the
    messages between two numbers apart and is cut to 8 bits (16 with ``wide``). Without ``header`` the parts are as long as
    beside an 8-bit header and carry none: for marks that stand elsewhere (sar_msg_ref_num, SMPP 3.4, 5.3.2.22), from which
    the carrier makes the header. ``others``: further information elements, which every part carries (so there is a header then).
    Each part is filled as far as it goes without cutting an escape pair or a surrogate pair.
    Raises ``TooManyParts``, ``gsm.NotGsm`` or ``UnicodeEncodeError`` for a text that ``measure`` would not have let through;
    only an ``alphabet`` of "latin1" and ``wide`` can make more parts than were measured.
    """
    encoding, octets = _octets(text, encoding, alphabet)
    return _segments(encoding, octets, reference, wide=wide, marked=header, others=others)


def national_split(
    text: str, shifts: Iterable[Shift], reference: int, *, wide: bool = False, others: bytes = b""
) -> Segments | None:
    """Cut a text into segments by the pair of national tables that needs the fewest, named in every header.

    Of two that need as many the earlier one is taken. None where no pair holds the text, or it would have too many parts.
    """
    best: Segments | None = None
    for shift in shifts:
        octets, elements = national.encode(text, shift), others + shift.elements
        if octets is None or len(elements) > MAX_OTHERS:
            continue
        try:
            segments = _segments("gsm7", octets, reference, wide=wide, marked=True, others=elements)
        except TooManyParts:
            continue
        if best is None or len(segments.parts) < len(best.parts):
            best = segments
    return best


def whole(text: str, encoding: str, *, alphabet: str = "gsm7") -> Segments:
    """A text of any length as one part, for carriers that cut it themselves (message_payload, SMPP 3.4, 5.3.2.32)."""
    encoding, octets = _octets(text, encoding, alphabet)
    return Segments(encoding, (octets,), udh=False)


def join(parts: Iterable[tuple[int, bytes]], total: int) -> bytes | None:
    """Payloads by part number (any order, doubles allowed) → the whole message's octets; None while parts are missing.

    Octets are joined before they are decoded, because there are senders that cut surrogate and escape pairs.
    """
    by_number = dict(parts)
    if any(number not in by_number for number in range(1, total + 1)):
        return None
    return b"".join(by_number[number] for number in range(1, total + 1))


def _capacities(encoding: str, others: int) -> tuple[int, int, int]:
    """What a segment holds, in octets of short_message: with the other elements alone, and beside either reference."""
    if not others:
        return _CAPACITIES[encoding]
    alone, beside_8, beside_16 = (_SEGMENT_OCTETS - others - octets for octets in (1, UDH8_OCTETS, UDH16_OCTETS))
    if encoding == "gsm7":
        return alone * 8 // 7, beside_8 * 8 // 7, beside_16 * 8 // 7
    if encoding == "ucs2":
        return alone & ~1, beside_8 & ~1, beside_16 & ~1
    return alone, beside_8, beside_16


def _segments(encoding: str, octets: bytes, reference: int, *, wide: bool, marked: bool, others: bytes) -> Segments:
    """Octets as segments: see ``split``."""
    alone, beside_8, beside_16 = _capacities(encoding, len(others))
    if len(octets) <= alone:
        return Segments(encoding, (header(others) + octets,), udh=bool(others))
    pieces = _cut(encoding, octets, beside_16 if wide else beside_8)
    total = len(pieces)
    if total > MAX_PARTS:
        raise TooManyParts(f"{total} parts")
    if not (marked or others):
        return Segments(encoding, tuple(pieces), udh=False)
    return Segments(
        encoding,
        tuple(concatenation(reference, total, n, wide=wide, others=others) + piece for n, piece in enumerate(pieces, 1)),
        udh=True,
    )


def _octets(text: str, encoding: str, alphabet: str) -> tuple[str, bytes]:
    """The encoding that the alphabet of data_coding 0 leaves, and the text in it."""
    if encoding == "gsm7":
        if alphabet != "latin1":
            return encoding, gsm.encode(text)
        encoding = "ucs2" if any(character > "\xff" for character in text) else "latin1"
    return encoding, text.encode("utf-16-be" if encoding == "ucs2" else "latin-1")


def _cut(encoding: str, octets: bytes, capacity: int) -> list[bytes]:
    """Octets into pieces of at most ``capacity``, no pair cut."""
    pieces = []
    begin, length = 0, len(octets)
    while begin < length:
        end = begin + capacity
        if end < length:
            # An escape always begins a pair here, and so does a unit D800–DBFF.
            if encoding == "gsm7" and octets[end - 1] == gsm.ESCAPE:
                end -= 1
            elif encoding == "ucs2" and octets[end - 2] & 0xFC == 0xD8:
                end -= 2
        pieces.append(octets[begin:end])
        begin = end
    return pieces


def _not_encodable(text: str, positions: list[int]) -> NotEncodable:
    return NotEncodable(tuple(dict.fromkeys(text[i] for i in positions)), tuple(positions))
