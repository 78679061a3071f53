"""A session's own requests: sequence numbers, what is unanswered, what is overdue and may still be answered."""

from typing import Any, Final

from carriers.smpp.commands import RESPONSE
from carriers.smpp.events import Unanswered
from carriers.smpp.pdu import MAX_SEQUENCE

TOMBSTONE_S: Final = 300.0  # how long a late answer still finds its request
MAX_TOMBSTONES: Final = 65_536  # the oldest goes first: a peer that answers nothing must not fill our memory

Entry = tuple[Any, int, float]  # context, command, sent at


class Window:
    """Unanswered requests of one session.

    One response timer holds for all, so the dict's order of insertion is the order of deadlines: a sweep touches only what
    is over, and no request has a timer of its own.
    """

    __slots__ = ("_next", "_oldest_at", "_overdue", "pending", "size", "timeout_s")

    def __init__(self, size: int, timeout_s: float, *, first: int = 1) -> None:
        """``size``: how many may be unanswered; ``first``: the sequence number to begin with."""
        self.size = size
        self.pending: dict[int, Entry] = {}
        self._overdue: dict[int, Entry] = {}
        self.timeout_s = timeout_s
        self._next = first
        self._oldest_at = float("inf")  # never later than the oldest pending request

    def free_sequence(self) -> int:
        """The next number, 1 to 0x7FFFFFFF and around again, that no unanswered or overdue request has."""
        sequence = self._next
        while sequence in self.pending or sequence in self._overdue:
            sequence = sequence + 1 if sequence < MAX_SEQUENCE else 1
        self._next = sequence + 1 if sequence < MAX_SEQUENCE else 1
        return sequence

    def put(self, context: Any, command: int, now_s: float) -> int:
        """Note a request as sent; its sequence number."""
        pending = self.pending
        sequence = self._next
        if sequence < MAX_SEQUENCE and sequence not in pending and sequence not in self._overdue:
            self._next = sequence + 1  # nearly always
        else:
            sequence = self.free_sequence()
        if not pending:
            self._oldest_at = now_s
        pending[sequence] = (context, command, now_s)
        return sequence

    def take(self, sequence: int, response: int | None) -> tuple[Entry, bool] | None:
        """The request that ``response`` (a command id; None: any, for a generic_nack) answers, and whether it was overdue."""
        for entries, late in ((self.pending, False), (self._overdue, True)):
            entry = entries.get(sequence)
            if entry is not None and (response is None or entry[1] | RESPONSE == response):
                del entries[sequence]
                return entry, late
        return None

    def sweep(self, now_s: float) -> list[Unanswered]:
        """Requests whose timer is over by now, oldest first; they become overdue."""
        self._bury(now_s)
        timeout_s = self.timeout_s
        over = []
        self._oldest_at = float("inf")
        for sequence, entry in self.pending.items():
            if (
                entry[2] + timeout_s > now_s
            ):  # reckoned as ``next_sweep_s`` does: else it would call for a sweep that finds nothing
                self._oldest_at = entry[2]
                break
            over.append(sequence)
        requests = []
        for sequence in over:
            entry = self.pending.pop(sequence)
            self._overdue[sequence] = (entry[0], entry[1], now_s)
            requests.append(Unanswered(*entry))
        while len(self._overdue) > MAX_TOMBSTONES:
            del self._overdue[next(iter(self._overdue))]
        return requests

    def next_sweep_s(self) -> float:
        """When ``sweep`` is worth calling; infinity when nothing is unanswered."""
        return self._oldest_at + self.timeout_s if self.pending else float("inf")

    def drain(self) -> list[Unanswered]:
        """All unanswered requests, oldest first; the window is empty afterwards."""
        requests = [Unanswered(*entry) for entry in self.pending.values()]
        self.pending.clear()
        self._overdue.clear()
        return requests

    def _bury(self, now_s: float) -> None:
        gone = []
        for sequence, entry in self._overdue.items():
            if entry[2] + TOMBSTONE_S > now_s:
                break
            gone.append(sequence)
        for sequence in gone:
            del self._overdue[sequence]
