"""Who may send what, and when: SMPP 3.4, table 2-1, widened where the field is wider.

An ESME is the client, an SMSC the server. The table is read from the receiver's side: a request that is not in it is
answered with ESME_RINVBNDSTS and changes nothing.
"""

from enum import StrEnum
from types import MappingProxyType
from typing import Final

from carriers.smpp.commands import (
    ALERT_NOTIFICATION,
    BIND_RECEIVER,
    BIND_TRANSCEIVER,
    BIND_TRANSMITTER,
    CANCEL_SM,
    COMMAND_NAMES,
    DATA_SM,
    DELIVER_SM,
    ENQUIRE_LINK,
    GENERIC_NACK,
    OUTBIND,
    QUERY_SM,
    RALYBND,
    REPLACE_SM,
    RESPONSE,
    RINVBNDSTS,
    RINVCMDID,
    SUBMIT_MULTI,
    SUBMIT_SM,
    UNBIND,
    command_name,
)


class Side(StrEnum):
    """An end of a session."""

    ESME = "esme"
    SMSC = "smsc"

    @property
    def other(self) -> "Side":
        """The peer's side."""
        return Side.SMSC if self is Side.ESME else Side.ESME


class SessionState(StrEnum):
    """Where a session stands."""

    OPEN = "open"  # connected, not bound
    BINDING_TX = "binding_tx"  # a bind has been sent (ESME) or has come (SMSC) and is not answered
    BINDING_RX = "binding_rx"
    BINDING_TRX = "binding_trx"
    BOUND_TX = "bound_tx"
    BOUND_RX = "bound_rx"
    BOUND_TRX = "bound_trx"
    UNBINDING = "unbinding"  # one side has sent unbind; answers are still taken
    CLOSED = "closed"


S = SessionState
BOUND: Final = frozenset((S.BOUND_TX, S.BOUND_RX, S.BOUND_TRX))
SUBMITTING: Final = frozenset((S.BOUND_TX, S.BOUND_TRX))
BINDING: Final = MappingProxyType({BIND_TRANSMITTER: S.BINDING_TX, BIND_RECEIVER: S.BINDING_RX, BIND_TRANSCEIVER: S.BINDING_TRX})
BOUND_AFTER: Final = MappingProxyType({S.BINDING_TX: S.BOUND_TX, S.BINDING_RX: S.BOUND_RX, S.BINDING_TRX: S.BOUND_TRX})

_ALIVE: Final = frozenset(SessionState) - {S.CLOSED}
_OPEN: Final = frozenset((S.OPEN,))
# An SMSC may write receipts before its bind_resp arrives, and may still have some under way when we unbind.
_RECEIVING: Final = frozenset((S.BINDING_RX, S.BINDING_TRX, S.BOUND_RX, S.BOUND_TRX, S.UNBINDING))
_DATA_TO_ESME: Final = _RECEIVING | {S.BOUND_TX}

LAW: Final = MappingProxyType(
    {
        # (who sends it, command): the states of the receiver in which it is taken
        (Side.ESME, BIND_TRANSMITTER): _OPEN,
        (Side.ESME, BIND_RECEIVER): _OPEN,
        (Side.ESME, BIND_TRANSCEIVER): _OPEN,
        (Side.ESME, SUBMIT_SM): SUBMITTING,
        (Side.ESME, QUERY_SM): SUBMITTING,  # smpplib's own table forgets it on TX
        (Side.ESME, CANCEL_SM): SUBMITTING,
        (Side.ESME, REPLACE_SM): SUBMITTING,
        (Side.ESME, SUBMIT_MULTI): SUBMITTING,
        (Side.ESME, DATA_SM): BOUND,
        (Side.ESME, UNBIND): _ALIVE - _OPEN,
        (Side.ESME, ENQUIRE_LINK): _ALIVE,
        (Side.SMSC, DELIVER_SM): _RECEIVING,
        (Side.SMSC, ALERT_NOTIFICATION): _RECEIVING,
        (Side.SMSC, DATA_SM): _DATA_TO_ESME,
        (Side.SMSC, UNBIND): _ALIVE,
        (Side.SMSC, ENQUIRE_LINK): _ALIVE,
    }
)

# What a side may send itself: the session sends binds, unbinds and enquire_links on its own account.
SENDABLE: Final = MappingProxyType(
    {
        (side, state): frozenset(
            command
            for (sender, command), states in LAW.items()
            if sender is side and state in states and state in BOUND and command not in (*BINDING, UNBIND, ENQUIRE_LINK)
        )
        for side in Side
        for state in SessionState
    }
)


def refusal(side: Side, state: SessionState, command: int) -> tuple[int, int] | None:
    """How ``side`` answers a request that the law does not let it take: (command id, status); None: not at all."""
    if command not in COMMAND_NAMES or command == OUTBIND:  # we never listen for carriers, so to us it is unknown
        return GENERIC_NACK, RINVCMDID
    if command == ALERT_NOTIFICATION:  # has no response (SMPP 3.4, 4.12.1)
        return None
    if command in BINDING and side is Side.SMSC and state is not S.OPEN:
        return command | RESPONSE, RALYBND
    return command | RESPONSE, RINVBNDSTS


def printed_law() -> str:
    """The table as text, a line per sender and command."""
    lines = []
    for (side, command), states in LAW.items():
        names = " ".join(state.value for state in SessionState if state in states) or "never"
        lines.append(f"{side.value:4} {command_name(command):18} {names}")
    return "\n".join(lines)
