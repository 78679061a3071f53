"""What waits and what is in flight at one carrier: who is written next, and what the answers make of it."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from carriers.lane import Lane
from carriers.port import TAKEN_LATE, Verdict
from carriers.smpp import events as e
from carriers.smpp.commands import RUNKNOWNERR
from carriers.smpp.compose import Habit, Unsendable
from carriers.smpp.counters import LinkCounters
from carriers.smpp.id_watch import IdWatch
from carriers.smpp.jobs import Job, Refusal
from carriers.smpp.queries import Queries
from carriers.smpp.receipts import PADDING, submit_id
from carriers.smpp.refusals import Refusals
from carriers.smpp.seat import Seat
from carriers.smpp.writing import PATIENCE_S, Writing
from router.ids import MessageId
from router.model import Again
from router.settings import CarrierProfile

LATE_KEPT: Final = 10_000  # messages of which a copy was taken late


class Traffic(Writing):
    """The messages of one link. A throttled segment goes back to its message, which keeps its place ahead of younger ones."""

    def __init__(
        self,
        profile: CarrierProfile,
        lane: Lane,
        *,
        counters: LinkCounters,
        ids: IdWatch,
        clock: Callable[[], float],
        wall: Callable[[], float],
        rng: Random,
        queries: Queries | None = None,
    ) -> None:
        """As ``Writing``; ``ValueError`` for a profile whose ``statuses`` cannot be read."""
        super().__init__(profile, lane, counters=counters, queries=queries, clock=clock, wall=wall, rng=rng)
        self.slowed = False  # the lane has been cut since the link last looked
        self._taken_late: OrderedDict[MessageId, None] = OrderedDict()
        self._ids = ids
        self._refusals = Refusals(profile)

    # -- answers

    def answered(self, seat: Seat, answers: list[e.Answer], now_s: float) -> None:
        """Answers to segments."""
        queries = self._queries
        if queries is not None:
            answers = queries.answered(answers, now_s)
            self.answers += [job.known_verdict() for job in queries.failed]
            queries.failed.clear()
            if not answers:
                return
        mode = self._profile.receipt_ids
        exact = mode == "exact"
        ids = self._ids
        held = self._full.held
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
                job.ids[context[1]] = message_id.strip(PADDING) if exact else submit_id(message_id, mode)
                if ids.filling:
                    ids.submitted(message_id)
                if held:
                    self._full.taken(job.outgoing.body.to)
                if queries is not None:
                    queries.submitted(job, context[1], message_id, now_s)
                if job.done:
                    late_answer = job.late_verdict()
                    if late_answer is not None:
                        self.answers.append(late_answer)
                        self._spare_copies(job.outgoing.id, now_s)
                    continue
            self._settle(job, now_s)

    def lost(self, requests: Sequence[e.Unanswered], reason: str, now_s: float) -> int:
        """Requests that have no answer: segments among them may be with the carrier. How many are."""
        if self._queries is not None:
            requests = self._queries.lost(requests, now_s)
        for context, _, _ in requests:
            job: Job = context[0]
            job.unanswered -= 1
            job.unknown += 1
            job.why = reason
            self._backlog.drop(job)
            self._settle(job, now_s)
        return len(requests)

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
                opens_s = self._full.complained(job.outgoing.body.to, now_s, sent_s)
                if opens_s is None:
                    self._lane.queue_full(now_s, sent_s)
                self._throttled(job, index, refusal, now_s, opens_s)
                return
            case "rebind":
                seat.unbind(f"bound afresh after {refusal.reason}")
        mended = None
        if mend:
            mended = self._composer.mended(job.habit, mend, job.outgoing.body, marked=len(job.parts) > 1 or job.weight > 1)
        if job.refusal is None or (job.mended is not None and mended is None):  # what cannot be mended goes before what can
            job.refusal, job.mended = refusal, mended
        self._backlog.drop(job)

    def _throttled(self, job: Job, index: int, refusal: Refusal, now_s: float, opens_s: float | None = None) -> None:
        """The segment waits here for its turn again, unless its class would not wait for the lane to open.

        ``opens_s``: only its recipient is held, and until then.
        """
        self._counters.throttled += 1
        self.slowed = self.slowed or opens_s is None
        if job.throttled is None:
            job.patience_s = now_s + PATIENCE_S[job.outgoing.klass]
        job.throttled = refusal
        if job.over:
            return
        if (self._lane.opens_s if opens_s is None else opens_s) > job.patience_s:
            self._give_up(job, f"throttled: {refusal.reason}", now_s)
            return
        if job.outgoing.id in self._taken_late and not job.accepted:
            self._give_up(job, TAKEN_LATE, now_s)
            return
        job.give_back_segment(index)
        self._backlog.again(job, 1)
        if opens_s is not None and not self._backlog.park(job, opens_s):
            self._give_up(job, f"throttled: {refusal.reason}", now_s)

    def _spare_copies(self, message_id: MessageId, now_s: float) -> None:
        """A copy of this was taken after all: what waits of another one, or will come back throttled, is not written."""
        self._taken_late[message_id] = None
        if len(self._taken_late) > LATE_KEPT:
            self._taken_late.popitem(last=False)
        for job in self._backlog.copies(message_id):
            if not job.accepted:
                self._give_up(job, TAKEN_LATE, now_s)

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

    def _settle(self, job: Job, now_s: float) -> None:
        if job.mended is not None and not job.unanswered and self._mend(job, job.mended, now_s):
            return
        answer = job.verdict()
        if answer is not None:
            job.done = True
            if answer.again is Again.SAME and job.refusal is not None:
                answer = self._refusals.counted(answer, job.refusal.times)
            if answer.verdict is Verdict.UNKNOWN and self._queries is not None:
                self._queries.unknown(job)
            self.answers.append(answer)
