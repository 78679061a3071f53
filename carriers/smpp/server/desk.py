"""One system_id on this server: its bound lines, and deliveries spread over those that receive."""

import logging
from collections.abc import Callable, Sequence
from typing import Final

from carriers.smpp.server.counters import ServerCounters
from carriers.smpp.server.line import ServerLine
from carriers.smpp.server.port import Customers, Delivery, Outcome, Verdict

log: Final = logging.getLogger(__name__)


class Desk:
    """Lines in the order of their binds. Deliveries go to them in turn."""

    def __init__(self, system_id: str, customers: Customers, counters: ServerCounters, clock: Callable[[], float]) -> None:
        """No line yet."""
        self.system_id = system_id
        self.lines: list[ServerLine] = []
        self._customers = customers
        self._counters = counters
        self._clock = clock
        self._turn = 0
        self._full = False  # there was no room when somebody wanted some: they are to be told when there is

    @property
    def receiving(self) -> int:
        """How many lines receive."""
        return sum(line.receives for line in self.lines)

    def room(self) -> int:
        """How many deliver_sm may be written now."""
        room = sum(line.room for line in self.lines)
        if not room:
            self._full = True
        return room

    def opened(self) -> None:
        """There may be room again: tell it when there was none."""
        if self._full and any(line.room for line in self.lines):
            self._full = False
            self._customers.room(self.system_id)

    def welcome(self, line: ServerLine) -> None:
        """A line was bound."""
        self.lines.append(line)
        if line.receives:
            self._full = False
            self._customers.room(self.system_id)

    def deliver(self, batch: Sequence[Delivery]) -> None:
        """As ``port.Server``."""
        now_s = self._clock()
        found = [(line, room) for line in self.lines if (room := line.room)]
        touched = [line for line, _ in found]
        ready = [line for line, _ in found]
        rooms = [room for _, room in found]
        outcomes: list[Outcome] = []
        turn = self._turn
        for delivery in batch:
            if not ready:
                outcomes.append(Outcome(delivery.token, Verdict.RETRY))
                continue
            turn %= len(ready)
            line = ready[turn]
            bodies = self._composed(delivery, line.version)
            if not bodies:
                outcomes.append(Outcome(delivery.token, Verdict.RETRY))
                continue
            line.send(delivery.token, bodies, rooms[turn], now_s)
            rooms[turn] -= len(bodies)
            if rooms[turn] > 0:
                turn += 1
            else:
                del ready[turn], rooms[turn]
        self._turn = turn
        self._full = self._full or not ready
        for line in touched:
            line.flush()
        self.settle(outcomes)

    def settle(self, outcomes: list[Outcome]) -> None:
        """Count outcomes and tell them."""
        if not outcomes:
            return
        counters = self._counters
        for _, verdict, _ in outcomes:
            if verdict is Verdict.TAKEN:
                counters.delivered += 1
            elif verdict is Verdict.RETRY:
                counters.delivery_retries += 1
            else:
                counters.delivery_refusals += 1
        self._customers.settled(self.system_id, outcomes)

    def _composed(self, delivery: Delivery, version: int) -> tuple[bytes, ...]:
        """The bodies; none when composing fails, which is a bug of ours and must not sink the rest of the batch."""
        try:
            return delivery.compose(version)
        except Exception:
            log.exception("smpp.compose_failed account=%s", self.system_id)
            return ()
