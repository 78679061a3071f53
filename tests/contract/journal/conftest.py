"""One suite over every journal: in memory, on an embedded Valkey, on a pair of servers, and on Redis where it is installed."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from actors.journal import EmbeddedServer, RedisJournal
from actors.journal.keyring import Keyring
from actors.journal.vault import Vault
from router.ids import PARTITIONS, MessageId, make_id
from router.journal.memory import MemoryJournal
from router.journal.port import Assign, Claimed, Intake, Submitted
from router.model import MessageClass, State

ALL = range(PARTITIONS)
EVERY = dict.fromkeys(MessageClass, 1000)
MEMORY = 256 << 20
DAY_MS = 86_400_000
REDIS = shutil.which("redis-server")


class Desk:
    """A journal and what a test does with it again and again."""

    def __init__(self, journal: MemoryJournal | RedisJournal) -> None:
        self.journal = journal
        self.time_ms = 1_700_000_000_000
        self.made = 0

    async def now(self) -> int:
        if isinstance(self.journal, MemoryJournal):
            return self.time_ms
        seconds, micros = await self.journal._topology.links[0].client.time()
        return seconds * 1000 + micros // 1000

    async def until(self, at_ms: int) -> None:
        """Return when the journal's clock shows at least this."""
        if isinstance(self.journal, MemoryJournal):
            self.time_ms = max(self.time_ms, at_ms)
            return
        assert at_ms - await self.now() < 2_000, "too long to wait for"
        while await self.now() < at_ms:
            await asyncio.sleep(0.002)

    async def set_clock_back(self, by_ms: int) -> None:
        """Have the journal's clock go back. A server's own stays, and all that it has timed moves ahead."""
        if isinstance(self.journal, MemoryJournal):
            self.time_ms -= by_ms
            return
        for link in self.journal._topology.links:
            for name in await link.client.keys("*:at:*"):
                await link.client.incrby(name, by_ms)
            for name in [*await link.client.keys("{p??}:wh"), *await link.client.keys("{p??}:due")]:
                for member, at_ms in await link.client.zrange(name, 0, -1, withscores=True):
                    await link.client.zadd(name, {member: at_ms + by_ms})
            for name in await link.client.keys("{p??}:idem:*"):
                for digest, entry in (await link.client.hgetall(name)).items():
                    used_ms = int.from_bytes(entry[:6], "big") + by_ms
                    await link.client.hdel(name, digest)
                    bucket = f"{name.decode().partition('idem')[0]}idem:{used_ms // DAY_MS}:{digest[0]}"
                    await link.client.hset(bucket, digest, used_ms.to_bytes(6, "big") + entry[6:])

    async def new_id(self, partition: int = 7) -> MessageId:
        self.made += 1
        return make_id(await self.now(), partition, self.made.to_bytes(4, "big") + os.urandom(6))

    async def message(self, partition: int = 7, **fields: object) -> Intake:
        message_id = await self.new_id(partition)
        defaults: dict[str, object] = {
            "tenant": "acme",
            "klass": MessageClass.TRANSACTIONAL,
            "body": b"body of " + message_id,
            "expires_ms": await self.now() + 60_000,
        }
        return Intake(id=message_id, **(defaults | fields))  # type: ignore[arg-type]  # fields by name

    async def accept(self, count: int = 1, partition: int = 7, **fields: object) -> list[MessageId]:
        items = [await self.message(partition, **fields) for _ in range(count)]
        assert all(result.fresh for result in await self.journal.accept(items))
        return [item.id for item in items]

    async def claim(self, wanted: dict[MessageClass, int] | None = None, owner: str = "dispatcher:0") -> list[Claimed]:
        epoch, _, _ = await self.journal.register(owner, "first", 60)
        await self.journal.lease_partitions(owner, epoch, ALL, 60)
        claimed, _ = await self.journal.claim(owner, epoch, ALL, wanted or EVERY)
        return claimed

    async def carrier(self, owner: str = "carrier:a#0", incarnation: str = "first") -> int:
        epoch, _, _ = await self.journal.register(owner, incarnation, 60)
        hold = await self.now() + 50
        await self.journal.adopt(owner, epoch, dict.fromkeys(MessageClass, hold), b"adopted")
        return epoch

    async def assign(self, ids: list[MessageId], owner: str = "carrier:a#0") -> None:
        """From queue to in flight."""
        epoch = await self.carrier(owner)
        claimed = {item.id: item for item in await self.claim()}
        items = [Assign(i, claimed[i].attempts, b"assigned %d" % claimed[i].attempts) for i in ids]
        assert await self.journal.assign(owner, epoch, items) == [True] * len(ids)

    async def send(self, count: int = 1, *, owner: str = "carrier:a#0", **fields: object) -> list[MessageId]:
        """Messages in flight at a carrier owner."""
        ids = await self.accept(count, **fields)
        await self.assign(ids, owner)
        return ids

    async def submit(
        self, message_id: MessageId, *carrier_ids: str, owner: str = "carrier:a#0", carrier: str = "a"
    ) -> list[object]:
        horizon = await self.now() + 60_000
        return list(
            await self.journal.submitted(
                owner, carrier, [Submitted(message_id, carrier_ids, horizon, b"submitted by " + owner.encode())]
            )
        )

    async def state(self, message_id: MessageId) -> State:
        (record,) = await self.journal.read([message_id])
        assert record is not None
        return record.state

    async def place(self, message_id: MessageId) -> str:
        (record,) = await self.journal.inspect([message_id], ["carrier:a#0", "carrier:b#0"])
        assert record is not None
        return record.place

    async def events(self, message_id: MessageId) -> bytes:
        (record,) = await self.journal.read([message_id])
        assert record is not None
        return record.events

    async def clean(self) -> dict[str, int]:
        report = await self.journal.check()
        assert list(report.faults) == []
        return dict(report.counts)


