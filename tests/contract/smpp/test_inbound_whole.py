"""From a simulated carrier to the journal: messages from handsets, and what is asked after lost receipts."""

import asyncio
import time
from random import Random

import pytest

from actors.inbound import InboundDesk
from actors.metrics import Metrics
from actors.outcomes import Outcomes
from carriers.link import SmppLink
from carriers.port import Answer, Outgoing, ReceiptIn, Verdict
from router.ids import PARTITIONS, make_id, partition_of
from router.journal.memory import MemoryJournal
from router.journal.port import Assign, Intake, JournalUnavailable
from router.model import MessageClass, State
from router.present import body_of
from router.record import Body, EventKind, pack_body, pack_event
from router.settings import CarrierProfile, InboundRule, Settings, Tenant
from sims.smsc.options import SmscOptions
from sims.smsc.server import Smsc
from sims.smsc.temperament import Temperament

OWNER = "carrier:acme#0"


async def until(condition):
    deadline = time.monotonic() + 10
    while not (value := condition()):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)
    return value


def now_ms():
    return time.time_ns() // 1_000_000


class System:
    """A carrier's link with everything behind it but Ray and Redis."""

    def __init__(self, port, **fields):
        self.profile = CarrierProfile(
            name="acme", addresses=(f"127.0.0.1:{port}",), system_id="trunk", rebind_min_s=0.02, rebind_max_s=0.1, **fields
        )
        settings = Settings(
            carriers=(self.profile,), tenants=(Tenant(id="acme"),), inbound=(InboundRule(to="12345", tenant="acme"),)
        )
        self.journal = MemoryJournal(now_ms)
        self.fail_receive = 0
        self.receive = self.journal.receive
        self.journal.receive = self._receive
        metrics = Metrics("carrier")
        self.outcomes = Outcomes(self.journal, OWNER, self.profile, metrics, rules=settings.rules, observe=lambda _: None)
        self.desk = InboundDesk(self.journal, self.profile, metrics, settings, now_ms=now_ms, rng=Random(1))
        self.tasks = [asyncio.create_task(box.run()) for box in (*self.outcomes.boxes, self.desk.closed)]
        self.link = SmppLink(
            self.profile,
            on_answers=self.outcomes.on_answers,
            on_receipts=self.outcomes.receipts.on_receipts,
            on_inbound=self.desk.on_inbound,
            on_change=lambda: None,
            clock=time.monotonic,
            wall=time.time,
            rng=Random(7),
        )
        self.made = 0

    async def _receive(self, items):
        """Fails after it has taken effect, as a call whose answer is lost."""
        await self.receive(items)
        if self.fail_receive:
            self.fail_receive -= 1
            raise JournalUnavailable("cut")

    async def records(self):
        ids = await self.journal.list_ids("acme", before=None, created_after_ms=0, limit=100)
        return await self.journal.read(ids)

    async def assigned(self, segments=1):
        """A message that this carrier may send now."""
        self.made += 1
        at_ms = now_ms()
        body = Body(
            tenant="acme", to="447700900123", sender="BANK", text="x" * (20 if segments == 1 else 400), klass=1,
            created_ms=at_ms, expires_ms=at_ms + 3_600_000, encoding="gsm7", segments=segments, country="GB", network="23410",
        )  # fmt: skip
        message_id = make_id(at_ms, 3, self.made.to_bytes(10, "big"))
        klass = MessageClass.TRANSACTIONAL
        await self.journal.accept([Intake(message_id, "acme", klass, pack_body(body), body.expires_ms, segments=segments)])
        partition = partition_of(message_id)
        await self.journal.lease_partitions("d", 1, [partition], 60)
        await self.journal.claim("d", 1, [partition], dict.fromkeys(MessageClass, 100))
        epoch, _, _ = await self.journal.register(OWNER, "i", 60)
        event = pack_event(at_ms, EventKind.ASSIGNED, "acme", 1, b"", 0, False)
        assert await self.journal.assign(OWNER, epoch, [Assign(message_id, 0, event)]) == [True]
        outgoing = Outgoing(message_id, 1, klass, body)
        self.outcomes.sent([outgoing])
        return outgoing

    async def state(self, outgoing):
        (record,) = await self.journal.read([outgoing.id])
        return record.state

    async def reaches(self, outgoing, state):
        deadline = time.monotonic() + 10
        while (now := await self.state(outgoing)) is not state:
            assert time.monotonic() < deadline, now
            await asyncio.sleep(0.005)


@pytest.fixture
async def start():
    systems, servers = [], []

    async def make(temperament=None, **fields):
        smsc = Smsc(SmscOptions(receipt_repeat_s=0.05), temperament or Temperament())
        await smsc.start()
        servers.append(smsc)
        system = System(smsc.port, **fields)
        systems.append(system)
        await system.link.start()
        await until(lambda: system.link.state.bound)
        return smsc, system

    yield make
    for system in systems:
        await system.link.close(0.0)
        for task in system.tasks:
            task.cancel()
        await asyncio.gather(*system.tasks, return_exceptions=True)
    for smsc in servers:
        await smsc.stop()


async def test_messages_from_handsets_reach_the_journal_once(start):
    smsc, system = await start()
    system.fail_receive = 1
    smsc.send_mo("+447700900123", "12345", "hello")
    await until(lambda: smsc.stats.mo_acked == 1)
    assert smsc.stats.mo_refused == {0x08: 1}
    parts = smsc.send_mo("+447700900123", "12345", "жду ответа", long=True)
    await until(lambda: smsc.stats.mo_acked == 1 + parts)
    smsc.send_mo("+447700900123", "99999", "nobody")
    await until(lambda: smsc.stats.mo_refused[0x65] == 1)
    records = await system.records()
    assert [record.state for record in records] == [State.RECEIVED] * 2
    long, short = (body_of(record) for record in records)
    assert (short.text, short.sender) == ("hello", "447700900123")
    assert set(long.text.split()) == {"жду", "ответа"}
    assert long.segments == parts
    await asyncio.wait_for(system.desk.closed.flushed(), 5)
    assert await system.journal.stale_groups(range(PARTITIONS), 0, 10) == []
    assert (await system.journal.check()).faults == []


async def test_a_lost_receipt_is_asked_for_and_settles_the_message(start):
    smsc, system = await start(Temperament(receipt_loss=1.0, receipt_median_s=0.05), query_after_s=0.3)
    outgoing = await system.assigned()
    system.link.send([outgoing])
    await system.reaches(outgoing, State.SENT)
    await system.reaches(outgoing, State.DELIVERED)
    assert smsc.stats.receipts_withheld == 1
    assert system.link.counters.queries >= 1


async def test_a_part_that_will_not_arrive_settles_a_message_in_doubt(start):
    _, system = await start()
    outgoing = await system.assigned(segments=3)
    system.outcomes.on_answers([Answer(outgoing.id, Verdict.UNKNOWN, reason="link cut")])
    await system.reaches(outgoing, State.UNKNOWN)
    # As the link tells it when the carrier has been asked about the one part that it had answered.
    await system.outcomes.receipts.on_receipts([ReceiptIn("7f", State.UNDELIVERED, "UNDELIV", "11", time.time())])
    system.outcomes.on_answers([Answer(outgoing.id, Verdict.LATE, carrier_ids=("7f", "", ""))])
    await system.reaches(outgoing, State.UNDELIVERED)
