"""States of messages as SMPP customers are told them: in receipts and in answers to query_sm."""

from typing import NamedTuple

from carriers.smpp.operations import Found
from router.journal.items import Record
from router.model import State
from router.settings import SmppAccount


class Shown(NamedTuple):
    """A state in SMPP's words."""

    number: int  # message_state (SMPP 3.4, 5.2.28)
    stat: str  # seven letters (appendix B)
    err: str  # three digits


def shown(state: State, error: str = "", code: str = "", *, version: int = 0x34) -> Shown:
    """A state, the name of its error and the carrier's own code ("" where there are none) in SMPP's words."""
    raise NotImplementedError


def found_of(record: Record | None, account: SmppAccount, part: int, *, version: int = 0x34) -> Found | None:
    """What query_sm is answered with; None where there is no such message of this account (ESME_RINVMSGID)."""
    raise NotImplementedError
