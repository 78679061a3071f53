"""What becomes of messages from handsets, with a journal."""

import asyncio
from random import Random

import pytest

from actors.inbound import InboundDesk
from actors.metrics import Metrics
from carriers.port import InboundIn
from router.ids import PARTITIONS
from router.journal.memory import MemoryJournal
from router.journal.port import JournalFull, JournalUnavailable
from router.model import State
from router.present import body_of
from router.settings import CarrierProfile, InboundRule, Settings, SmppAccount, SmppServer, Tenant, Webhook
from router.text.udh import Concatenation

ACME = CarrierProfile(name="acme", addresses=("h:1",), system_id="x")
GLOBEX = CarrierProfile(name="globex", addresses=("h:1",), system_id="x")
HOOK = Webhook(url="https://example.com/h", secrets=("whsec_x",))
SETTINGS = Settings(
    carriers=(ACME, GLOBEX),
    tenants=(Tenant(id="hooked", webhook=HOOK), Tenant(id="bound")),
    accounts=(SmppAccount(system_id="gate", tenant="bound", password="scrypt$1$1$1$aa$aa"),),
    inbound=(
        InboundRule(to="12345", tenant="hooked"),
        InboundRule(to="12345", keyword="JOIN", tenant="bound", account="gate"),
        InboundRule(to="777", keyword="STOP", tenant="hooked"),
    ),
    smpp=SmppServer(parts_timeout_s=300),
)


class World:
    def __init__(self):
        self.now_ms = 1_700_000_000_000
        self.journal = MemoryJournal(lambda: self.now_ms)
        self.metrics = Metrics("carrier")
        self.desks = {}
        self.failures = []

    def desk(self, profile=ACME):
        return InboundDesk(self, profile, self.metrics, SETTINGS, now_ms=lambda: self.now_ms, rng=Random(len(self.desks)))

    def __getattr__(self, name):
        """The journal, which fails when it is told to; what it is told has its effect all the same when ``lost``."""
        call = getattr(self.journal, name)

        async def failing(*args):
            if self.failures and self.failures[0][0] == name:
                _, error, takes_effect = self.failures.pop(0)
                if takes_effect:
                    await call(*args)
                raise error
            return await call(*args)

        return failing

    async def received(self, tenant="hooked"):
        ids = await self.journal.list_ids(tenant, before=None, created_after_ms=0, limit=100)
        return [(record, body_of(record)) for record in await self.journal.read(ids)]

    async def notices(self, channel=""):
        return await self.journal.claim_notices("x", range(PARTITIONS), 100, 60, channel)

    async def flush(self, desk):
        task = asyncio.create_task(desk.closed.run())
        await asyncio.wait_for(desk.closed.flushed(), 5)
        task.cancel()


@pytest.fixture
def world():
    return World()


def message(text, to="12345", part=None, **fields):
    octets = text if isinstance(text, bytes) else text.encode("ascii")
    return InboundIn("447700900123", 1, 1, to, 3, 0, octets, 0, 0.0, part, **fields)


async def test_a_message_is_kept_for_whoever_it_is_for(world):
    desk = world.desk()
    assert await desk.on_inbound([message("hello"), message("Join, please"), message("x", to="999")]) == [0, 0, 0x65]
    ((record, body),) = await world.received()
    assert (record.state, body.text, body.sender, body.to) == (State.RECEIVED, "hello", "447700900123", "12345")
    (notice,) = await world.notices()
    assert notice.id == record.id
    ((bound, other),) = await world.received("bound")
    assert other.inbound.account == "gate"
    (told,) = await world.notices("gate")
    assert told.id == bound.id


async def test_parts_are_acknowledged_one_by_one_and_received_once(world):
    desk = world.desk()
    parts = [message(text, part=Concatenation(7, 3, n)) for n, text in ((3, "three"), (1, "one "), (2, "two "))]
    assert await desk.on_inbound(parts[:1]) == [0]
    assert await world.received() == []
    assert await desk.on_inbound(parts[1:]) == [0, 0]
    ((_, body),) = await world.received()
    assert (body.text, body.segments) == ("one two three", 3)
    await world.flush(desk)
    assert await desk.on_inbound(parts) == [0, 0, 0]  # the carrier did not hear our answers
    assert len(await world.received()) == 1
    assert await world.journal.stale_groups(range(PARTITIONS), 0, 10) == []


