"""Decision tables in the journal: where each assignment finds the row that explains it."""

import logging
from collections.abc import Sequence
from typing import Any, Final

import msgpack

from router.history import decision_name
from router.journal.port import Journal, JournalError

log = logging.getLogger("trunkline.dispatcher")

DECISION_KEEP_S: Final = 86_400.0  # an explanation outlives its message's retention by a day


async def keep_decision(journal: Journal, decision: bytes, rows: Sequence[Any], retention_s: float) -> None:
    """Keep a table. When the journal does not take it, messages go without an explanation."""
    try:
        await journal.put_value(decision_name(decision), msgpack.packb(rows), retention_s + DECISION_KEEP_S)
    except JournalError:
        log.warning("dispatcher.decision_lost decision=%s", decision.hex())
