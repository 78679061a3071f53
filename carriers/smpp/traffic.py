"""What waits and what is in flight at one carrier: who is written next, and what the answers make of it.

No clock and no loop: ``carriers.link`` brings the time and calls ``pump`` whenever something may have changed.
"""

from collections.abc import Callable, Sequence
from math import inf
from operator import attrgetter
from random import Random
from types import MappingProxyType
from typing import Final

from carriers.lane import Lane
from carriers.port import Answer, Outgoing
from carriers.smpp import events as e
from carriers.smpp.backlog import Backlog
from carriers.smpp.commands import RUNKNOWNERR, SUBMIT_SM
from carriers.smpp.compose import Composer, Habit, Unsendable
from carriers.smpp.counters import LinkCounters
from carriers.smpp.id_watch import IdWatch
from carriers.smpp.jobs import Job, Refusal
from carriers.smpp.receipts import submit_id
from carriers.smpp.refusals import Refusals
from carriers.smpp.seat import Seat
from router.model import Again, MessageClass
from router.settings import CarrierProfile

# How long a message may wait inside the link for a throttled lane before it is given back for another carrier: a one-time
# code is worth moving at once, marketing is not.
PATIENCE_S: Final = MappingProxyType({MessageClass.OTP: 1.0, MessageClass.TRANSACTIONAL: 5.0, MessageClass.MARKETING: 60.0})
MAX_TURN: Final = 1_000  # segments written before the reader gets its turn again: a starved reader makes false time-outs

_room = attrgetter("room")


