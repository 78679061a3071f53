"""The numbers of SMPP 3.4: commands (5.1.2.1), the statuses a session itself gives (5.1.3), TLV tags (5.3.2).

All are plain integers: a peer may send any value, and none of them may stop a session.
"""

from types import MappingProxyType
from typing import Final

RESPONSE: Final = 0x80000000  # a response's id is its request's with this bit set

GENERIC_NACK: Final = 0x80000000
BIND_RECEIVER: Final = 0x01
BIND_TRANSMITTER: Final = 0x02
QUERY_SM: Final = 0x03
SUBMIT_SM: Final = 0x04
DELIVER_SM: Final = 0x05
UNBIND: Final = 0x06
REPLACE_SM: Final = 0x07
CANCEL_SM: Final = 0x08
BIND_TRANSCEIVER: Final = 0x09
OUTBIND: Final = 0x0B
ENQUIRE_LINK: Final = 0x15
SUBMIT_MULTI: Final = 0x21
ALERT_NOTIFICATION: Final = 0x102
DATA_SM: Final = 0x103

SUBMIT_SM_RESP: Final = SUBMIT_SM | RESPONSE
DELIVER_SM_RESP: Final = DELIVER_SM | RESPONSE
DATA_SM_RESP: Final = DATA_SM | RESPONSE
UNBIND_RESP: Final = UNBIND | RESPONSE
ENQUIRE_LINK_RESP: Final = ENQUIRE_LINK | RESPONSE

BINDS: Final = frozenset((BIND_RECEIVER, BIND_TRANSMITTER, BIND_TRANSCEIVER))

COMMAND_NAMES: Final = MappingProxyType(
    {
        BIND_RECEIVER: "bind_receiver",
        BIND_TRANSMITTER: "bind_transmitter",
        QUERY_SM: "query_sm",
        SUBMIT_SM: "submit_sm",
        DELIVER_SM: "deliver_sm",
        UNBIND: "unbind",
        REPLACE_SM: "replace_sm",
        CANCEL_SM: "cancel_sm",
        BIND_TRANSCEIVER: "bind_transceiver",
        OUTBIND: "outbind",
        ENQUIRE_LINK: "enquire_link",
        SUBMIT_MULTI: "submit_multi",
        ALERT_NOTIFICATION: "alert_notification",
        DATA_SM: "data_sm",
    }
)

ROK: Final = 0x00
RINVMSGLEN: Final = 0x01
RINVCMDLEN: Final = 0x02
RINVCMDID: Final = 0x03
RINVBNDSTS: Final = 0x04
RALYBND: Final = 0x05
RSYSERR: Final = 0x08
RINVSRCADR: Final = 0x0A
RINVDSTADR: Final = 0x0B
RINVMSGID: Final = 0x0C
RBINDFAIL: Final = 0x0D
RINVPASWD: Final = 0x0E
RINVSYSID: Final = 0x0F
RCANCELFAIL: Final = 0x11
RREPLACEFAIL: Final = 0x13
RMSGQFUL: Final = 0x14
RINVSERTYP: Final = 0x15
RINVNUMDESTS: Final = 0x33
RINVDLNAME: Final = 0x34
RINVDESTFLAG: Final = 0x40
RINVESMCLASS: Final = 0x43
RSUBMITFAIL: Final = 0x45
RINVSYSTYP: Final = 0x53
RTHROTTLED: Final = 0x58
RINVSCHED: Final = 0x61
RINVEXPIRY: Final = 0x62
RX_P_APPN: Final = 0x65  # the receiving application refuses this message for good
RINVOPTPARSTREAM: Final = 0xC0
RUNKNOWNERR: Final = 0xFF

TLV_PAYLOAD_TYPE: Final = 0x0019
TLV_STATUS_TEXT: Final = 0x001D
TLV_RECEIPTED_MESSAGE_ID: Final = 0x001E
TLV_USER_MESSAGE_REFERENCE: Final = 0x0204
TLV_SAR_REFERENCE: Final = 0x020C
TLV_SAR_TOTAL: Final = 0x020E
TLV_SAR_NUMBER: Final = 0x020F
TLV_SC_INTERFACE_VERSION: Final = 0x0210
TLV_NETWORK_ERROR_CODE: Final = 0x0423
TLV_MESSAGE_PAYLOAD: Final = 0x0424
TLV_MESSAGE_STATE: Final = 0x0427

ESM_UDHI: Final = 0x40
ESM_RECEIPT: Final = 0x04
ESM_TYPE_MASK: Final = 0x3C


def command_name(command: int) -> str:
    """``submit_sm``, ``submit_sm_resp``, ``generic_nack``, or the number of an unknown one in hexadecimal."""
    if command == GENERIC_NACK:
        return "generic_nack"
    name = COMMAND_NAMES.get(command & ~RESPONSE)
    if name is None:
        return f"0x{command:08X}"
    return f"{name}_resp" if command & RESPONSE else name
