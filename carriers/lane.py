"""How fast a carrier account may be written to: its contract, held exactly, and its complaints, answered by AIMD.

Pure: every question carries the time, in seconds of one monotonic clock. One lane serves all sessions of an account.
"""

from collections import deque
from math import inf
from typing import Final

from carriers.lane_spare import LaneSpare

SECOND_S: Final = 1.0
# What was written counts for this much longer than a second: the network may bring two segments closer together than they
# were written, and it is the carrier's clock that counts. It costs 2 % of the contract.
GUARD_S: Final = 0.02
GRAIN_S: Final = 0.005  # segments written within it are one entry; they all count as written when the last of them was
BURST_S: Final = 0.1  # after a pause this much of a second's speed may go at once; the rest follows evenly
# What is no code goes by the handful, or after this time as few as there are: a call that binds messages costs some 2 ms of CPU, whether it binds
# one or ten. Three lanes of 130 a second were asked for their room, and had it filled, 200 times a second; by the handful 60 times.
HANDFUL_S: Final = 0.05
HANDFUL_MOST: Final = 16  # segments: more of them make a call no cheaper
CUT: Final = 0.8  # what a throttling leaves of the speed
PAUSE_S: Final = 1.0  # after ESME_RTHROTTLED, doubling while it is repeated (kannel pauses for 1 s)
MAX_PAUSE_S: Final = 30.0
QUEUE_PAUSE_S: Final = 5.0  # after ESME_RMSGQFUL, doubling likewise
MAX_QUEUE_PAUSE_S: Final = 180.0
FORGIVEN_S: Final = 10.0  # calm for this long after a pause: the next pause is a first one again
CLIMB_SHARE_PER_S: Final = 0.02  # of the ceiling (the contract, or the speed that was throttled first): 20 % in 10 s
MIN_CLIMB_PER_S: Final = 0.5
MIN_SPEED: Final = 1.0
MIN_MEASURED: Final = 10.0  # a lane throttled while it was hardly used says little about what it could carry
UNLIMITED: Final = 1 << 30  # the room of a lane that knows no limit


