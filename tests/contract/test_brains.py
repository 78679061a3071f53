"""Two brains on a real journal: one board of what both know, whichever of them is killed."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from actors.brain import Brain
from actors.journal import EmbeddedServer, RedisJournal
from actors.names import BOARD_VALUE, brain_actor, brain_of
from actors.shell import SETTINGS_VALUE, JournalAddress
from actors.wire import pack_observations
from router.brain.board import board_from_bytes
from router.brain.port import Board, Observation, Outcome
from router.config import dump_settings
from router.model import MessageClass
from router.settings import Settings, Workers

WITHIN_S = 20.0
MINE = {0: "carrier-0", 1: "carrier-1"}  # by brain


class Region:
    """Brains that call each other here, and a journal."""

    def __init__(self, address: JournalAddress, journal: RedisJournal) -> None:
        self.address, self.journal = address, journal
        self.brains: dict[str, Brain] = {}

    async def part(self, brain: str, octets: bytes) -> bytes:
        return self.brains[brain].part(octets)

    async def start(self, index: int) -> Brain:
        name = brain_actor(index)
        self.brains[name] = brain = Brain(name, self.address, self)
        await asyncio.wait_for(brain.started.wait(), WITHIN_S)
        return brain

    async def kill(self, index: int) -> None:
        """As ``kill -9`` does: nothing is said and nothing is kept."""
        brain = self.brains.pop(brain_actor(index))
        tasks = list(brain._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await brain._wake.close()
        await brain.journal.close()

    async def observe(self, carrier: str, submits: int, brains: int = 2) -> None:
        now_s = time.time()
        batch = [Observation(now_s, carrier, "23410", MessageClass.OTP, Outcome.SUBMITTED)] * submits
        await self.brains[brain_actor(brain_of(carrier, brains))].observe(pack_observations(batch))

    async def settle(self, brains: int) -> None:
        settings = dump_settings(Settings(workers=Workers(brains=brains)))
        await self.journal.put_value(SETTINGS_VALUE, settings)
        for brain in self.brains.values():
            await brain.reload()

    async def board(self) -> Board | None:
        raw = await self.journal.get_value(BOARD_VALUE)
        return None if raw is None else board_from_bytes(raw)

    async def shows(self, wanted: dict[str, int], *, after: int = -1) -> Board:
        """A board later than version ``after`` with so many submits of each carrier."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                newest = await self.board()
                if newest is not None and newest.version > after:
                    found = {name: view.submitted for name, view in newest.carriers.items()}
                    if found == wanted:
                        return newest
                    assert all(found.get(name, 0) <= count for name, count in wanted.items()), "counted twice"
                await asyncio.sleep(0.02)


@pytest.fixture
async def region(tmp_path: Path) -> AsyncIterator[Region]:
    server = EmbeddedServer(tmp_path / "journal")
    await server.start()
    address = JournalAddress(server.url)
    journal = RedisJournal.connect(server.url, retention_s=60.0)
    found = Region(address, journal)
    await found.settle(2)
    try:
        yield found
    finally:
        for name in list(found.brains):
            with contextlib.suppress(KeyError):
                await found.kill(0 if name == "brain" else 1)
        await journal.close()
        await server.stop()


def test_the_two_carriers_have_a_brain_each() -> None:
    assert {brain_of(name, 2): name for name in MINE.values()} == MINE


async def test_the_board_has_what_both_know_whichever_is_killed(region: Region) -> None:
    for index in (0, 1):
        await region.start(index)
    await region.observe(MINE[0], 30)
    await region.observe(MINE[1], 50)
    first = await region.shows({MINE[0]: 30, MINE[1]: 50})
    for brain in region.brains.values():
        await brain.drain(5.0)  # the snapshot of every ten seconds

    await region.kill(1)
    await region.observe(MINE[0], 5)
    alone = await region.shows({MINE[0]: 35, MINE[1]: 50}, after=first.version)
    await region.start(1)
    await region.observe(MINE[1], 1)
    both = await region.shows({MINE[0]: 35, MINE[1]: 51}, after=alone.version)

    for brain in region.brains.values():
        await brain.drain(5.0)
    await region.kill(0)
    await region.observe(MINE[1], 4)
    other = await region.shows({MINE[0]: 35, MINE[1]: 55}, after=both.version)
    assert other.parts["brain"] < other.at_s - 1.0
    assert other.parts["brain:#1"] == other.at_s
    assert region.brains["brain:#1"].health()["parts"]["brain"] > 1.0
    await region.start(0)
    await region.observe(MINE[0], 2)
    await region.shows({MINE[0]: 37, MINE[1]: 55}, after=other.version)


async def test_a_fault_is_on_the_board_at_once_whoever_sees_it(region: Region) -> None:
    for index in (0, 1):
        await region.start(index)
    for carrier in MINE.values():
        await region.observe(carrier, 3)
    before = await region.shows(dict.fromkeys(MINE.values(), 3))
    down = Observation(time.time(), MINE[1], "", MessageClass.OTP, Outcome.LINK_DOWN)
    await region.brains["brain:#1"].observe(pack_observations([down]))
    newest = await region.shows(dict.fromkeys(MINE.values(), 3), after=before.version)
    async with asyncio.timeout(WITHIN_S):
        while newest.carriers[MINE[1]].breaker != "open":
            newest = await region.shows(dict.fromkeys(MINE.values(), 3), after=newest.version)
    assert newest.carriers[MINE[0]].breaker == "closed"


async def test_fewer_brains_know_what_more_of_them_knew(region: Region) -> None:
    for index in (0, 1):
        await region.start(index)
    for carrier in MINE.values():
        await region.observe(carrier, 20)
    first = await region.shows(dict.fromkeys(MINE.values(), 20))
    await region.brains["brain:#1"].drain(5.0)
    await region.settle(1)
    await region.kill(1)
    await region.observe(MINE[1], 3, brains=1)
    one = await region.shows({MINE[0]: 20, MINE[1]: 23}, after=first.version)
    await region.brains["brain"].drain(5.0)
    await region.kill(0)
    await region.start(0)
    await region.observe(MINE[0], 1, brains=1)
    await region.shows({MINE[0]: 21, MINE[1]: 23}, after=one.version)
