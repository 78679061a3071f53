"""submit_multi: one message to many destinations, and its answer (SMPP 3.4, 4.5)."""

import struct
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from carriers.smpp.commands import RINVCMDLEN, RINVDESTFLAG, RINVDLNAME, RINVDSTADR, RINVNUMDESTS, RINVSERTYP, RINVSRCADR
from carriers.smpp.messages import ADDRESS_OCTETS, SERVICE_TYPE_OCTETS, Message, pack_message, read_message
from carriers.smpp.pdu import HEADER_OCTETS, MESSAGE_ID_OCTETS, MalformedPdu, pack_text, pack_tlvs, read_octets, read_text

MAX_DESTINATIONS: Final = 254  # 4.5.1: number_of_dests
SME_ADDRESS: Final = 1  # dest_flag, 4.5.1.1
DISTRIBUTION_LIST: Final = 2

_NO_TLVS: Final[Mapping[int, bytes]] = {}
_STATUS: Final = struct.Struct(">I")
_NO_DESTINATION: Final = b"\0\0\0"  # TON, NPI and an empty address


class Destination(NamedTuple):
    """One destination of a submit_multi."""

    address: str  # a number; of a distribution list its name
    ton: int = 0
    npi: int = 0
    flag: int = SME_ADDRESS


class SubmitMulti(NamedTuple):
    """The body of a submit_multi."""

    message: Message  # all but the destination, which is empty
    destinations: tuple[Destination, ...]

    def to(self, destination: Destination) -> Message:
        """The message as it would stand in a submit_sm to one of the SME addresses."""
        return self.message._replace(
            destination=destination.address, destination_ton=destination.ton, destination_npi=destination.npi
        )


class Unsuccess(NamedTuple):
    """A destination that was not taken, as the answer tells it (4.5.2.1)."""

    ton: int
    npi: int
    address: str
    status: int


class MultiAnswer(NamedTuple):
    """The body of a submit_multi_resp."""

    message_id: str
    unsuccess: tuple[Unsuccess, ...] = ()


def read_multi(raw: bytes) -> SubmitMulti:
    """Body of a whole submit_multi PDU."""
    _, at = read_text(raw, HEADER_OCTETS, SERVICE_TYPE_OCTETS, "service_type", RINVSERTYP)
    read_octets(raw, at, 2, "source_addr")
    _, before = read_text(raw, at + 2, ADDRESS_OCTETS, "source_addr", RINVSRCADR)
    (count,) = read_octets(raw, before, 1, "number_of_dests")
    if not 1 <= count <= MAX_DESTINATIONS:
        raise MalformedPdu("number_of_dests is not 1 to 254", status=RINVNUMDESTS)
    at = before + 1
    destinations = []
    for _ in range(count):
        (flag,) = read_octets(raw, at, 1, "dest_flag")
        if flag == SME_ADDRESS:
            ton, npi = read_octets(raw, at + 1, 2, "destination_addr")
            address, at = read_text(raw, at + 3, ADDRESS_OCTETS, "destination_addr", RINVDSTADR)
            destinations.append(Destination(address, ton, npi))
        elif flag == DISTRIBUTION_LIST:
            name, at = read_text(raw, at + 1, ADDRESS_OCTETS, "dl_name", RINVDLNAME)
            destinations.append(Destination(name, flag=DISTRIBUTION_LIST))
        else:
            raise MalformedPdu("dest_flag is neither an address nor a list", status=RINVDESTFLAG)
    # What is before the destinations and what is behind them are those of a submit_sm.
    return SubmitMulti(read_message(raw[:before] + _NO_DESTINATION + raw[at:]), tuple(destinations))


def pack_multi(multi: SubmitMulti) -> bytes:
    """Body of a submit_multi; ``ValueError`` when a field does not fit."""
    if not 1 <= len(multi.destinations) <= MAX_DESTINATIONS:
        raise ValueError("a submit_multi has 1 to 254 destinations")
    message = multi.message._replace(destination="", destination_ton=0, destination_npi=0)
    body = pack_message(message)
    before = len(message.service_type) + 1 + 2 + len(message.source) + 1
    parts = [body[:before], bytes((len(multi.destinations),))]
    for address, ton, npi, flag in multi.destinations:
        if flag == SME_ADDRESS:
            parts.append(bytes((flag, ton, npi)) + pack_text(address, ADDRESS_OCTETS, "destination_addr"))
        elif flag == DISTRIBUTION_LIST:
            parts.append(bytes((flag,)) + pack_text(address, ADDRESS_OCTETS, "dl_name"))
        else:
            raise ValueError("dest_flag is 1 or 2")
    parts.append(body[before + len(_NO_DESTINATION) :])
    return b"".join(parts)


def read_multi_resp(raw: bytes) -> MultiAnswer:
    """Body of a whole submit_multi_resp PDU."""
    message_id, at = read_text(raw, HEADER_OCTETS, MESSAGE_ID_OCTETS, "message_id")
    (count,) = read_octets(raw, at, 1, "no_unsuccess")
    at += 1
    unsuccess = []
    for _ in range(count):
        ton, npi = read_octets(raw, at, 2, "unsuccess_sme")
        address, at = read_text(raw, at + 2, ADDRESS_OCTETS, "unsuccess_sme", RINVDSTADR)
        if at + _STATUS.size > len(raw):
            raise MalformedPdu("ends before error_status_code", status=RINVCMDLEN)
        (status,) = _STATUS.unpack_from(raw, at)
        at += _STATUS.size
        unsuccess.append(Unsuccess(ton, npi, address, status))
    return MultiAnswer(message_id, tuple(unsuccess))


def pack_multi_resp(
    message_id: str, unsuccess: Sequence[tuple[int, int, str, int]] = (), tlvs: Mapping[int, bytes] = _NO_TLVS
) -> bytes:
    """Body of a submit_multi_resp; ``unsuccess``: TON, NPI, address and status of each destination that was not taken."""
    parts = [pack_text(message_id, MESSAGE_ID_OCTETS, "message_id"), bytes((len(unsuccess),))]
    for ton, npi, address, status in unsuccess:
        parts.append(bytes((ton, npi)) + pack_text(address, ADDRESS_OCTETS, "unsuccess_sme") + _STATUS.pack(status))
    parts.append(pack_tlvs(tlvs))
    return b"".join(parts)
