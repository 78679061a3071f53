"""What a carrier actor does with what comes back: answers and receipts become journal facts, observations and metrics."""

import logging
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Final

from actors import machine
from actors.batching import GroupCommit, Outbox
from actors.copy_ends import CopyEnds
from actors.flights import Flight, flight_of, reporter
from actors.metrics import Metrics
from carriers.port import VALIDITY_OVER, Answer, Outgoing, ReceiptIn, Verdict
from router.advance import End, after_refusal
from router.brain.port import Observation, Outcome
from router.ids import MessageId, created_ms
from router.journal.port import Finish, Hold, Journal, Receipt, Receipted, Requeue, Submitted
from router.model import STATUS_OF, Again, ErrorName, Fault, MessageClass, State
from router.record import EventKind, UnreadableRecord, pack_event
from router.rescues import Rescues
from router.settings import CarrierProfile, ClassRules

log = logging.getLogger("trunkline.carrier")

BATCH_LIMIT: Final = 500  # facts a call
PAUSE_S: Final = 0.012  # between calls about few messages
RECEIPTS_PAUSE_S: Final = 0.03  # for receipts, which come one by one; unacknowledged they come again
AGAIN_MS: Final = 1_000  # until a message whose validity is said to be over is looked at again
KNOWN_LIMIT: Final = 200_000  # submits remembered for their receipts; older ones are looked up in the journal


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
        self._metrics = metrics
        self._rules = rules
        self._observe = observe
        self.flying: dict[MessageId, Outgoing] = {}  # written, not answered
        self._known: OrderedDict[MessageId, Flight] = OrderedDict()
        self.rescues: Rescues | None = None  # who may be sent again; None: nobody
        self._copies = CopyEnds(journal, profile.name, metrics, PAUSE_S)
        self.submitted = Outbox[Submitted]("submitted", self._commit_submitted, limit=BATCH_LIMIT, pause_s=PAUSE_S)
        self.requeued = Outbox[Requeue](
            "requeue", lambda items: journal.requeue(owner, items), limit=BATCH_LIMIT, pause_s=PAUSE_S
        )
        self.finished = Outbox[Finish]("finish", lambda items: journal.finish(owner, items), limit=BATCH_LIMIT, pause_s=PAUSE_S)
        self.held = Outbox[Hold]("hold", lambda items: journal.hold(owner, items), limit=BATCH_LIMIT, pause_s=PAUSE_S)
        receipts = lambda items: journal.receipts(profile.name, items)  # noqa: E731 (too short for a method)
        self._receipts = GroupCommit[Receipt, Receipted](receipts, limit=BATCH_LIMIT, pause_s=RECEIPTS_PAUSE_S)

    @property
    def boxes(self) -> tuple[Outbox[Any], ...]:
        """The boxes that must be run, and flushed before leaving."""
        return self.submitted, self.requeued, self.finished, self.held, self._copies.box

    def sent(self, batch: Sequence[Outgoing]) -> None:
        """These are being written now."""
        for outgoing in batch:
            self.flying[outgoing.id] = outgoing
        for klass, count in Counter(outgoing.klass for outgoing in batch).items():
            self._metrics.counter("trunkline_assigned", self._profile.name, klass.word).add(count)
        for klass, count in Counter(outgoing.klass for outgoing in batch if outgoing.copy).items():
            self._metrics.counter("trunkline_copies", self._profile.name, klass.word).add(count)

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
        accepted: list[tuple[Outgoing, Answer]] = []
        for answer in answers:
            if answer.verdict is Verdict.LATE:
                submitted.append(self._late(answer, now_ms))
                continue
            outgoing = self.flying.pop(answer.id, None)
            if outgoing is None:
                continue
            if outgoing.copy and answer.verdict is not Verdict.ACCEPTED:
                self._copies.take(outgoing, answer, now_ms)
                seen += self._blame(outgoing, answer, now_s)
                continue
            match answer.verdict:
                case Verdict.ACCEPTED:
                    submitted.append(self._accept(outgoing, answer, now_ms))
                    accepted.append((outgoing, answer))
                    seen.append(self._seen(outgoing, Outcome.SUBMITTED, now_s, answer.latency_us / 1e6))
                case Verdict.REFUSED:
                    self._refuse(outgoing, answer, now_ms, requeued, finished)
                    seen += self._blame(outgoing, answer, now_s)
                case Verdict.UNKNOWN:
                    rules = self._rules(outgoing.klass)
                    event = pack_event(now_ms, EventKind.UNKNOWN, self._profile.name, answer.reason)
                    held.append(Hold(outgoing.id, now_ms + int(rules.unknown_hold_s * 1000), event, outgoing.attempts))
                    seen += self._blame(outgoing, answer, now_s)
                    self._metrics.counter("trunkline_unknown", self._profile.name, outgoing.klass.word).add()
                case Verdict.RETURNED:
                    event = pack_event(now_ms, EventKind.RETURNED, self._profile.name, answer.reason)
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
        self._measure(accepted, now_ms)

    def _seen(self, outgoing: Outgoing, outcome: Outcome, now_s: float, age_s: float = 0.0) -> Observation:
        first = outgoing.attempts == 1
        body, klass = outgoing.body, outgoing.klass
        return Observation(now_s, self._profile.name, body.network, klass, outcome, age_s, first, reporter(body, klass))

    def _blame(self, outgoing: Outgoing, answer: Answer, now_s: float) -> list[Observation]:
        """What a submit that was not taken says of the carrier."""
        if answer.verdict is Verdict.UNKNOWN:
            return [self._seen(outgoing, Outcome.UNANSWERED, now_s)]
        if answer.verdict is not Verdict.REFUSED:
            return []
        carriers_fault = answer.fault in {Fault.CARRIER, Fault.OURS}
        return [self._seen(outgoing, Outcome.REFUSED if carriers_fault else Outcome.REFUSED_OTHER, now_s)]

    def _accept(self, outgoing: Outgoing, answer: Answer, now_ms: int) -> Submitted:
        body, klass = outgoing.body, outgoing.klass
        written_s = answer.written_at_s or now_ms / 1000
        self._known[outgoing.id] = Flight(body.network, klass, outgoing.attempts == 1, written_s, reporter(body, klass))
        if len(self._known) > KNOWN_LIMIT:
            self._known.popitem(last=False)
        fact = self._fact(outgoing.id, answer, EventKind.SUBMITTED, now_ms)
        if self.rescues is None or outgoing.copy or not any(answer.carrier_ids):
            return fact
        look_ms = self.rescues.look_ms(klass, body.tenant, body.segments, written_s)
        return fact._replace(look_ms=look_ms) if look_ms else fact

    def _late(self, answer: Answer, now_ms: int) -> Submitted:
        return self._fact(answer.id, answer, EventKind.SUBMITTED_LATE, now_ms)

    def _fact(self, message_id: MessageId, answer: Answer, kind: EventKind, now_ms: int) -> Submitted:
        event = pack_event(now_ms, kind, self._profile.name, answer.carrier_ids, answer.latency_us)
        horizon_ms = now_ms + int(self._profile.receipt_horizon_s * 1000)
        return Submitted(message_id, answer.carrier_ids, horizon_ms, event)

    def _refuse(self, outgoing: Outgoing, answer: Answer, now_ms: int, requeued: list[Requeue], finished: list[Finish]) -> None:
        name, klass = self._profile.name, outgoing.klass
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

    def _measure(self, accepted: Sequence[tuple[Outgoing, Answer]], now_ms: int) -> None:
        if not accepted:
            return
        name, metrics = self._profile.name, self._metrics
        for klass in MessageClass:
            mine = [(outgoing, answer) for outgoing, answer in accepted if outgoing.klass is klass]
            if not mine:
                continue
            word = klass.word
            metrics.counter("trunkline_submitted", name, word).add(len(mine))
            metrics.counter("trunkline_submitted_segments", name, word).add(sum(o.body.segments for o, _ in mine))
            metrics.histogram("trunkline_submit_to_answer_seconds", name, word).observe_many(
                [a.latency_us / 1e6 for _, a in mine]
            )
            # A scheduled message is late only from its own time on.
            waited = [
                max(0.0, (a.written_at_s or now_ms / 1000) - max(created_ms(o.id), o.body.send_at_ms) / 1000) for o, a in mine
            ]
            metrics.histogram("trunkline_accept_to_submit_seconds", word).observe_many(waited)

    # -- receipts ------------------------------------------------------------------------------------------------
    async def on_receipts(self, receipts: list[ReceiptIn]) -> None:
        """Callback of the link: durable when it returns; raises ``JournalError`` when it is not."""
        results = await self._receipts.add([self._receipt(receipt) for receipt in receipts])
        for receipt in receipts:
            self._metrics.counter("trunkline_receipts", self._profile.name, receipt.state.name.lower()).add()
        await self._learn(results, [receipt.at_s for receipt in receipts])
        if any(result.attempts > 1 for result in results):
            self._learn_more(results, receipts)

    def _receipt(self, receipt: ReceiptIn) -> Receipt:
        at_ms = int(receipt.at_s * 1000)
        event = pack_event(at_ms, EventKind.RECEIPT, self._profile.name, receipt.carrier_id, receipt.stat, receipt.err)
        error = "" if receipt.state is State.DELIVERED else ErrorName.NOT_DELIVERED
        permanent = receipt.state is State.UNDELIVERED
        final = pack_event(at_ms, EventKind.FINAL, int(receipt.state), error, permanent, receipt.err)
        return Receipt(receipt.carrier_id, receipt.state, event, final if receipt.state.final else b"")

    async def _commit_submitted(self, items: list[Submitted]) -> None:
        early = await self._journal.submitted(self._owner, self._profile.name, items)
        if early:
            now_s = machine.time()
            await self._learn(early, [now_s] * len(early))

    async def _learn(self, results: Sequence[Receipted], at_s: Sequence[float]) -> None:
        """Observations and metrics of receipts that ended a message."""
        name = self._profile.name
        unmatched = sum(1 for result in results if result.id is None)
        if unmatched:
            self._metrics.counter("trunkline_receipts_unmatched", name).add(unmatched)
        ended = [
            (result.id, result.state, at)
            for result, at in zip(results, at_s, strict=True)
            if result.id is not None and result.changed and result.state is not None and result.state.final
        ]
        await self._recall([id_ for id_, _, _ in ended if id_ not in self._known])
        seen: list[Observation] = []
        for id_, state, at in ended:
            flight = self._known.pop(id_, None)
            if flight is None:
                continue
            age_s = max(0.0, at - flight.submitted_s)
            good = state is State.DELIVERED
            seen.append(self._received(flight, at, good=good))
            word = flight.klass.word
            reason = "" if good else ErrorName.NOT_DELIVERED
            self._metrics.counter("trunkline_finished", STATUS_OF[state], name, word, reason).add()
            self._metrics.histogram("trunkline_submit_to_receipt_seconds", name, word).observe(age_s)
            if good:
                self._metrics.histogram("trunkline_accept_to_delivered_seconds", word).observe(
                    max(0.0, at - created_ms(id_) / 1000)
                )
        if seen:
            self._observe(seen)

    def _learn_more(self, results: Sequence[Receipted], receipts: Sequence[ReceiptIn]) -> None:
        """Observations of receipts that ended nothing, because another copy of the message did, or still may."""
        seen: list[Observation] = []
        for result, receipt in zip(results, receipts, strict=True):
            if result.id is None or result.state is None or result.changed or result.attempts < 2 or not receipt.state.final:
                continue
            good = receipt.state is State.DELIVERED
            if result.state.final or not good:
                flight = self._known.pop(result.id, None)
                if flight is not None:
                    seen.append(self._received(flight, receipt.at_s, good=good))
        if seen:
            self._observe(seen)

    def _received(self, flight: Flight, at_s: float, *, good: bool) -> Observation:
        outcome = Outcome.DELIVERED if good else Outcome.UNDELIVERED
        age_s = max(0.0, at_s - flight.submitted_s)
        return Observation(at_s, self._profile.name, flight.network, flight.klass, outcome, age_s, flight.first, flight.tenant)

    async def _recall(self, ids: Sequence[MessageId]) -> None:
        """Look up submits made before this process started."""
        if not ids:
            return
        for record in await self._journal.read(ids):
            if record is None or not record.body:
                continue
            try:
                flight = flight_of(record, self._profile.name)
            except UnreadableRecord:
                log.warning("carrier.unreadable id=%s", record.id.hex())
                continue
            if flight is not None:
                self._known[record.id] = flight
