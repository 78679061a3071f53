"""States of messages as SMPP customers are told them: in receipts and in answers to query_sm."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from carriers.customers.times import absolute
from carriers.smpp.operations import Found
from router.journal.items import Record
from router.model import ErrorName, State
from router.record import EventKind, UnreadableRecord, unpack_body, unpack_events
from router.settings import SmppAccount

_V5: Final = 0x50
_CODE_DIGITS: Final = 3
_MOST_IN_AN_OCTET: Final = 255


class Shown(NamedTuple):
    """A state in SMPP's words."""

    number: int  # message_state (SMPP 3.4, 5.2.28)
    stat: str  # seven letters (appendix B)
    err: str  # three digits


class Ending(NamedTuple):
    """What the last line of a history says."""

    at_ms: int  # 0: it has not ended
    error: str = ""  # an ErrorName
    code: str = ""  # the carrier's own


_ENROUTE: Final = (1, "ENROUTE")
_UNDELIVERABLE: Final = (5, "UNDELIV")
_REJECTED: Final = (8, "REJECTD")

# ACCEPTED (6) is no state of ours: SMPP 3.4 means a message read by customer service on the subscriber's behalf.
_STATES: Final[Mapping[State, tuple[int, str]]] = MappingProxyType(
    {
        State.SCHEDULED: _ENROUTE,
        State.QUEUED: _ENROUTE,
        State.SENDING: _ENROUTE,
        State.UNKNOWN: _ENROUTE,
        State.SENT: _ENROUTE,
        State.DELIVERED: (2, "DELIVRD"),
        State.UNDELIVERED: _UNDELIVERABLE,
        State.FAILED: _UNDELIVERABLE,
        State.REJECTED: _REJECTED,
        State.EXPIRED: (3, "EXPIRED"),
        State.CANCELED: (4, "DELETED"),
        State.UNCONFIRMED: (7, "UNKNOWN"),
        State.RECEIVED: (2, "DELIVRD"),
    }
)
_SCHEDULED_V5: Final = (0, "SCHEDLD")  # SMPP 5.0, 4.7.15

# A FAILED message that somebody refused, unlike one that nobody could be reached for.
_REFUSALS: Final = frozenset(
    {ErrorName.REFUSED_BY_CARRIER, ErrorName.INVALID_DESTINATION, ErrorName.INVALID_SENDER, ErrorName.INVALID_MESSAGE}
)

# Our own codes: above those of networks, which carriers hand through, and small enough for the octet of query_sm_resp.
_ERR: Final[Mapping[str, str]] = MappingProxyType(
    {
        ErrorName.NO_ROUTE: "201",
        ErrorName.REFUSED_BY_CARRIER: "202",
        ErrorName.INVALID_DESTINATION: "203",
        ErrorName.INVALID_SENDER: "204",
        ErrorName.INVALID_MESSAGE: "205",
        ErrorName.ATTEMPTS_EXHAUSTED: "206",
        ErrorName.VALIDITY_ENDED: "207",
        ErrorName.NO_ANSWER: "208",
        ErrorName.NO_RECEIPT: "209",
        ErrorName.NOT_DELIVERED: "210",
        ErrorName.UNREADABLE_RECORD: "211",
        ErrorName.INCOMPLETE: "212",
        ErrorName.DENIED: "213",
        ErrorName.ERASED: "214",
    }
)


def shown(state: State, error: str = "", code: str = "", *, version: int = 0x34) -> Shown:
    """A state, the name of its error and the carrier's own code ("" where there are none) in SMPP's words.

    ``version``: interface_version of the bind: what SMPP 5.0 added is told to those who know it.
    """
    number, stat = _STATES[state]
    if state is State.SCHEDULED and version >= _V5:
        number, stat = _SCHEDULED_V5
    elif state is State.FAILED and error in _REFUSALS:
        number, stat = _REJECTED
    if state is State.DELIVERED or not state.final:
        return Shown(number, stat, "000")
    own = code.zfill(_CODE_DIGITS) if code.isascii() and code.isdigit() and len(code) <= _CODE_DIGITS else ""
    return Shown(number, stat, own if own.strip("0") else _ERR.get(error, "000"))


def ending_of(events: bytes) -> Ending:
    """The end that a history tells of."""
    try:
        lines = unpack_events(events)
    except UnreadableRecord:
        return Ending(0)
    for line in reversed(lines):
        if len(line) > 1 and line[1] == EventKind.FINAL:
            _, error, _, code = (*line[2:6], "", "", "", "")[:4]
            return Ending(int(line[0]), str(error), str(code))
    return Ending(0)


def found_of(record: Record | None, account: SmppAccount, part: int, *, version: int = 0x34) -> Found | None:
    """What query_sm is answered with; None where there is no such message of this account (ESME_RINVMSGID).

    ``part`` as ``read_id`` gave it: the id without it is none of a message that came in parts.
    """
    if record is None:
        return None
    try:
        client = unpack_body(record.body).client
    except UnreadableRecord:  # also: its retention is over
        return None
    if client is None or client.account != account.system_id:
        return None
    if not (1 <= part <= len(client.asked) if len(client.asked) > 1 else part == 0):
        return None
    ending = ending_of(record.events)
    told = shown(record.state, ending.error, ending.code, version=version)
    error_code = int(told.err)
    return Found(
        f"{client.message_id}-{part}" if part else client.message_id,
        absolute(ending.at_ms) if record.state.final and ending.at_ms else "",
        told.number,
        error_code if error_code <= _MOST_IN_AN_OCTET else 0,
    )
