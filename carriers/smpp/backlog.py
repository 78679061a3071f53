"""What waits inside a link: messages not yet begun, by arrival, before them those begun, by age, and aside those that are held."""

from bisect import insort
from collections import deque
from collections.abc import Sequence
from heapq import heapify, heappop, heappush
from math import inf
from operator import attrgetter
from typing import Final

from carriers.smpp.jobs import Job
from router.ids import MessageId

PARKED_LIMIT: Final = 1_000  # messages whose recipients' queues are full; each waits for a minute at most, by its class

_number = attrgetter("number")


class Backlog:
    """Messages with segments to write. A throttled one keeps its place ahead of younger ones."""

    __slots__ = ("_parked", "front", "patience_s", "queue", "waiting")

    def __init__(self) -> None:
        """Nothing waits."""
        self.front: list[Job] = []  # begun, by age: throttled ones and rests of long messages; goes before ``queue``
        self.queue: deque[Job] = deque()
        self.waiting = 0  # segments not written, or to be written again; without those of parked messages
        self.patience_s = inf  # never later than the earliest end of patience
        self._parked: list[tuple[float, int, Job]] = []  # a heap by the time when each may be written

    def __len__(self) -> int:
        """Messages."""
        return len(self.front) + len(self.queue) + sum(1 for *_, job in self._parked if job.left and not job.queued)

    @property
    def left(self) -> bool:
        """Whether there is anything here, be it done with."""
        return bool(self.front or self.queue or self._parked)

    def add(self, jobs: Sequence[Job]) -> None:
        """The youngest of all."""
        if jobs:
            self.patience_s = min(self.patience_s, *[job.patience_s for job in jobs])
            self.waiting += sum([job.left for job in jobs])
            self.queue.extend(jobs)

    def again(self, job: Job, segments: int) -> None:
        """So many segments of a begun one are to be written (again): before all that is younger."""
        self.patience_s = min(self.patience_s, job.patience_s)
        if job.parked:
            return
        self.waiting += segments
        if not job.queued:
            job.queued = True
            insort(self.front, job, key=_number)

    def park(self, job: Job, opens_s: float) -> bool:
        """Put one aside until ``opens_s``, so that it stops nobody; False when too many are."""
        if job.parked:
            return True
        if len(self._parked) >= PARKED_LIMIT:
            return False
        job.parked = True
        self.waiting -= job.left
        self.patience_s = min(self.patience_s, job.patience_s)
        heappush(self._parked, (opens_s, job.number, job))
        return True

    def unpark(self, now_s: float) -> None:
        """Put those whose time has come back to their places."""
        fresh: list[Job] = []
        while self._parked and self._parked[0][0] <= now_s:
            job = heappop(self._parked)[2]
            job.parked = False
            if not job.left:
                continue
            self.waiting += job.left
            if not job.parts:
                fresh.append(job)  # never begun: older than all that is in the queue
            elif not job.queued:
                job.queued = True
                insort(self.front, job, key=_number)
        self.queue.extendleft(sorted(fresh, key=_number, reverse=True))

    @property
    def opens_s(self) -> float:
        """When ``unpark`` has something to do; infinity: never."""
        return self._parked[0][0] if self._parked else inf

    def drop(self, job: Job) -> None:
        """Nothing more of it is written."""
        if not job.parked:
            self.waiting -= job.left
        job.left = 0
        job.repeat.clear()

    def copies(self, message_id: MessageId) -> list[Job]:
        """What waits here of one message. Looks at all that waits."""
        waiting = {id(job): job for job in (*self.front, *self.queue, *(entry[2] for entry in self._parked))}
        return [job for job in waiting.values() if job.outgoing.id == message_id and job.left and not job.done]

    def impatient(self, now_s: float) -> list[Job]:
        """Take out everything whose patience is over, oldest first within what was begun and what was not."""
        if now_s < self.patience_s:
            return []
        self.patience_s = inf
        over: list[Job] = []
        queue, self.queue = self.queue, deque()
        front, self.front = self.front, []
        for jobs, kept in ((front, self.front), (queue, self.queue)):
            for job in jobs:
                if job.parked:
                    job.queued = False
                    continue
                if job.left and job.patience_s > now_s:
                    kept.append(job)
                    self.patience_s = min(self.patience_s, job.patience_s)
                    continue
                job.queued = False  # refused ones too, of which nothing was left: they may come back mended
                if job.left:
                    over.append(job)
        return over + self._impatient_parked(now_s)

    def _impatient_parked(self, now_s: float) -> list[Job]:
        over: list[Job] = []
        kept: list[tuple[float, int, Job]] = []
        for entry in self._parked:
            job = entry[2]
            if job.left and job.patience_s > now_s:
                kept.append(entry)
                self.patience_s = min(self.patience_s, job.patience_s)
                continue
            job.parked = False
            if job.left:
                self.waiting += job.left
                over.append(job)
        heapify(kept)
        self._parked = kept
        over.sort(key=_number)
        return over
