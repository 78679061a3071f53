"""The commands against the real app, served by a thread, and against a real journal."""

import asyncio
import itertools
import json
import threading
import time
from types import SimpleNamespace

import msgspec
import pytest
import uvicorn
from typer.testing import CliRunner

from actors.cli.main import app
from actors.cli.system import STATE_FILE, Running
from actors.journal import EmbeddedServer, RedisJournal
from actors.shell import SETTINGS_VALUE
from router.api.app import create_app
from router.api.local import LocalFront
from router.config import dump_settings
from router.journal.memory import MemoryJournal
from router.keys import make_key
from router.settings import CarrierProfile, Price, Settings, Tenant, Webhook
from router.terms import Terms

VARIABLES = ("TRUNKLINE_DATA_DIR", "TRUNKLINE_URL", "TRUNKLINE_KEY", "TRUNKLINE_REDIS_URL")
KEY, _RECORD = make_key(b"a" * 38, "shop", ("send", "read", "admin"))
READER, _READER = make_key(b"b" * 38, "shop", ("read",))
SETTINGS = Settings(
    tenants=(Tenant(id="shop", rate_mps=1_000_000, burst=1_000_000, webhook=Webhook(url="https://a.test/", secrets=("s",))),),
    keys=(_RECORD, _READER),
    carriers=(
        CarrierProfile(name="one", addresses=("127.0.0.1:1",), system_id="x", prices=(Price(to="GB", micros=10_000),)),
        CarrierProfile(name="two", addresses=("127.0.0.1:1",), system_id="x", covers=("FR",), enabled=False),
    ),
)


class Served:
    """The app on a loop of its own, beside the blocking command line. ``do`` runs a coroutine there."""

    def __init__(self):
        chance = itertools.count(1)
        now_ms = lambda: time.time_ns() // 1_000_000  # noqa: E731 - a clock
        self.loop = asyncio.new_event_loop()
        self.journal = MemoryJournal(now_ms)
        self.front = LocalFront(
            self.journal,
            Terms.compile(SETTINGS, secret=b"s"),
            now_ms=now_ms,
            monotonic_s=time.perf_counter,
            entropy=lambda octets: next(chance).to_bytes(octets, "big"),
        )
        config = uvicorn.Config(create_app(self.front), host="127.0.0.1", port=0, log_level="warning", lifespan="off", ws="none")
        config.load()
        self._server = uvicorn.Server(config)
        self._server.lifespan = config.lifespan_class(config)
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()
        self.do(self._server.startup())
        self.port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def do(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(10)

    def stop(self):
        self.do(self._server.shutdown())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


@pytest.fixture
def key():
    """The key of the data folder."""
    return KEY


@pytest.fixture
def served():
    made = Served()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def valkey(tmp_path_factory):
    server = EmbeddedServer(tmp_path_factory.mktemp("cli"), maxmemory=256 << 20)
    asyncio.run(server.start())
    yield server
    asyncio.run(server.stop())


@pytest.fixture
def redis(valkey):
    """A journal with settings in it; ``do`` runs work with it, over a connection of its own."""

    async def with_journal(work):
        journal = RedisJournal.connect(valkey.url)
        try:
            return await work(journal)
        finally:
            await journal.close()

    async def begin(journal):
        for link in journal._topology.links:
            await link.command("FLUSHALL")
        await journal.put_value(SETTINGS_VALUE, dump_settings(SETTINGS))

    made = SimpleNamespace(url=valkey.url, do=lambda work: asyncio.run(with_journal(work)))
    made.do(begin)
    return made


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a command as a user would. ``run.state`` writes what ``trunkline up`` leaves in the data folder."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TRUNKLINE_DATA_DIR", str(tmp_path))

    def invoke(*words):
        result = CliRunner().invoke(app, words)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def state(*, api_url="http://127.0.0.1:1", journal_url="", key=KEY):
        known = Running(api_url=api_url, dashboard_url="", ray_address="", journal_url=journal_url, config="", key=key)
        (tmp_path / STATE_FILE).write_bytes(msgspec.json.encode(known))

    invoke.state = state
    invoke.lines = lambda *words: [json.loads(line) for line in invoke(*words).stdout.splitlines()]
    return invoke


@pytest.fixture
def here(run, served):
    """As ``run``, with the served app as the system of the data folder."""
    run.state(api_url=served.url)
    return run
