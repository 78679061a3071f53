"""Rescue without Ray and Redis: a dispatcher's second thoughts, the carriers' side of a copy, and the journal between them."""

import asyncio
import time

import numpy as np
import pytest

from actors.assigning import assign
from actors.lanes import CarrierLane
from actors.metrics import Metrics
from actors.networks import Networks
from actors.outcomes import Outcomes
from actors.planner import Planner
from actors.rescuer import NO_ROOM_MS, Rescuer
from actors.wire import Lane, Reply, pack_offer, unpack_offer
from carriers.port import Answer, Outgoing, ReceiptIn, Verdict
from router.brain.ages import PRIOR_NEGATIVE, PRIOR_POSITIVE
from router.brain.board import board_to_bytes
from router.brain.cells import Cell, Cells
from router.brain.port import Board, CarrierView, Outcome
from router.brain.remains import pack_curves, remains
from router.ids import PARTITIONS, make_id
from router.journal.memory import MemoryJournal
from router.journal.port import Assign, Intake, JournalUnavailable
from router.model import Again, ErrorName, Fault, MessageClass, State
from router.record import Body, EventKind, pack_body, pack_event, unpack_body, unpack_events
from router.rescues import Rescues
from router.rule_settings import RescueRules
from router.rules import RuleBook
from router.settings import CarrierProfile, Price, Settings, Tenant

NAMES = ("a", "b")
ALL = range(PARTITIONS)


def settings_of(*classes, **tenant):
    carriers = tuple(
        CarrierProfile(name=name, addresses=("h:1",), system_id="x", prices=(Price(to="*", micros=20_000),)) for name in NAMES
    )
    return Settings(carriers=carriers, tenants=(Tenant(id="acme", **tenant),), rescue=RescueRules(classes=classes))


def a_board():
    """Carrier a delivers nothing any more; of b the usual is expected."""
    cells = Cells.of({f"{name}|*|0": Cell(0.9, 5.0, 100.0, 0.01) for name in NAMES})
    rates = {"a": PRIOR_POSITIVE * 0.01, "b": PRIOR_POSITIVE}
    curves = [remains(rates[key[0]][:, None], PRIOR_NEGATIVE[:, None])[..., 0] for key in cells.places]
    views = {name: CarrierView(name, "closed", 0.0, "", False, 1, 1, 0, 0.0) for name in NAMES}
    return board_to_bytes(Board(7, time.time(), views, cells, curves=pack_curves(np.stack(curves, axis=-1))))


class Desk:
    """One carrier: what its actor does with an offer, and with what comes back."""

    def __init__(self, system, name):
        self.system, self.name, self.owner = system, name, f"carrier:{name}#0"
        profile = next(one for one in system.settings.carriers if one.name == name)
        self.seen, self.written = [], []
        self.up, self.full, self.cut = True, False, False
        self.outcomes = Outcomes(
            system.journal, self.owner, profile, system.metrics, rules=system.settings.rules, observe=self.seen.extend
        )
        self.outcomes.rescues = Rescues(system.settings)

    async def lane(self, version, wait_s):
        await asyncio.Event().wait()

    async def offer(self, batch):
        if self.cut:
            raise ConnectionError
        batch = unpack_offer(pack_offer(batch))
        if self.full:
            return Reply([(one.id, "no room") for one in batch], self.state())
        epoch, _, _ = await self.system.journal.register(self.owner, "i", 60)
        ours = await assign(self.system.journal, self.owner, epoch, batch)
        outgoing = [
            Outgoing(one.id, one.attempts + 1, one.klass, unpack_body(one.body), one.copy)
            for one, mine in zip(batch, ours, strict=True)
            if mine
        ]
        self.outcomes.sent(outgoing)
        self.written += outgoing
        return Reply([], self.state())

    def state(self):
        return Lane(1, self.up, 100, "", 100.0)

    async def answers(self, message_id, verdict=Verdict.ACCEPTED, **more):
        ids = (f"{self.name}0",) if verdict is Verdict.ACCEPTED else ()
        self.outcomes.on_answers([Answer(message_id, verdict, ids, latency_us=1_000, **more)])
        for box in self.outcomes.boxes:
            await box.flushed()

    async def receipt(self, state):
        await self.outcomes.receipts.on_receipts([ReceiptIn(f"{self.name}0", state, state.name, "", time.time())])

    def learnt(self, outcome):
        return [item.first for item in self.seen if item.outcome is outcome]


