"""What the parts of the journal in memory share: books, the clock, and who is woken."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from router.ids import PARTITIONS
from router.journal.memory.book import Book
from router.journal.wake import CHANNEL_TOPIC, NOTICE_TOPIC, QUEUE_TOPIC, URGENT_TOPIC


class Mapped(NamedTuple):
    """Whose a carrier's message id is."""

    id: bytes
    segment: int
    owner: str
    until_ms: int


class Orphan(NamedTuple):
    """A receipt that came before its submit."""

    at_ms: int
    state: int
    event: bytes
    final_event: bytes


class Registration:
    """An owner: its newest epoch, who holds it, and who held it before."""

    __slots__ = ("before", "before_until_ms", "epoch", "holder", "until_ms")

    def __init__(self) -> None:
        self.epoch = 0
        self.holder = ""
        self.until_ms = 0
        self.before = ""
        self.before_until_ms = 0


def _nobody(topic: str, payload: str) -> None:
    del topic, payload


class Shelf:
    """Base of the parts. ``clock_ms`` is the journal's time; ``on_wake`` is told (topic, payload) when there is work."""

    def __init__(self, clock_ms: Callable[[], int], on_wake: Callable[[str, str], None] = _nobody) -> None:
        self._clock_ms = clock_ms
        self._on_wake = on_wake
        self._books = [Book(p) for p in range(PARTITIONS)]
        self._owners: dict[str, Registration] = {}
        self._mapped: dict[str, dict[str, Mapped]] = {}
        self._orphans: dict[str, dict[str, list[Orphan]]] = {}
        self._values: dict[str, tuple[bytes, int]] = {}

    def _book(self, message_id: bytes) -> Book:
        return self._books[message_id[6] >> 2]

    def _wake_queue(self, partitions: set[int]) -> None:
        for partition in sorted(partitions):
            self._on_wake(QUEUE_TOPIC, str(partition))

    def _wake_urgent(self, partitions: set[int]) -> None:
        for partition in sorted(partitions):
            self._on_wake(URGENT_TOPIC, str(partition))

    def _wake_notice(self, told: Iterable[tuple[int, str]]) -> None:
        """Partitions and the channels in them that got something."""
        for partition, channel in sorted(told):
            if channel:
                self._on_wake(CHANNEL_TOPIC, f"{partition}:{channel}")
            else:
                self._on_wake(NOTICE_TOPIC, str(partition))
