"""Binding offers to a carrier, just before they are written: asked until the journal answers."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from actors.wire import Offered
from router.journal.port import Assign, Journal, JournalError, Requeue
from router.record import EventKind, pack_event

log = logging.getLogger("trunkline.carrier")

AGAIN_S: Final = 0.25
NEWER_MS: Final = 5_000  # until a message is offered again that this release cannot read: in an upgrade somebody soon can


async def assign(journal: Journal, owner: str, epoch: int, batch: Sequence[Offered]) -> list[bool]:
    """Which of these are ours to send now. Raises ``Fenced``."""
    items = [Assign(offered.id, offered.attempts, offered.event) for offered in batch]
    copies = [place for place, offered in enumerate(batch) if offered.copy]
    if not copies:
        return await _answer(lambda: journal.assign(owner, epoch, items), owner, len(items))
    firsts = [place for place, offered in enumerate(batch) if not offered.copy]
    taken = [False] * len(batch)
    for places, ask in ((firsts, journal.assign), (copies, journal.assign_copies)):
        some = [items[place] for place in places]
        verdicts = await _answer(lambda ask=ask, some=some: ask(owner, epoch, some), owner, len(some))  # type: ignore[misc]  # defaults bind the loop's values
        for place, verdict in zip(places, verdicts, strict=True):
            taken[place] = verdict
    return taken


async def _answer(ask: Callable[[], Awaitable[list[bool]]], owner: str, size: int) -> list[bool]:
    """A call that failed may have taken effect: asking again tells, for what is bound to this owner and epoch is ours."""
    while True:
        try:
            return await ask()
        except JournalError as error:
            log.warning("carrier.assign_failed owner=%s messages=%d error=%s", owner, size, type(error).__name__)
            await asyncio.sleep(AGAIN_S)


def give_back_newer(offered: Offered, carrier: str, now_ms: int) -> Requeue:
    """What a dispatcher of a later release could read, and this carrier cannot: it is not sent, and not over."""
    log.error("carrier.newer_record id=%s", offered.id.hex())
    event = pack_event(now_ms, EventKind.RETURNED, carrier, "its record is of a later release")
    return Requeue(offered.id, now_ms + NEWER_MS, event, counted=False, attempts=offered.attempts + 1)
