"""Who is connected: every line, those that are not bound yet by address, and the desks of those that are."""

import asyncio
from collections.abc import Callable
from typing import Final

from carriers.smpp.server.counters import ServerCounters
from carriers.smpp.server.desk import Desk
from carriers.smpp.server.line import ServerLine
from carriers.smpp.server.port import Customers, SessionView

MAX_UNBOUND_OF_ONE: Final = 64  # connections of one address that are not bound yet


class Register:
    """Bookkeeping; decides nothing but whether one more is too many."""

    def __init__(self, customers: Customers, counters: ServerCounters, clock: Callable[[], float]) -> None:
        """Nobody is here."""
        self._customers = customers
        self._counters = counters
        self._clock = clock
        self._lines: dict[ServerLine, None] = {}  # in the order of arrival
        self._unbound: dict[str, int] = {}
        self._desks: dict[str, Desk] = {}
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        """How many connections there are."""
        return len(self._lines)

    def __contains__(self, line: ServerLine) -> bool:
        """Whether a line is still here."""
        return line in self._lines

    def lines(self) -> tuple[ServerLine, ...]:
        """All of them, as they are now."""
        return tuple(self._lines)

    def desks(self) -> tuple[Desk, ...]:
        """Those of accounts with a line bound, as they are now."""
        return tuple(self._desks.values())

    def views(self) -> list[SessionView]:
        """For the status."""
        return [line.view() for line in self._lines]

    def desk(self, system_id: str) -> Desk | None:
        """The desk of an account with a line bound."""
        return self._desks.get(system_id)

    def desk_of(self, line: ServerLine) -> Desk:
        """The desk of a bound line that is here."""
        return self._desks[line.account.system_id]

    def too_many(self, peer: str, max_sessions: int) -> bool:
        """Whether one more connection, from this address, is one too many."""
        return len(self._lines) >= max_sessions or self._unbound.get(peer, 0) >= MAX_UNBOUND_OF_ONE

    def connected(self, line: ServerLine) -> None:
        """A connection stands."""
        self._lines[line] = None
        self._unbound[line.peer] = self._unbound.get(line.peer, 0) + 1
        self._empty.clear()

    def bound(self, line: ServerLine) -> Desk:
        """It was bound; the desk it belongs to."""
        self._no_longer_unbound(line)
        system_id = line.account.system_id
        desk = self._desks.get(system_id)
        if desk is None:
            desk = self._desks[system_id] = Desk(system_id, self._customers, self._counters, self._clock)
        return desk

    def left(self, line: ServerLine) -> Desk | None:
        """It is gone; the desk it belonged to, which may be gone with it."""
        del self._lines[line]
        if not self._lines:
            self._empty.set()
        if not line.bound:
            self._no_longer_unbound(line)
            return None
        desk = self._desks[line.account.system_id]
        desk.lines.remove(line)
        if not desk.lines:
            del self._desks[desk.system_id]
        return desk

    async def emptied(self, timeout_s: float | None) -> None:
        """Wait until nobody is here, or no longer."""
        try:
            await asyncio.wait_for(self._empty.wait(), timeout_s)
        except TimeoutError:
            return

    def _no_longer_unbound(self, line: ServerLine) -> None:
        left = self._unbound[line.peer] - 1
        if left:
            self._unbound[line.peer] = left
        else:
            del self._unbound[line.peer]
