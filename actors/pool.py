"""What a dispatcher has in hand: claimed messages that wait for a plan, by class."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from router.brain.port import Want
from router.journal.port import Claimed
from router.model import MessageClass

PATIENCE_S: Final = 1.0  # without room for so long a message goes back to the journal, and others get their turn
POOL_LIMIT: Final = 2_000  # claimed messages of one class in hand without room


class Pending(NamedTuple):
    """A claimed message that needs a carrier."""

    claimed: Claimed
    klass: MessageClass
    want: Want
    since_s: float
    doubtful: bool  # sent before, and what became of that is not known


class Pool:
    """First in, first out, by class. Those that wait by choice stand apart: they are in nobody's way.

    ``losses``: how often it was given up; what comes back from before the last time belongs to nobody here.
    """

    def __init__(self) -> None:
        self.losses = 0
        self._lines: dict[MessageClass, deque[Pending]] = {klass: deque() for klass in MessageClass}
        self._resting: dict[MessageClass, list[Pending]] = {klass: [] for klass in MessageClass}

    def __len__(self) -> int:
        return sum(map(len, self._lines.values())) + self.resting

    @property
    def resting(self) -> int:
        """How many wait by choice."""
        return sum(map(len, self._resting.values()))

    def size(self, klass: MessageClass) -> int:
        """How many of this class are in line, those not counted that wait by choice."""
        return len(self._lines[klass])

    def add(self, items: Iterable[Pending]) -> None:
        """Put at the end."""
        for item in items:
            self._lines[item.klass].append(item)

    def put_back(self, klass: MessageClass, items: list[Pending]) -> None:
        """Put at the front again, in order."""
        self._lines[klass].extendleft(reversed(items))

    def rest(self, klass: MessageClass, items: list[Pending]) -> None:
        """Keep these apart until the next turn: they wait by choice."""
        self._resting[klass] += items

    def take(self, klass: MessageClass, limit: int) -> list[Pending]:
        """Up to so many of the line and all that wait by choice, oldest first."""
        line = self._lines[klass]
        taken = [line.popleft() for _ in range(min(limit, len(line)))]
        resting = self._resting[klass]
        if not resting:
            return taken
        self._resting[klass] = []
        return sorted(resting + taken, key=_since_s)

    def clear(self) -> None:
        """Forget everything: the journal gives it back to the queues."""
        self.losses += 1
        for line in self._lines.values():
            line.clear()
        for resting in self._resting.values():
            resting.clear()

    def impatient(self, now_s: float) -> Iterator[Pending]:
        """Take out those that have waited too long."""
        for line in self._lines.values():
            while line and now_s - line[0].since_s > PATIENCE_S:
                yield line.popleft()


def _since_s(item: Pending) -> float:
    return item.since_s
