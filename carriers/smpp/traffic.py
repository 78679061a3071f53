"""What waits and what is in flight at one carrier: who is written next, and what the answers make of it.

No clock and no loop: ``carriers.link`` brings the time and calls ``pump`` whenever something may have changed.
"""

import logging
from bisect import insort
from collections import deque
from collections.abc import Callable, Sequence
from math import inf
from operator import attrgetter
from random import Random
from types import MappingProxyType
from typing import Final

from carriers.lane import Lane
from carriers.port import Answer, Outgoing
from carriers.smpp import events as e
from carriers.smpp.commands import RUNKNOWNERR, SUBMIT_SM
from carriers.smpp.compose import Composer, Unsendable
from carriers.smpp.counters import LinkCounters
from carriers.smpp.jobs import Job, Refusal
from carriers.smpp.receipts import submit_id
from carriers.smpp.seat import Seat
from carriers.smpp.statuses import parse_overrides, react, status_name
from router.model import Again, ErrorName, Fault, MessageClass
from router.settings import CarrierProfile

log: Final = logging.getLogger(__name__)

# How long a message may wait inside the link for a throttled lane before it is given back for another carrier: a one-time
# code is worth moving at once, marketing is not.
PATIENCE_S: Final = MappingProxyType({MessageClass.OTP: 1.0, MessageClass.TRANSACTIONAL: 5.0, MessageClass.MARKETING: 60.0})
MAX_TURN: Final = 1_000  # segments written before the reader gets its turn again: a starved reader makes false time-outs

_number = attrgetter("number")
_room = attrgetter("room")


