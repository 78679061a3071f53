"""A carrier's right to transmit: one lease, one epoch, and a clock that notices when this process was not running."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final, NoReturn

from actors import machine
from router.journal.port import Fenced, Journal, JournalError
from router.model import MessageClass
from router.record import EventKind, pack_event
from router.settings import Settings

log = logging.getLogger("trunkline.carrier")

LEASE_S: Final = 5.0
RENEW_S: Final = 1.0
MARGIN_S: Final = 0.5  # transmitting stops so long before the lease ends
RETRY_S: Final = 0.25
ZOMBIE_EXIT: Final = 75


def hold_until_ms(settings: Settings, now_ms: int) -> dict[MessageClass, int]:
    """How long a submit in doubt may still be settled by a receipt or a late answer, by class."""
    return {klass: now_ms + int(settings.rules(klass).unknown_hold_s * 1000) for klass in MessageClass}


def ended_event(carrier: str, now_ms: int) -> bytes:
    """The line in the history of a message that was in flight when its carrier's process ended."""
    return pack_event(now_ms, EventKind.UNKNOWN, carrier, "the carrier's process ended before the answer came")


class Ownership:
    """Holds the lease of one carrier owner.

    The previous incarnation may still be transmitting: unless it can be seen to be dead, this one waits until its lease is
    over. ``clock`` is for everything that leads to a write: when it finds that the lease has run out since it was last read,
    because this process was stopped and continued, it ends the process before the write can happen.
    """

    def __init__(self, journal: Journal, owner: str) -> None:
        self._journal = journal
        self.owner = owner
        self.epoch = 0
        self._until_s = 0.0
        self._read_s = machine.monotonic()

    @property
    def valid(self) -> bool:
        """Whether this process may transmit."""
        return machine.monotonic() < self._until_s

    def clock(self) -> float:
        """Monotonic seconds, and a guard: see the class."""
        now_s = machine.monotonic()
        if now_s - self._read_s > LEASE_S and now_s > self._until_s > 0:
            log.critical("carrier.zombie owner=%s stopped_s=%.1f", self.owner, now_s - self._read_s)
            machine.end(ZOMBIE_EXIT)
        self._read_s = now_s
        return now_s

    async def take(self, hold_until_ms: Callable[[], Mapping[MessageClass, int]], event: Callable[[], bytes]) -> int:
        """Register, outwait the predecessor, adopt what it had in flight; returns how many became UNKNOWN."""
        while True:
            try:
                asked_s = machine.monotonic()
                self.epoch, before, left_ms = await self._journal.register(self.owner, machine.incarnation(), LEASE_S)
                self._until_s = asked_s + LEASE_S - MARGIN_S
                if before and not machine.surely_dead(before):
                    await asyncio.sleep(left_ms / 1000)
                    await self._renew()
                return await self._journal.adopt(self.owner, self.epoch, hold_until_ms(), event())
            except Fenced:  # while this one waited, yet another has registered
                self.fenced()
            except JournalError as error:
                log.warning("carrier.register_failed owner=%s error=%s", self.owner, type(error).__name__)
                await asyncio.sleep(RETRY_S)

    async def keep(self) -> None:
        """Renew for ever. A newer incarnation ends this process."""
        while True:
            await asyncio.sleep(RENEW_S)
            self.clock()
            try:
                await self._renew()
            except Fenced:
                self.fenced()
            except JournalError as error:
                log.warning("carrier.renew_failed owner=%s error=%s", self.owner, type(error).__name__)

    def fenced(self) -> NoReturn:
        """End this process: a newer incarnation transmits in its place."""
        log.critical("carrier.fenced owner=%s epoch=%d", self.owner, self.epoch)
        machine.end(ZOMBIE_EXIT)

    async def _renew(self) -> None:
        asked_s = machine.monotonic()
        await self._journal.renew(self.owner, self.epoch, LEASE_S)
        self._until_s = asked_s + LEASE_S - MARGIN_S
