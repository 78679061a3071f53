"""Submits whose receipt does not come: which of them the carrier is to be asked about (query_sm, SMPP 3.4, 4.8), and when.

Pure: time comes in through the door, in seconds of one monotonic clock. What is remembered here ends with the process.
"""

from collections import OrderedDict
from math import inf
from typing import Final

from carriers.smpp.jobs import Job

KNOWN_LIMIT: Final = 200_000  # submits remembered, some 300 octets each; what comes above is not asked about
TIMES: Final = 5  # each is asked about so often: the pause before the first doubles with each further one
PRESSED_S: Final = 10.0  # between askings while a message is UNKNOWN: holds last from seconds to minutes
SHARE: Final = 10  # one in so many of the unanswered requests may be a query


class Question:
    """A segment that the carrier took, and how to ask about it."""

    __slots__ = ("asked", "carrier_id", "job", "raw", "sender")

    def __init__(self, carrier_id: str, raw: str, sender: str) -> None:
        self.carrier_id = carrier_id  # the key, as receipts are looked up by it
        self.raw = raw  # as the carrier wrote it
        self.sender = sender  # of its message
        self.job: Job | None = None  # its message, where that was told UNKNOWN
        self.asked = 0  # how often


class Inquiry:
    """The questions of one carrier account. Each stands in one line at a time, that of its next asking.

    Within a line all have waited for the same time, so the first is always the first that is due; no heap, no timer each.
    Measured on a busy machine, with 100,000 of them: 4.4 µs to note a submit and to strike it out again.
    """

    __slots__ = ("_after_s", "_lines", "_open", "_pressed", "_size", "_urgent", "dropped")

    def __init__(self, after_s: float) -> None:
        """``after_s``: how long a receipt may take before the first asking."""
        self._after_s = after_s
        self._lines = tuple(OrderedDict[str, tuple[float, Question]]() for _ in range(TIMES))
        self._urgent: OrderedDict[str, Question] = OrderedDict()
        self._pressed: OrderedDict[str, tuple[float, Question]] = OrderedDict()  # urgent ones that have been asked
        self._open: dict[str, Question] = {}  # asked, and neither ``again`` nor ``settled``
        self._size = 0
        self.dropped = 0  # submits not noted for want of room

    def __len__(self) -> int:
        """Questions that are still to be asked."""
        return self._size

    @property
    def open(self) -> int:
        """Questions that wait for their answer."""
        return len(self._open)

    def submitted(self, question: Question, now_s: float) -> None:
        """A segment was accepted; its receipt is waited for."""
        if not question.raw or question.carrier_id in self._urgent:
            return
        line = self._lines[0]
        if question.carrier_id not in line:
            if self._size >= KNOWN_LIMIT:
                self.dropped += 1
                return
            self._size += 1
        line[question.carrier_id] = (now_s + self._after_s, question)
        line.move_to_end(question.carrier_id)

    def settled(self, carrier_id: str) -> None:
        """Its end is known, or never will be: it is not asked about any more."""
        self._take(carrier_id)
        self._open.pop(carrier_id, None)

    def urge(self, carrier_id: str, job: Job) -> None:
        """Its message is UNKNOWN: whatever this carrier knows of it is wanted before the hold is over."""
        question = self._take(carrier_id)
        if question is not None:
            self._urgent[carrier_id] = question
            self._size += 1
        else:
            question = self._open.get(carrier_id)  # it is being asked just now
        if question is not None:
            question.job = job

    def due(self, now_s: float, most: int, *, urgent_only: bool = False) -> list[Question]:
        """Take out up to so many that are to be asked now, urgent ones first; ``again`` or ``settled`` follows for each."""
        taken: list[Question] = []
        while len(taken) < most and self._urgent:
            taken.append(self._urgent.popitem(last=False)[1])
        for line in (self._pressed,) if urgent_only else (self._pressed, *self._lines):
            while len(taken) < most and line and line[next(iter(line))][0] <= now_s:
                taken.append(line.popitem(last=False)[1][1])
        self._size -= len(taken)
        for question in taken:
            question.asked += 1
            self._open[question.carrier_id] = question
        return taken

    def again(self, question: Question, now_s: float) -> None:
        """It has no end yet, or no answer came: ask again after a pause, unless it has been settled or asked often enough."""
        if self._open.pop(question.carrier_id, None) is None or question.asked >= TIMES:
            return
        if question.job is not None:
            line, pause_s = self._pressed, PRESSED_S
        else:
            line, pause_s = self._lines[question.asked], self._after_s * 2**question.asked
        if question.carrier_id not in line:
            self._size += 1
        line[question.carrier_id] = (now_s + pause_s, question)
        line.move_to_end(question.carrier_id)

    def next_due_s(self, *, urgent_only: bool = False) -> float:
        """When ``due`` has something to give; minus infinity: at once; infinity: never."""
        if self._urgent:
            return -inf
        lines = (self._pressed,) if urgent_only else (self._pressed, *self._lines)
        return min((line[next(iter(line))][0] for line in lines if line), default=inf)

    def clear(self) -> None:
        """Forget everything: this carrier cannot be asked."""
        for line in (*self._lines, self._pressed):
            line.clear()
        self._urgent.clear()
        self._open.clear()
        self._size = 0

    def _take(self, carrier_id: str) -> Question | None:
        for line in (*self._lines, self._pressed):
            found = line.pop(carrier_id, None)
            if found is not None:
                self._size -= 1
                return found[1]
        question = self._urgent.pop(carrier_id, None)
        if question is not None:
            self._size -= 1
        return question
