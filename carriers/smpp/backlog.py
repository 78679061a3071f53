"""What waits inside a link: messages not yet begun, by arrival, and before them those begun, by age."""

from bisect import insort
from collections import deque
from math import inf
from operator import attrgetter

from carriers.smpp.jobs import Job

_number = attrgetter("number")


class Backlog:
    """Messages with segments to write. A throttled one keeps its place ahead of younger ones."""

    __slots__ = ("front", "patience_s", "queue", "waiting")

    def __init__(self) -> None:
        """Nothing waits."""
        self.front: list[Job] = []  # begun, by age: throttled ones and rests of long messages; goes before ``queue``
        self.queue: deque[Job] = deque()
        self.waiting = 0  # segments not written, or to be written again
        self.patience_s = inf  # never later than the earliest end of patience

    def __len__(self) -> int:
        """Messages."""
        return len(self.front) + len(self.queue)

    def add(self, job: Job) -> None:
        """The youngest of all."""
        self.patience_s = min(self.patience_s, job.patience_s)
        self.waiting += job.left
        self.queue.append(job)

    def again(self, job: Job, segments: int) -> None:
        """So many segments of a begun one are to be written (again): before all that is younger."""
        self.waiting += segments
        self.patience_s = min(self.patience_s, job.patience_s)
        if not job.queued:
            job.queued = True
            insort(self.front, job, key=_number)

    def drop(self, job: Job) -> None:
        """Nothing more of it is written."""
        self.waiting -= job.left
        job.left = 0
        job.repeat.clear()

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
                if job.left and job.patience_s > now_s:
                    kept.append(job)
                    self.patience_s = min(self.patience_s, job.patience_s)
                    continue
                job.queued = False  # refused ones too, of which nothing was left: they may come back mended
                if job.left:
                    over.append(job)
        return over
