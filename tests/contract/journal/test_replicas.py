"""Accept waits until a replica has it on disk."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from actors.cli.ports import free_port  # below the ports that the kernel hands out to others meanwhile
from actors.journal import EmbeddedServer, RedisJournal
from router.ids import make_id
from router.journal.port import Intake, JournalUnavailable, Part, Received
from router.model import MessageClass, State

MEMORY = 64 << 20


@pytest.fixture
async def primary(tmp_path: Path) -> AsyncIterator[tuple[EmbeddedServer, int]]:
    port = free_port()
    extra = ("--port", str(port), "--bind", "127.0.0.1", "--repl-diskless-sync-delay", "0")
    server = EmbeddedServer(tmp_path / "primary", maxmemory=MEMORY, extra=extra)
    await server.start()
    yield server, port
    await server.stop()


async def test_what_is_acknowledged_is_on_the_replica(primary: tuple[EmbeddedServer, int], tmp_path: Path) -> None:
    server, port = primary
    replica = EmbeddedServer(tmp_path / "replica", maxmemory=MEMORY, extra=("--replicaof", "127.0.0.1", str(port)))
    await replica.start()
    journal = RedisJournal.connect(server.url, replicas=1, confirm_timeout_s=2.0)
    copy = RedisJournal.connect(replica.url)
    try:
        async with asyncio.timeout(30):
            while (await journal.health())["durability"] != "strong":
                await asyncio.sleep(0.02)
        ids = [make_id(1_700_000_000_000, n % 64, os.urandom(10)) for n in range(100)]
        accepted = await journal.accept([Intake(i, "acme", MessageClass.OTP, b"body", 1 << 42) for i in ids])
        assert all(result.fresh for result in accepted)
        records = await copy.read(ids)
        assert all(record is not None and record.body == b"body" for record in records)
        whole = await journal.gather([Part(bytes(16), ids[0], 1, 2, b"one")])
        assert await copy._topology.links[0].command("HGET", b"{p00}:pt:" + bytes(16), 1) == b"one"
        assert [one.fresh for one in whole] == [True]
        handset = make_id(1_700_000_000_002, 5, os.urandom(10))
        await journal.receive([Received(handset, "acme", b"from a handset", b"", channel="shop")])
        assert await journal.replace(ids[0], "acme", b"another", 1, b"") is State.QUEUED
        await journal.put_value("settings", b"of now", confirmed=True)
        assert await copy.get_value("settings") == b"of now"
        here, there = await copy.read([ids[0], handset])
        assert (here and here.body, there and there.body) == (b"another", b"from a handset")
        with pytest.raises(JournalUnavailable):  # a replica takes no writes: the caller looks for the primary again
            await copy.accept([Intake(ids[0], "acme", MessageClass.OTP, b"body", 1 << 42)])
        await replica.stop()
        late = make_id(1_700_000_000_001, 3, os.urandom(10))
        impatient = RedisJournal.connect(server.url, replicas=1, confirm_timeout_s=0.05)
        for call in (
            impatient.accept([Intake(late, "acme", MessageClass.OTP, b"body", 1 << 42)]),
            impatient.receive([Received(handset, "acme", b"", b"")]),
            impatient.gather([Part(bytes(16), ids[0], 2, 2, b"two")]),
            impatient.put_value("settings", b"of later", confirmed=True),
            impatient.cancel(ids[1], "acme", b"canceled"),  # the tenant is told that it will not be sent: that must hold
        ):
            with pytest.raises(JournalUnavailable):
                await call
        await impatient.close()
    finally:
        await journal.close()
        await copy.close()
        await replica.stop()
