"""What a carrier actor does with receipts: journal facts, and what they tell of the submits that they are of."""

import logging
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Sequence
from typing import Final

from actors.batching import GroupCommit
from actors.flights import Flight, flight_of
from actors.metrics import Metrics
from carriers.port import ReceiptIn
from router.brain.port import Observation, Outcome
from router.ids import MessageId, created_ms
from router.journal.port import Journal, Receipt, Receipted
from router.model import STATUS_OF, ErrorName, MessageClass, State
from router.record import EventKind, UnreadableRecord, pack_event

log = logging.getLogger("trunkline.carrier")

BATCH_LIMIT: Final = 500  # receipts a call
PAUSE_S: Final = 0.012  # between calls about few of them
KNOWN_LIMIT: Final = 200_000  # submits remembered for their receipts; older ones are looked up in the journal
FINAL: Final = frozenset(state for state in State if state.final)


class Receipts:
    """Of one carrier. ``observe`` takes observations for the brain. May forget its submits: they are looked up again."""

    def __init__(self, journal: Journal, carrier: str, metrics: Metrics, *, observe: Callable[[list[Observation]], None]) -> None:
        self._journal = journal
        self._carrier = carrier
        self._metrics = metrics
        self._observe = observe
        self._known: OrderedDict[MessageId, Flight] = OrderedDict()
        self._commit = GroupCommit[Receipt, Receipted](
            lambda items: journal.receipts(carrier, items), limit=BATCH_LIMIT, pause_s=PAUSE_S
        )

    def expect(self, message_id: MessageId, flight: Flight) -> None:
        """This has been submitted."""
        self._known[message_id] = flight
        if len(self._known) > KNOWN_LIMIT:
            self._known.popitem(last=False)

    async def on_receipts(self, receipts: list[ReceiptIn]) -> None:
        """Callback of the link: durable when it returns; raises ``JournalError`` when it is not."""
        results = await self._commit.add(self._facts(receipts))
        for state, count in Counter(receipt.state for receipt in receipts).items():
            self._metrics.counter("trunkline_receipts", self._carrier, state.name.lower()).add(count)
        await self.learn(results, [receipt.at_s for receipt in receipts])
        if any(result.attempts > 1 for result in results):
            self._learn_more(results, receipts)

    def _facts(self, receipts: Sequence[ReceiptIn]) -> list[Receipt]:
        facts: list[Receipt] = []
        finals: dict[tuple[int, State, str], bytes] = {}  # receipts of one read mostly say the same: 1 µs a receipt
        for carrier_id, state, stat, err, at_s in receipts:
            at_ms = int(at_s * 1000)
            event = pack_event(at_ms, EventKind.RECEIPT, self._carrier, carrier_id, stat, err)
            final = b""
            if state in FINAL:
                final = finals.get((at_ms, state, err), b"")
                if not final:
                    error = "" if state is State.DELIVERED else ErrorName.NOT_DELIVERED
                    permanent = state is State.UNDELIVERED
                    final = finals[at_ms, state, err] = pack_event(at_ms, EventKind.FINAL, state, error, permanent, err)
            facts.append(Receipt(carrier_id, state, event, final))
        return facts

    async def learn(self, results: Sequence[Receipted], at_s: Sequence[float]) -> None:
        """Observations and metrics of receipts that ended a message."""
        unmatched = 0
        ended: list[tuple[MessageId, State, float]] = []
        for (id_, state, changed, _), at in zip(results, at_s, strict=True):
            if id_ is None:
                unmatched += 1
            elif changed and state is not None and state in FINAL:
                ended.append((id_, state, at))
        if unmatched:
            self._metrics.counter("trunkline_receipts_unmatched", self._carrier).add(unmatched)
        known = self._known
        await self._recall([id_ for id_, _, _ in ended if id_ not in known])
        seen: list[Observation] = []
        ages: defaultdict[tuple[State, MessageClass], list[float]] = defaultdict(list)
        lives: defaultdict[MessageClass, list[float]] = defaultdict(list)
        for id_, state, at in ended:
            flight = known.pop(id_, None)
            if flight is None:
                continue
            good = state is State.DELIVERED
            told = self._received(flight, at, good=good)
            seen.append(told)
            ages[state, flight.klass].append(told.age_s)
            if good:
                lives[flight.klass].append(max(0.0, at - created_ms(id_) / 1000))
        if seen:
            self._measure(ages, lives)
            self._observe(seen)

    def _measure(self, ages: dict[tuple[State, MessageClass], list[float]], lives: dict[MessageClass, list[float]]) -> None:
        """``ages``: from submit to receipt; ``lives``: from accept to delivery. Seconds."""
        metrics, name = self._metrics, self._carrier
        for (state, klass), some in ages.items():
            reason = "" if state is State.DELIVERED else ErrorName.NOT_DELIVERED
            metrics.counter("trunkline_finished", STATUS_OF[state], name, klass.word, reason).add(len(some))
            metrics.histogram("trunkline_submit_to_receipt_seconds", name, klass.word).observe_many(some)
        for klass, some in lives.items():
            metrics.histogram("trunkline_accept_to_delivered_seconds", klass.word).observe_many(some)

    def _learn_more(self, results: Sequence[Receipted], receipts: Sequence[ReceiptIn]) -> None:
        """Observations of receipts that ended nothing, because another copy of the message did, or still may."""
        seen: list[Observation] = []
        for result, receipt in zip(results, receipts, strict=True):
            if result.id is None or result.state is None or result.changed or result.attempts < 2 or receipt.state not in FINAL:
                continue
            good = receipt.state is State.DELIVERED
            if result.state in FINAL or not good:
                flight = self._known.pop(result.id, None)
                if flight is not None:
                    seen.append(self._received(flight, receipt.at_s, good=good))
        if seen:
            self._observe(seen)

    def _received(self, flight: Flight, at_s: float, *, good: bool) -> Observation:
        network, klass, first, submitted_s, tenant = flight
        outcome = Outcome.DELIVERED if good else Outcome.UNDELIVERED
        return Observation(at_s, self._carrier, network, klass, outcome, max(0.0, at_s - submitted_s), first, tenant)

    async def _recall(self, ids: Sequence[MessageId]) -> None:
        """Look up submits made before this process started."""
        if not ids:
            return
        for record in await self._journal.read(ids):
            if record is None or not record.body:
                continue
            try:
                flight = flight_of(record, self._carrier)
            except UnreadableRecord:
                log.warning("carrier.unreadable id=%s", record.id.hex())
                continue
            if flight is not None:
                self._known[record.id] = flight