class Lane:
    """The pace of one carrier account.

    No sliding second ever holds more than ``contracted`` segments, counted at the writer, from the first second on: a lane
    that has just been made does not know what its forerunner wrote within the last second, and therefore waits that long.
    Without a contract (0) there is no limit until the carrier complains; then the speed measured at that moment is the
    start.
    """

    __slots__ = (
        "_again_s",
        "_allowance",
        "_allowed_at_s",
        "_ceiling",
        "_climbed_at_s",
        "_cut_at_s",
        "_few_s",
        "_opens_s",
        "_pause_s",
        "_queue_pause_s",
        "_recent",
        "_spare",
        "_speed",
        "_total",
        "contracted",
    )

    def __init__(self, contracted: int, now_s: float) -> None:
        """``contracted``: segments a second; 0: none agreed."""
        self.contracted = contracted
        self._speed = float(contracted) if contracted else inf
        self._ceiling = self._speed
        self._recent: deque[list[float]] = deque()  # [last write, segments, first write] a grain, oldest first
        self._total = 0  # segments in _recent
        self._spare = LaneSpare(now_s)
        self._allowance = max(1.0, contracted * BURST_S)
        self._allowed_at_s = now_s
        self._climbed_at_s = now_s
        self._cut_at_s = -inf
        self._pause_s = PAUSE_S
        self._queue_pause_s = QUEUE_PAUSE_S
        self._again_s = -inf  # a complaint before this time is a repeated one
        self._few_s = inf  # from when on there is room for some, and not for a handful
        self._opens_s = now_s + SECOND_S + GUARD_S if contracted else -inf

    def speed(self, now_s: float) -> float:
        """Segments a second allowed now; infinity when no limit is known."""
        self._climb(now_s)
        return self._speed

    @property
    def opens_s(self) -> float:
        """The time before which nothing may be written."""
        return self._opens_s

    def spare(self, now_s: float) -> int:
        """Segments of each second that are kept for one-time codes."""
        return self._spare.segments(self._speed, now_s)

    def codes_came(self, segments: int) -> None:
        """So many segments of one-time codes are about to be written."""
        self._spare.came(segments)

    @property
    def handful(self) -> int:
        """Segments that are worth a call; 1 where no speed is known."""
        return max(1, min(int(self._speed * HANDFUL_S), HANDFUL_MOST)) if self._speed < inf else 1

    def room(self, now_s: float, spare: int = 0) -> int:
        """Segments that may be written now so that ``spare`` are left; ``UNLIMITED`` when no limit is known."""
        if now_s < self._opens_s:
            return 0
        self._climb(now_s)
        if self._speed == inf:
            return UNLIMITED
        self._forget(now_s)
        self._allow(now_s)
        return max(0, min(int(self._allowance), int(self._speed) - self._total) - spare)

    def next_room_s(self, now_s: float, spare: int = 0, least: int = 1) -> float:
        """Seconds until ``room`` is worth asking again, 0 when there is ``least`` now: enough for a small batch, not for one."""
        if self.room(now_s, spare) >= least:
            return 0.0
        if now_s < self._opens_s:
            return self._opens_s - now_s
        batch = max(least, self._batch()) + spare
        wait_s = max(0.0, (batch - self._allowance) / self._speed)
        missing = self._total + batch - int(self._speed)
        for at_s, count, _ in self._recent:
            if missing <= 0:
                break
            missing -= int(count)
            wait_s = max(wait_s, at_s + SECOND_S + GUARD_S - now_s)
        return max(wait_s, 0.001)

    def others_room(self, now_s: float) -> int:
        """Segments that may be written now of what is no one-time code: a handful or more, or what there is after ``HANDFUL_S``."""
        room = self.room(now_s, self.spare(now_s))
        if room >= self.handful:
            self._few_s = inf
        elif room:
            self._few_s = min(self._few_s, now_s)
            return room if now_s - self._few_s >= HANDFUL_S else 0
        return room

    def next_others_s(self, now_s: float) -> float:
        """Seconds until ``others_room`` is worth asking again, 0 when there is some now."""
        if self.others_room(now_s) > 0:
            return 0.0
        spare = self.spare(now_s)
        if not self.room(now_s, spare):
            self._few_s = now_s + self.next_room_s(now_s, spare)
        return max(0.001, min(self.next_room_s(now_s, spare, self.handful), self._few_s + HANDFUL_S - now_s))

    def take(self, count: int, now_s: float) -> None:
        """Note ``count`` segments as written by now. The caller has asked ``room`` before it wrote them, and tells of them afterwards."""
        if count <= 0:
            return
        self._allow(now_s)
        self._allowance -= count
        self._total += count
        recent = self._recent
        # The first write of a grain opens it: an entry never spans more than a grain, however dense the writes are.
        if recent and now_s - recent[-1][2] < GRAIN_S:
            recent[-1][0] = now_s
            recent[-1][1] += count
        else:
            self._forget(now_s)
            recent.append([now_s, count, now_s])

    def throttled(self, now_s: float, written_s: float = inf) -> None:
        """The carrier said ESME_RTHROTTLED to a segment written at ``written_s``.

        Segments of before the last cut say nothing new: a whole window comes back throttled at once.
        """
        if self._complaint(now_s, written_s):
            self._opens_s = max(self._opens_s, now_s + self._pause_s)
            self._again_s = self._opens_s + max(FORGIVEN_S, self._pause_s)
            self._pause_s = min(MAX_PAUSE_S, self._pause_s * 2)

    def queue_full(self, now_s: float, written_s: float = inf) -> None:
        """The carrier said ESME_RMSGQFUL: as ``throttled``, with longer pauses."""
        if self._complaint(now_s, written_s):
            self._opens_s = max(self._opens_s, now_s + self._queue_pause_s)
            self._again_s = self._opens_s + max(FORGIVEN_S, self._queue_pause_s)
            self._queue_pause_s = min(MAX_QUEUE_PAUSE_S, self._queue_pause_s * 2)

    def _complaint(self, now_s: float, written_s: float) -> bool:
        """Cut the speed, unless this is an echo of the last complaint."""
        if now_s < self._opens_s or written_s <= self._cut_at_s:
            return False
        self._climb(now_s)
        if now_s >= self._again_s:
            self._pause_s = PAUSE_S
            self._queue_pause_s = QUEUE_PAUSE_S
        if self._speed == inf:
            self._forget(now_s)
            self._speed = self._ceiling = max(MIN_MEASURED, float(self._total))
        self._speed = max(MIN_SPEED, self._speed * CUT)
        self._cut_at_s = now_s
        self._allowance = max(1.0, self._speed * BURST_S)  # for the moment when the pause is over
        return True

    def _climb(self, now_s: float) -> None:
        """Additive increase since the last look, in calm time only; up to the contract, where there is one."""
        since_s = max(self._climbed_at_s, self._opens_s)
        if now_s <= since_s:
            return
        self._climbed_at_s = now_s
        if self._speed in (inf, self.contracted):
            return
        self._speed += max(MIN_CLIMB_PER_S, self._ceiling * CLIMB_SHARE_PER_S) * (now_s - since_s)
        if self.contracted:
            self._speed = min(self._speed, float(self.contracted))
        else:
            self._ceiling = max(self._ceiling, self._speed)  # no contract says where to stop

    def _allow(self, now_s: float) -> None:
        """Evenly paced credit, up to a burst: a backlog must not spend the whole second at its beginning."""
        if self._speed == inf:
            self._allowance = 0.0
        elif now_s > (since_s := max(self._allowed_at_s, self._opens_s)):
            burst = max(1.0, self._speed * BURST_S) + self.spare(now_s)
            self._allowance = min(burst, self._allowance + (now_s - since_s) * self._speed)
        self._allowed_at_s = max(self._allowed_at_s, now_s)  # who has written asks once more as of before

    def _batch(self) -> int:
        return max(1, int(self._speed * GRAIN_S))

    def _forget(self, now_s: float) -> None:
        horizon = now_s - SECOND_S - GUARD_S
        recent = self._recent
        while recent and recent[0][0] <= horizon:
            self._total -= int(recent.popleft()[1])
