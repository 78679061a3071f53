"""Which classes are refused when the journal runs short: new work goes first, what is already accepted always drains."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from router.model import MessageClass

# DESIGN.md's watermarks: marketing goes at 70 % of the memory allowed, all but otp at 85 %; nothing is taken below 10 % of free
# disk (KumoMTA's ``min_free_space``), because at a full disk an append-only file cannot be trusted any more.
MARKETING_SHARE: Final = 0.70
TRANSACTIONAL_SHARE: Final = 0.85
FREE_DISK_SHARE: Final = 0.10

NOTHING: Final[frozenset[MessageClass]] = frozenset()
EVERYTHING: Final = frozenset(MessageClass)


class Pressure(NamedTuple):
    """How full the journal is: the worst of its servers."""

    memory_share: float = 0.0  # used / allowed; 0 where no limit is set
    free_disk_share: float = 1.0  # of the disk with the append-only file; 1 where it cannot be seen from here
    queue_share: float = 0.0  # messages that wait for a carrier / allowed; 0 where no limit is set


def refused(pressure: Pressure) -> frozenset[MessageClass]:
    """The classes that are not taken at this pressure. One-time codes are never refused for a long queue: they overtake it."""
    if pressure.free_disk_share < FREE_DISK_SHARE:
        return EVERYTHING
    full_share = max(pressure.memory_share, pressure.queue_share)
    if full_share >= TRANSACTIONAL_SHARE:
        return frozenset({MessageClass.TRANSACTIONAL, MessageClass.MARKETING})
    if full_share >= MARKETING_SHARE:
        return frozenset({MessageClass.MARKETING})
    return NOTHING


def worst(pressures: Iterable[Pressure]) -> Pressure:
    """The pressure of a system of several servers."""
    every = list(pressures)
    memory, disk, queue = zip(*every, strict=True)
    return Pressure(max(memory), min(disk), max(queue))


class Gate:
    """What a door takes. It counts on between two looks at the journal, so that a queue does not pass its limit in the meantime."""

    def __init__(self) -> None:
        self._pressure = Pressure()
        self._waiting = 0  # messages
        self._limit = 0
        self._refused = NOTHING

    def looked(self, pressure: Pressure, waiting: int, limit: int) -> None:
        """The journal was looked at: so many messages wait for a carrier, of ``limit`` that may (0: any number)."""
        self._pressure, self._waiting, self._limit = pressure, waiting, limit
        self._judge()

    def took(self, messages: int) -> None:
        """So many more wait since."""
        if self._limit:
            self._waiting += messages
            self._judge()

    def _judge(self) -> None:
        share = self._waiting / self._limit if self._limit else 0.0
        self._pressure = self._pressure._replace(queue_share=share)
        self._refused = refused(self._pressure)

    def why(self, klass: MessageClass) -> str:
        """Why this class is refused now; "": it is not."""
        if klass not in self._refused:
            return ""
        memory, disk, queue = self._pressure
        if disk >= FREE_DISK_SHARE and queue > memory:
            return f"the queues are {queue:.0%} full"
        return f"the journal is {memory:.0%} full, {disk:.0%} of its disk is free"
