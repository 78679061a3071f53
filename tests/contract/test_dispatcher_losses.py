"""What a dispatcher does with messages that the journal takes back from it: none is in hand, or on offer, twice."""

import asyncio
import contextlib
import os
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from actors.dispatcher import Dispatcher
from actors.journal import EmbeddedServer, RedisJournal
from actors.shell import SETTINGS_VALUE, JournalAddress
from actors.wire import Lane, Reply
from router.config import dump_settings
from router.ids import make_id
from router.journal.port import Intake
from router.model import MessageClass
from router.record import Body, pack_body
from router.settings import CarrierProfile, Price, Settings, Tenant

WITHIN_S = 20.0
SETTINGS = Settings(
    carriers=(CarrierProfile(name="alpha", addresses=("h:1",), system_id="x", prices=(Price(to="*", micros=20_000),)),),
    tenants=(Tenant(id="acme"),),
)


class Carrier:
    """A carrier's actor that keeps offers until it is told to hand them back."""

    def __init__(self) -> None:
        self.up = True
        self.version = 1
        self.turned = asyncio.Event()
        self.offers: list[tuple[list[bytes], asyncio.Future[None]]] = []

    def state(self) -> Lane:
        return Lane(self.version, self.up, 100, "", 100.0)

    def turn(self, *, up: bool) -> None:
        self.up, self.version = up, self.version + 1
        self.turned.set()

    async def lane(self, version, wait_s):
        if self.version == version:
            self.turned.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.turned.wait(), wait_s)
        return self.state()

    async def offer(self, batch):
        back = asyncio.get_running_loop().create_future()
        self.offers.append(([one.id for one in batch], back))
        await back
        return Reply([(one.id, "the lane has no room") for one in batch], self.state())

    def times(self, message_id) -> int:
        """How often a message was offered."""
        return Counter(one for batch, _ in self.offers for one in batch)[message_id]

    def hand_back(self, message_id) -> None:
        """The oldest offer under way with this message."""
        next(back for batch, back in self.offers if message_id in batch and not back.done()).set_result(None)


class World:
    def __init__(self, journal: RedisJournal) -> None:
        self.journal = journal
        self.carrier = Carrier()
        self.dispatcher: Dispatcher

    async def accept(self, number: int, klass: MessageClass = MessageClass.OTP):
        now_ms = time.time_ns() // 1_000_000
        body = Body(
            tenant="acme",
            to="4915123456789",
            sender="ACME",
            text=f"Nr {number}",
            klass=klass,
            created_ms=now_ms,
            expires_ms=now_ms + 600_000,
            encoding="gsm7",
            segments=1,
            country="DE",
            network="DE",
        )
        message_id = make_id(now_ms, number % 64, os.urandom(10))
        await self.journal.accept([Intake(message_id, "acme", klass, pack_body(body), body.expires_ms)])
        return message_id

    async def until(self, look) -> None:
        async with asyncio.timeout(WITHIN_S):
            while not look():
                await asyncio.sleep(0.01)

    async def lose(self) -> None:
        """The dispatcher no longer knows what it holds; return when its partitions have been leased anew."""
        before = self.dispatcher._partitions.epoch
        self.dispatcher._partitions.retake()
        await self.until(lambda: self.dispatcher._partitions.epoch > before)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    server = EmbeddedServer(tmp_path / "journal")
    await server.start()
    journal = RedisJournal.connect(server.url, retention_s=60.0)
    await journal.put_value(SETTINGS_VALUE, dump_settings(SETTINGS))
    found = World(journal)
    found.dispatcher = Dispatcher("dispatcher:#0", JournalAddress(server.url), 0, lambda _: found.carrier)
    await asyncio.wait_for(found.dispatcher.started.wait(), WITHIN_S)
    try:
        yield found
    finally:
        tasks = list(found.dispatcher._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await found.dispatcher._wake.close()
        await found.dispatcher.journal.close()
        await journal.close()
        await server.stop()


async def test_an_offer_from_before_a_loss_does_not_come_back_beside_the_new_one(world: World) -> None:
    message = await world.accept(1)
    await world.until(lambda: world.carrier.times(message) == 1)
    await world.lose()
    await world.until(lambda: world.carrier.times(message) == 2)  # given back, claimed and offered anew

    world.carrier.hand_back(message)  # the old offer, whose message is on offer already
    other = await world.accept(2)
    await world.until(lambda: world.carrier.times(other) == 1)  # turns have gone by
    assert world.carrier.times(message) == 2

    world.carrier.hand_back(message)  # the new offer
    await world.until(lambda: world.carrier.times(message) == 3)


async def test_what_waits_in_hand_is_in_hand_once_after_a_loss(world: World) -> None:
    world.carrier.turn(up=False)
    await world.until(lambda: not world.dispatcher._lanes["alpha"].up)
    messages = [await world.accept(number) for number in range(20)]
    await world.until(lambda: len(world.dispatcher._pool) == 20)
    await world.lose()
    world.carrier.turn(up=True)
    await world.until(lambda: all(world.carrier.times(message) for message in messages))
    assert {world.carrier.times(message) for message in messages} == {1}


async def test_while_others_are_not_to_be_planned_yet_codes_are_and_others_when_it_is_time(world: World) -> None:
    world.dispatcher._spacing.due_s = time.monotonic() + 3 * WITHIN_S
    codes = [await world.accept(number) for number in range(5)]
    other = await world.accept(9, MessageClass.MARKETING)
    await world.until(lambda: all(world.carrier.times(code) == 1 for code in codes))
    await world.until(lambda: world.carrier.times(other) == 1)  # the look that comes every second asks nobody
    assert world.dispatcher._spacing.due_s < time.monotonic() + WITHIN_S
    world.dispatcher._spacing.due_s = time.monotonic() + 0.2
    last = await world.accept(10, MessageClass.MARKETING)
    await world.until(lambda: world.carrier.times(last) == 1)
    assert [world.carrier.times(one) for one in (*codes, other)] == [1] * 6
