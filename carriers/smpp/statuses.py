"""What a command_status means and what to do about it: SMPP 3.4, 5.1.3, as a table, with the reactions the field has taught.

A carrier's own meanings come over the table from its profile (``parse_overrides``).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from smpplib import consts

from router.model import Again, ErrorName, Fault

Lane = Literal["", "throttled", "queue_full", "rebind"]
Mend = Literal["", "tlvs", "validity", "marks"]

# A receiver that answers a deliver_sm so wants it again, as large aggregators understand it (Vonage repeats on these and on no
# other): system error, queue full, submit failed, throttled, temporary application error, query failed, delivery failure, unknown.
DELIVER_AGAIN: Final = frozenset((0x08, 0x14, 0x45, 0x58, 0x64, 0x67, 0xFE, 0xFF))
SAME_TIMES: Final = 3  # of a fault that passes by itself; large carriers call ESME_RSYSERR retryable


class Reaction(NamedTuple):
    """What to do about a refused submit."""

    again: Again
    fault: Fault
    error: ErrorName
    lane: Lane  # what it means for the whole account: slow down, pause for longer, bind afresh
    alert: bool  # the operator should hear of it
    times: int = SAME_TIMES  # how often one message is sent here again where ``again`` is SAME; then another carrier's turn
    mend: Mend = ""  # what may be taken away or changed for one more try at once, before the rest applies


# Rows read as: what, whose fault, under which name. OTHER with the recipient's fault is meant once: a second carrier may know
# a number that the first does not, a third one will not (``router.advance`` counts). SAME is meant ``times`` times.
_WRONG_MESSAGE: Final = Reaction(Again.NEVER, Fault.OURS, ErrorName.INVALID_MESSAGE, "", alert=True)
_WRONG_MARKS: Final = _WRONG_MESSAGE._replace(mend="marks")
_WRONG_PROFILE: Final = Reaction(Again.OTHER, Fault.OURS, ErrorName.REFUSED_BY_CARRIER, "", alert=True)
_WRONG_VALIDITY: Final = _WRONG_PROFILE._replace(mend="validity")
_WRONG_TLVS: Final = _WRONG_PROFILE._replace(mend="tlvs")
_WRONG_OPERATION: Final = Reaction(Again.NEVER, Fault.OURS, ErrorName.REFUSED_BY_CARRIER, "", alert=True)
_TEMPORARY: Final = Reaction(Again.SAME, Fault.CARRIER, ErrorName.REFUSED_BY_CARRIER, "", alert=False)
_AMBIGUOUS: Final = _TEMPORARY._replace(
    times=1
)  # some mean a fault that passes, some a barred number and say so in their profile
_BIND_LOST: Final = Reaction(Again.PAUSE, Fault.CARRIER, ErrorName.REFUSED_BY_CARRIER, "rebind", alert=False)
_BIND_REFUSED: Final = Reaction(Again.PAUSE, Fault.OURS, ErrorName.REFUSED_BY_CARRIER, "rebind", alert=True)
_THROTTLED: Final = Reaction(Again.PAUSE, Fault.CARRIER, ErrorName.REFUSED_BY_CARRIER, "throttled", alert=False)
_QUEUE_FULL: Final = Reaction(Again.PAUSE, Fault.CARRIER, ErrorName.REFUSED_BY_CARRIER, "queue_full", alert=False)
_SENDER: Final = Reaction(Again.OTHER, Fault.SENDER, ErrorName.INVALID_SENDER, "", alert=False)
_DESTINATION: Final = Reaction(Again.OTHER, Fault.RECIPIENT, ErrorName.INVALID_DESTINATION, "", alert=False)
_RECIPIENT_LATER: Final = Reaction(Again.SAME, Fault.RECIPIENT, ErrorName.REFUSED_BY_CARRIER, "", alert=False)
_RECIPIENT_NEVER: Final = Reaction(Again.NEVER, Fault.RECIPIENT, ErrorName.REFUSED_BY_CARRIER, "", alert=False)
_PROHIBITED: Final = Reaction(Again.NEVER, Fault.SENDER, ErrorName.REFUSED_BY_CARRIER, "", alert=False)
# A code that neither the standard nor the profile knows: once more here, then elsewhere; the first sight is worth a word.
_UNLISTED: Final = Reaction(Again.SAME, Fault.CARRIER, ErrorName.REFUSED_BY_CARRIER, "", alert=True, times=1)

_TABLE: Final[Mapping[int, tuple[str, Reaction]]] = MappingProxyType(
    {
        0x01: ("ESME_RINVMSGLEN", _WRONG_MESSAGE),  # our segmentation or our coding
        0x02: ("ESME_RINVCMDLEN", _WRONG_MESSAGE),
        0x03: ("ESME_RINVCMDID", _WRONG_OPERATION),
        0x04: ("ESME_RINVBNDSTS", _BIND_LOST),
        0x05: ("ESME_RALYBND", _BIND_LOST),
        0x06: ("ESME_RINVPRTFLG", _WRONG_PROFILE),
        0x07: ("ESME_RINVREGDLVFLG", _WRONG_PROFILE),
        0x08: ("ESME_RSYSERR", _TEMPORARY),
        0x0A: ("ESME_RINVSRCADR", _SENDER),  # not registered there
        0x0B: ("ESME_RINVDSTADR", _DESTINATION),  # usually a dead number
        0x0C: ("ESME_RINVMSGID", _WRONG_OPERATION),
        0x0D: ("ESME_RBINDFAIL", _BIND_LOST),
        0x0E: ("ESME_RINVPASWD", _BIND_REFUSED),
        0x0F: ("ESME_RINVSYSID", _BIND_REFUSED),
        0x11: ("ESME_RCANCELFAIL", _WRONG_OPERATION),
        0x13: ("ESME_RREPLACEFAIL", _WRONG_OPERATION),
        0x14: ("ESME_RMSGQFUL", _QUEUE_FULL),
        0x15: ("ESME_RINVSERTYP", _WRONG_PROFILE),
        0x33: ("ESME_RINVNUMDESTS", _WRONG_OPERATION),
        0x34: ("ESME_RINVDLNAME", _WRONG_OPERATION),
        0x40: ("ESME_RINVDESTFLAG", _WRONG_OPERATION),
        0x42: ("ESME_RINVSUBREP", _WRONG_OPERATION),
        0x43: ("ESME_RINVESMCLASS", _WRONG_MARKS),
        0x44: ("ESME_RCNTSUBDL", _WRONG_OPERATION),
        0x45: ("ESME_RSUBMITFAIL", _AMBIGUOUS),
        0x48: ("ESME_RINVSRCTON", _WRONG_PROFILE),
        0x49: ("ESME_RINVSRCNPI", _WRONG_PROFILE),
        0x4A: ("destination TON, as a few vendors number it", _WRONG_PROFILE),
        0x4B: ("destination NPI, as a few vendors number it", _WRONG_PROFILE),
        0x50: ("ESME_RINVDSTTON", _WRONG_PROFILE),
        0x51: ("ESME_RINVDSTNPI", _WRONG_PROFILE),
        0x53: ("ESME_RINVSYSTYP", _WRONG_PROFILE),
        0x54: ("ESME_RINVREPFLAG", _WRONG_OPERATION),
        0x55: ("ESME_RINVNUMMSGS", _WRONG_OPERATION),
        0x58: ("ESME_RTHROTTLED", _THROTTLED),
        0x61: ("ESME_RINVSCHED", _WRONG_PROFILE),  # no schedule_delivery_time is ever sent: nothing could be taken away
        0x62: ("ESME_RINVEXPIRY", _WRONG_VALIDITY),
        0x63: ("ESME_RINVDFTMSGID", _WRONG_OPERATION),
        0x64: ("ESME_RX_T_APPN", _RECIPIENT_LATER),
        0x65: ("ESME_RX_P_APPN", _RECIPIENT_NEVER),
        0x66: ("ESME_RX_R_APPN", _RECIPIENT_NEVER),
        0x67: ("ESME_RQUERYFAIL", _WRONG_OPERATION),
        0xC0: ("ESME_RINVOPTPARSTREAM", _WRONG_TLVS),
        0xC1: ("ESME_ROPTPARNOTALLWD", _WRONG_TLVS),
        0xC2: ("ESME_RINVPARLEN", _WRONG_TLVS),
        0xC3: ("ESME_RMISSINGOPTPARAM", _WRONG_TLVS),
        0xC4: ("ESME_RINVOPTPARAMVAL", _WRONG_TLVS),
        0xFE: ("ESME_RDELIVERYFAILURE", _AMBIGUOUS),
        0xFF: ("ESME_RUNKNOWNERR", _AMBIGUOUS),
        # SMPP 5.0, 4.7.6
        0x100: ("ESME_RSERTYPUNAUTH", _WRONG_PROFILE),
        0x101: ("ESME_RPROHIBITED", _PROHIBITED),
        0x102: ("ESME_RSERTYPUNAVAIL", _TEMPORARY),
        0x103: ("ESME_RSERTYPDENIED", _WRONG_PROFILE),
        0x104: ("ESME_RINVDCS", _WRONG_PROFILE),
        0x105: ("ESME_RINVSRCADDRSUBUNIT", _WRONG_PROFILE),
        0x106: ("ESME_RINVDSTADDRSUBUNIT", _WRONG_PROFILE),
        0x107: ("ESME_RINVBCASTFREQINT", _WRONG_OPERATION),
        0x108: ("ESME_RINVBCASTALIAS_NAME", _WRONG_OPERATION),
        0x109: ("ESME_RINVBCASTAREAFMT", _WRONG_OPERATION),
        0x10A: ("ESME_RINVNUMBCAST_AREAS", _WRONG_OPERATION),
        0x10B: ("ESME_RINVBCASTCNTTYPE", _WRONG_OPERATION),
        0x10C: ("ESME_RINVBCASTMSGCLASS", _WRONG_OPERATION),
        0x10D: ("ESME_RBCASTFAIL", _WRONG_OPERATION),
        0x10E: ("ESME_RBCASTQUERYFAIL", _WRONG_OPERATION),
        0x10F: ("ESME_RBCASTCANCELFAIL", _WRONG_OPERATION),
        0x110: ("ESME_RINVBCAST_REP", _WRONG_OPERATION),
        0x111: ("ESME_RINVBCASTSRVGRP", _WRONG_OPERATION),
        0x112: ("ESME_RINVBCASTCHANIND", _WRONG_OPERATION),
    }
)


def status_name(status: int) -> str:
    """The name and number: "ESME_RTHROTTLED (0x58)"; an unlisted one says whether it is from the vendors' range."""
    if status == 0:
        return "ESME_ROK (0x00)"
    if status in _TABLE:
        return f"{_TABLE[status][0]} (0x{status:02X})"
    return f"{'vendor' if 0x400 <= status <= 0x4FF else 'unlisted'} status (0x{status:02X})"