class Traffic:
    """The messages of one link. A throttled segment goes back to its message, which keeps its place ahead of younger ones."""

    def __init__(
        self,
        profile: CarrierProfile,
        lane: Lane,
        *,
        counters: LinkCounters,
        wall: Callable[[], float],
        rng: Random,
    ) -> None:
        """``ValueError`` for a profile whose ``statuses`` cannot be read."""
        self.senders: list[Seat] = []
        self.waiting = 0  # segments not written, or to be written again
        self.answers: list[Answer] = []  # to be told; the link takes them
        self.slowed = False  # the lane has been cut since the link last looked
        self._profile = profile
        self._lane = lane
        self._counters = counters
        self._wall = wall
        self._overrides = parse_overrides(profile.statuses)
        self._composer = Composer(profile, rng)
        self._front: list[Job] = []  # begun, by age: throttled ones and rests of long messages; goes before ``_queue``
        self._queue: deque[Job] = deque()
        self._patience_s = inf  # never later than the earliest end of patience
        self._count = 0
        self._seen: set[int] = set()  # statuses that have raised their alert

    @property
    def messages(self) -> int:
        """Messages that wait here."""
        return len(self._front) + len(self._queue)

    def add(self, batch: Sequence[Outgoing], now_s: float) -> None:
        """Take a batch; ``pump`` writes it."""
        for outgoing in batch:
            self._count += 1
            patience_s = now_s + PATIENCE_S[outgoing.klass]
            self._patience_s = min(self._patience_s, patience_s)
            job = Job(outgoing, self._count, patience_s)
            self.waiting += job.left
            self._queue.append(job)

    def pump(self, now_s: float) -> bool:
        """Write what waits as far as lane and windows go, one transport.write a session; whether another turn is due."""
        room = min(self._lane.room(now_s), MAX_TURN) if self.waiting else 0
        if not room:
            return False
        left = self._write_front(room, now_s) if self._front else room
        left = self._write_queue(left, now_s)
        # Below 0 when the last one weighs more than there was room for: the lane is shut until that is made up for.
        self._lane.take(room - left, now_s)
        for seat in self.senders:
            if seat.shell is not None:
                seat.shell.flush()
        return left <= 0 and room == MAX_TURN

    def next_due_s(self, now_s: float) -> float:
        """When time alone changes something for what waits: the lane opens, or a patience ends."""
        if not self.waiting:
            return inf
        if self._lane.room(now_s) > 0 or not any(seat.room for seat in self.senders):
            return self._patience_s
        return min(self._patience_s, now_s + self._lane.next_room_s(now_s))

    def give_back(self, reason: str, now_s: float = inf) -> None:
        """End the waiting of everything whose patience is over by ``now_s``."""
        if now_s < self._patience_s:
            return
        self._patience_s = inf
        queue, self._queue = self._queue, deque()
        front, self._front = self._front, []
        for jobs, kept in ((front, self._front), (queue, self._queue)):
            for job in jobs:
                if job.left and job.patience_s <= now_s:
                    job.queued = False
                    self._give_up(job, reason)
                elif job.left:
                    kept.append(job)
                    self._patience_s = min(self._patience_s, job.patience_s)

    # -- writing

    def _write_front(self, room: int, now_s: float) -> int:
        """Begun messages, oldest first; one whose session's window is full does not stop those of other sessions."""
        kept: list[Job] = []
        for at, job in enumerate(self._front):
            if room <= 0:
                kept += self._front[at:]
                break
            job.queued = False
            if job.left:
                if job.seat is None or not job.seat.bound:
                    job.seat = max(self.senders, key=_room)
                room = self._write(job, job.seat, room, now_s)
                if job.left:
                    job.queued = True
                    kept.append(job)
        self._front = kept
        return room

    def _write_queue(self, room: int, now_s: float) -> int:
        queue = self._queue
        while queue and room > 0:
            seat = max(self.senders, key=_room)
            if not seat.room:
                break
            job = queue.popleft()
            if not self._compose(job):
                continue
            job.seat = seat
            room = self._write(job, seat, room, now_s)
            if job.left:
                job.queued = True
                self._front.append(job)  # younger than all that is there
        return room

    def _compose(self, job: Job) -> bool:
        """Pack its segments now, so that the validity counts from now; False when that ends it."""
        composed = self._composer.compose(job.outgoing.body, self._wall())
        if composed is None:
            job.ending = "its validity is over"
        elif isinstance(composed, Unsendable):
            job.refusal = Refusal(0, composed.error, composed.fault, composed.again, composed.reason)
        else:
            self.waiting += len(composed) - job.left
            job.begin(composed)
            return True
        self._drop(job)
        self._settle(job)
        return False

    def _write(self, job: Job, seat: Seat, room: int, now_s: float) -> int:
        """Segments of one message, in order, on one session; the room that is left."""
        shell = seat.shell
        count = min(room, seat.room, job.left)
        if shell is None or count <= 0:
            return room
        if not job.first_s:
            job.first_s = now_s
            job.wall_s = self._wall()
        request = shell.session.request
        for _ in range(count):
            index = job.next_segment()
            request(SUBMIT_SM, job.parts[index], (job, index), now_s)
        job.left -= count
        job.unanswered += count
        self.waiting -= count
        self._counters.submits += count
        return room - count * job.weight

    # -- answers

    def answered(self, seat: Seat, answers: list[e.Answer], now_s: float) -> None:
        """Answers to segments."""
        mode = self._profile.receipt_ids
        self._counters.answers += len(answers)
        for context, _, status, message_id, sent_s, late, nack, _ in answers:
            job: Job = context[0]
            if status or nack:
                self._counters.refusals += 1
                if late:
                    # Its message is UNKNOWN and follows its class: there is no word for a late refusal.
                    self._counters.late += 1
                    self._counters.late_refusals += 1
                    continue
                job.unanswered -= 1
                self._refused(seat, job, context[1], status or RUNKNOWNERR, sent_s, now_s, nack=nack)
            else:
                if late:
                    self._counters.late += 1
                    job.unknown -= 1
                else:
                    job.unanswered -= 1
                job.accepted += 1
                job.last_s = now_s
                job.ids[context[1]] = submit_id(message_id, mode)
                if job.done:
                    late_answer = job.late_verdict()
                    if late_answer is not None:
                        self.answers.append(late_answer)
                    continue
            self._settle(job)

    def lost(self, requests: Sequence[e.Unanswered], reason: str) -> None:
        """Segments that may be with the carrier and have no answer."""
        for context, _, _ in requests:
            job: Job = context[0]
            job.unanswered -= 1
            job.unknown += 1
            job.why = reason
            self._drop(job)
            self._settle(job)

    def _refused(self, seat: Seat, job: Job, index: int, status: int, sent_s: float, now_s: float, *, nack: bool) -> None:
        """A segment was answered with an error, in time."""
        job.last_s = now_s
        name = status_name(status)
        reaction = react(status, self._overrides)
        if (reaction.alert or nack) and status not in self._seen:
            self._seen.add(status)
            log.error("carrier.status carrier=%s session=%d status=%s", self._profile.name, seat.number, name)
        refusal = Refusal(status, reaction.error, reaction.fault, reaction.again, name)
        match reaction.lane:
            case "throttled":
                self._lane.throttled(now_s, sent_s)
                self._throttled(job, index, refusal, now_s)
                return
            case "queue_full":
                self._lane.queue_full(now_s, sent_s)
                self._throttled(job, index, refusal, now_s)
                return
            case "rebind":
                seat.unbind(f"bound afresh after {name}")
        if nack and not reaction.lane:  # it could not be read, whatever the number says: once more, then elsewhere
            refusal = Refusal(status, ErrorName.REFUSED_BY_CARRIER, Fault.CARRIER, Again.SAME, f"generic_nack {name}")
        job.refusal = job.refusal or refusal
        self._drop(job)

    def _throttled(self, job: Job, index: int, refusal: Refusal, now_s: float) -> None:
        """The segment waits here for its turn again, unless its class would not wait for the lane to open."""
        self._counters.throttled += 1
        self.slowed = True
        if job.throttled is None:
            job.patience_s = now_s + PATIENCE_S[job.outgoing.klass]
        job.throttled = refusal
        if job.over:
            return
        job.give_back_segment(index)
        self.waiting += 1
        if self._lane.opens_s > job.patience_s:
            self._give_up(job, f"throttled: {refusal.reason}")
        else:
            self._patience_s = min(self._patience_s, job.patience_s)
            if not job.queued:
                job.queued = True
                insort(self._front, job, key=_number)

    # -- verdicts

    def _give_up(self, job: Job, reason: str) -> None:
        job.ending = job.ending or reason
        self._drop(job)
        self._settle(job)

    def _drop(self, job: Job) -> None:
        """Nothing more of it is written."""
        self.waiting -= job.left
        job.left = 0
        job.repeat.clear()

    def _settle(self, job: Job) -> None:
        answer = job.verdict()
        if answer is not None:
            job.done = True
            self.answers.append(answer)
