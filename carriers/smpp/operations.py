"""The PDUs that are rare: binds (SMPP 3.4, 4.1), query_sm (4.8), cancel_sm (4.9), replace_sm (4.10), alert_notification (4.12)."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from carriers.smpp.commands import RINVCMDLEN, RINVDSTADR, RINVMSGID, RINVPASWD, RINVSRCADR, RINVSYSID, TLV_SC_INTERFACE_VERSION
from carriers.smpp.messages import ADDRESS_OCTETS, DATA_ADDRESS_OCTETS, MAX_SHORT_MESSAGE, SERVICE_TYPE_OCTETS, TIME_OCTETS
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

SYSTEM_ID_OCTETS: Final = 16
PASSWORD_OCTETS: Final = 65  # 9 in the specification; carriers hand out longer ones, and a silent cut looks like a wrong one
SYSTEM_TYPE_OCTETS: Final = 13
ADDRESS_RANGE_OCTETS: Final = 41
INTERFACE_VERSION: Final = 0x34


class Bind(NamedTuple):
    """The body of a bind_transmitter, bind_receiver or bind_transceiver."""

    system_id: str
    password: str = ""
    system_type: str = ""
    interface_version: int = INTERFACE_VERSION
    addr_ton: int = 0
    addr_npi: int = 0
    address_range: str = ""

    def __repr__(self) -> str:
        """Without the password: a bind gets into logs and tracebacks."""
        return f"Bind(system_id={self.system_id!r}, system_type={self.system_type!r})"


def read_bind(raw: bytes) -> Bind:
    """Body of a whole bind PDU."""
    system_id, at = read_text(raw, HEADER_OCTETS, SYSTEM_ID_OCTETS, "system_id", RINVSYSID)
    password, at = read_text(raw, at, PASSWORD_OCTETS, "password", RINVPASWD)
    system_type, at = read_text(raw, at, SYSTEM_TYPE_OCTETS, "system_type", RINVCMDLEN)
    version, ton, npi = read_octets(raw, at, 3, "address_range")
    address_range, _ = read_text(raw, at + 3, ADDRESS_RANGE_OCTETS, "address_range", RINVCMDLEN)
    return Bind(system_id, password, system_type, version, ton, npi, address_range)


def pack_bind(bind: Bind) -> bytes:
    """Body of a bind PDU; ``ValueError`` when a field does not fit."""
    return b"".join(
        (
            pack_text(bind.system_id, SYSTEM_ID_OCTETS, "system_id"),
            pack_text(bind.password, PASSWORD_OCTETS, "password"),
            pack_text(bind.system_type, SYSTEM_TYPE_OCTETS, "system_type"),
            bytes((bind.interface_version, bind.addr_ton, bind.addr_npi)),
            pack_text(bind.address_range, ADDRESS_RANGE_OCTETS, "address_range"),
        )
    )


def read_bind_resp(raw: bytes) -> tuple[str, Mapping[int, bytes]]:
    """system_id of the SMSC and TLVs of a whole bind_*_resp; ("", {}) when the body is absent or unreadable.

    The status decides, and it is in the header: nothing in the body is worth losing a bind for.
    """
    end = raw.find(0, HEADER_OCTETS)
    if end < 0:
        return "", {}
    return raw[HEADER_OCTETS:end].decode("latin-1"), read_tlvs(raw, end + 1, whole=False)


def pack_bind_resp(system_id: str, interface_version: int | None = INTERFACE_VERSION) -> bytes:
    """Body of a bind_*_resp, with sc_interface_version unless that is None."""
    tlvs = {} if interface_version is None else {TLV_SC_INTERFACE_VERSION: bytes((interface_version,))}
    return pack_text(system_id, SYSTEM_ID_OCTETS, "system_id") + pack_tlvs(tlvs)


class Query(NamedTuple):
    """The body of a query_sm."""

    message_id: str
    source: str = ""
    source_ton: int = 0
    source_npi: int = 0


def read_query(raw: bytes) -> Query:
    """Body of a whole query_sm PDU."""
    message_id, at = read_text(raw, HEADER_OCTETS, MESSAGE_ID_OCTETS, "message_id", RINVMSGID)
    ton, npi = read_octets(raw, at, 2, "source_addr")
    source, _ = read_text(raw, at + 2, ADDRESS_OCTETS, "source_addr", RINVSRCADR)
    return Query(message_id, source, ton, npi)


def pack_query(query: Query) -> bytes:
    """Body of a query_sm."""
    return (
        pack_text(query.message_id, MESSAGE_ID_OCTETS, "message_id")
        + bytes((query.source_ton, query.source_npi))
        + pack_text(query.source, ADDRESS_OCTETS, "source_addr")
    )


class Found(NamedTuple):
    """The body of a query_sm_resp."""

    message_id: str
    final_date: str = ""
    message_state: int = 0
    error_code: int = 0


def read_found(raw: bytes) -> Found:
    """Body of a whole query_sm_resp PDU."""
    message_id, at = read_text(raw, HEADER_OCTETS, MESSAGE_ID_OCTETS, "message_id", RINVMSGID)
    final_date, at = read_text(raw, at, TIME_OCTETS, "final_date", RINVCMDLEN)
    state, error = read_octets(raw, at, 2, "message_state")
    return Found(message_id, final_date, state, error)


def pack_found(found: Found) -> bytes:
    """Body of a query_sm_resp."""
    return (
        pack_text(found.message_id, MESSAGE_ID_OCTETS, "message_id")
        + pack_text(found.final_date, TIME_OCTETS, "final_date")
        + bytes((found.message_state, found.error_code))
    )


class Cancel(NamedTuple):
    """The body of a cancel_sm."""

    message_id: str
    source: str = ""
    destination: str = ""
    service_type: str = ""
    source_ton: int = 0
    source_npi: int = 0
    destination_ton: int = 0
    destination_npi: int = 0


def read_cancel(raw: bytes) -> Cancel:
    """Body of a whole cancel_sm PDU."""
    service_type, at = read_text(raw, HEADER_OCTETS, SERVICE_TYPE_OCTETS, "service_type", RINVCMDLEN)
    message_id, at = read_text(raw, at, MESSAGE_ID_OCTETS, "message_id", RINVMSGID)
    source_ton, source_npi = read_octets(raw, at, 2, "source_addr")
    source, at = read_text(raw, at + 2, ADDRESS_OCTETS, "source_addr", RINVSRCADR)
    destination_ton, destination_npi = read_octets(raw, at, 2, "destination_addr")
    destination, _ = read_text(raw, at + 2, ADDRESS_OCTETS, "destination_addr", RINVDSTADR)
    return Cancel(message_id, source, destination, service_type, source_ton, source_npi, destination_ton, destination_npi)


def pack_cancel(cancel: Cancel) -> bytes:
    """Body of a cancel_sm."""
    return b"".join(
        (
            pack_text(cancel.service_type, SERVICE_TYPE_OCTETS, "service_type"),
            pack_text(cancel.message_id, MESSAGE_ID_OCTETS, "message_id"),
            bytes((cancel.source_ton, cancel.source_npi)),
            pack_text(cancel.source, ADDRESS_OCTETS, "source_addr"),
            bytes((cancel.destination_ton, cancel.destination_npi)),
            pack_text(cancel.destination, ADDRESS_OCTETS, "destination_addr"),
        )
    )


class Replace(NamedTuple):
    """The body of a replace_sm."""

    message_id: str
    short_message: bytes
    source: str = ""
    schedule: str = ""
    validity: str = ""
    registered_delivery: int = 0
    default_id: int = 0
    source_ton: int = 0
    source_npi: int = 0


def read_replace(raw: bytes) -> Replace:
    """Body of a whole replace_sm PDU."""
    message_id, at = read_text(raw, HEADER_OCTETS, MESSAGE_ID_OCTETS, "message_id", RINVMSGID)
    ton, npi = read_octets(raw, at, 2, "source_addr")
    source, at = read_text(raw, at + 2, ADDRESS_OCTETS, "source_addr", RINVSRCADR)
    schedule, at = read_text(raw, at, TIME_OCTETS, "schedule_delivery_time", RINVCMDLEN)
    validity, at = read_text(raw, at, TIME_OCTETS, "validity_period", RINVCMDLEN)
    registered_delivery, default_id, sm_length = read_octets(raw, at, 3, "sm_length")
    at += 3
    if sm_length > MAX_SHORT_MESSAGE or at + sm_length > len(raw):
        raise MalformedPdu("sm_length is beyond 254 or beyond the PDU")
    return Replace(message_id, raw[at : at + sm_length], source, schedule, validity, registered_delivery, default_id, ton, npi)


def pack_replace(replace: Replace) -> bytes:
    """Body of a replace_sm."""
    if len(replace.short_message) > MAX_SHORT_MESSAGE:
        raise ValueError("short_message is longer than 254 octets")
    return b"".join(
        (
            pack_text(replace.message_id, MESSAGE_ID_OCTETS, "message_id"),
            bytes((replace.source_ton, replace.source_npi)),
            pack_text(replace.source, ADDRESS_OCTETS, "source_addr"),
            pack_text(replace.schedule, TIME_OCTETS, "schedule_delivery_time"),
            pack_text(replace.validity, TIME_OCTETS, "validity_period"),
            bytes((replace.registered_delivery, replace.default_id, len(replace.short_message))),
            replace.short_message,
        )
    )


class Alert(NamedTuple):
    """The body of an alert_notification: a subscriber is reachable again."""

    source: str
    esme: str
    source_ton: int = 0
    source_npi: int = 0
    esme_ton: int = 0
    esme_npi: int = 0


def read_alert(raw: bytes) -> Alert:
    """Body of a whole alert_notification PDU."""
    source_ton, source_npi = read_octets(raw, HEADER_OCTETS, 2, "source_addr")
    source, at = read_text(raw, HEADER_OCTETS + 2, DATA_ADDRESS_OCTETS, "source_addr", RINVSRCADR)
    esme_ton, esme_npi = read_octets(raw, at, 2, "esme_addr")
    esme, _ = read_text(raw, at + 2, DATA_ADDRESS_OCTETS, "esme_addr", RINVDSTADR)
    return Alert(source, esme, source_ton, source_npi, esme_ton, esme_npi)
