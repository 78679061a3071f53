"""The PDUs that carry messages: submit_sm and deliver_sm (SMPP 3.4, 4.4.1 and 4.6.1), data_sm (4.7.1), and their responses.

Addresses and message ids are str (Latin-1 octets), message octets and TLVs are bytes, everything else is a plain integer.
"""

import re
import struct
from collections.abc import Mapping
from typing import Final, NamedTuple

from carriers.smpp.commands import RINVCMDLEN, RINVDSTADR, RINVEXPIRY, RINVMSGLEN, RINVSCHED, RINVSERTYP, RINVSRCADR
from carriers.smpp.pdu import (
    HEADER_OCTETS,
    MESSAGE_ID_OCTETS,
    MalformedPdu,
    pack_text,
    pack_tlvs,
    read_octets,
    read_text,
    read_tlvs,
)

SERVICE_TYPE_OCTETS: Final = 6
ADDRESS_OCTETS: Final = 21
DATA_ADDRESS_OCTETS: Final = 65  # data_sm allows longer ones (4.7.1)
TIME_OCTETS: Final = 17  # or the NUL alone
MAX_SHORT_MESSAGE: Final = 254

_NO_TLVS: Final[Mapping[int, bytes]] = {}
# The C-octet strings before short_message: octets of other fields before each, its size with the NUL, the status of one without an end.
_STRINGS: Final = (
    ("service_type", 0, SERVICE_TYPE_OCTETS, RINVSERTYP),
    ("source_addr", 2, ADDRESS_OCTETS, RINVSRCADR),
    ("destination_addr", 2, ADDRESS_OCTETS, RINVDSTADR),
    ("schedule_delivery_time", 3, TIME_OCTETS, RINVSCHED),
    ("validity_period", 0, TIME_OCTETS, RINVEXPIRY),
)
# service_type, TON, NPI and source_addr, the same of the destination, esm_class with protocol_id and priority_flag, two times, five octets
_mandatory = re.compile(
    rb"([^\0]{0,5})\0(..[^\0]{0,20})\0(..[^\0]{0,20})\0(...)([^\0]{0,16})\0([^\0]{0,16})\0(.....)", re.DOTALL
).match
_TAIL: Final = struct.Struct("5B")  # registered_delivery, replace_if_present, data_coding, sm_default_msg_id, sm_length
_pack_tail = _TAIL.pack


class Message(NamedTuple):
    """The body of a submit_sm or deliver_sm."""

    source: str
    destination: str
    short_message: bytes = b""
    esm_class: int = 0
    data_coding: int = 0
    registered_delivery: int = 0
    tlvs: Mapping[int, bytes] = _NO_TLVS
    source_ton: int = 0
    source_npi: int = 0
    destination_ton: int = 0
    destination_npi: int = 0
    service_type: str = ""
    protocol_id: int = 0
    priority: int = 0
    schedule: str = ""
    validity: str = ""
    replace: int = 0
    default_id: int = 0


def read_message(raw: bytes, *, whole_tlvs: bool = True) -> Message:
    """Body of a whole submit_sm or deliver_sm PDU; ``whole_tlvs`` as in ``read_tlvs``. Raises ``MalformedPdu``.

    Measured with a receipt: 1.9 µs; field by field it took 2.5, and by ``read_text`` 4.
    """
    found = _mandatory(raw, HEADER_OCTETS)
    if found is None:
        raise _malformed(raw)
    service_type, source, destination, modes, schedule, validity, tail = found.groups()
    registered_delivery, replace, data_coding, default_id, sm_length = tail
    start = found.end()
    end = start + sm_length
    if sm_length > MAX_SHORT_MESSAGE or end > len(raw):
        raise MalformedPdu("sm_length is beyond 254 or beyond the PDU", status=RINVMSGLEN)
    return Message(
        source[2:].decode("latin-1"),
        destination[2:].decode("latin-1"),
        raw[start:end],
        modes[0],
        data_coding,
        registered_delivery,
        _read_optional(raw, end, whole=whole_tlvs) if end < len(raw) else _NO_TLVS,
        source[0],
        source[1],
        destination[0],
        destination[1],
        service_type.decode("latin-1") if service_type else "",
        modes[1],
        modes[2],
        schedule.decode("latin-1") if schedule else "",
        validity.decode("latin-1") if validity else "",
        replace,
        default_id,
    )


def _malformed(raw: bytes) -> MalformedPdu:
    """What is wrong with a body that ``_mandatory`` does not match."""
    at = HEADER_OCTETS
    for field, before, size, status in _STRINGS:
        if at + before > len(raw):
            break
        end = raw.find(0, at + before, at + before + size)
        if end < 0:
            return MalformedPdu(f"{field} has no end", status=status)
        at = end + 1
    return MalformedPdu("ends before short_message", status=RINVCMDLEN)


def _read_optional(raw: bytes, start: int, *, whole: bool) -> Mapping[int, bytes]:
    """What follows short_message. A NUL that is in no length is passed over: php-smpp ends the text with one unless told not to."""
    if raw[start] == 0:
        try:
            return read_tlvs(raw, start, whole=True)  # a tag below 0x0100 begins like that, too
        except MalformedPdu:
            try:
                return read_tlvs(raw, start + 1, whole=True)
            except MalformedPdu:
                pass
    return read_tlvs(raw, start, whole=whole)


