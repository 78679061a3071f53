"""The partitions a dispatcher holds: leased with a fencing epoch, renewed in time, released when it leaves."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Final

from actors.waiting import woken
from router.ids import PARTITIONS
from router.journal.port import Journal, JournalError

log = logging.getLogger("trunkline.dispatcher")

LEASE_S: Final = 10.0
RENEW_S: Final = 2.5  # three renewals may fail before the lease ends
TAKE_RETRY_S: Final = 0.5  # while some of ours are still held by another


class Partitions:
    """Holds every ``count``-th partition from ``index`` on.

    A claim in a partition whose lease is not ours is refused by the journal, so a stale view here does no harm.
    """

    def __init__(
        self, journal: Journal, owner: str, index: int, count: int, *, on_taken: Callable[[Sequence[int]], None]
    ) -> None:
        self._journal = journal
        self._owner = owner
        self._wanted = list(range(index, PARTITIONS, count))
        self._on_taken = on_taken
        self.held: set[int] = set()
        self.epoch = 0
        self._retake = asyncio.Event()

    async def start(self) -> None:
        """Take what can be taken now; waits for the journal if need be."""
        # Epochs only need to grow from one incarnation to the next; the clock does, and needs no round trip.
        self.epoch = time.time_ns() // 1_000_000
        while True:
            try:
                await self._lease()
            except JournalError:
                await asyncio.sleep(TAKE_RETRY_S)
            else:
                return

    def retake(self) -> None:
        """Lease anew under a new epoch: claimed messages whose fate here is lost go back to their queues."""
        self._retake.set()

    async def run(self) -> None:
        """Renew for ever."""
        while True:
            complete = len(self.held) == len(self._wanted)
            await woken(self._retake, RENEW_S if complete else TAKE_RETRY_S)
            try:
                if self._retake.is_set():
                    self.epoch = max(self.epoch + 1, time.time_ns() // 1_000_000)
                await self._lease()
                self._retake.clear()
            except JournalError as error:
                log.warning("dispatcher.lease_failed owner=%s error=%s", self._owner, type(error).__name__)
                await asyncio.sleep(TAKE_RETRY_S)

    async def release(self) -> None:
        """Let go of all."""
        held, self.held = sorted(self.held), set()
        try:
            await self._journal.release_partitions(self._owner, self.epoch, held)
        except JournalError:
            log.warning("dispatcher.release_failed owner=%s", self._owner)

    async def _lease(self) -> None:
        held = set(await self._journal.lease_partitions(self._owner, self.epoch, self._wanted, LEASE_S))
        taken = held - self.held
        self.held = held
        if taken:
            log.info("dispatcher.partitions owner=%s taken=%d held=%d", self._owner, len(taken), len(held))
            self._on_taken(sorted(taken))
