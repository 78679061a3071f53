"""The user data header of a segment: written for concatenation, read element by element (3GPP TS 23.040, 9.2.3.24)."""

from collections.abc import Iterator
from typing import Final, NamedTuple

CONCATENATED_8: Final = 0x00  # reference, total, number: one octet each
CONCATENATED_16: Final = 0x08  # reference of two octets
PORTS: Final = 0x05  # destination and originator port, two octets each
SINGLE_SHIFT: Final = 0x24  # one octet: the national language whose extension table replaces the standard one
LOCKING_SHIFT: Final = 0x25  # one octet: the national language whose basic table replaces the standard one

_CONCATENATION_OCTETS: Final = {CONCATENATED_8: 3, CONCATENATED_16: 4}

UDH8_OCTETS: Final = 6
UDH16_OCTETS: Final = 7

_SHIFTS: Final = frozenset({SINGLE_SHIFT, LOCKING_SHIFT})


class Concatenation(NamedTuple):
    """Which part of which message a segment is."""

    reference: int
    total: int
    number: int  # 1 … total
    wide: bool = False  # the reference has 16 bits; 8-bit and 16-bit references are different spaces


def header(others: bytes) -> bytes:
    """A header of these information elements; none of none."""
    return bytes((len(others),)) + others if others else b""


def concatenation(reference: int, total: int, number: int, *, wide: bool = False, others: bytes = b"") -> bytes:
    """The header of one part; the reference is cut to its 8 or 16 bits. ``total`` and ``number`` are 1–255.

    ``others``: further information elements, up to 248 octets; they follow.
    """
    if wide:
        return bytes((6 + len(others), CONCATENATED_16, 4, reference >> 8 & 0xFF, reference & 0xFF, total, number)) + others
    return bytes((5 + len(others), CONCATENATED_8, 3, reference & 0xFF, total, number)) + others


def others_of(octets: bytes) -> bytes:
    """The information elements at the head of a short message, as they stand there, but those of concatenation."""
    return b"".join(
        bytes((identifier, len(data))) + data for identifier, data in elements(octets) if identifier not in _CONCATENATION_OCTETS
    )


def shifts_of(others: bytes) -> tuple[int, int]:
    """(single, locking): the national languages that elements name for the two tables; 0: the standard one. The last counts."""
    named = {identifier: data[0] for identifier, data in elements(header(others)) if data}
    return named.get(SINGLE_SHIFT, 0), named.get(LOCKING_SHIFT, 0)


def without_shifts(others: bytes) -> bytes:
    """The elements but those that name tables: they are for whoever reads the text, and each writer says its own."""
    return b"".join(
        bytes((identifier, len(data))) + data for identifier, data in elements(header(others)) if identifier not in _SHIFTS
    )


def elements(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """Information elements (identifier, data) at the head of a short message; a cut-off last one is left out."""
    end = min(1 + octets[0], len(octets)) if octets else 0
    position = 1
    while position + 2 <= end:
        begin = position + 2
        position = begin + octets[position + 1]
        if position <= end:
            yield octets[begin - 2], octets[begin:position]


def read_udh(octets: bytes) -> tuple[Concatenation | None, bytes]:
    """What a short message with a header says of its part, and the octets behind the header. Never raises.

    All elements are walked: ports may come before the concatenation. An impossible part (number 0 or above the total) is
    None; a header that claims more octets than there are leaves nothing behind it. ``udh_fault`` names such faults.
    """
    found = None
    for identifier, data in elements(octets):
        if identifier == CONCATENATED_8 and len(data) == 3:
            found = Concatenation(data[0], data[1], data[2])
        elif identifier == CONCATENATED_16 and len(data) == 4:
            found = Concatenation(data[0] << 8 | data[1], data[2], data[3], wide=True)
    if found is not None and not 1 <= found.number <= found.total:
        found = None
    return found, octets[1 + octets[0] :] if octets else b""


def udh_fault(octets: bytes) -> str:
    """Why a receiver should refuse this header (ESME_RINVESMCLASS), or "" when it is sound."""
    if not octets:
        return "no header"
    if 1 + octets[0] > len(octets):
        return "header longer than the message"
    position = 1
    for identifier, data in elements(octets):
        position += 2 + len(data)
        if identifier in _CONCATENATION_OCTETS:
            if len(data) != _CONCATENATION_OCTETS[identifier]:
                return "concatenation element of the wrong length"
            if not 1 <= data[-1] <= data[-2]:
                return f"part {data[-1]} of {data[-2]}"
    return "" if position == 1 + octets[0] else "element cut off"
