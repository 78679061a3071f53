"""What a carrier actor does with answers: they become journal facts, observations and metrics. ``actors.receipts`` does it with receipts."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from actors import machine
from actors.batching import Outbox
from actors.copy_ends import CopyEnds
from actors.flights import Flight, reporter
from actors.metrics import Metrics
from actors.receipts import Receipts
from carriers.port import TAKEN_LATE, VALIDITY_OVER, Answer, Outgoing, Verdict
from router.advance import End, after_refusal
from router.brain.port import Observation, Outcome
from router.ids import MessageId, created_ms
from router.journal.port import Finish, Hold, Journal, Requeue, Submitted
from router.model import STATUS_OF, Again, ErrorName, Fault, MessageClass
from router.record import EventKind, pack_event
from router.rescues import Rescues
from router.settings import CarrierProfile, ClassRules

BATCH_LIMIT: Final = 500  # facts a call
PAUSE_S: Final = 0.02  # between calls about few messages: nobody waits for these facts but a receipt's acknowledgement
AGAIN_MS: Final = 1_000  # until a message whose validity is said to be over is looked at again


class Taken:
    """Figures of what the carrier took of one class, in one read."""

    __slots__ = ("answered_s", "segments", "waited_s")

    def __init__(self) -> None:
        self.segments = 0
        self.answered_s: list[float] = []
        self.waited_s: list[float] = []


class Outcomes:
    """Of one carrier. ``observe`` takes observations for the brain; ``rules`` tells each class's rules now."""

    def __init__(
        self,
        journal: Journal,
        owner: str,
        profile: CarrierProfile,
        metrics: Metrics,
        *,
        rules: Callable[[MessageClass], ClassRules],
        observe: Callable[[list[Observation]], None],
    ) -> None:
        self._journal = journal
        self._owner = owner
        self._profile = profile
        self._name = profile.name
        self._horizon_ms = int(profile.receipt_horizon_s * 1000)
        self._metrics = metrics
        self._rules = rules
        self._observe = observe
        self.flying: dict[MessageId, Outgoing] = {}  # written, not answered
        self.receipts = Receipts(journal, profile.name, metrics, observe=observe)
        self.rescues: Rescues | None = None  # who may be sent again; None: nobody
        self._copies = CopyEnds(journal, profile.name, metrics, PAUSE_S)
        self.submitted = Outbox[Submitted]("submitted", self._commit_submitted, limit=BATCH_LIMIT, pause_s=PAUSE_S)
        self.requeued = Outbox[Requeue](
            "requeue", lambda items: journal.requeue(owner, items), limit=BATCH_LIMIT, pause_s=PAUSE_S
        )
        self.finished = Outbox[Finish]("finish", lambda items: journal.finish(owner, items), limit=BATCH_LIMIT, pause_s=PAUSE_S)
        self.held = Outbox[Hold]("hold", lambda items: journal.hold(owner, items), limit=BATCH_LIMIT, pause_s=PAUSE_S)

    @property
    def boxes(self) -> tuple[Outbox[Any], ...]:
        """The boxes that must be run, and flushed before leaving."""
        return self.submitted, self.requeued, self.finished, self.held, self._copies.box

    def sent(self, batch: Sequence[Outgoing]) -> None:
        """These are being written now."""
        for outgoing in batch:
            self.flying[outgoing.id] = outgoing
        for klass, count in Counter([outgoing.klass for outgoing in batch]).items():
            self._metrics.counter("trunkline_assigned", self._name, klass.word).add(count)
        for klass, count in Counter([outgoing.klass for outgoing in batch if outgoing.copy]).items():
            self._metrics.counter("trunkline_copies", self._name, klass.word).add(count)

    def take_back(self, batch: Sequence[Outgoing], event: bytes) -> None:
        """These were assigned, and have not been written."""
        self.requeued.put([Requeue(one.id, 0, event, counted=False, attempts=one.attempts) for one in batch if not one.copy])
        for one in batch:
            if one.copy:
                self._copies.put(one, event, machine.now_ms(), failed=True)

    # -- answers -------------------------------------------------------------------------------------------------
    def on_answers(self, answers: list[Answer]) -> None:
        """Callback of the link."""
        now_s = machine.time()
        now_ms = int(now_s * 1000)
        submitted: list[Submitted] = []
        requeued: list[Requeue] = []
        finished: list[Finish] = []
        held: list[Hold] = []
        seen: list[Observation] = []
        taken: dict[MessageClass, Taken] = {}
        for answer in answers:
            if answer.verdict is Verdict.LATE:
                submitted.append(self._fact(answer, EventKind.SUBMITTED_LATE, now_ms))
                continue
            outgoing = self.flying.pop(answer.id, None)
            if outgoing is None:
                continue
            if answer.verdict is Verdict.ACCEPTED:
                some = taken.get(outgoing.klass)
                if some is None:
                    some = taken[outgoing.klass] = Taken()
                fact, told = self._accept(outgoing, answer, some, now_s)
                submitted.append(fact)
                seen.append(told)
                continue
            if outgoing.copy:
                self._copies.take(outgoing, answer, now_ms)
                seen += self._blame(outgoing, answer, now_s)
                continue
            match answer.verdict:
                case Verdict.REFUSED:
                    self._refuse(outgoing, answer, now_ms, requeued, finished)
                    seen += self._blame(outgoing, answer, now_s)
                case Verdict.UNKNOWN:
                    rules = self._rules(outgoing.klass)
                    event = pack_event(now_ms, EventKind.UNKNOWN, self._name, answer.reason)
                    held.append(Hold(outgoing.id, now_ms + int(rules.unknown_hold_s * 1000), event, outgoing.attempts))
                    seen += self._blame(outgoing, answer, now_s)
                    self._metrics.counter("trunkline_unknown", self._name, outgoing.klass.word).add()
                case Verdict.RETURNED if answer.reason == TAKEN_LATE:
                    pass  # told by the LATE answer
                case Verdict.RETURNED:
                    event = pack_event(now_ms, EventKind.RETURNED, self._name, answer.reason)
                    # At its end a dispatcher ends it. Back at once, it would go round until the dispatcher's clock agrees.
                    due_ms = max(outgoing.body.expires_ms, now_ms + AGAIN_MS) if answer.reason == VALIDITY_OVER else 0
                    requeued.append(Requeue(outgoing.id, due_ms, event, counted=False, attempts=outgoing.attempts))
                    self._metrics.counter("trunkline_requeued", outgoing.klass.word, "returned").add()
        self.submitted.put(submitted)
        self.requeued.put(requeued)
        self.finished.put(finished)
        self.held.put(held)
        if seen:
            self._observe(seen)
        self._measure(taken)

    def _seen(self, outgoing: Outgoing, outcome: Outcome, now_s: float) -> Observation:
        _, attempts, klass, body, _ = outgoing
        return Observation(now_s, self._name, body.network, klass, outcome, 0.0, attempts == 1, reporter(body, klass))

    def _blame(self, outgoing: Outgoing, answer: Answer, now_s: float) -> list[Observation]:
        """What a submit that was not taken says of the carrier."""
        if answer.verdict is Verdict.UNKNOWN:
            return [self._seen(outgoing, Outcome.UNANSWERED, now_s)]
        if answer.verdict is not Verdict.REFUSED:
            return []
        carriers_fault = answer.fault in {Fault.CARRIER, Fault.OURS}
        return [self._seen(outgoing, Outcome.REFUSED if carriers_fault else Outcome.REFUSED_OTHER, now_s)]

    def _accept(self, outgoing: Outgoing, answer: Answer, taken: Taken, now_s: float) -> tuple[Submitted, Observation]:
        """The fact and what is seen of one that the carrier took; its figures go into ``taken``."""
        id_, attempts, klass, body, copy = outgoing
        now_ms = int(now_s * 1000)
        answered_s = answer.latency_us / 1e6
        written_s = answer.written_at_s or now_ms / 1000
        tenant = reporter(body, klass)
        self.receipts.expect(id_, Flight(body.network, klass, attempts == 1, written_s, tenant))
        taken.segments += body.segments
        taken.answered_s.append(answered_s)
        # A scheduled message is late only from its own time on.
        taken.waited_s.append(max(0.0, written_s - max(created_ms(id_), body.send_at_ms) / 1000))
        fact = self._fact(answer, EventKind.SUBMITTED, now_ms)
        if self.rescues is not None and not copy and any(answer.carrier_ids):
            look_ms = self.rescues.look_ms(klass, body.tenant, body.segments, written_s)
            fact = fact._replace(look_ms=look_ms) if look_ms else fact
        return fact, Observation(now_s, self._name, body.network, klass, Outcome.SUBMITTED, answered_s, attempts == 1, tenant)

    def _fact(self, answer: Answer, kind: EventKind, now_ms: int) -> Submitted:
        event = pack_event(now_ms, kind, self._name, answer.carrier_ids, answer.latency_us)
        return Submitted(answer.id, answer.carrier_ids, now_ms + self._horizon_ms, event)

    def _refuse(self, outgoing: Outgoing, answer: Answer, now_ms: int, requeued: list[Requeue], finished: list[Finish]) -> None:
        name, klass = self._name, outgoing.klass
        error = answer.error or ErrorName.REFUSED_BY_CARRIER
        again = answer.again or Again.OTHER
        self._metrics.counter("trunkline_submit_refused", name, klass.word, error).add()
        refused = pack_event(now_ms, EventKind.REFUSED, name, answer.status, error, again)
        next_ = after_refusal(
            again,
            error,
            klass=klass,
            attempts=outgoing.attempts,
            rules=self._rules(klass),
            expires_ms=outgoing.body.expires_ms,
            now_ms=now_ms,
        )
        if isinstance(next_, End):
            final = pack_event(now_ms, EventKind.FINAL, int(next_.state), next_.error, next_.permanent, f"0x{answer.status:02X}")
            finished.append(Finish(outgoing.id, next_.state, refused + final, outgoing.attempts))
            self._metrics.counter("trunkline_finished", STATUS_OF[next_.state], name, klass.word, next_.error).add()
        else:
            requeued.append(Requeue(outgoing.id, next_.due_ms, refused, attempts=outgoing.attempts))
            self._metrics.counter("trunkline_requeued", klass.word, "refused").add()

    def _measure(self, taken: Mapping[MessageClass, Taken]) -> None:
        name, metrics = self._name, self._metrics
        for klass, some in taken.items():
            word = klass.word
            metrics.counter("trunkline_submitted", name, word).add(len(some.waited_s))
            metrics.counter("trunkline_submitted_segments", name, word).add(some.segments)
            metrics.histogram("trunkline_submit_to_answer_seconds", name, word).observe_many(some.answered_s)
            metrics.histogram("trunkline_accept_to_submit_seconds", word).observe_many(some.waited_s)

    async def _commit_submitted(self, items: list[Submitted]) -> None:
        early = await self._journal.submitted(self._owner, self._name, items)
        if early:
            now_s = machine.time()
            await self.receipts.learn(early, [now_s] * len(early))
