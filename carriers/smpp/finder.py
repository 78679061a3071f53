"""How many submits of a session may be unanswered where the carrier has not said: found from how long its answers take.

After the delay-based congestion controls (TCP Vegas, and Netflix's concurrency limits of the "gradient" kind): while answers
take about as long as they do on an idle session the window grows; when they take longer, what was added only waits at the
carrier, and the window shrinks in proportion. A complaint or a silence cuts it at once. Pure: time comes in through the door.
"""

from math import inf, sqrt
from typing import Final

FIRST: Final = 10  # SMPP 3.4, 2.9: the usual guideline, which every carrier takes
LEAST: Final = 1
MOST: Final = 1_000  # beyond it no carrier is known to go
TOLERANCE: Final = 1.5  # answers may take so many times the shortest before the window shrinks: not every wait is a queue
GRACE_S: Final = 0.005  # differences below it are our own event loop's and a batch's way through the network
SHRINK: Final = 0.5  # at most to this part in one round
CUT: Final = 0.8  # what a throttling leaves; as that of the lane
SILENCE: Final = 0.5  # what submits without an answer leave
FORGIVEN_S: Final = 60.0  # after a complaint the window grows by one a round for so long
MEMORY_S: Final = 30.0  # the shortest answer time is that of the last one or two of these: routes and carriers change
USED: Final = 0.5  # a window that was filled less than this says nothing about a larger one
ROUND_S: Final = 0.05  # a round takes at least so long, and at least a window of answers


class WindowFinder:
    """The window of one session; ``size`` is what it may be now."""

    __slots__ = (
        "_answers",
        "_complained_s",
        "_count",
        "_cut_s",
        "_fastest_s",
        "_memory_until_s",
        "_peak",
        "_previous_s",
        "_round_until_s",
        "_size",
        "_total_s",
    )

    def __init__(self, now_s: float) -> None:
        """A session begins."""
        self._size = float(FIRST)
        self._fastest_s = inf  # the shortest answer time of this memory, and of the one before
        self._previous_s = inf
        self._memory_until_s = now_s + MEMORY_S
        self._complained_s = -inf
        self._cut_s = -inf
        self._count = 0  # answers of this round, and their times together
        self._total_s = 0.0
        self._peak = 0  # the most that were unanswered in this round
        self._round_until_s = now_s + ROUND_S

    @property
    def size(self) -> int:
        """Submits that may be unanswered."""
        return int(self._size)

    def answered(self, count: int, total_s: float, fastest_s: float, unanswered: int, now_s: float) -> None:
        """``count`` answers of one read took ``total_s`` together and at least ``fastest_s``.

        ``unanswered``: how many submits were, before them.
        """
        self._count += count
        self._total_s += total_s
        self._fastest_s = min(self._fastest_s, fastest_s)
        self._peak = max(self._peak, unanswered)
        if self._count >= self.size and now_s >= self._round_until_s:
            self._turn(now_s)

    def throttled(self, now_s: float, written_s: float) -> None:
        """A submit written at ``written_s`` was throttled; those of before the last cut say nothing new."""
        self._cut(CUT, now_s, written_s)

    def silent(self, now_s: float, written_s: float) -> None:
        """A submit written at ``written_s`` got no answer in time."""
        self._cut(SILENCE, now_s, written_s)

    def _cut(self, part: float, now_s: float, written_s: float) -> None:
        self._complained_s = now_s
        if written_s > self._cut_s:
            self._cut_s = now_s
            self._size = max(float(LEAST), self._size * part)
            self._begin(now_s)

    def _turn(self, now_s: float) -> None:
        """A round is over: grow, stay or shrink."""
        usual_s = min(self._fastest_s, self._previous_s)
        mean_s = self._total_s / self._count
        gradient = min(1.0, (TOLERANCE * usual_s + GRACE_S) / max(mean_s, 1e-9))
        if gradient < 1.0:
            # The root is the room that Netflix's limits keep for bursts: where answers are a little slow it holds the balance.
            self._size = max(self._size * SHRINK, self._size * gradient + sqrt(self._size) * gradient)
        elif self._peak >= self._size * USED:
            self._size += 1.0 if now_s < self._complained_s + FORGIVEN_S else sqrt(self._size)
        self._size = min(max(self._size, float(LEAST)), float(MOST))
        if now_s >= self._memory_until_s:
            self._previous_s, self._fastest_s = self._fastest_s, inf
            self._memory_until_s = now_s + MEMORY_S
        self._begin(now_s)

    def _begin(self, now_s: float) -> None:
        self._count = 0
        self._total_s = 0.0
        self._peak = 0
        self._round_until_s = now_s + ROUND_S
