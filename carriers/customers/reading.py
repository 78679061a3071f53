"""A message as a customer writes it by SMPP: taken apart and checked, before anything is decided about it."""

from hashlib import blake2b
from typing import Final, NamedTuple

import msgspec

from carriers.customers.times import is_time
from carriers.smpp.commands import (
    ESM_TYPE_MASK,
    ESM_UDHI,
    RINVESMCLASS,
    RINVEXPIRY,
    RINVMSGLEN,
    RINVSCHED,
    RSUBMITFAIL,
    TLV_MESSAGE_PAYLOAD,
    TLV_SAR_NUMBER,
    TLV_SAR_REFERENCE,
    TLV_SAR_TOTAL,
)
from carriers.smpp.compose import relative_time
from carriers.smpp.messages import Data, Message
from router.record import UnreadableRecord
from router.settings import SmppAccount
from router.text.reading import alphabet_of
from router.text.segments import MAX_OTHERS
from router.text.udh import PORTS, elements, others_of, read_udh, udh_fault
from router.tlvs import TLVS_LIMIT

SUBMISSION_VERSION: Final = 1

# SMPP 3.4, 5.1.3, and SMPP 5.0, 4.7.6
RINVREPFLAG: Final = 0x54
RINVDFTMSGID: Final = 0x63
RINVPARLEN: Final = 0xC2
RINVOPTPARAMVAL: Final = 0xC4
RINVDCS: Final = 0x104

# SMPP 3.4, 5.3.2
_TLV_SUBUNIT: Final = 0x0005  # dest_addr_subunit: 1 is the display
_TLV_TIME_TO_LIVE: Final = 0x0017  # qos_time_to_live of a data_sm: seconds
_TLV_SOURCE_PORT: Final = 0x020A
_TLV_DESTINATION_PORT: Final = 0x020B
_LENGTHS: Final = (
    (TLV_SAR_REFERENCE, 2),
    (TLV_SAR_TOTAL, 1),
    (TLV_SAR_NUMBER, 1),
    (_TLV_SOURCE_PORT, 2),
    (_TLV_DESTINATION_PORT, 2),
    (_TLV_TIME_TO_LIVE, 4),
)
_VENDORS: Final = range(0x1400, 0x4000)
_VALUE_LIMIT: Final = 255  # octets, as for the API

_BINARY: Final = frozenset({0x02, 0x04})  # 5.2.19
_CLASSES: Final = frozenset({0x10, 0xF0})  # groups whose bits may say binary (3GPP TS 23.038, 4)

# 3GPP TS 23.040, 9.2.3.9: a message that no phone shows, and octets for the SIM card. No carrier's submit says either here, and
# shown as messages they would be nonsense.
_UNCARRIED: Final = frozenset({0x40, 0x7F})


class Fault(NamedTuple):
    """Why a submit is refused."""

    status: int  # command_status of the answer
    reason: str  # for the log: a few words, without text or numbers


class Submission(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """A message, or one part of a long one, as it came. Packed, it is what the journal keeps of a part."""

    version: int = SUBMISSION_VERSION
    source: str  # addresses as they were written
    source_ton: int
    source_npi: int
    destination: str
    destination_ton: int
    destination_npi: int
    octets: bytes  # of the text, without the user data header
    data_coding: int
    reference: int = 0  # of the whole that it is a part of
    total: int = 1  # 1: it is whole
    number: int = 1  # 1 … total
    wide: bool = False  # the reference has 16 bits
    udh: bytes = b""  # information elements but those of concatenation
    registered_delivery: int = 0
    schedule: str = ""  # "" or 16 characters, as valid as they can be without a clock
    validity: str = ""
    priority: int = 0
    service_type: str = ""
    flash: bool = False  # by dest_addr_subunit; the data_coding may say so too
    tlvs: dict[int, bytes] = {}  # vendors' parameters

    @property
    def whole(self) -> bool:
        """Whether nothing else belongs to it: it needs no ``gather``, and its id has no number of a part."""
        return self.total == 1


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Submission)


def pack_submission(submission: Submission) -> bytes:
    """Submission to octets, the same ones for the same submission."""
    return _encoder.encode(submission)


def unpack_submission(octets: bytes) -> Submission:
    """Octets to submission; raises ``router.record.UnreadableRecord``."""
    try:
        return _decoder.decode(octets)
    except msgspec.DecodeError as error:
        raise UnreadableRecord(str(error)) from error


