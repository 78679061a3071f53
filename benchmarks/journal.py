"""What a message costs the journal's server: CPU by stage and batch, octets of append-only file, memory of a million queued.

python benchmarks/journal.py [--server PROGRAM] [--fsync everysec] [--spread] [--million]
"""

import argparse
import asyncio
import os
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from actors.journal import EmbeddedServer, RedisJournal
from router.ids import PARTITIONS, MessageId, make_id
from router.journal.port import Assign, Intake, Receipt, Submitted
from router.model import MessageClass, State
from router.record import Body, EventKind, pack_body, pack_event

ALL = range(PARTITIONS)
OWNER = "carrier:acme#0"


def body(n: int) -> bytes:
    return pack_body(
        Body(
            tenant="acme",
            to=f"4479{n % 10**8:08d}",
            sender="Acme",
            text="Your code is 123456. It is valid for five minutes. Do not tell it to anybody, we never ask for it.",
            klass=1,
            created_ms=1_700_000_000_000,
            expires_ms=1_700_000_060_000,
            encoding="gsm7",
            segments=1,
            country="GB",
            network="23410",
        )
    )


def expect(condition: bool) -> None:
    if not condition:
        raise SystemExit("the journal did not do what the measurement rests on")


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def used(journal: RedisJournal) -> dict[str, float]:
    info = await journal._topology.links[0].client.info()
    return {
        "cpu_us": (info["used_cpu_user"] + info["used_cpu_sys"]) * 1e6,
        "aof": info["aof_current_size"],
        "memory": info["used_memory"],
    }


class Lap:
    """The server's figures between two moments, by stage."""

    def __init__(self, journal: RedisJournal) -> None:
        self.journal = journal
        self.totals: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        self.before: dict[str, float] = {}

    async def start(self) -> None:
        self.before = await used(self.journal)
        self.started = time.perf_counter()

    async def end(self, stage: str) -> None:
        wall = time.perf_counter() - self.started
        after = await used(self.journal)
        for name in after:
            self.totals[stage][name] += after[name] - self.before[name]
        self.totals[stage]["wall_us"] += wall * 1e6


async def lifecycle(journal: RedisJournal, total: int, batch: int, *, spread: bool, keyed: bool) -> None:
    lap = Lap(journal)
    epoch, _, _ = await journal.register(OWNER, os.urandom(4).hex(), 60)
    await journal.adopt(OWNER, epoch, dict.fromkeys(MessageClass, 1), b"")
    dispatcher, _, _ = await journal.register("d", "d", 60)
    await journal.lease_partitions("d", dispatcher, ALL, 600)
    batches = [range(start, min(start + batch, total)) for start in range(0, total, batch)]
    ids: list[list[MessageId]] = [
        [make_id(now_ms(), (n if spread else turn) % PARTITIONS, os.urandom(10)) for n in numbers]
        for turn, numbers in enumerate(batches)
    ]
    intakes = [
        [
            Intake(i, "acme", MessageClass.TRANSACTIONAL, body(n), 1 << 42, idempotency=os.urandom(24) if keyed else b"")
            for n, i in zip(numbers, some, strict=True)
        ]
        for numbers, some in zip(batches, ids, strict=True)
    ]
    await lap.start()
    for items in intakes:
        await journal.accept(items)
    await lap.end("accept")
    await lap.start()
    claims = [(await journal.claim("d", dispatcher, ALL, {MessageClass.TRANSACTIONAL: batch}))[0] for _ in batches]
    await lap.end("claim")
    expect(sum(map(len, claims)) == total)
    event = pack_event(now_ms(), EventKind.ASSIGNED, "acme", 1, 123456, 17, False)
    await lap.start()
    for some in claims:
        expect(all(await journal.assign(OWNER, epoch, [Assign(c.id, c.attempts, event) for c in some])))
    await lap.end("assign")
    horizon = now_ms() + 86_400_000
    event = pack_event(now_ms(), EventKind.SUBMITTED, "acme", ["0123456789"], 12345)
    await lap.start()
    for some in claims:
        await journal.submitted(OWNER, "acme", [Submitted(c.id, (c.id.hex()[-12:],), horizon, event) for c in some])
    await lap.end("submitted")
    event, final = (
        pack_event(now_ms(), EventKind.RECEIPT, "acme", 0, "DELIVRD", "000"),
        pack_event(now_ms(), EventKind.FINAL, 16, "", False, ""),
    )
    await lap.start()
    for some in claims:
        done = await journal.receipts("acme", [Receipt(c.id.hex()[-12:], State.DELIVERED, event, final) for c in some])
        expect(all(did.changed for did in done))
    await lap.end("receipts")
    expect(not (await journal.check()).faults)
    stages = {stage: {name: value / total for name, value in values.items()} for stage, values in lap.totals.items()}
    stages["all"] = {name: sum(values[name] for values in stages.values()) for name in ("cpu_us", "aof", "memory", "wall_us")}
    for stage, values in stages.items():
        print(
            f"batch {batch:4d} {stage:10s} {values['cpu_us']:7.1f} µs CPU {values['aof']:7.0f} B AOF "
            f"{values['memory']:6.0f} B memory {values['wall_us']:7.1f} µs elapsed a message"
        )


async def million(journal: RedisJournal) -> None:
    before = await used(journal)
    for turn in range(1000):
        ids = [make_id(now_ms(), turn % PARTITIONS, os.urandom(10)) for _ in range(1000)]
        await journal.accept([Intake(i, "acme", MessageClass.MARKETING, body(n), 1 << 42) for n, i in enumerate(ids)])
    after = await used(journal)
    print(f"1,000,000 queued: {(after['memory'] - before['memory']) / 1e6:.0f} MB; a body has {len(body(1))} octets")
    started = time.perf_counter()
    report = await journal.check()
    print(f"checked in {time.perf_counter() - started:.1f} s, faults: {len(report.faults)}")


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", type=Path)
    parser.add_argument("--fsync", choices=("always", "everysec"), default="always")
    parser.add_argument("--spread", action="store_true", help="a batch's messages over all partitions, not in one")
    parser.add_argument("--keyed", action="store_true", help="an idempotency key each")
    parser.add_argument("--batches", type=int, nargs="*", default=[1, 10, 100, 500])
    parser.add_argument("--million", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedServer(Path(folder) / "journal", fsync=asked.fsync, maxmemory=2 << 30, binary=asked.server)
        await server.start()
        journal = RedisJournal.connect(server.url)
        try:
            for batch in asked.batches:
                await journal._topology.links[0].command("FLUSHALL")
                await lifecycle(journal, {1: 1000, 10: 10_000}.get(batch, 20_000), batch, spread=asked.spread, keyed=asked.keyed)
            if asked.million:
                await journal._topology.links[0].command("FLUSHALL")
                await million(journal)
        finally:
            await journal.close()
            await server.stop()


if __name__ == "__main__":
    asyncio.run(main())