async def test_an_uncertain_end_makes_no_second_message(world):
    desk = world.desk()
    world.failures = [("receive", JournalUnavailable(), True), ("receive", JournalUnavailable(), False)]
    assert await desk.on_inbound([message("hello"), message("x", to="999")]) == [0x08, 0x65]
    assert await desk.on_inbound([message("hello")]) == [0x08]
    assert await desk.on_inbound([message("hello")]) == [0]
    assert len(await world.received()) == 1
    assert await desk.on_inbound([message("hello")]) == [0]  # somebody says it once more
    assert len(await world.received()) == 2


async def test_a_full_journal_and_one_that_is_away(world):
    desk = world.desk()
    world.failures = [("gather", JournalFull("memory"), False), ("receive", JournalFull("memory"), False)]
    part = message("part", part=Concatenation(1, 2, 1))
    assert await desk.on_inbound([part, message("hello")]) == [0x14, 0x14]
    world.failures = [("gather", JournalUnavailable(), False)]
    assert await desk.on_inbound([part, message("hello")]) == [0x08, 0]
    # A whole that could not be kept has its last part again.
    assert await desk.on_inbound([part]) == [0]
    world.failures = [("receive", JournalUnavailable(), True)]
    last = message("ed", part=Concatenation(1, 2, 2))
    assert await desk.on_inbound([last]) == [0x08]
    assert await desk.on_inbound([last]) == [0]
    assert sorted(body.text for _, body in await world.received()) == ["hello", "parted"]


async def test_a_part_that_nobody_can_want_is_refused(world):
    desk = world.desk()
    part = Concatenation(1, 2, 1)
    assert await desk.on_inbound([message("hello", to="999", part=part)]) == [0x65]
    assert await desk.on_inbound([message("hello", to="777", part=part)]) == [0x65]  # its first word is nobody's
    assert await desk.on_inbound([message("stop", to="777", part=part)]) == [0]
    assert await desk.on_inbound([message("it", to="777", part=part._replace(number=2))]) == [0x65]  # "stopit" is nobody's either
    await world.flush(desk)
    assert await world.journal.stale_groups(range(PARTITIONS), 0, 10) == []


async def test_what_never_becomes_whole_is_received_as_far_as_it_goes(world):
    desk = world.desk()
    assert await desk.on_inbound(
        [message("one", part=Concatenation(9, 3, 1)), message("three", part=Concatenation(9, 3, 3))]
    ) == [0, 0]
    assert await desk.on_inbound([message("tail", to="777", part=Concatenation(9, 2, 2))]) == [0]
    world.now_ms += 200_000
    await desk.look()
    assert await world.received() == []
    world.now_ms += 200_000
    await world.desk(GLOBEX).look()  # not its own
    assert await world.received() == []
    await desk.look()
    ((record, body),) = await world.received()
    assert (body.text, body.fault, record.state) == ("one[...]three", "incomplete", State.RECEIVED)
    await world.flush(desk)
    # The tail's keyword never came: it is nobody's, and is not kept for ever either.
    assert await world.journal.stale_groups(range(PARTITIONS), 0, 10) == []
    assert len(await world.notices()) == 1


async def test_a_whole_whose_process_died_is_finished_by_the_next(world):
    desk = world.desk()
    world.failures = [("receive", JournalUnavailable(), False)]
    parts = [message("a", part=Concatenation(2, 2, 1)), message("b", part=Concatenation(2, 2, 2))]
    assert await desk.on_inbound(parts) == [0, 0x08]
    world.now_ms += 31_000
    await world.desk().look()
    assert [body.text for _, body in await world.received()] == ["ab"]