def pack_message(message: Message) -> bytes:
    """Body of a submit_sm or deliver_sm; ``ValueError`` when a field does not fit."""
    return b"".join(
        (
            submit_head(
                message.source,
                ton=message.source_ton,
                npi=message.source_npi,
                service_type=message.service_type,
                destination_ton=message.destination_ton,
                destination_npi=message.destination_npi,
            ),
            pack_text(message.destination, ADDRESS_OCTETS, "destination_addr"),
            bytes((message.esm_class, message.protocol_id, message.priority)),
            _pack_time(message.schedule, "schedule_delivery_time"),
            _pack_time(message.validity, "validity_period"),
            submit_tail(
                message.short_message,
                message.registered_delivery,
                message.data_coding,
                replace=message.replace,
                default_id=message.default_id,
            ),
            pack_tlvs(message.tlvs),
        )
    )


def submit_head(
    source: str, *, ton: int, npi: int, service_type: str = "", destination_ton: int = 1, destination_npi: int = 1
) -> bytes:
    """What a body starts with up to destination_addr: the same for all messages of a sender, so it is packed once."""
    return (
        pack_text(service_type, SERVICE_TYPE_OCTETS, "service_type")
        + bytes((ton, npi))
        + pack_text(source, ADDRESS_OCTETS, "source_addr")
        + bytes((destination_ton, destination_npi))
    )


def submit_tail(
    short_message: bytes, registered_delivery: int, data_coding: int, *, replace: int = 0, default_id: int = 0
) -> bytes:
    """From registered_delivery to the end of short_message."""
    length = len(short_message)
    if length > MAX_SHORT_MESSAGE:
        raise ValueError("short_message is longer than 254 octets: it belongs into message_payload")
    return _pack_tail(registered_delivery, replace, data_coding, default_id, length) + short_message


def _pack_time(text: str, field: str) -> bytes:
    if len(text) not in (0, TIME_OCTETS - 1):
        raise ValueError(f"{field} is empty or 16 characters")
    return pack_text(text, TIME_OCTETS, field)


class Data(NamedTuple):
    """The body of a data_sm: a message whose text is in the message_payload TLV."""

    source: str
    destination: str
    esm_class: int = 0
    registered_delivery: int = 0
    data_coding: int = 0
    tlvs: Mapping[int, bytes] = _NO_TLVS
    source_ton: int = 0
    source_npi: int = 0
    destination_ton: int = 0
    destination_npi: int = 0
    service_type: str = ""


def read_data(raw: bytes, *, whole_tlvs: bool = True) -> Data:
    """Body of a whole data_sm PDU."""
    service_type, at = read_text(raw, HEADER_OCTETS, SERVICE_TYPE_OCTETS, "service_type", RINVSERTYP)
    source_ton, source_npi = read_octets(raw, at, 2, "source_addr")
    source, at = read_text(raw, at + 2, DATA_ADDRESS_OCTETS, "source_addr", RINVSRCADR)
    destination_ton, destination_npi = read_octets(raw, at, 2, "destination_addr")
    destination, at = read_text(raw, at + 2, DATA_ADDRESS_OCTETS, "destination_addr", RINVDSTADR)
    esm_class, registered_delivery, data_coding = read_octets(raw, at, 3, "data_coding")
    return Data(
        source,
        destination,
        esm_class,
        registered_delivery,
        data_coding,
        read_tlvs(raw, at + 3, whole=whole_tlvs),
        source_ton,
        source_npi,
        destination_ton,
        destination_npi,
        service_type,
    )


def pack_data(data: Data) -> bytes:
    """Body of a data_sm; ``ValueError`` when a field does not fit."""
    return b"".join(
        (
            pack_text(data.service_type, SERVICE_TYPE_OCTETS, "service_type"),
            bytes((data.source_ton, data.source_npi)),
            pack_text(data.source, DATA_ADDRESS_OCTETS, "source_addr"),
            bytes((data.destination_ton, data.destination_npi)),
            pack_text(data.destination, DATA_ADDRESS_OCTETS, "destination_addr"),
            bytes((data.esm_class, data.registered_delivery, data.data_coding)),
            pack_tlvs(data.tlvs),
        )
    )


def read_message_id(raw: bytes) -> str | None:
    """message_id of a whole submit_sm_resp or data_sm_resp; "" when the body is absent; None when it is longer than 64.

    An id without its NUL is taken as it stands: the message is with the carrier, and losing the id would lose its receipt.
    """
    end = raw.find(0, HEADER_OCTETS)
    if end < 0:
        end = len(raw)
    if end >= HEADER_OCTETS + MESSAGE_ID_OCTETS:
        return None
    return raw[HEADER_OCTETS:end].decode("latin-1")


def pack_message_id(message_id: str, tlvs: Mapping[int, bytes] = _NO_TLVS) -> bytes:
    """Body of a submit_sm_resp, deliver_sm_resp (id "") or data_sm_resp."""
    return pack_text(message_id, MESSAGE_ID_OCTETS, "message_id") + pack_tlvs(tlvs)