def explain(status: int) -> str:
    """The name, and what smpplib's table says in words: "ESME_RINVPASWD (0x0E): Invalid Password"."""
    words = consts.DESCRIPTIONS.get(status)
    return f"{status_name(status)}: {words}" if words else status_name(status)


def react(status: int, overrides: Mapping[int, str]) -> Reaction:
    """What to do about a submit refused with ``status`` (any integer but 0, which is no refusal).

    ``overrides`` is what ``parse_overrides`` made of the profile. The carrier's word changes what is done; whose fault it
    was and how it is called stays with the table, except where the word contradicts it. A status named in a profile is
    known to the operator and raises no alert.
    """
    row = _TABLE.get(status)
    reaction = row[1] if row else _UNLISTED
    word = overrides.get(status)
    return reaction if word is None else _overridden(reaction, word)


def parse_overrides(statuses: Mapping[str, str]) -> dict[int, str]:
    """A profile's ``statuses`` ("0x45" or "69" → word) by number; raises ``ValueError`` that names a key it cannot read."""
    overrides = {}
    for key, word in statuses.items():
        try:
            status = int(key, 16 if key[:2].lower() == "0x" else 10)
        except ValueError:
            raise ValueError(f"statuses: {key!r} is not a command_status such as 0x45") from None
        if not 0 < status <= 0xFFFFFFFF:
            raise ValueError(f"statuses: {key!r} is not the status of a refusal")
        overrides[status] = word
    return overrides


def _overridden(row: Reaction, word: str) -> Reaction:
    match word:
        case "permanent":
            # No carrier would do better, so it is not this carrier's fault: a barred or unwilling recipient, usually.
            fault = Fault.RECIPIENT if row.fault is Fault.CARRIER else row.fault
            return Reaction(Again.NEVER, fault, row.error, "", alert=False)
        case "same":
            return Reaction(Again.SAME, row.fault, row.error, "", alert=False)
        case "other":
            return Reaction(Again.OTHER, row.fault, row.error, "", alert=False)
        case "throttle":
            return _THROTTLED
        case "queue_full":
            return _QUEUE_FULL
        case "rebind":
            return _BIND_LOST
        case _:
            raise ValueError(f"unknown reaction {word!r}")
