"""The partitions a dispatcher holds: leased with a fencing epoch, renewed in time, released when it leaves."""

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from typing import Final

from actors import machine
from actors.waiting import woken
from router.ids import PARTITIONS
from router.journal.port import Journal, JournalError, Lease

log = logging.getLogger("trunkline.dispatcher")

LEASE_S: Final = 10.0
RENEW_S: Final = 2.5  # three renewals may fail before the lease ends
TAKE_RETRY_S: Final = 0.5  # while some of ours are still held by another


def share_of(index: int, count: int) -> list[int]:
    """The partitions of one of ``count`` dispatchers; none when there are not so many any more."""
    return list(range(index, PARTITIONS, count)) if index < count else []


class Partitions:
    """Holds every ``count``-th partition from ``index`` on.

    A claim in a partition whose lease is not ours is refused by the journal, so a stale view here does no harm. When another server is at
    work, which may not have heard all that this dispatcher was told, everything is leased anew.
    """

    def __init__(
        self,
        journal: Journal,
        owner: str,
        index: int,
        count: int,
        *,
        on_taken: Callable[[Sequence[int]], None],
        on_given_back: Callable[[], None] = lambda: None,
    ) -> None:
        """``on_given_back``: from this moment on nothing claimed before is ours. Told before the journal can have given it to anybody."""
        self._journal = journal
        self._owner = owner
        self._index = index
        self._wanted = share_of(index, count)
        self._on_taken = on_taken
        self._on_given_back = on_given_back
        self._history = ""
        self.held: set[int] = set()
        self.epoch = 0
        self._look = asyncio.Event()
        self._retaking = False

    @property
    def lease(self) -> Lease:
        """What is claimed here is claimed under."""
        return Lease(self._owner, self.epoch)

    async def start(self) -> None:
        """Take what can be taken now; waits for the journal if need be."""
        # Epochs only need to grow from one incarnation to the next; the clock does, and needs no round trip.
        self.epoch = machine.now_ms()
        while True:
            try:
                await self._lease()
            except JournalError:
                await asyncio.sleep(TAKE_RETRY_S)
            else:
                return

    def retake(self) -> None:
        """Lease anew under a new epoch: claimed messages whose fate here is lost go back to their queues."""
        self._retaking = True
        self._look.set()

    async def retune(self, count: int) -> None:
        """There are so many dispatchers now: let go of what is others' from now on, take what is ours."""
        wanted = share_of(self._index, count)
        if wanted == self._wanted:
            return
        self._wanted = wanted
        self._look.set()
        await self._let_go(self.held.difference(wanted))

    async def run(self) -> None:
        """Renew for ever."""
        while True:
            complete = len(self.held) == len(self._wanted)
            await woken(self._look, RENEW_S if complete else TAKE_RETRY_S)
            self._look.clear()
            try:
                if self._retaking:
                    self.epoch = max(self.epoch + 1, machine.now_ms())
                    self._retaking = False
                    self._on_given_back()
                await self._lease()
                await self._look_at_history()
            except JournalError as error:
                log.warning("dispatcher.lease_failed owner=%s error=%s", self._owner, type(error).__name__)
                await asyncio.sleep(TAKE_RETRY_S)

    async def _look_at_history(self) -> None:
        before, self._history = self._history, await self._journal.history()
        if before not in {"", self._history}:
            log.warning("dispatcher.journal_set_back owner=%s", self._owner)
            self.retake()

    async def release(self) -> None:
        """Let go of all, for good."""
        self._wanted = []
        await self._let_go(self.held)

    async def _let_go(self, partitions: Collection[int]) -> None:
        surplus = sorted(partitions)
        if not surplus:
            return
        self.held = self.held.difference(surplus)
        try:
            await self._journal.release_partitions(self._owner, self.epoch, surplus)
        except JournalError:
            log.warning("dispatcher.release_failed owner=%s", self._owner)

    async def _lease(self) -> None:
        if not self._wanted:
            return
        held = set(await self._journal.lease_partitions(self._owner, self.epoch, self._wanted, LEASE_S))
        taken = held - self.held
        self.held = held
        await self._let_go(held.difference(self._wanted))  # the share became smaller while the call was under way
        if taken:
            log.info("dispatcher.partitions owner=%s taken=%d held=%d", self._owner, len(taken), len(held))
            self._on_taken(sorted(taken))
