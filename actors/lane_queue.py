"""What waits in a carrier's lane: offered messages, unbound still, one-time codes first; and the offers they came with."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final

from actors import machine
from actors.wire import Offered
from router.ids import MessageId
from router.model import MessageClass

# How long a message may wait in a lane that has no room for it before its dispatcher may look for another carrier.
PATIENCE_S: Final = {MessageClass.OTP: 1.0, MessageClass.TRANSACTIONAL: 3.0, MessageClass.MARKETING: 5.0}
LOOK_S: Final = 0.25  # how often that is looked at, while any wait


class Ticket:
    """An offer under way: done when each of its messages is assigned or handed back."""

    __slots__ = ("_left", "done", "returned")

    def __init__(self, size: int) -> None:
        self._left = size
        self.returned: list[tuple[MessageId, str]] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def settle(self, count: int = 1) -> None:
        """So many of its messages are out of the lane."""
        self._left -= count
        if self._left <= 0 and not self.done.done():
            self.done.set_result(None)

    def give_back(self, message_id: MessageId, reason: str) -> None:
        """This one goes back to its dispatcher."""
        self.returned.append((message_id, reason))
        self.settle()


class Waiting:
    """One message in the lane."""

    __slots__ = ("offered", "since_s", "ticket")

    def __init__(self, offered: Offered, ticket: Ticket, since_s: float) -> None:
        self.offered = offered
        self.ticket = ticket
        self.since_s = since_s


class LaneQueue:
    """Lines by class. ``segments`` is what the lines hold together."""

    def __init__(self) -> None:
        self._lines: dict[MessageClass, deque[Waiting]] = {klass: deque() for klass in MessageClass}
        self.segments = 0
        self._some = asyncio.Event()

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    @property
    def codes(self) -> bool:
        """Whether one-time codes are among them."""
        return bool(self._lines[MessageClass.OTP])

    def put(self, batch: Sequence[Offered], now_s: float) -> Ticket:
        """Queue an offer."""
        ticket = Ticket(len(batch))
        for offered in batch:
            self._lines[offered.klass].append(Waiting(offered, ticket, now_s))
            self.segments += offered.segments
        self._some.set()
        if not batch:
            ticket.settle(0)
        return ticket

    def take(self, room: int, kept: int = 0) -> list[Waiting]:
        """As many as fit into ``room`` segments, by class and age; one long message may pass the room when it is alone.

        ``kept`` of the room is for one-time codes only.
        """
        taken: list[Waiting] = []
        left = room
        for klass, line in self._lines.items():
            if klass is MessageClass.TRANSACTIONAL:
                left -= kept
            while line and (line[0].offered.segments <= left or (not taken and left > 0)):
                waiting = line.popleft()
                left -= waiting.offered.segments
                taken.append(waiting)
        self.segments -= sum(waiting.offered.segments for waiting in taken)
        return taken

    def return_all(self, reason: str) -> None:
        """Hand everything back."""
        for line in self._lines.values():
            while line:
                self._return(line.popleft(), reason)

    async def run(self) -> None:
        """Hand back for ever what waits too long: the lane is throttled, or the link will not come up."""
        while True:
            await self._some.wait()
            await asyncio.sleep(LOOK_S)
            self.return_impatient(machine.monotonic(), "the lane has no room")
            if not len(self):
                self._some.clear()

    def return_impatient(self, now_s: float, reason: str) -> None:
        """Hand back what has waited longer than its class does."""
        for klass, line in self._lines.items():
            while line and now_s - line[0].since_s > PATIENCE_S[klass]:
                self._return(line.popleft(), reason)

    def _return(self, waiting: Waiting, reason: str) -> None:
        self.segments -= waiting.offered.segments
        waiting.ticket.give_back(waiting.offered.id, reason)
