"""A journal of its own with what stages need of it: settings, keys, a dispatcher's lease, a carrier's ownership; and clocks of CPU time."""

import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from actors.journal import EmbeddedServer, RedisJournal
from actors.journal.health import read_info
from actors.journal.keyring import Keyring
from actors.journal.link import Link
from actors.journal.vault import Vault
from benchmarks.world import PLAIN, TENANT, World
from router.ids import ENTROPY_OCTETS, PARTITIONS, make_id
from router.intake import seal, settle
from router.journal.port import Assign, Claimed, Intake, Lease
from router.message import MessageIn
from router.model import MessageClass
from router.record import Body, EventKind, pack_event
from router.terms import Terms

DISPATCHER: Final = "dispatcher:#0"
CARRIER: Final = "east"
OWNER: Final = f"carrier:{CARRIER}#0"
LEASE_S: Final = 3_600.0
KLASS: Final = MessageClass.TRANSACTIONAL
ALL: Final = range(PARTITIONS)


class Cost(NamedTuple):
    """Microseconds of CPU a message: of our process, and of the journal's server. ``batch``: messages in one go."""

    stage: str
    batch: int
    own_us: float
    journal_us: float


class Spent(NamedTuple):
    """CPU seconds so far."""

    own_s: float
    journal_s: float


class Lab:
    """Owns a server and connections to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = EmbeddedServer(folder / "journal", maxmemory=2 << 30)
        _, self.settings = World(folder, PLAIN).settings()
        self.tenant = self.settings.tenants[0]
        self.terms = Terms.compile(self.settings)
        self.journal: RedisJournal
        self.lease: Lease
        self.epoch = 0  # of the carrier's owner
        self._link: Link
        self._number = 0

    @classmethod
    @asynccontextmanager
    async def opened(cls, folder: Path) -> AsyncIterator["Lab"]:
        """One for a block of code."""
        lab = cls(folder)
        await lab.server.start()
        try:
            Keyring(folder / "keys").ensure([TENANT], time.time_ns() // 1_000_000)
            lab.journal = RedisJournal.connect(lab.server.url, cipher=Vault(Keyring(folder / "keys")))
            lab._link = Link(lab.server.url)
            try:
                epoch, _, _ = await lab.journal.register(DISPATCHER, "lab", LEASE_S)
                lab.lease = Lease(DISPATCHER, epoch)
                await lab.journal.lease_partitions(DISPATCHER, epoch, ALL, LEASE_S)
                lab.epoch, _, _ = await lab.journal.register(OWNER, os.urandom(4).hex(), LEASE_S)
                await lab.journal.adopt(OWNER, lab.epoch, dict.fromkeys(MessageClass, 1), b"")
                yield lab
            finally:
                await lab._link.close()
                await lab.journal.close()
        finally:
            await lab.server.stop()

    async def spent(self) -> Spent:
        """Now; the server's own figures are of microseconds, those of /proc of hundredths of a second."""
        info = read_info(await self._link.command("INFO", "cpu"))
        return Spent(time.process_time(), float(info["used_cpu_user"]) + float(info["used_cpu_sys"]))

    async def cost(self, stage: str, batch: int, messages: int, before: Spent) -> Cost:
        """Since then."""
        after = await self.spent()
        own_s, journal_s = after.own_s - before.own_s, after.journal_s - before.journal_s
        return Cost(stage, batch, round(own_s * 1e6 / messages, 1), round(journal_s * 1e6 / messages, 1))

    # -- messages that the stage before has left -----------------------------------------------------------------
    def intakes(self, count: int, webhook_url: str = "") -> list[Intake]:
        """Messages as a front gives them to the journal, all of one partition."""
        now_ms = time.time_ns() // 1_000_000
        self._number += 1
        partition = self._number % PARTITIONS
        found = []
        for number in range(count):
            body = settle(self._message(number, webhook_url), self.tenant, self.terms, now_ms)
            if not isinstance(body, Body):
                raise TypeError(f"not a message that can be sent: {body}")
            found.append(seal(make_id(now_ms, partition, os.urandom(ENTROPY_OCTETS)), body, self.tenant))
        return found

    def _message(self, number: int, webhook_url: str) -> MessageIn:
        text = f"Your parcel {number:08d} is on its way and will reach you today between 14:00 and 16:00."
        fields = {"to": f"+49151{number % 10**8:08d}", "from": "Bench", "class": KLASS.word, "text": text}
        return msgspec.convert(fields | ({"webhook_url": webhook_url} if webhook_url else {}), MessageIn)

    async def accepted(self, count: int, webhook_url: str = "") -> None:
        """So many are queued."""
        for start in range(0, count, 100):
            await self.journal.accept(self.intakes(min(100, count - start), webhook_url))

    async def claimed(self, count: int, webhook_url: str = "") -> list[Claimed]:
        """So many are in a dispatcher's hands."""
        await self.accepted(count, webhook_url)
        found: list[Claimed] = []
        while len(found) < count:
            some, _ = await self.journal.claim(DISPATCHER, self.lease.epoch, ALL, {KLASS: min(500, count - len(found))})
            found += some
        return found

    async def assigned(self, count: int) -> list[Claimed]:
        """So many are bound to the carrier."""
        found = await self.claimed(count)
        event = pack_event(time.time_ns() // 1_000_000, EventKind.ASSIGNED, CARRIER, 1, os.urandom(8), 3, False)
        for some in chunks(found, 300):
            if not all(await self.journal.assign(OWNER, self.epoch, [Assign(one.id, one.attempts, event) for one in some])):
                raise RuntimeError("the journal did not assign what was claimed")
        return found


def chunks(items: Sequence[Claimed], size: int) -> list[Sequence[Claimed]]:
    """In order, the last one perhaps smaller."""
    return [items[start : start + size] for start in range(0, len(items), size)]


def count_for(batch: int) -> int:
    """Messages of one measurement: enough for the clocks, little enough to be over soon."""
    return {1: 400, 10: 2_000, 100: 4_000}.get(batch, max(6_000 // batch, 8) * batch)