class Traffic:
    """The messages of one link. A throttled segment goes back to its message, which keeps its place ahead of younger ones."""

    def __init__(
        self,
        profile: CarrierProfile,
        lane: Lane,
        *,
        counters: LinkCounters,
        ids: IdWatch,
        wall: Callable[[], float],
        rng: Random,
    ) -> None:
        """``ValueError`` for a profile whose ``statuses`` cannot be read."""
        self.senders: list[Seat] = []
        self.answers: list[Answer] = []  # to be told; the link takes them
        self.slowed = False  # the lane has been cut since the link last looked
        self._profile = profile
        self._lane = lane
        self._counters = counters
        self._ids = ids
        self._wall = wall
        self._refusals = Refusals(profile)
        self._composer = Composer(profile, rng)
        self._backlog = Backlog()
        self._count = 0

    @property
    def messages(self) -> int:
        """Messages that wait here."""
        return len(self._backlog)

    @property
    def waiting(self) -> int:
        """Segments not written, or to be written again."""
        return self._backlog.waiting

    def add(self, batch: Sequence[Outgoing], now_s: float) -> None:
        """Take a batch; ``pump`` writes it."""
        for outgoing in batch:
            self._count += 1
            self._backlog.add(Job(outgoing, self._count, now_s + PATIENCE_S[outgoing.klass]))

    def pump(self, now_s: float) -> bool:
        """Write what waits as far as lane and windows go, one transport.write a session; whether another turn is due."""
        room = min(self._lane.room(now_s), MAX_TURN) if self.waiting else 0
        if not room:
            return False
        left = self._write_front(room, now_s) if self._backlog.front else room
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
            return self._backlog.patience_s
        return min(self._backlog.patience_s, now_s + self._lane.next_room_s(now_s))

    def give_back(self, reason: str, now_s: float = inf) -> None:
        """End the waiting of everything whose patience is over by ``now_s``."""
        for job in self._backlog.impatient(now_s):
            self._give_up(job, reason, now_s)

    # -- writing

    def _write_front(self, room: int, now_s: float) -> int:
        """Begun messages, oldest first; one whose session's window is full does not stop those of other sessions."""
        kept: list[Job] = []
        front = self._backlog.front
        for at, job in enumerate(front):
            if room <= 0:
                kept += front[at:]
                break
            job.queued = False
            if job.left:
                if job.seat is None or not job.seat.bound:
                    job.seat = max(self.senders, key=_room)
                room = self._write(job, job.seat, room, now_s)
                if job.left:
                    job.queued = True
                    kept.append(job)
        self._backlog.front = kept
        return room

    def _write_queue(self, room: int, now_s: float) -> int:
        queue, front = self._backlog.queue, self._backlog.front
        while queue and room > 0:
            seat = max(self.senders, key=_room)
            if not seat.room:
                break
            job = queue.popleft()
            if not self._compose(job, now_s):
                continue
            job.seat = seat
            room = self._write(job, seat, room, now_s)
            if job.left:
                job.queued = True
                front.append(job)  # younger than all that is there
        return room

    def _compose(self, job: Job, now_s: float) -> bool:
        """Pack its segments now, so that the validity counts from now; False when that ends it."""
        body = job.outgoing.body
        job.reference = self._composer.reference_of(body)
        composed = self._composer.compose(body, self._wall(), job.reference)
        if composed is None:
            job.ending = "its validity is over"
        elif isinstance(composed, Unsendable):
            job.refusal = Refusal(0, composed.error, composed.fault, composed.again, composed.reason)
        else:
            self._backlog.waiting += len(composed) - job.left
            job.begin(composed)
            return True
        self._backlog.drop(job)
        self._settle(job, now_s)
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
        self._backlog.waiting -= count
        self._counters.submits += count
        return room - count * job.weight

    # -- answers

    def answered(self, seat: Seat, answers: list[e.Answer], now_s: float) -> None:
        """Answers to segments."""
        mode = self._profile.receipt_ids
        ids = self._ids
        self._counters.answers += len(answers)
        seat.answered(answers, now_s)
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
                if ids.filling:
                    ids.submitted(message_id)
                if job.done:
                    late_answer = job.late_verdict()
                    if late_answer is not None:
                        self.answers.append(late_answer)
                    continue
            self._settle(job, now_s)

    def lost(self, requests: Sequence[e.Unanswered], reason: str, now_s: float) -> None:
        """Segments that may be with the carrier and have no answer."""
        for context, _, _ in requests:
            job: Job = context[0]
            job.unanswered -= 1
            job.unknown += 1
            job.why = reason
            self._backlog.drop(job)
            self._settle(job, now_s)

    def _refused(self, seat: Seat, job: Job, index: int, status: int, sent_s: float, now_s: float, *, nack: bool) -> None:
        """A segment was answered with an error, in time."""
        job.last_s = now_s
        refusal, lane, mend = self._refusals.judge(status, nack=nack, session=seat.number)
        match lane:
            case "throttled":
                self._lane.throttled(now_s, sent_s)
                seat.complained(now_s, sent_s)
                self._throttled(job, index, refusal, now_s)
                return
            case "queue_full":
                self._lane.queue_full(now_s, sent_s)
                self._throttled(job, index, refusal, now_s)
                return
            case "rebind":
                seat.unbind(f"bound afresh after {refusal.reason}")
        mended = None
        if mend:
            mended = self._composer.mended(job.habit, mend, job.outgoing.body, marked=len(job.parts) > 1 or job.weight > 1)
        if job.refusal is None or (job.mended is not None and mended is None):  # what cannot be mended goes before what can
            job.refusal, job.mended = refusal, mended
        self._backlog.drop(job)

    def _throttled(self, job: Job, index: int, refusal: Refusal, now_s: float) -> None:
        """The segment waits here for its turn again, unless its class would not wait for the lane to open."""
        self._counters.throttled += 1
        self.slowed = True
        if job.throttled is None:
            job.patience_s = now_s + PATIENCE_S[job.outgoing.klass]
        job.throttled = refusal
        if job.over:
            return
        if self._lane.opens_s > job.patience_s:
            self._give_up(job, f"throttled: {refusal.reason}", now_s)
        else:
            job.give_back_segment(index)
            self._backlog.again(job, 1)

    def _mend(self, job: Job, habit: Habit, now_s: float) -> bool:
        """Have what was refused written once more in another form; False when that cannot be.

        Parts marked in two ways would never be joined: a change of marks is for a message of which nothing is accepted.
        """
        job.mended = None
        before = job.habit or self._composer.habit
        if job.unknown or job.ending or (job.accepted and before.marks != habit.marks):
            return False
        composed = self._composer.compose(job.outgoing.body, self._wall(), job.reference, habit)
        if not isinstance(composed, tuple) or isinstance(composed, Unsendable):
            return False
        job.habit = habit
        job.begin_again(composed)
        job.patience_s = now_s + PATIENCE_S[job.outgoing.klass]
        self._backlog.again(job, job.left)
        self._counters.mended += 1
        return True

    # -- verdicts

    def _give_up(self, job: Job, reason: str, now_s: float) -> None:
        job.ending = job.ending or reason
        self._backlog.drop(job)
        self._settle(job, now_s)

    def _settle(self, job: Job, now_s: float) -> None:
        if job.mended is not None and not job.unanswered and self._mend(job, job.mended, now_s):
            return
        answer = job.verdict()
        if answer is not None:
            job.done = True
            if answer.again is Again.SAME and job.refusal is not None:
                answer = self._refusals.counted(answer, job.refusal.times)
            self.answers.append(answer)