class System:
    """A journal with messages that carrier a has had for eight seconds, and a dispatcher's rescuer."""

    def __init__(self, settings=None):
        self.settings = settings or settings_of("otp")
        self.now_ms = time.time_ns() // 1_000_000 - 8_000
        self.journal = MemoryJournal(lambda: self.now_ms)
        self.metrics = Metrics("dispatcher")
        self.desks = {name: Desk(self, name) for name in NAMES}
        self.lanes = {name: CarrierLane(name, desk, lambda: None) for name, desk in self.desks.items()}
        for name, lane in self.lanes.items():
            lane.heard(self.desks[name].state())
        self.planner = Planner(self.metrics)
        self.planner.retune(self.settings)
        assert self.planner.read(a_board())
        self.held, self.values, self.offers = set(ALL), {}, []
        self.rescuer = Rescuer(
            self.journal,
            self,
            self.planner,
            self.lanes,
            Networks(self.metrics),
            spawn=lambda work: self.offers.append(asyncio.ensure_future(work)),
            retention_s=60,
        )
        self.retune(self.settings)
        self.tasks = []
        self.made = 0

    def retune(self, settings):
        self.rescuer.retune(settings, RuleBook.compile(settings))

    async def stranded(self, klass=MessageClass.OTP):
        """A message that a took."""
        self.made += 1
        at_ms = self.now_ms
        body = Body(
            tenant="acme", to="447700900123", sender="BANK", text="x", klass=int(klass), created_ms=at_ms,
            expires_ms=at_ms + 300_000, encoding="gsm7", segments=1, country="GB", network="23410",
        )  # fmt: skip
        message_id = make_id(at_ms, 3, self.made.to_bytes(10, "big"))
        await self.journal.accept([Intake(message_id, "acme", klass, pack_body(body), body.expires_ms)])
        await self.journal.lease_partitions("d", 1, ALL, 60)
        await self.journal.claim("d", 1, ALL, dict.fromkeys(MessageClass, 100))
        a = self.desks["a"]
        epoch, _, _ = await self.journal.register(a.owner, "i", 60)
        event = pack_event(at_ms, EventKind.ASSIGNED, "a", 1, b"", 0, False)
        assert await self.journal.assign(a.owner, epoch, [Assign(message_id, 0, event)]) == [True]
        a.outcomes.sent([Outgoing(message_id, 1, klass, body)])
        a.outcomes.on_answers([Answer(message_id, Verdict.ACCEPTED, ("a0",), latency_us=8_000_000, written_at_s=at_ms / 1000)])
        await a.outcomes.submitted.flushed()
        self.now_ms = time.time_ns() // 1_000_000
        return message_id

    async def look(self):
        await self.rescuer.look()
        await asyncio.gather(*self.offers)
        self.offers.clear()
        return [one.id for one in self.desks["b"].written]

    async def record(self, message_id):
        (found,) = await self.journal.inspect([message_id])
        return found


@pytest.fixture
async def system():
    made = System()
    made.tasks = [asyncio.create_task(box.run()) for desk in made.desks.values() for box in desk.outcomes.boxes]
    yield made
    for task in made.tasks:
        task.cancel()
    report = await made.journal.check()
    assert list(report.faults) == []


async def copied(system):
    message_id = await system.stranded()
    system.rescuer.earn(100)
    assert await system.look() == [message_id]
    return message_id


async def test_a_message_that_a_carrier_sits_on_is_copied_once_and_delivered_by_the_other(system):
    message_id = await copied(system)
    assert await system.look() == [message_id]
    found = await system.record(message_id)
    assert (found.state, found.attempts, found.place) == (State.SENT, 2, "wait")
    assigned = [line for line in unpack_events(found.events) if line[1] == EventKind.ASSIGNED]
    assert [line[2:4] for line in assigned] == [["a", 1], ["b", 2]]
    assert assigned[1][7] is True
    table = await system.journal.get_value(f"decision:{assigned[1][4].hex()}")
    assert table is not None
    b = system.desks["b"]
    await b.answers(message_id)
    await b.receipt(State.DELIVERED)
    assert (await system.record(message_id)).state is State.DELIVERED
    assert system.metrics.counter("trunkline_copies", "b", "otp").value == 1


async def test_copies_teach_nothing_and_first_attempts_go_on_teaching(system):
    message_id = await copied(system)
    a, b = system.desks["a"], system.desks["b"]
    await b.answers(message_id)
    await b.receipt(State.DELIVERED)
    assert (b.learnt(Outcome.SUBMITTED), b.learnt(Outcome.DELIVERED)) == ([False], [False])
    await a.receipt(State.DELIVERED)
    await a.receipt(State.DELIVERED)
    assert a.learnt(Outcome.DELIVERED) == [True]
    assert system.metrics.counter("trunkline_finished", "delivered", "a", "otp", "").value == 0


async def test_a_bad_receipt_of_one_is_heard_and_does_not_end_it(system):
    message_id = await copied(system)
    a, b = system.desks["a"], system.desks["b"]
    await b.answers(message_id)
    await a.receipt(State.UNDELIVERED)
    assert a.learnt(Outcome.UNDELIVERED) == [True]
    assert (await system.record(message_id)).state is State.SENT
    await b.receipt(State.DELIVERED)
    assert (await system.record(message_id)).state is State.DELIVERED


