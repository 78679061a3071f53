"""Delivery receipts: read in whatever form carriers send them, and written in the form that every client reads.

The text form is a custom, not a standard (SMPP 3.4, appendix B: "SMSC vendor specific"), so reading is tolerant: keys in any
case and order, spaces after colons, parts left out, dates in any shape, a copy of the message behind ``text:`` that may say
anything. The form that nearly all carriers use has a fast path; both give the same.
"""

import re
import time
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from router.model import State

# SMPP 3.4, 5.3.2: tags
TAG_RECEIPTED_MESSAGE_ID: Final = 0x001E
TAG_NETWORK_ERROR_CODE: Final = 0x0423
TAG_MESSAGE_PAYLOAD: Final = 0x0424
TAG_MESSAGE_STATE: Final = 0x0427

# SMPP 3.4, 5.2.12: bits 5–2 of esm_class; the others are mode and header and may be set beside them
ESM_TYPE_MASK: Final = 0x3C
ESM_RECEIPT: Final = 0x04
ESM_INTERMEDIATE: Final = 0x20

# SMPP 3.4, 5.2.28, and SMPP 5.0, 4.7.15 (0 and 9): message_state → its word in a receipt and what it means to us
_STATES: Final[Mapping[int, tuple[str, State]]] = MappingProxyType(
    {
        0: ("SCHEDLD", State.SENT),
        1: ("ENROUTE", State.SENT),
        2: ("DELIVRD", State.DELIVERED),
        3: ("EXPIRED", State.EXPIRED),
        4: ("DELETED", State.UNDELIVERED),
        5: ("UNDELIV", State.UNDELIVERED),
        6: ("ACCEPTD", State.SENT),
        7: ("UNKNOWN", State.UNCONFIRMED),
        8: ("REJECTD", State.UNDELIVERED),
        9: ("SKIPPED", State.UNDELIVERED),
    }
)
_STATE_NUMBER: Final[Mapping[str, int]] = MappingProxyType({word: number for number, (word, _) in _STATES.items()})
# First seven letters of ``stat`` → state: the standard's words, their long forms, and what else is seen.
_STATE_OF_WORD: Final[Mapping[str, State]] = MappingProxyType(
    dict(_STATES.values())
    | dict.fromkeys(("SCHEDUL", "ACCEPTE", "BUFFRED", "BUFFERD", "BUFFERE", "ACKED"), State.SENT)
    | {"DELIVER": State.DELIVERED}
    | dict.fromkeys(("REJECTE", "FAILED"), State.UNDELIVERED)
)

_NORMAL: Final = re.compile(
    rb"id:([0-9A-Za-z_-]+) sub:\d+ dlvrd:\d+ submit date:\d+ done date:\d+ stat:([A-Za-z]+) err:([0-9A-Za-z]+)(?: [Tt]ext:|\Z)"
)
# What a text without a flag must begin with to be taken for a receipt.
_BEGINS: Final = re.compile(r"\s*id[ ]*:", re.IGNORECASE | re.ASCII)
# A key begins where no word runs into it; its value runs to the next key.
_KEY: Final = re.compile(
    r"(?<![0-9A-Za-z_-])(id|sub|dlvrd|submit[ _]?date|done[ _]?date|stat|err|text)[ ]*:", re.IGNORECASE | re.ASCII
)
_DECIMAL: Final = re.compile(r"[0-9]{1,64}", re.ASCII)
_HEXADECIMAL: Final = re.compile(r"(?:0[xX])?[0-9A-Fa-f]{1,64}", re.ASCII)
PADDING: Final = " \0\t\r\n"

IdMode = Literal["exact", "case_insensitive", "strip_zeros", "hex_to_decimal", "decimal_to_hex"]


class ReceiptText(NamedTuple):
    """What a receipt says."""

    carrier_id: str  # as the carrier wrote it, without padding: see ``receipt_id``
    state: State  # SENT for intermediate states
    stat: str  # the carrier's word in capitals; the standard's for its message_state when there is no text
    err: str  # the carrier's error code as text; "" when it gave none


class Malformed(NamedTuple):
    """It is flagged as a receipt and cannot be used: keep the octets, answer ROK, or it comes back for ever."""

    reason: str


