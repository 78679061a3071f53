"""What begins, and what does not, without the keys that a journal was written with."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from actors.cli.system import System
from actors.journal import EmbeddedServer, RedisJournal
from actors.journal.keyring import FILE, Keyring, KeysUnusable
from actors.shell import KEYS_VALUE, JournalAddress, Shell
from router.settings import JournalSettings, Settings, Tenant

SETTINGS = Settings(tenants=(Tenant(id="acme"),))
PLAIN = Settings(tenants=(Tenant(id="acme"),), journal=JournalSettings(encrypt=False))
WITHIN_S = 20.0


@pytest.fixture
async def url(tmp_path):
    server = EmbeddedServer(tmp_path / "journal", maxmemory=64 << 20)
    await server.start()
    yield server.url
    await server.stop()


class Actor(Shell):
    """One with nothing to do."""

    async def run(self) -> None:
        pass


@contextlib.asynccontextmanager
async def running(url: str, keys: Path):
    actor = Actor("front:#0", JournalAddress(url, keys=str(keys)))
    try:
        yield actor
    finally:
        async with asyncio.timeout(WITHIN_S):
            while pending := list(actor._tasks):
                for task in pending:
                    task.cancel()  # again and again: one alone was seen to get lost while wake calls connect
                await asyncio.wait(pending, timeout=0.1)
        if actor.started.is_set():
            await actor._wake.close()
        await actor.journal.close()


async def value(url: str) -> bytes | None:
    journal = RedisJournal.connect(url)
    try:
        return await journal.get_value(KEYS_VALUE)
    finally:
        await journal.close()


async def test_a_start_makes_keys_and_the_next_one_finds_them(url, tmp_path):
    keys = tmp_path / "keys"
    for _ in range(2):
        await System._seed(url, SETTINGS, keys)
    file = Keyring(keys).read()
    assert file is not None
    assert sorted(one.tenant for one in file.entries) == ["", "*", "acme"]
    assert await value(url) == file.ring
    async with running(url, keys) as actor:
        await asyncio.wait_for(actor.started.wait(), WITHIN_S)


async def test_a_start_with_other_keys_or_none_is_refused(url, tmp_path):
    await System._seed(url, SETTINGS, tmp_path / "keys")
    with pytest.raises(KeysUnusable, match="written with other keys"):
        await System._seed(url, SETTINGS, tmp_path / "others")
    with pytest.raises(KeysUnusable, match="written with other keys"):
        await System._seed(url, PLAIN, tmp_path / "none")


async def test_without_encryption_there_are_no_keys_until_it_is_switched_on_and_they_stay(url, tmp_path):
    keys = tmp_path / "keys"
    await System._seed(url, PLAIN, keys)
    assert not keys.exists()
    assert await value(url) is None
    await System._seed(url, SETTINGS, keys)
    ring = await value(url)
    await System._seed(url, PLAIN, keys)
    assert (await value(url), (keys / FILE).exists()) == (ring, True)


async def test_an_actor_waits_for_the_keys_and_makes_none(url, tmp_path, caplog):
    keys, away = tmp_path / "keys", tmp_path / "away"
    await System._seed(url, SETTINGS, keys)
    keys.rename(away)
    async with running(url, keys) as actor:
        async with asyncio.timeout(WITHIN_S):
            while "for=keys" not in caplog.text:
                await asyncio.sleep(0.02)
        assert not actor.started.is_set()
        assert not (keys / FILE).exists()
        away.rename(keys)
        await asyncio.wait_for(actor.started.wait(), WITHIN_S)
