"""What every release kept, in a server of its own."""

import asyncio
import importlib.util
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from actors.journal import EmbeddedServer, RedisJournal
from actors.journal.keyring import Keyring
from actors.journal.vault import Vault

DATA = Path(__file__).parents[2] / "data"


# Folders of tests are no packages: helpers are loaded by their path, once, under the names that the tests import.
def _load(name: str):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name.removeprefix('records_')}.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


_load("records_story")
keys = _load("records_keys")


class Opened:
    """A journal and its server's client."""

    def __init__(self, journal: RedisJournal) -> None:
        self.journal = journal
        self.client = journal._topology.links[0].client

    async def now_ms(self) -> int:
        seconds, micros = await self.client.time()
        return seconds * 1000 + micros // 1000

    async def load(self, form: str) -> None:
        lines = (DATA / "records" / f"{form}.txt").read_text("ascii").splitlines()
        await keys.load(self.client, lines, await self.now_ms())

    async def dump(self) -> list[str]:
        return list(await keys.dump(self.client, await self.now_ms()))


@pytest.fixture(scope="session")
def records_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    server = EmbeddedServer(tmp_path_factory.mktemp("records"), maxmemory=64 << 20)
    with asyncio.Runner() as runner:
        runner.run(server.start())
    yield server
    with asyncio.Runner() as runner:
        runner.run(server.stop())


@pytest.fixture(scope="session")
def golden_vault(tmp_path_factory: pytest.TempPathFactory) -> Vault:
    """The keys that the sealed files were written with."""
    folder = tmp_path_factory.mktemp("records-keys") / "keys"
    shutil.copytree(DATA / "keys", folder)
    return Vault(Keyring(folder))


async def _opened(server: EmbeddedServer, vault: Vault | None) -> AsyncIterator[Opened]:
    journal = RedisJournal.connect(server.url, retention_s=60, cipher=vault)
    opened = Opened(journal)
    await opened.client.flushall()
    yield opened
    await journal.close()


@pytest.fixture
async def plain(records_server: EmbeddedServer) -> AsyncIterator[Opened]:
    """Without keys: what was written before there were any."""
    async for opened in _opened(records_server, None):
        yield opened


@pytest.fixture
async def sealed(records_server: EmbeddedServer, golden_vault: Vault) -> AsyncIterator[Opened]:
    """With the keys."""
    async for opened in _opened(records_server, golden_vault):
        yield opened
