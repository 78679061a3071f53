"""What has come in and waits to be kept: handed up in batches, answered when somebody has it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

from carriers.smpp.commands import RSYSERR

log: Final = logging.getLogger(__name__)

MAX_WAITING: Final = 20_000  # not yet answered, all sessions; SMSCs have windows of 10 to 100, so it is a fuse
MAX_BATCH: Final = 2_000  # handed up at once: more would delay the answer to the first
PAUSE_S: Final = 0.04  # between small batches of things that come densely: here and in the journal a batch costs some 1 ms
QUIET_S: Final = 0.03  # nothing more for so long, a little more than a shell gathers: the peer may be waiting for answers …
SHORT_S: Final = 0.012  # … and then the pause is no longer than this …
SHORT: Final = 20  # … for so many batches
ENOUGH: Final = 64  # things that need no company: well below the windows that carriers have who bring so many

Item = TypeVar("Item")
Ticket = TypeVar("Ticket")


class Tray(Generic[Item, Ticket]):
    """Things of one kind. One call of ``keep`` is under way at a time; what arrives meanwhile is the next batch.

    What comes within ``PAUSE_S`` of the last batch waits for company, as long as more of it comes: a peer of whom no more comes
    before its answers, because its window is small, is not kept waiting for so long.
    """

    def __init__(
        self,
        name: str,
        *,
        keep: Callable[[list[Item]], Awaitable[Sequence[int]]],
        answer: Callable[[Sequence[Ticket], Sequence[int]], None],
    ) -> None:
        """``keep`` tells a command_status for each item; when it raises, each is ESME_RSYSERR. ``answer`` gets these by ticket."""
        self.name = name  # for the log
        self._keep = keep
        self._answer = answer
        self._items: list[Item] = []
        self._tickets: list[Ticket] = []
        self._under_way = 0
        self._ended_s = 0.0  # when the last batch was answered
        self._short = 0  # batches that wait for ``SHORT_S`` only
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def __len__(self) -> int:
        """How much waits or is under way."""
        return len(self._items) + self._under_way

    @property
    def room(self) -> int:
        """How much more should be put into it."""
        return MAX_WAITING - len(self._items)

    def put(self, items: Sequence[Item], tickets: Sequence[Ticket]) -> None:
        """Have these kept and answered, a ticket each. The caller has seen that there is ``room``."""
        if items:
            self._items.extend(items)
            self._tickets.extend(tickets)
            self._idle.clear()
            self._wake.set()

    async def run(self) -> None:
        """Hand up and answer, until cancelled."""
        while True:
            await self._wake.wait()
            await self._company()
            items, self._items = self._items[:MAX_BATCH], self._items[MAX_BATCH:]
            tickets, self._tickets = self._tickets[:MAX_BATCH], self._tickets[MAX_BATCH:]
            self._under_way = len(items)
            if not self._items:
                self._wake.clear()
            try:
                statuses = await self._keep(items)
                if len(statuses) != len(items):
                    raise ValueError(f"{len(statuses)} statuses for {len(items)} items")  # noqa: TRY301 (one way out for all)
            except Exception as error:  # noqa: BLE001 whatever it is, nothing of this is durable: it must come again
                statuses = [RSYSERR] * len(items)
                log.warning("carrier.put_off tray=%s count=%d error=%s", self.name, len(items), type(error).__name__)
            self._under_way = 0
            self._answer(tickets, statuses)
            self._ended_s = asyncio.get_running_loop().time()
            if not self._items:
                self._idle.set()

    async def _company(self) -> None:
        """Wait for more, unless it is enough, none comes, or the last batch is long ago."""
        pause_s = PAUSE_S
        if self._short:
            self._short -= 1
            pause_s = SHORT_S
        loop = asyncio.get_running_loop()
        while (have := len(self._items)) < ENOUGH and (left_s := self._ended_s + pause_s - loop.time()) > 0:
            await asyncio.sleep(min(left_s, QUIET_S))
            if len(self._items) == have and left_s > QUIET_S:
                self._short = SHORT
                return

    async def empty(self, timeout_s: float) -> bool:
        """Wait until everything taken has been answered, at most ``timeout_s``; whether it has."""
        try:
            await asyncio.wait_for(self._idle.wait(), timeout_s)
        except TimeoutError:
            log.warning("carrier.unanswered tray=%s count=%d", self.name, len(self))
            return False
        return True