class _Fields(NamedTuple):
    carrier_id: str
    stat: str
    err: str


def read_receipt(
    short_message: bytes, tlvs: Mapping[int, bytes], *, esm_class: int, by_text: bool
) -> ReceiptText | Malformed | None:
    """A ``deliver_sm`` or ``data_sm`` as a receipt; None when it is something else. Never raises.

    ``tlvs``: tag → octets as they came. A receipt is what esm_class says is one; without a flag (type 0) also what has both
    receipted_message_id and message_state or, with ``by_text``, a text that begins with ``id:`` and has a known ``stat:``
    (a person could write that too, which is why it is a setting). The TLVs go before the
    text, and err speaks only where no state is given (all zeros: delivered). An intermediate notification is SENT unless it
    says delivered, which nothing follows. Measured: 2.1 µs for the normal form with TLVs, 8 µs for a tolerant reading.
    """
    kind = esm_class & ESM_TYPE_MASK
    flagged = kind in {ESM_RECEIPT, ESM_INTERMEDIATE}
    if not flagged:
        if kind != 0:
            return None
        told = TAG_RECEIPTED_MESSAGE_ID in tlvs and TAG_MESSAGE_STATE in tlvs
        if not told and not (by_text and _looks_like_one(short_message or tlvs.get(TAG_MESSAGE_PAYLOAD, b""))):
            return None
    text = short_message or tlvs.get(TAG_MESSAGE_PAYLOAD, b"")
    normal = _NORMAL.match(text)
    if normal is not None:
        # What is no id repeats itself: 1 µs a receipt.
        carrier_id = normal[1].decode("ascii")
        stat, state, err = _normal_state(normal[2], normal[3], tlvs.get(TAG_MESSAGE_STATE))
    else:
        fields = _tolerant(text)
        carrier_id, err = fields.carrier_id, fields.err
        stat, state = _state(fields, tlvs.get(TAG_MESSAGE_STATE))
    octets = tlvs.get(TAG_RECEIPTED_MESSAGE_ID)
    if octets is not None:
        carrier_id = octets.decode("latin-1").strip(PADDING) or carrier_id
    if not carrier_id or state is None:
        return Malformed("no id" if not carrier_id else "no state that we know") if flagged else None
    if kind == ESM_INTERMEDIATE and state is not State.DELIVERED:
        state = State.SENT
    if not err and len(network_error := tlvs.get(TAG_NETWORK_ERROR_CODE, b"")) >= 3:
        # Network type, then a code of two octets (SMPP 3.4, 5.3.2.31); some put a table of their own there.
        err = str(int.from_bytes(network_error[1:3], "big"))
    return ReceiptText(carrier_id, state, stat, err)


def state_of(message_state: int) -> tuple[str, State] | None:
    """A message_state's word in receipts and what it means to us; None for a number that is not in the list."""
    return _STATES.get(message_state)


def normalise_id(raw: str, mode: str, *, receipt: bool = False) -> str:
    """The key under which a carrier's message id is remembered and looked up.

    ``mode`` is a profile's ``receipt_ids``: "exact"; "case_insensitive"; "strip_zeros"; "hex_to_decimal" (the response
    writes in hexadecimal what the receipt writes in decimal); "decimal_to_hex" (the reverse). In the last two the key is
    the number in decimal, whichever side it is read from: ``receipt`` tells the side. Padding goes in every mode; an id that
    is not the number it should be stays as it is. Raises ``ValueError`` for another mode.
    """
    raw = raw.strip(PADDING)
    match mode:
        case "exact":
            return raw
        case "case_insensitive":
            return raw.lower()
        case "strip_zeros":
            return raw.lstrip("0") or raw[:1]
        case "hex_to_decimal" | "decimal_to_hex":
            if receipt == (mode == "hex_to_decimal"):
                return str(int(raw)) if _DECIMAL.fullmatch(raw) else raw
            return str(int(raw, 16)) if _HEXADECIMAL.fullmatch(raw) else raw
        case _:
            raise ValueError(f"unknown receipt_ids {mode!r}")


def submit_id(raw: str, mode: str) -> str:
    """The key of an id from a submit_sm_resp."""
    return normalise_id(raw, mode)