@pytest.mark.parametrize(
    ("verdict", "more", "kind", "outcomes", "ends"),
    [
        (
            Verdict.REFUSED,
            {"status": 8, "error": ErrorName.REFUSED_BY_CARRIER, "fault": Fault.CARRIER, "again": Again.OTHER},
            EventKind.REFUSED,
            [Outcome.REFUSED],
            True,
        ),
        (Verdict.RETURNED, {"reason": "throttled"}, EventKind.RETURNED, [], True),
        (Verdict.UNKNOWN, {"reason": "link cut"}, EventKind.UNKNOWN, [Outcome.UNANSWERED], False),
    ],
)
async def test_a_copy_that_is_not_taken_leaves_its_message_alone(system, verdict, more, kind, outcomes, ends):
    message_id = await copied(system)
    b = system.desks["b"]
    await b.answers(message_id, verdict, **more)
    found = await system.record(message_id)
    assert (found.state, found.place, unpack_events(found.events)[-1][1]) == (State.SENT, "wait", kind)
    assert [item.outcome for item in b.seen] == outcomes
    await system.desks["a"].receipt(State.UNDELIVERED)
    assert (await system.record(message_id)).state is (State.UNDELIVERED if ends else State.SENT)


async def test_a_copy_refused_when_the_first_has_failed_ends_the_message(system):
    message_id = await copied(system)
    await system.desks["a"].receipt(State.UNDELIVERED)
    await system.desks["b"].answers(message_id, Verdict.RETURNED, reason="throttled")
    found = await system.record(message_id)
    assert (found.state, unpack_events(found.events)[-1][1]) == (State.UNDELIVERED, EventKind.FINAL)
    assert system.metrics.counter("trunkline_finished", "undelivered", "b", "", ErrorName.NOT_DELIVERED).value == 1


async def test_a_copy_that_was_bound_and_not_written_is_taken_back(system):
    message_id = await copied(system)
    b = system.desks["b"]
    b.outcomes.take_back(b.written, b"<back>")
    for box in b.outcomes.boxes:
        await box.flushed()
    found = await system.record(message_id)
    assert (found.state, found.attempts, found.events[-6:]) == (State.SENT, 2, b"<back>")


async def test_without_a_budget_nobody_is_copied(system):
    message_id = await system.stranded()
    assert await system.look() == []
    system.rescuer.earn(33)
    await system.journal.put_off([(message_id, 1)])
    assert await system.look() == []
    system.rescuer.earn(1)
    await system.journal.put_off([(message_id, 1)])
    assert await system.look() == [message_id]


async def test_an_offer_that_finds_no_room_costs_nothing_and_is_made_again(system):
    message_id = await system.stranded()
    system.rescuer.earn(40)
    b = system.desks["b"]
    b.full = True
    assert await system.look() == []
    assert await system.look() == []
    b.full = False
    system.now_ms += NO_ROOM_MS + 100
    assert await system.look() == [message_id]


async def test_an_offer_that_got_lost_is_not_made_again_at_once(system):
    message_id = await system.stranded()
    system.rescuer.earn(100)
    b = system.desks["b"]
    b.cut = True
    assert await system.look() == []
    b.cut = False
    system.lanes["b"].heard(b.state())
    assert await system.look() == []
    system.now_ms += 10_100
    assert await system.look() == [message_id]


async def test_who_answered_meanwhile_is_left_alone(system):
    message_id = await system.stranded()
    system.rescuer.earn(100)
    await system.desks["a"].receipt(State.DELIVERED)
    assert await system.look() == []
    assert (await system.record(message_id)).attempts == 1


async def test_classes_and_tenants_that_do_not_want_it():
    for settings, klass in (
        (settings_of(), MessageClass.OTP),
        (settings_of("transactional"), MessageClass.OTP),
        (settings_of("otp", rescue=False), MessageClass.OTP),
    ):
        made = System(settings)
        tasks = [asyncio.create_task(box.run()) for box in made.desks["a"].outcomes.boxes]
        await made.stranded(klass)
        made.rescuer.earn(1_000)
        assert await made.journal.overdue(ALL, 100, 60) == ([], False)
        assert await made.look() == []
        for task in tasks:
            task.cancel()


async def test_forbidden_meanwhile_it_is_forgotten(system):
    await system.stranded()
    system.rescuer.earn(100)
    system.retune(settings_of("otp", rescue=False))
    assert await system.look() == []
    assert await system.journal.overdue(ALL, 100, 60) == ([], False)


async def test_off_it_sleeps_and_a_journal_that_is_away_does_not_end_it(system):
    calls = []

    async def overdue(*arguments):
        calls.append(arguments)
        if len(calls) == 1:
            raise JournalUnavailable("away")
        return [], False

    system.journal.overdue = overdue
    system.retune(settings_of())
    task = asyncio.create_task(system.rescuer.run())
    await asyncio.sleep(0)
    assert calls == []
    system.retune(settings_of("otp"))
    deadline = time.monotonic() + 10
    while len(calls) < 2 and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
    task.cancel()
    assert len(calls) >= 2


async def test_a_repeated_assignment_waits_for_the_journal(system):
    message_id = await system.stranded()
    asked = []
    real = system.journal.assign_copies

    async def once_away(*arguments):
        taken = await real(*arguments)
        asked.append(taken)
        if len(asked) == 1:
            raise JournalUnavailable("its answer got lost")
        return taken

    system.journal.assign_copies = once_away
    system.rescuer.earn(100)
    assert await system.look() == [message_id]
    assert asked == [[True], [True]]
