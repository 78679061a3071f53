"""The primary is cut off, or dies, while messages come in: nothing acknowledged is lost, and service is back within 15 s."""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from actors.journal import RedisJournal
from actors.metrics import Metrics
from actors.outcomes import Outcomes
from actors.partitions import Partitions
from actors.strays import Strays
from carriers.port import Outgoing
from router.ids import PARTITIONS, MessageId, make_id
from router.journal.port import Assign, Intake, JournalUnavailable, Submitted
from router.model import MessageClass
from router.record import Body, pack_body
from router.settings import CarrierProfile, Price, Settings

if TYPE_CHECKING:
    from tests.cluster.journal.conftest import Trio

pytestmark = pytest.mark.timeout(240)

BACK_S = 15.0
WRITERS = 8
BATCH = 20
BEFORE = 40  # batches acknowledged before anything happens
AFTER = 40  # and after it
WAIT_S = 60.0
OWNER = "carrier:a#0"
BODY = Body(
    tenant="acme",
    to="4915100000000",
    sender="Test",
    text="Hello",
    klass=int(MessageClass.TRANSACTIONAL),
    created_ms=1,
    expires_ms=1 << 42,
    encoding="gsm7",
    segments=1,
    country="DE",
    network="26201",
)


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

    await until(lambda: known(trio), "Sentinel knows both replicas")
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


async def test_what_only_the_lonely_primary_heard_of_is_made_good(trio: "Trio") -> None:
    journal = RedisJournal.connect(trio.url, replicas=1, confirm_timeout_s=1.0)
    beside = RedisJournal.connect(trio.servers[0].url)
    outcomes = outcomes_of(journal)
    strays = Strays(journal, OWNER, "a", outcomes, asyncio.Lock(), Settings)
    held = Partitions(journal, "d", 0, 1, on_taken=lambda _: None)
    await until(lambda: known(trio), "Sentinel knows both replicas")
    ids = [make_id(time.time_ns() // 1_000_000, n % PARTITIONS, os.urandom(10)) for n in range(30)]
    flying, answered, claimed = ids[:10], ids[10:20], ids[20:]
    await until(lambda: accepted(journal, ids), "messages are taken")
    epoch, _, _ = await journal.register(OWNER, "first", 60)
    await journal.adopt(OWNER, epoch, dict.fromkeys(MessageClass, 1 << 42), b"")
    await held.start()
    task = asyncio.create_task(held.run())
    try:
        taken, _ = await journal.claim("d", held.epoch, range(PARTITIONS), {MessageClass.TRANSACTIONAL: 100})
        assert sorted(one.id for one in taken) == sorted(ids)
        assert all(await journal.assign(OWNER, epoch, [Assign(i, 0, b"a" + i) for i in (*flying, *answered)]))
        outcomes.sent([Outgoing(one, 1, MessageClass.TRANSACTIONAL, BODY) for one in flying])
        await until(lambda: told(bool(held._history)), "a dispatcher has seen which server is at work")
        assert await beside._topology.links[0].command("WAIT", 2, 20_000) == 2
        trio.cable.cut()
        # Nobody waits for replicas here: the carrier has answered, and the rest has been assigned and answered too.
        assert all(await beside.assign(OWNER, epoch, [Assign(i, 0, b"a" + i) for i in claimed]))
        await beside.submitted(OWNER, "a", [Submitted(i, (i.hex(),), 1 << 42, b"s" + i) for i in (*answered, *claimed)])
        await until(lambda: at_another(trio), "another server is at work")

        async def in_order() -> bool:
            with suppress(JournalUnavailable):
                await strays.look()
                return not any(await journal.still_claimed(ids)) and sorted(await journal.in_flight(OWNER)) == sorted(flying)
            return False

        await until(in_order, "nothing stands where nobody knows of it")
        report = await journal.check()
        assert list(report.faults) == []
        assert (report.counts["UNKNOWN"], report.counts["QUEUED"], report.counts["SENDING"]) == (10, 10, 10)
    finally:
        task.cancel()
        await journal.close()
        await beside.close()


async def known(trio: "Trio") -> bool:
    """Sentinel learns of replicas by asking the primary every ten seconds."""
    rows = await trio.ask("REPLICAS", "journal")
    return isinstance(rows, list) and len(rows) == 2 and all("slave" in row for row in rows)


async def at_another(trio: "Trio") -> bool:
    return await trio.primary() != trio.cable.port


async def accepted(journal: RedisJournal, ids: list[MessageId]) -> bool:
    with suppress(JournalUnavailable):
        await journal.accept([Intake(i, "acme", MessageClass.TRANSACTIONAL, pack_body(BODY), 1 << 42) for i in ids])
        return True
    return False


def outcomes_of(journal: RedisJournal) -> Outcomes:
    profile = CarrierProfile(name="a", addresses=("127.0.0.1:1",), system_id="a", password="", prices=(Price(to="*", micros=1),))
    return Outcomes(journal, OWNER, profile, Metrics("carrier"), rules=Settings().rules, observe=lambda _: None)


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
