"""Messages from handsets as SMPP customers receive them."""

import re
from typing import Final

from carriers.customers.receipts import TLV_VERSION
from carriers.smpp.commands import ESM_UDHI, TLV_MESSAGE_PAYLOAD, TLV_SAR_NUMBER, TLV_SAR_REFERENCE, TLV_SAR_TOTAL
from carriers.smpp.compose import SHORT_CODE_DIGITS
from carriers.smpp.messages import ADDRESS_OCTETS, Message, pack_message
from router.record import Body
from router.settings import LongMessages, SmppAccount
from router.text import gsm
from router.text.segments import Segments, TooManyParts, capacity, data_coding_of, split, whole
from router.text.udh import without_shifts

MOST_CHARACTERS: Final = 16_000  # what a message_payload holds in any encoding (SMPP 3.4, 5.3.2.32); a hundred parts and more

_INTERNATIONAL: Final = (1, 1)
_SHORT_CODE: Final = (3, 0)
_ALPHANUMERIC: Final = (5, 0)
_UNKNOWN: Final = (0, 0)
# What Latin-1 does not show: readers take its octets 80 to 9F for those of Windows-1252.
_NOT_LATIN1: Final = re.compile("[^\x00-\x7f\xa0-\xff]")


def inbound_of(body: Body, account: SmppAccount, version: int, reference: int) -> tuple[bytes, ...]:
    """deliver_sm bodies of a message from a handset, in order; ``reference`` tells long ones of a pair apart (16 bits).

    ``version``: interface_version of the session's bind; below 0x34 there are no TLVs, and long messages are marked by headers.
    """
    text = body.text[:MOST_CHARACTERS]
    encoding = _encoding(body, account, text)
    others = without_shifts(body.udh) if body.udh else b""
    marks = account.long_messages
    if marks in {"sar", "payload"} and (others or version < TLV_VERSION):
        marks = "udh8"
    segments, marks = _segments(text, encoding, reference, marks, others)
    source, source_kind = _address(body.sender)
    destination, destination_kind = _address(body.to)
    message = Message(
        source=source,
        destination=destination,
        esm_class=ESM_UDHI if segments.udh else 0,
        # What data_coding 0 means is the account's setting; all else names itself.
        data_coding=0 if segments.encoding in {"gsm7", "latin1"} else data_coding_of(segments.encoding),
        source_ton=source_kind[0],
        source_npi=source_kind[1],
        destination_ton=destination_kind[0],
        destination_npi=destination_kind[1],
    )
    parts = segments.parts
    if len(parts) == 1 and not segments.udh and len(parts[0]) > capacity(segments.encoding):
        return (pack_message(message._replace(tlvs={TLV_MESSAGE_PAYLOAD: parts[0]})),)
    if marks == "sar" and len(parts) > 1:
        return tuple(
            pack_message(
                message._replace(
                    short_message=part,
                    tlvs={
                        TLV_SAR_REFERENCE: (reference & 0xFFFF).to_bytes(2, "big"),
                        TLV_SAR_TOTAL: bytes((len(parts),)),
                        TLV_SAR_NUMBER: bytes((number,)),
                    },
                )
            )
            for number, part in enumerate(parts, 1)
        )
    return tuple(pack_message(message._replace(short_message=part)) for part in parts)


def _encoding(body: Body, account: SmppAccount, text: str) -> str:
    if body.encoding == "octets":
        return "octets"
    if account.alphabet == "latin1":
        return "ucs2" if _NOT_LATIN1.search(text) else "latin1"
    return "gsm7" if gsm.count(text) >= 0 else "ucs2"


def _segments(text: str, encoding: str, reference: int, marks: LongMessages, others: bytes) -> tuple[Segments, LongMessages]:
    """The parts, and how they are marked. What is too long for numbered parts goes whole, as a payload."""
    if marks == "payload":
        return whole(text, encoding), marks
    try:
        wide, header = marks == "udh16", marks != "sar"
        return split(text, encoding, reference, wide=wide, header=header, others=others), marks
    except TooManyParts:
        return whole(text, encoding), "payload"


def _address(address: str) -> tuple[str, tuple[int, int]]:
    """An address as it is written, and its (TON, NPI)."""
    digits = address.removeprefix("+")
    if digits.isascii() and digits.isdigit():
        dialled = _UNKNOWN if digits[0] == "0" else _INTERNATIONAL  # no country code begins with 0
        return digits[: ADDRESS_OCTETS - 1], _SHORT_CODE if len(digits) <= SHORT_CODE_DIGITS else dialled
    return address.replace("\0", "").encode("latin-1", "replace").decode("latin-1")[: ADDRESS_OCTETS - 1], _ALPHANUMERIC
