"""The server of our own: start, reuse, stop, kill, memory limit; and the journal's behaviour in each."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from actors.journal import EmbeddedServer, RedisJournal, RedisWake
from actors.journal.server import ServerFailed, is_alive
from router.ids import PARTITIONS, make_id
from router.journal.port import Intake, JournalFull, JournalUnavailable, Part, Received
from router.model import MessageClass

ALL = range(PARTITIONS)
MEMORY = 64 << 20


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[EmbeddedServer]:
    own = EmbeddedServer(tmp_path / "journal", maxmemory=MEMORY)
    await own.start()
    yield own
    await own.stop()


@pytest.fixture
async def journal(server: EmbeddedServer) -> AsyncIterator[RedisJournal]:
    opened = RedisJournal.connect(server.url, retention_s=60)
    yield opened
    await opened.close()


def intake(n: int, klass: MessageClass = MessageClass.OTP, body: bytes = b"body") -> Intake:
    return Intake(make_id(1_700_000_000_000 + n, n % PARTITIONS, os.urandom(10)), "acme", klass, body, 1 << 42)


async def test_it_listens_on_a_private_socket_only(server: EmbeddedServer, journal: RedisJournal) -> None:
    assert server.socket_path.parent.stat().st_mode & 0o777 == 0o700
    link = journal._topology.links[0]
    settings = await link.command("CONFIG", "GET", "port", "appendonly", "appendfsync", "maxmemory-policy", "maxmemory")
    assert dict(zip(settings[::2], settings[1::2], strict=True)) == {
        b"port": b"0",
        b"appendonly": b"yes",
        b"appendfsync": b"always",
        b"maxmemory-policy": b"noeviction",
        b"maxmemory": b"%d" % MEMORY,
    }
    health = await journal.health()
    assert (health["durability"], health["server"], health["maxmemory"]) == ("strong", "valkey", MEMORY)


async def test_a_second_start_finds_the_running_one(server: EmbeddedServer) -> None:
    again = EmbeddedServer(server.folder, maxmemory=MEMORY)
    assert await again.start() is False
    assert again.pid() == server.pid()
    assert os.getsid(server.pid() or 0) == server.pid(), "a session of its own"


async def test_starts_at_the_same_time_end_in_one_server(tmp_path: Path) -> None:
    owners = [EmbeddedServer(tmp_path / "journal", maxmemory=MEMORY) for _ in range(4)]
    try:
        assert sorted(await asyncio.gather(*(own.start() for own in owners))) == [False, False, False, True]
        assert len({own.pid() for own in owners}) == 1
    finally:
        await owners[0].stop()


async def test_a_lost_pid_file_is_written_again(server: EmbeddedServer) -> None:
    pid = server.pid()
    (server.folder / "server.pid").unlink()
    assert await server.start() is False
    assert server.pid() == pid


async def test_a_stopped_server_keeps_everything_for_the_next_start(server: EmbeddedServer, journal: RedisJournal) -> None:
    items = [intake(n) for n in range(100)]
    await journal.accept(items)
    assert await server.stop() is True
    assert await server.stop() is False
    with pytest.raises(JournalUnavailable):
        await journal.accept([intake(5)])
    assert await server.start() is True
    records = await journal.read([item.id for item in items])
    assert all(record is not None for record in records)
    assert list((await journal.check()).faults) == []


async def test_a_killed_server_loses_nothing_that_was_acknowledged(server: EmbeddedServer, journal: RedisJournal) -> None:
    acknowledged: list[Intake] = []
    tried: list[Intake] = []
    down = asyncio.Event()

    async def write(lane: int) -> None:
        n = lane
        while not down.is_set():
            batch = [intake(n * 20 + k) for k in range(20)]
            n += 4
            tried.extend(batch)
            try:
                await journal.accept(batch)
            except JournalUnavailable:
                down.set()
            else:
                acknowledged.extend(batch)

    writers = [asyncio.create_task(write(lane)) for lane in range(4)]
    pid = server.pid()
    assert pid is not None
    while len(acknowledged) < 1_000:
        await asyncio.sleep(0.005)
    os.kill(pid, signal.SIGKILL)
    await asyncio.gather(*writers)
    while is_alive(pid):
        await asyncio.sleep(0.005)
    assert server.running() is False
    assert await server.start() is True
    records = await journal.read([item.id for item in acknowledged])
    assert [record.body if record else None for record in records] == [item.body for item in acknowledged]
    again = await journal.accept(tried)
    assert not any(result.fresh for result, item in zip(again, tried, strict=True) if item in set(acknowledged))
    report = await journal.check()
    assert list(report.faults) == []
    assert report.counts["queue"] == len(tried)


async def test_a_path_too_long_for_a_socket_gets_a_pointer(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 20) / ("path" * 20)
    own = EmbeddedServer(folder, maxmemory=MEMORY)
    await own.start()
    try:
        assert len(str(own.socket_path)) < 100
        assert own.socket_path.parent.stat().st_mode & 0o777 == 0o700
        assert EmbeddedServer(folder).url == own.url
        assert EmbeddedServer(folder).running()
    finally:
        await own.stop()
        own.socket_path.parent.rmdir()


async def test_a_program_that_does_not_serve_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ServerFailed):
        await EmbeddedServer(tmp_path, binary=Path("/bin/false")).start()


async def test_a_stale_pid_file_harms_nobody(tmp_path: Path) -> None:
    own = EmbeddedServer(tmp_path / "journal", maxmemory=MEMORY)
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal" / "server.pid").write_text(str(os.getpid()))
    assert own.running() is False
    assert await own.stop() is False
    assert await own.start() is True
    await own.stop()


async def fill(journal: RedisJournal, share: float) -> None:
    """Set the limit so that what is used now is this share of it."""
    journal._looked_s = float("-inf")
    info = await journal._topology.links[0].command("INFO", "memory")
    used = int(info["used_memory"] if isinstance(info, dict) else info.split(b"used_memory:")[1].split()[0])
    await journal._topology.links[0].command("CONFIG", "SET", "maxmemory", int(used / share))


async def test_classes_are_refused_as_memory_runs_out(journal: RedisJournal) -> None:
    await fill(journal, 0.5)
    await journal.accept([intake(n, klass) for n, klass in enumerate(MessageClass)])
    await fill(journal, 0.75)
    with pytest.raises(JournalFull) as full:
        await journal.accept([intake(1, MessageClass.OTP), intake(2, MessageClass.MARKETING)])
    assert full.value.classes == {MessageClass.MARKETING}
    await journal.accept([intake(3, MessageClass.TRANSACTIONAL)])
    await fill(journal, 0.9)
    with pytest.raises(JournalFull) as full:
        await journal.accept([intake(4, MessageClass.TRANSACTIONAL)])
    assert full.value.classes == {MessageClass.MARKETING, MessageClass.TRANSACTIONAL}
    await journal.accept([intake(5, MessageClass.OTP)])
    assert (await journal.check()).counts["accepted"] == 5


def part(n: int) -> Part:
    return Part(bytes((n,)) * 16, intake(n).id, 1, 2, b"part")


def received(n: int) -> Received:
    return Received(intake(n).id, "acme", b"body", b"event", channel="shop")


async def test_what_comes_by_smpp_is_refused_with_the_transactional(journal: RedisJournal) -> None:
    await fill(journal, 0.72)
    await journal.receive([received(1)])
    assert [one.fresh for one in await journal.gather([part(1)])] == [True]
    await fill(journal, 0.9)
    for call in (journal.receive([received(2)]), journal.gather([part(2)])):
        with pytest.raises(JournalFull) as full:
            await call
        assert full.value.classes == {MessageClass.MARKETING, MessageClass.TRANSACTIONAL}
    assert (await journal.check()).counts["accepted"] == 1
    assert len(await journal.stale_groups(ALL, 0, 10)) == 1


async def test_at_the_limit_nothing_comes_by_smpp_either(journal: RedisJournal) -> None:
    message = received(1)
    await journal.receive([message])
    await journal.gather([part(1)])
    await journal._topology.links[0].command("CONFIG", "SET", "maxmemory", 1)
    journal._looked_s, journal._pressure = float("inf"), journal._pressure._replace(memory_share=0.0)  # as if not looked up yet
    for call in (journal.receive([received(2)]), journal.gather([part(2)])):
        with pytest.raises(JournalFull) as full:
            await call
        assert full.value.classes == set(MessageClass)
    (group,) = await journal.stale_groups(ALL, 0, 10)
    await journal.close_groups([group.group], 60)
    (notice,) = await journal.claim_notices("esme", ALL, 10, 60, channel="shop")
    await journal.retry_notices([(notice, 1)], channel="shop")
    assert await journal.drop_notices("shop", ALL, 0, 10) == 1
    assert await journal.waiting_notices("shop") == 0
    report = await journal.check()
    assert (list(report.faults), report.counts["accepted"]) == ([], 1)


async def test_at_the_limit_nothing_comes_in_and_everything_drains(journal: RedisJournal) -> None:
    items = [intake(n) for n in range(200)]
    await journal.accept(items)
    link = journal._topology.links[0]
    await link.command("CONFIG", "SET", "maxmemory", 1)
    journal._looked_s, journal._pressure = float("inf"), journal._pressure._replace(memory_share=0.0)  # as if not looked up yet
    with pytest.raises(JournalFull) as full:
        await journal.accept([intake(1)])
    assert full.value.classes == set(MessageClass)
    await drain(journal, {item.id for item in items})
    report = await journal.check()
    assert (list(report.faults), report.counts["DELIVERED"], report.counts["accepted"]) == ([], 200, 200)


async def drain(journal: RedisJournal, expected: set[Any]) -> None:
    from router.journal.port import Assign, Receipt, Submitted
    from router.model import State

    epoch, _, _ = await journal.register("carrier:a#0", "one", 60)
    await journal.adopt("carrier:a#0", epoch, dict.fromkeys(MessageClass, 1), b"")
    await journal.lease_partitions("d", 1, ALL, 60)
    claimed, _ = await journal.claim("d", 1, ALL, {MessageClass.OTP: 1000})
    assert {c.id for c in claimed} == expected
    assert all(await journal.assign("carrier:a#0", epoch, [Assign(c.id, 0, b"a") for c in claimed]))
    await journal.submitted("carrier:a#0", "a", [Submitted(c.id, (str(n),), 1 << 42, b"s") for n, c in enumerate(claimed)])
    done = await journal.receipts("a", [Receipt(str(n), State.DELIVERED, b"r", b"f") for n in range(len(claimed))])
    assert all(did.changed for did in done)


async def test_without_the_replicas_asked_for_nothing_is_acknowledged(server: EmbeddedServer) -> None:
    careful = RedisJournal.connect(server.url, replicas=1, confirm_timeout_s=0.02)
    try:
        with pytest.raises(JournalUnavailable):
            await careful.accept([intake(1)])
        assert (await careful.health())["durability"] == "degraded"
    finally:
        await careful.close()


async def test_scripts_come_back_after_the_server_forgot_them(journal: RedisJournal) -> None:
    await journal.accept([intake(1)])
    await journal._topology.links[0].command("SCRIPT", "FLUSH")
    await journal.accept([intake(2)])
    assert (await journal.check()).counts["queue"] == 2


async def test_wake_calls_come_and_survive_a_restart(server: EmbeddedServer, journal: RedisJournal) -> None:
    wake = RedisWake.connect(server.url)
    stream = wake.listen("queue", "value")
    calls: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    async def listen() -> None:
        async for call in stream:
            calls.put_nowait(call)

    async def woken(name: str) -> None:
        while True:
            await journal.put_value(name, b"")
            try:
                async with asyncio.timeout(0.05):
                    while await calls.get() != ("value", name):
                        pass
                    return
            except TimeoutError:
                continue

    task = asyncio.create_task(listen())
    try:
        async with asyncio.timeout(20):
            await woken("board")
            item = intake(9)
            await journal.accept([item])
            while await calls.get() != ("queue", "9"):
                pass
            await server.stop()
            await server.start()
            await woken("after")
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await stream.aclose()
        await wake.close()