def read(message: Message | Data, account: SmppAccount) -> Submission | Fault:  # noqa: ARG001 (no habit of an account bears on it yet)
    """What a submit_sm, a data_sm or one destination of a submit_multi says, or why it is refused whatever the time."""
    tlvs = message.tlvs
    ttl = b""
    if isinstance(message, Message):
        octets, flags = message.short_message, (message.schedule, message.validity, message.priority)
        if fault := _fields_fault(message):
            return fault
    else:
        octets, flags = b"", ("", "", 0)
    if tlvs:
        if fault := _tlvs_fault(message):
            return fault
        payload = tlvs.get(TLV_MESSAGE_PAYLOAD)
        if payload is not None:
            if octets and payload:  # 5.3.2.32: one or the other
                return Fault(RINVMSGLEN, "short_message and message_payload")
            octets = payload or octets
        ttl = b"" if isinstance(message, Message) else tlvs.get(_TLV_TIME_TO_LIVE, b"")
    schedule, validity, priority = flags
    if ttl:
        validity = relative_time(int.from_bytes(ttl, "big"))
    if not _is_known(message.data_coding):
        return Fault(RINVDCS, f"data_coding 0x{message.data_coding:02X} is not carried")
    if message.esm_class & ESM_TYPE_MASK:
        return Fault(RINVESMCLASS, f"esm_class 0x{message.esm_class:02X} is no message's")
    part, others = None, b""
    if message.esm_class & ESM_UDHI:
        if wrong := udh_fault(octets):
            return Fault(RINVESMCLASS, wrong)
        others = others_of(octets)
        found, octets = read_udh(octets)
        part = found and (found.reference, found.total, found.number, found.wide)
    if tlvs:
        part = part or _sar(message)
        others += _ports(message, others)
    if len(others) > MAX_OTHERS:
        return Fault(RINVESMCLASS, "a header that leaves no room")
    reference, total, number, wide = part or (0, 1, 1, False)
    if not octets and not others and total == 1:
        return Fault(RINVMSGLEN, "no text")
    return Submission(
        source=message.source,
        source_ton=message.source_ton,
        source_npi=message.source_npi,
        destination=message.destination,
        destination_ton=message.destination_ton,
        destination_npi=message.destination_npi,
        octets=octets,
        data_coding=message.data_coding,
        reference=reference if total > 1 else 0,
        total=total,
        number=number,
        wide=wide,
        udh=others,
        registered_delivery=message.registered_delivery,
        schedule=schedule,
        validity=validity,
        priority=priority,
        service_type=message.service_type,
        flash=tlvs.get(_TLV_SUBUNIT) == b"\x01",
        # In order, so that a part sent again packs to the same octets.
        tlvs={tag: tlvs[tag] for tag in sorted(tlvs) if tag in _VENDORS} if tlvs else {},
    )


def group_of(submission: Submission, account: SmppAccount) -> bytes:
    """16 octets that all parts of one message share, and that no other message of the last minutes does."""
    shared = (
        account.system_id,
        submission.source,
        submission.destination,
        submission.reference,
        submission.total,
        submission.wide,
    )
    return blake2b(_encoder.encode(shared), digest_size=16).digest()


def _fields_fault(message: Message) -> Fault | None:
    """What a data_sm has not."""
    if message.replace:
        return Fault(RINVREPFLAG, "replace_if_present is not offered")
    if message.default_id:
        return Fault(RINVDFTMSGID, "there are no messages to refer to by number")
    if not is_time(message.schedule):
        return Fault(RINVSCHED, "schedule_delivery_time is no time")
    if not is_time(message.validity):
        return Fault(RINVEXPIRY, "validity_period is no time")
    if message.protocol_id in _UNCARRIED:
        return Fault(RSUBMITFAIL, f"protocol_id 0x{message.protocol_id:02X} is not carried")
    return None


def _tlvs_fault(message: Message | Data) -> Fault | None:
    tlvs = message.tlvs
    for tag, length in _LENGTHS:
        if tag in tlvs and len(tlvs[tag]) != length:
            return Fault(RINVPARLEN, f"optional parameter 0x{tag:04X} has {len(tlvs[tag])} octets instead of {length}")
    vendors = [tag for tag in tlvs if tag in _VENDORS]
    if len(vendors) > TLVS_LIMIT:
        return Fault(RINVOPTPARAMVAL, f"{len(vendors)} vendors' parameters")
    for tag in vendors:
        if len(tlvs[tag]) > _VALUE_LIMIT:
            return Fault(RINVPARLEN, f"optional parameter 0x{tag:04X} is longer than {_VALUE_LIMIT} octets")
    total, number = tlvs.get(TLV_SAR_TOTAL), tlvs.get(TLV_SAR_NUMBER)
    if total and number and TLV_SAR_REFERENCE in tlvs and not 1 <= number[0] <= total[0]:
        return Fault(RINVOPTPARAMVAL, f"part {number[0]} of {total[0]}")
    return None


def _is_known(data_coding: int) -> bool:
    """Whether it is a text that can be read or binary. What is neither could not be handed on as what it is."""
    return alphabet_of(data_coding) != "octets" or data_coding in _BINARY or data_coding & 0xF0 in _CLASSES


def _sar(message: Message | Data) -> tuple[int, int, int, bool] | None:
    """(reference, total, number, wide) of the sar parameters; one or two of the three alone mean nothing (5.3.2.22 to 24)."""
    tlvs = message.tlvs
    if TLV_SAR_REFERENCE in tlvs and TLV_SAR_TOTAL in tlvs and TLV_SAR_NUMBER in tlvs:
        return int.from_bytes(tlvs[TLV_SAR_REFERENCE], "big"), tlvs[TLV_SAR_TOTAL][0], tlvs[TLV_SAR_NUMBER][0], True
    return None


def _ports(message: Message | Data, others: bytes) -> bytes:
    """destination_port and source_port as the element that a header has for them, unless it has one (3GPP TS 23.040, 9.2.3.24.4)."""
    destination = message.tlvs.get(_TLV_DESTINATION_PORT)
    if destination is None or any(identifier == PORTS for identifier, _ in elements(bytes((len(others),)) + others)):
        return b""
    return bytes((PORTS, 4)) + destination + message.tlvs.get(_TLV_SOURCE_PORT, b"\0\0")