def served(folder: Path, binary: Path | None = None) -> Iterator[EmbeddedServer]:
    server = EmbeddedServer(folder, maxmemory=MEMORY, binary=binary)
    with asyncio.Runner() as runner:
        runner.run(server.start())
    yield server
    with asyncio.Runner() as runner:
        runner.run(server.stop())


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    yield from served(tmp_path_factory.mktemp("valkey"))


@pytest.fixture(scope="session")
def second(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    yield from served(tmp_path_factory.mktemp("second"))


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    assert REDIS is not None
    yield from served(tmp_path_factory.mktemp("redis"), Path(REDIS))


@pytest.fixture(scope="session")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Vault:
    """Keys as a system has them; the journal on a pair of servers goes without."""
    ring = Keyring(tmp_path_factory.mktemp("keys"))
    ring.ensure([], 1)
    return Vault(ring)


async def opened(url: str, cipher: Vault | None = None) -> AsyncIterator[RedisJournal]:
    journal = RedisJournal.connect(url, retention_s=60, cipher=cipher)
    for link in journal._topology.links:
        await link.command("FLUSHALL")
    yield journal
    await journal.close()


KINDS = ["memory", "valkey", "pair", *(["redis"] if REDIS else [])]


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest) -> str:
    """Where the journal of this round is; "" for the one in memory."""
    if request.param == "memory":
        return ""
    first: str = request.getfixturevalue("redis_server" if request.param == "redis" else "valkey").url
    return first + "," + request.getfixturevalue("second").url if request.param == "pair" else first


@pytest.fixture
async def desk(url: str, vault: Vault) -> AsyncIterator[Desk]:
    if not url:
        twin = Desk(MemoryJournal(lambda: twin.time_ms))
        yield twin
        return
    async for journal in opened(url, None if "," in url else vault):
        yield Desk(journal)


@pytest.fixture
async def redis_desk(valkey: EmbeddedServer) -> AsyncIterator[Desk]:
    async for journal in opened(valkey.url):
        yield Desk(journal)
