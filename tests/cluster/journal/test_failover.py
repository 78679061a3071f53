"""The primary is cut off, or dies, while messages come in: nothing acknowledged is lost, and service is back within 15 s."""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest

from actors.journal import RedisJournal
from router.ids import PARTITIONS, MessageId, make_id
from router.journal.port import Intake, JournalUnavailable
from router.model import MessageClass

if TYPE_CHECKING:
    from tests.cluster.journal.conftest import Trio

pytestmark = pytest.mark.timeout(240)

BACK_S = 15.0
WRITERS = 8
BATCH = 20
BEFORE = 40  # batches acknowledged before anything happens
AFTER = 40  # and after it
WAIT_S = 60.0


async def until(look: Callable[[], Awaitable[bool]], what: str, within_s: float = WAIT_S) -> None:
    deadline_s = time.monotonic() + within_s
    while not await look():
        assert time.monotonic() < deadline_s, f"not within {within_s} s: {what}"
        await asyncio.sleep(0.05)


class Writers:
    """Bring messages in, the same ones again when a call fails, and remember what was acknowledged when."""

    def __init__(self, journal: RedisJournal) -> None:
        self._journal = journal
        self.acknowledged: list[MessageId] = []
        self.times_s: list[float] = []
        self.failed: Counter[str] = Counter()
        self.done = asyncio.Event()
        self._partition = 0

    def _batch(self) -> list[Intake]:
        self._partition = (self._partition + 1) % PARTITIONS
        ids = [make_id(time.time_ns() // 1_000_000, self._partition, os.urandom(10)) for _ in range(BATCH)]
        return [Intake(i, "acme", MessageClass.TRANSACTIONAL, b"body of " + i, 1 << 42) for i in ids]

    async def run(self) -> None:
        while not self.done.is_set():
            batch = self._batch()
            while not self.done.is_set():
                try:
                    await self._journal.accept(batch)
                except JournalUnavailable as error:
                    self.failed[str(error).split(":")[0][:40]] += 1
                    await asyncio.sleep(0.02)
                else:
                    self.acknowledged += [item.id for item in batch]
                    self.times_s.append(time.monotonic())
                    break

    def since(self, at_s: float) -> int:
        return sum(1 for one in self.times_s if one > at_s)


async def kill(trio: "Trio") -> None:
    pid = trio.servers[0].pid()
    assert pid
    os.kill(pid, signal.SIGKILL)


async def cut(trio: "Trio") -> None:
    trio.cable.cut()


@pytest.mark.parametrize("how", [kill, cut], ids=["killed", "cut-off"])
async def test_nothing_acknowledged_is_lost_and_service_is_back(trio: "Trio", how: Callable[["Trio"], Awaitable[None]]) -> None:
    journal = RedisJournal.connect(trio.url, replicas=1, confirm_timeout_s=1.0)
    beside = RedisJournal.connect(
        trio.servers[0].url, replicas=1, confirm_timeout_s=0.3
    )  # a client on the primary's side of the cut

    async def known() -> bool:  # Sentinel learns of replicas by asking the primary every ten seconds
        rows = await trio.ask("REPLICAS", "journal")
        return isinstance(rows, list) and len(rows) == 2 and all("slave" in row for row in rows)

    await until(known, "Sentinel knows both replicas")
    writers = Writers(journal)
    tasks = [asyncio.create_task(writers.run()) for _ in range(WRITERS)]
    try:
        await until(lambda: told(len(writers.times_s) >= BEFORE), "messages are taken")
        began_s = time.monotonic()
        await how(trio)
        if how is cut:
            lonely = Writers(beside)
            await refused(lonely, began_s)
        await until(lambda: told(writers.since(began_s + 1.0) >= AFTER), "messages are taken again")
        back_s = min(one for one in writers.times_s if one > began_s + 1.0) - began_s
        print(
            f"{how.__name__}: back after {back_s:.1f} s, {len(writers.acknowledged)} acknowledged, failures {dict(writers.failed)}"
        )
        assert back_s < BACK_S
        assert await trio.primary() != trio.cable.port
        writers.done.set()
        await asyncio.gather(*tasks)
        assert await missing(journal, writers.acknowledged) == []
        report = await journal.check()
        assert list(report.faults) == []
        assert report.counts["accepted"] >= len(writers.acknowledged)

        # -- the old primary comes back as a replica, and forgets what it had alone
        trio.cable.mend()
        await trio.servers[0].start()
        old = RedisJournal.connect(trio.servers[0].url)
        await until(lambda: follows(old), "the old primary follows the new one")
        assert await missing(old, writers.acknowledged) == []
        if how is cut:
            assert lonely.acknowledged == []
        await old.close()
    finally:
        writers.done.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        await journal.close()
        await beside.close()


async def told(value: bool) -> bool:
    return value


async def refused(lonely: Writers, began_s: float) -> None:
    """Who still reaches the lonely primary is told that nothing is confirmed, all the time until another one is at work."""
    task = asyncio.create_task(lonely.run())
    await until(lambda: told(sum(lonely.failed.values()) >= 5 and time.monotonic() > began_s + 3.0), "calls are refused")
    lonely.done.set()
    await task


async def missing(journal: RedisJournal, ids: list[MessageId]) -> list[MessageId]:
    lost = []
    for start in range(0, len(ids), 1000):
        some = ids[start : start + 1000]
        lost += [one for one, record in zip(some, await journal.read(some), strict=True) if record is None]
    return lost


async def follows(journal: RedisJournal) -> bool:
    info = await journal._topology.links[0].client.info("replication")
    return info["role"] == "slave" and info.get("master_link_status") == "up"
