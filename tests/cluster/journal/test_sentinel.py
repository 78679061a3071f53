"""With Sentinel the journal follows its primary, and what was acknowledged with it."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import redis.asyncio as redis

from actors.cli.ports import free_port  # below the ports that the kernel hands out to others meanwhile
from actors.journal import EmbeddedServer, RedisJournal
from actors.journal.server import find_binary
from router.ids import make_id
from router.journal.port import Intake, JournalUnavailable
from router.model import MessageClass

MEMORY = 64 << 20


@pytest.fixture
async def primary(tmp_path: Path) -> AsyncIterator[tuple[EmbeddedServer, int]]:
    port = free_port()
    extra = ("--port", str(port), "--bind", "127.0.0.1", "--repl-diskless-sync-delay", "0")
    server = EmbeddedServer(tmp_path / "primary", maxmemory=MEMORY, extra=extra)
    await server.start()
    yield server, port
    await server.stop()


@pytest.fixture
async def sentinel(primary: tuple[EmbeddedServer, int], tmp_path: Path) -> AsyncIterator[int]:
    port = free_port()
    config = tmp_path / "sentinel.conf"
    config.write_text(f"port {port}\nbind 127.0.0.1\ndir {tmp_path}\nsentinel monitor journal 127.0.0.1 {primary[1]} 1\n")
    process = await asyncio.create_subprocess_exec(
        str(find_binary()), str(config), "--sentinel", stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    yield port
    process.terminate()
    await process.wait()


async def test_the_journal_follows_the_primary(primary: tuple[EmbeddedServer, int], sentinel: int, tmp_path: Path) -> None:
    _, port = primary
    own = str(free_port())
    extra = ("--port", own, "--bind", "127.0.0.1", "--replicaof", "127.0.0.1", str(port))
    replica = EmbeddedServer(tmp_path / "replica", maxmemory=MEMORY, extra=extra)
    await replica.start()
    journal = RedisJournal.connect(f"sentinel://127.0.0.1:{sentinel}/journal", replicas=1, confirm_timeout_s=0.2)
    asked = redis.Redis(port=sentinel, protocol=2)
    ids = [make_id(1_700_000_000_000, n % 64, os.urandom(10)) for n in range(100)]
    items = [Intake(i, "acme", MessageClass.OTP, b"body", 1 << 42) for i in ids]

    async def until_accepted(batch: list[Intake]) -> None:
        async with asyncio.timeout(40):
            while True:
                try:
                    await journal.accept(batch)
                    return
                except JournalUnavailable:
                    await asyncio.sleep(0.05)

    try:
        await until_accepted(items[:50])
        async with asyncio.timeout(40):
            while True:  # Sentinel learns of the replica by asking the primary every ten seconds
                try:
                    await asked.execute_command("SENTINEL", "FAILOVER", "journal")
                    break
                except redis.ResponseError:
                    await asyncio.sleep(0.1)
        promoted = RedisJournal.connect(replica.url)
        async with asyncio.timeout(40):
            while await role(promoted) != "master":
                await asyncio.sleep(0.05)
        await until_accepted(items)
        assert all(record is not None for record in await promoted.read(ids))
        await promoted.close()
    finally:
        await asked.aclose()
        await journal.close()
        await replica.stop()


async def role(journal: RedisJournal) -> str:
    info = await journal._topology.links[0].client.info("replication")
    return str(info["role"])