def receipt_id(raw: str, mode: str) -> str:
    """The key of an id from a receipt: the same as ``submit_id`` gave for the same message."""
    return normalise_id(raw, mode, receipt=True)


def write_receipt(
    carrier_id: str, stat: str, *, submitted_s: float, done_s: float, err: str = "000", text: str = ""
) -> tuple[bytes, dict[int, bytes]]:
    """A receipt as an SMSC sends it: (short_message, TLVs), for esm_class 0x04 and data_coding 0.

    ``stat`` is a word of seven letters (SMPP 3.4, appendix B), the times are seconds since 1970 and appear in UTC. The form
    is the one that the common clients all read: three digits of sub, dlvrd and err, dates of ten digits, ``text:`` present
    and in lower case (at most 20 characters of it), receipted_message_id with its NUL. Raises ``KeyError`` for another word.
    """
    state = _STATE_NUMBER[stat]
    shown = "".join(character if " " <= character <= "~" else "?" for character in text[:20])
    body = (
        f"id:{carrier_id} sub:001 dlvrd:{'001' if stat == 'DELIVRD' else '000'} submit date:{_minute(int(submitted_s) // 60)} "
        f"done date:{_minute(int(done_s) // 60)} stat:{stat} err:{err[:3].rjust(3, '0')} text:{shown}"
    )
    return body.encode("latin-1", "replace"), {
        TAG_RECEIPTED_MESSAGE_ID: carrier_id.encode("latin-1", "replace") + b"\0",
        TAG_MESSAGE_STATE: bytes((state,)),
    }


@lru_cache(maxsize=64)
def _minute(minutes: int) -> str:
    return time.strftime("%y%m%d%H%M", time.gmtime(minutes * 60))


def _looks_like_one(octets: bytes) -> bool:
    """Whether a text without a flag is to be taken for a receipt."""
    return _BEGINS.match(_characters(octets)) is not None and _fields(octets).stat.upper()[:7] in _STATE_OF_WORD


def _fields(octets: bytes) -> _Fields:
    normal = _NORMAL.match(octets)
    if normal is not None:
        carrier_id, stat, err = normal.groups()
        return _Fields(carrier_id.decode("ascii"), stat.decode("ascii"), err.decode("ascii"))
    return _tolerant(octets)


def _tolerant(octets: bytes) -> _Fields:
    """Any text: the first of each key before the first ``text:``; of its value the first word."""
    text = _characters(octets)
    values: dict[str, str] = {}
    key, begin = "", 0
    for found in _KEY.finditer(text):
        if key:
            values.setdefault(key, text[begin : found.start()])
        key, begin = found[1].lower(), found.end()
        if key == "text":
            break
    else:
        values.setdefault(key, text[begin:])
    return _Fields(*(_word(values.get(name, "")) for name in ("id", "stat", "err")))


def _word(value: str) -> str:
    words = value.replace("\0", " ").split(None, 1)
    return words[0].rstrip(",;") if words else ""


def _characters(octets: bytes) -> str:
    """Receipts are ASCII whatever data_coding says, and UCS-2 when they look like it."""
    if octets[:2] == b"\xfe\xff" or (octets[:1] == b"\0" and octets[1:2] != b"\0"):
        return octets.removeprefix(b"\xfe\xff").decode("utf-16-be", "replace")
    if octets[:2] == b"\xff\xfe":
        return octets[2:].decode("utf-16-le", "replace")
    return octets.decode("latin-1")


@lru_cache(maxsize=4_096)
def _normal_state(stat: bytes, err: bytes, message_state: bytes | None) -> tuple[str, State | None, str]:
    """(word, state, err) of a text in the normal form."""
    fields = _Fields("", stat.decode("ascii"), err.decode("ascii"))
    return *_state(fields, message_state), fields.err


def _state(fields: _Fields, message_state: bytes | None) -> tuple[str, State | None]:
    """(word, state): the TLV, else stat, else err."""
    stat = fields.stat.upper()
    if message_state:
        known = _STATES.get(int.from_bytes(message_state, "big"))
        if known is not None:
            return stat or known[0], known[1]
    state = _STATE_OF_WORD.get(stat[:7])
    if state is None and fields.err:
        if fields.err.strip("0"):
            return stat, State.UNDELIVERED
        if not stat:
            return stat, State.DELIVERED
    return stat, state
