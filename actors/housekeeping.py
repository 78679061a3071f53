"""What a dispatcher does for its partitions besides planning: timers, horizons, retention."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from actors import machine
from actors.aside import Aside
from actors.metrics import Metrics
from router.journal.port import Journal, JournalError
from router.model import STATUS_OF, ErrorName, State
from router.record import EventKind, pack_event

LIMIT: Final = 1_000  # messages a call
TIMERS_S: Final = 0.25  # how late a timer may be
BUSY_TIMERS_S: Final = 0.05
TIDY_S: Final = 5.0
BUSY_TIDY_S: Final = 0.5


class Housekeeping:
    """``held`` tells the partitions that are this dispatcher's now. Doing a round twice, or by two, does no harm."""

    def __init__(
        self, journal: Journal, held: Callable[[], Sequence[int]], retention_s: float, metrics: Metrics, aside: Aside
    ) -> None:
        self._aside = aside
        self._journal = journal
        self._held = held
        self._retention_s = retention_s
        self._metrics = metrics

    async def keep_timers(self, moved_in: Callable[[Sequence[int]], None]) -> None:
        """Move what is due into the queues, for ever; ``moved_in`` is told the partitions when something was."""
        while True:
            held = self._held()
            try:
                moved, _next = await self._journal.pump(held, LIMIT)
            except JournalError:
                moved = 0
            if moved:
                moved_in(held)
            await asyncio.sleep(BUSY_TIMERS_S if moved else TIMERS_S)

    async def keep_tidy(self) -> None:
        """End what waited too long for a receipt, and drop what is past its retention, for ever."""
        while True:
            held = self._held()
            now_ms = machine.now_ms()
            event = pack_event(now_ms, EventKind.FINAL, int(State.UNCONFIRMED), ErrorName.NO_RECEIPT, False, "")
            try:
                expired = await self._journal.expire_waits(held, LIMIT, event)
                retired = await self._journal.retire(held, LIMIT, self._retention_s)
                await self._aside.look(held)
            except JournalError:
                expired = retired = 0
            if expired:
                status = STATUS_OF[State.UNCONFIRMED]
                self._metrics.counter("trunkline_finished", status, "", "", ErrorName.NO_RECEIPT).add(expired)
            await asyncio.sleep(BUSY_TIDY_S if LIMIT in {expired, retired} else TIDY_S)
