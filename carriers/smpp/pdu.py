"""Frames, headers, C-octet strings and TLVs: the octets that all SMPP PDUs share (SMPP 3.4, chapters 3 and 5).

Nothing here keeps state but ``Framer``. Bad octets give ``MalformedPdu`` and nothing else.
"""

import struct
from collections.abc import Mapping
from typing import Final

from carriers.smpp.commands import RINVCMDLEN, RINVMSGLEN, RINVOPTPARSTREAM

HEADER: Final = struct.Struct(">IIII")  # command_length (counts itself), command_id, command_status, sequence_number
HEADER_OCTETS: Final = 16
MAX_PDU_OCTETS: Final = 65 * 1024  # a message_payload of 64 KiB (5.3.2.32) and 1 KiB for all other fields
MAX_SEQUENCE: Final = 0x7FFFFFFF  # 3.4, 5.1.4
MESSAGE_ID_OCTETS: Final = 65  # with its NUL

_TLV: Final = struct.Struct(">HH")
_LENGTH: Final = struct.Struct(">I")
_unpack_header = HEADER.unpack_from


class MalformedPdu(ValueError):
    """Octets that are no PDU, or a PDU whose body breaks the bounds of its fields.

    ``status`` is the command_status that answers it. With ``framing_lost`` the start of the next PDU is not known: the
    connection is of no more use (generic_nack ``status`` with ``sequence``, close).
    """

    def __init__(self, reason: str, *, status: int = RINVMSGLEN, framing_lost: bool = False, sequence: int = 0) -> None:
        """Say what is wrong in a few words without quoting the octets: they may be somebody's message."""
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.framing_lost = framing_lost
        self.sequence = sequence


def pack_pdu(command: int, status: int, sequence: int, body: bytes = b"") -> bytes:
    """A whole PDU from its header fields and packed body."""
    return HEADER.pack(HEADER_OCTETS + len(body), command, status, sequence) + body


def read_header(raw: bytes) -> tuple[int, int, int]:
    """command_id, command_status, sequence_number of a whole PDU."""
    if len(raw) < HEADER_OCTETS:
        raise MalformedPdu("shorter than a header", status=RINVCMDLEN)
    _, command, status, sequence = _unpack_header(raw)
    return command, status, sequence


class Framer:
    """Cuts a stream into PDUs; holds at most one unfinished PDU."""

    def __init__(self) -> None:
        """Start at the first octet of a connection."""
        self.lost: MalformedPdu | None = None  # set once, when a length cannot be a PDU's; nothing is cut afterwards
        self._part = bytearray()
        self._needed = 0  # octets that ``_part`` must hold before another look is worth it

    @property
    def unfinished(self) -> bool:
        """Whether a PDU has begun and its end has not come."""
        return bool(self._part)

    def feed(self, data: bytes) -> list[bytes]:
        """The whole PDUs that ``data`` completes, in order. Never raises: see ``lost``.

        A length below 16 or above ``MAX_PDU_OCTETS`` is refused as soon as its four octets are there: text of another
        protocol reads as a length of hundreds of megabytes, and is not waited for.
        """
        if self.lost is not None:
            return []
        if self._part:
            self._part += data
            if len(self._part) < self._needed:
                return []
            data = bytes(self._part)
            self._part.clear()
        pdus: list[bytes] = []
        add = pdus.append
        unpack_length = _LENGTH.unpack_from
        start = 0
        have = len(data)
        while have - start >= 4:
            length: int = unpack_length(data, start)[0]
            if length < HEADER_OCTETS or length > MAX_PDU_OCTETS:
                sequence = _unpack_header(data, start)[3] if have - start >= HEADER_OCTETS else 0
                self.lost = MalformedPdu(f"command_length {length}", status=RINVCMDLEN, framing_lost=True, sequence=sequence)
                return pdus
            end = start + length
            if end > have:
                self._needed = length
                break
            add(data[start:end])
            start = end
        else:
            self._needed = 4
        if start < have:
            self._part += data[start:] if start else data
        return pdus


def read_text(raw: bytes, start: int, size: int, field: str, status: int = RINVMSGLEN) -> tuple[str, int]:
    """A C-octet string of at most ``size`` octets, NUL included, and the offset behind it. Octets read as Latin-1."""
    end = raw.find(0, start, start + size)
    if end < 0:
        raise MalformedPdu(f"{field} has no end within {size} octets", status=status)
    return raw[start:end].decode("latin-1"), end + 1


def pack_text(text: str, size: int, field: str) -> bytes:
    """A C-octet string with its NUL; ``ValueError`` when it cannot be written within ``size`` octets."""
    octets = text.encode("latin-1")
    if len(octets) >= size or 0 in octets:
        raise ValueError(f"{field} does not fit {size} octets or holds a NUL")
    return octets + b"\0"


def read_octets(raw: bytes, start: int, count: int, field: str) -> tuple[int, ...]:
    """``count`` one-octet fields."""
    if start + count > len(raw):
        raise MalformedPdu(f"ends before {field}", status=RINVCMDLEN)
    return tuple(raw[start : start + count])


def read_tlvs(raw: bytes, start: int, *, whole: bool) -> dict[int, bytes]:
    """Optional parameters from ``start`` to the end as tag → octets, raw; of a repeated tag the last one counts.

    A stream that breaks off is malformed when ``whole``; else what was read before the break is the result (receipts with a
    cut tail occur in the field, and their id is worth having).
    """
    tlvs: dict[int, bytes] = {}
    end = len(raw)
    while start < end:
        behind = start + 4
        if behind <= end:
            tag, length = _TLV.unpack_from(raw, start)
            start = behind + length
            if start <= end:
                tlvs[tag] = raw[behind:start]
                continue
        if whole:
            raise MalformedPdu("optional parameters break off", status=RINVOPTPARSTREAM)
        break
    return tlvs


def pack_tlvs(tlvs: Mapping[int, bytes]) -> bytes:
    """Optional parameters in the order given; any tag passes. ``ValueError`` when one is longer than 65,535 octets."""
    if not tlvs:
        return b""
    parts = []
    for tag, value in tlvs.items():
        if len(value) > 0xFFFF:
            raise ValueError(f"optional parameter 0x{tag:04X} is longer than its length field can say")
        parts.append(_TLV.pack(tag, len(value)) + value)
    return b"".join(parts)
