"""Random sequences of calls have the same outcome in memory and on a server, and leave both clean."""

import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from router.ids import PARTITIONS, MessageId, derived_id, make_id
from router.journal.memory import MemoryJournal
from router.journal.port import (
    Accepted,
    Assign,
    CopyEnd,
    Fenced,
    Finish,
    Hold,
    Intake,
    Part,
    Receipt,
    Received,
    Requeue,
    Submitted,
)
from router.model import MessageClass, State

ALL = range(PARTITIONS)
OWNERS = ("carrier:a#0", "carrier:b#0")
DISPATCHERS = ("d0", "d1")
PLACES = (1, 2, 33)
CHANNELS = ("", "", "shop", "bank")  # "" for the webhooks, too
ENDS = (State.FAILED, State.EXPIRED, State.REJECTED, State.UNCONFIRMED, State.DELIVERED)
REPORTS = (State.SENT, State.DELIVERED, State.DELIVERED, State.UNDELIVERED, State.EXPIRED, State.UNCONFIRMED)
FAR_MS = 1 << 42  # no timer of these rounds fires by itself
PAST_MS = 1


class Pair:
    """The same call on both; whatever they answer must be the same."""

    def __init__(self, memory: MemoryJournal, server: Any, rng: random.Random, now_ms: int) -> None:
        self.memory, self.server, self.rng, self.now_ms = memory, server, rng, now_ms
        self.ids: list[MessageId] = []
        self.attempts: dict[MessageId, int] = {}
        self.epochs: dict[str, int] = {}
        self.serial = 0

    async def both(self, act: Callable[[Any], Awaitable[Any]]) -> Any:
        outcomes = []
        for journal in (self.memory, self.server):
            try:
                outcomes.append(await act(journal))
            except Fenced:
                outcomes.append("fenced")
        assert outcomes[0] == outcomes[1]
        return outcomes[0]

    def some(self) -> list[MessageId]:
        return self.rng.choices(self.ids, k=self.rng.randint(1, 6)) if self.ids else []

    def word(self) -> bytes:
        self.serial += 1
        return b"<%d>" % self.serial

    async def accept(self) -> None:
        items = []
        for _ in range(self.rng.randint(1, 8)):
            key = self.rng.choice([b"", b"", bytes([self.rng.randrange(3)]) * 16])
            partition = 33 if key else self.rng.choice(PLACES)
            self.serial += 1
            new = make_id(self.now_ms + self.serial, partition, self.serial.to_bytes(10, "big"))
            if key:
                new = derived_id(self.now_ms + self.rng.randrange(3), partition, key, self.rng.randrange(4))
            elif self.ids and self.rng.random() < 0.2:
                new = self.rng.choice(self.ids)
            items.append(
                Intake(
                    new,
                    self.rng.choice(("acme", "globex", "initech")),
                    MessageClass(self.rng.randrange(3)),
                    self.word(),
                    FAR_MS,
                    due_ms=self.rng.choice((0, 0, 0, PAST_MS, FAR_MS)),
                    segments=self.rng.choice((1, 1, 2)),
                    wants_events=self.rng.random() < 0.5,
                    idempotency=key + self.rng.choice((b"f" * 8, b"f" * 8, b"g" * 8)) if key else b"",
                    channel=self.rng.choice(CHANNELS),
                )
            )
        for item, result in zip(items, await self.both(lambda j: j.accept(items)), strict=True):
            assert isinstance(result, Accepted)
            if result.fresh:
                self.ids.append(item.id)

    async def cancel(self) -> None:
        if self.ids:
            message_id, tenant, event = self.rng.choice(self.ids), self.rng.choice(("acme", "globex")), self.word()
            await self.both(lambda j: j.cancel(message_id, tenant, event))

    async def replace(self) -> None:
        for message_id in self.some():
            tenant, body, event = self.rng.choice(("acme", "globex")), self.word(), self.rng.choice((b"", self.word()))
            segments = self.rng.randint(0, 3)
            for _ in range(self.rng.randint(1, 2)):
                await self.both(lambda j, i=message_id, t=tenant, b=body, s=segments, e=event: j.replace(i, t, b, s, e))

    async def receive(self) -> None:
        items = []
        for _ in range(self.rng.randint(1, 4)):
            self.serial += 1
            new = make_id(self.now_ms + self.serial, self.rng.choice(PLACES), self.serial.to_bytes(10, "big"))
            if self.ids and self.rng.random() < 0.2:
                new = self.rng.choice(self.ids)
            self.ids.append(new)
            items.append(
                Received(
                    new,
                    self.rng.choice(("acme", "globex")),
                    self.word(),
                    self.word(),
                    wants_events=self.rng.random() < 0.5,
                    channel=self.rng.choice(CHANNELS),
                    retention_s=self.rng.choice((0, 600)),
                )
            )
        for _ in range(self.rng.randint(1, 2)):
            await self.both(lambda j: j.receive(items))

    async def parts(self) -> None:
        items = []
        for _ in range(self.rng.randint(1, 8)):
            self.serial += 1
            which = self.rng.randrange(3)
            octets = self.rng.choice((b"one", b"one", b"two"))
            new = make_id(self.now_ms, 1, self.serial.to_bytes(10, "big"))
            items.append(Part(bytes((which,)) * 16, new, self.rng.randint(1, which + 1), which + 1, octets))
        for _ in range(self.rng.randint(1, 2)):
            found = await self.both(lambda j: j.gather(items))
        done = [(item.group, one.id) for item, one in zip(items, found, strict=True) if self.rng.random() < 0.5]
        names = [group + self.rng.choice((b"", message_id)) for group, message_id in done]
        keep_s = self.rng.choice((0, 600))
        await self.both(lambda j: j.close_groups(names, keep_s))
        await self.both(lambda j: _as_set(j.stale_groups(range(3), 0, 100)))

    async def lease(self) -> None:
        who, epoch, wanted = self.rng.choice(DISPATCHERS), self.rng.randint(1, 2), self.rng.sample(PLACES, self.rng.randint(1, 3))
        await self.both(lambda j: j.lease_partitions(who, epoch, wanted, 600))

    async def release(self) -> None:
        who, epoch = self.rng.choice(DISPATCHERS), self.rng.randint(1, 2)
        await self.both(lambda j: j.release_partitions(who, epoch, PLACES))

    async def claim(self) -> None:
        for who in DISPATCHERS:
            for epoch in (1, 2):
                wanted = {klass: self.rng.randint(0, 4) for klass in MessageClass}
                claimed, _ = await self.both(lambda j, w=who, e=epoch, n=wanted: j.claim(w, e, ALL, n))
                self.attempts |= {c.id: c.attempts for c in claimed}

    async def register(self) -> None:
        owner, incarnation = self.rng.choice(OWNERS), self.rng.choice(("one", "two"))
        epoch, _ = await self.both(lambda j: _without_time(j.register(owner, incarnation, 600)))
        self.epochs[owner] = epoch
        event = self.word()
        await self.both(lambda j: j.adopt(owner, epoch, dict.fromkeys(MessageClass, PAST_MS), event))

    async def assign(self) -> None:
        owner = self.rng.choice(OWNERS)
        epoch = self.epochs.get(owner, 0) - (self.rng.random() < 0.1)
        items = [Assign(i, a, self.word()) for i, a in self.attempts.items() if self.rng.random() < 0.7]
        for _ in range(self.rng.randint(1, 2)):
            await self.both(lambda j: j.assign(owner, epoch, items))

    async def submitted(self) -> None:
        owner = self.rng.choice(OWNERS)
        items = [
            Submitted(
                i,
                tuple(self.rng.choice((f"{i.hex()}-{s}", "")) for s in range(2)),
                self.rng.choice((PAST_MS, FAR_MS)),
                self.word(),
                self.rng.choice((0, PAST_MS, FAR_MS)),
            )
            for i in self.some()
        ]
        for _ in range(self.rng.randint(1, 2)):
            await self.both(lambda j: _as_set(j.submitted(owner, owner[8], items)))

    async def copy(self) -> None:
        owner = self.rng.choice(OWNERS)
        epoch = self.epochs.get(owner, 0) - (self.rng.random() < 0.1)
        limit = self.rng.choice((2, 1000))
        found = await self.both(lambda j: _looked(j, limit))
        sent = {c.id: c.attempts for c in found} if isinstance(found, list) else {}
        sent |= {i: self.rng.randint(1, 2) for i in self.some() if i not in sent}
        items = [Assign(i, a, self.word()) for i, a in sent.items() if self.rng.random() < 0.8]
        items += self.rng.choices(items, k=1) if items else []
        for _ in range(self.rng.randint(1, 2)):
            await self.both(lambda j: j.assign_copies(owner, epoch, items))
        later = [(i, self.rng.choice((0, PAST_MS, FAR_MS))) for i in self.some()]
        await self.both(lambda j: j.put_off(later))

    async def sent(self) -> None:
        """Messages all the way to where they wait for a receipt, at either carrier."""
        await self.both(lambda j: j.lease_partitions("d0", 1, PLACES, 600))
        await self.accept()
        claimed, _ = await self.both(lambda j: j.claim("d0", 1, ALL, dict.fromkeys(MessageClass, 100)))
        for owner in OWNERS:
            epoch, _ = await self.both(lambda j, o=owner: _without_time(j.register(o, "one", 600)))
            self.epochs[owner] = epoch
            mine = [Assign(c.id, c.attempts, self.word()) for c in claimed if (c.id[-1] + len(owner)) % 2 == OWNERS.index(owner)]
            await self.both(lambda j, o=owner, e=epoch, m=mine: j.assign(o, e, m))
            items = [
                Submitted(a.id, (f"{a.id.hex()}-0", f"{a.id.hex()}-1"), FAR_MS, self.word(), self.rng.choice((0, PAST_MS)))
                for a in mine
            ]
            await self.both(lambda j, o=owner, i=items: _as_set(j.submitted(o, o[8], i)))
        self.attempts |= {c.id: c.attempts + 1 for c in claimed}

    async def copies_ended(self) -> None:
        state = self.rng.choice((State.UNDELIVERED, State.EXPIRED))
        items = [CopyEnd(i, self.word(), self.rng.random() < 0.7, state, b"<final>") for i in self.some()]
        for _ in range(self.rng.randint(1, 2)):
            await self.both(lambda j: j.copies_ended(items))

    async def receipts(self) -> None:
        carrier = self.rng.choice("ab")
        items = [
            Receipt(f"{i.hex()}-{self.rng.randrange(2)}", self.rng.choice(REPORTS), self.word(), b"<final>") for i in self.some()
        ]
        for _ in range(self.rng.randint(1, 2)):
            await self.both(lambda j: j.receipts(carrier, items))

    async def requeue(self) -> None:
        owner = self.rng.choice(("", *OWNERS))
        items = [Requeue(i, self.rng.choice((0, PAST_MS, FAR_MS)), self.word(), self.rng.random() < 0.5) for i in self.some()]
        await self.both(lambda j: j.requeue(owner, items))

    async def hold(self) -> None:
        owner = self.rng.choice(OWNERS)
        items = [Hold(i, self.rng.choice((PAST_MS, FAR_MS)), self.word()) for i in self.some()]
        await self.both(lambda j: j.hold(owner, items))

    async def finish(self) -> None:
        owner = self.rng.choice(("", *OWNERS))
        items = [Finish(i, self.rng.choice(ENDS), self.word()) for i in self.some()]
        await self.both(lambda j: j.finish(owner, items))

    async def timers(self) -> None:
        limit, event = self.rng.randint(1, 5), self.word()
        await self.both(lambda j: j.pump(PLACES, limit))
        await self.both(lambda j: j.expire_waits(PLACES, limit, event))

    async def notices(self) -> None:
        await self.both(lambda j: j.still_claimed(self.ids))
        limit = self.rng.randint(1, 3)
        for name in sorted(set(CHANNELS)):
            found = sorted(await self.memory.claim_notices("c", PLACES, 100, 0, channel=name))
            assert found == sorted(await self.server.claim_notices("c", PLACES, 100, 0, channel=name))
            some = [n for n in found if self.rng.random() < 0.5][:limit]
            act = self.rng.choice(("settle_notices", *(() if name else ("bury_notices", "replay_notices"))))
            await self.both(lambda j, a=act, n=some, k={"channel": name} if name else {}: getattr(j, a)(n, **k))
            retried = [(n, PAST_MS) for n in found if self.rng.random() < 0.2]
            await self.both(lambda j, n=name, r=retried: j.retry_notices(r, channel=n))
            await self.both(lambda j, n=name: j.waiting_notices(n))
        await self.both(lambda j: _as_set(j.dead_notices(1000)))
        name, place, older_s = self.rng.choice(CHANNELS), self.rng.choice(PLACES), self.rng.choice((0, 600))
        await self.both(lambda j: j.drop_notices(name, [place], older_s, 100))

    async def retire(self) -> None:
        await self.both(lambda j: j.retire(PLACES, 1000, 0))

    async def compare(self) -> None:
        ids = sorted(set(self.ids))
        records = await self.both(lambda j: j.inspect(ids, OWNERS))
        assert len(records) == len(ids)
        await self.both(lambda j: j.depths())
        for tenant in ("acme", "globex"):
            await self.both(lambda j, t=tenant: j.list_ids(t, before=None, created_after_ms=0, limit=50))
        reports = [await journal.check() for journal in (self.memory, self.server)]
        assert [list(report.faults) for report in reports] == [[], []]
        counts = [{k: n for k, n in report.counts.items() if n} for report in reports]
        assert counts[0] == counts[1]


async def _as_set(call: Awaitable[Any]) -> Any:
    return sorted(await call, key=repr)


async def _looked(journal: Any, limit: int) -> Any:
    """Which are looked at when not all can be is for each journal to choose."""
    if limit > 2:
        found, more = await journal.overdue(PLACES, limit, 600)
        return None if more else sorted(found, key=repr)
    return (await journal.overdue([], limit, 600))[1]


async def _without_time(call: Awaitable[Any]) -> Any:
    epoch, before, _ = await call
    return epoch, before


ACTS = {
    "accept": 3,
    "cancel": 1,
    "replace": 2,
    "receive": 1,
    "parts": 1,
    "lease": 2,
    "release": 1,
    "claim": 3,
    "register": 1,
    "assign": 3,
    "submitted": 2,
    "copy": 2,
    "copies_ended": 1,
    "receipts": 2,
    "requeue": 1,
    "hold": 1,
    "finish": 1,
    "timers": 2,
    "notices": 1,
    "retire": 1,
}


@pytest.mark.parametrize("seed", range(30))
async def test_both_answer_alike(redis_desk: Any, seed: int) -> None:
    now_ms = await redis_desk.now()
    rng = random.Random(seed)
    pair = Pair(MemoryJournal(lambda: now_ms), redis_desk.journal, rng, now_ms)
    await pair.register()
    for step, act in enumerate(rng.choices(list(ACTS), list(ACTS.values()), k=60)):
        await getattr(pair, act)()
        if step % 20 == 19:
            await pair.compare()


@pytest.mark.parametrize("seed", range(12))
async def test_both_copy_alike(redis_desk: Any, seed: int) -> None:
    """As above, with messages that wait for receipts to begin with: second copies and what both carriers say of them."""
    now_ms = await redis_desk.now()
    rng = random.Random(seed)
    pair = Pair(MemoryJournal(lambda: now_ms), redis_desk.journal, rng, now_ms)
    acts = {"sent": 2, "copy": 4, "copies_ended": 2, "submitted": 2, "receipts": 6, "timers": 1}
    await pair.sent()
    for step, act in enumerate(rng.choices(list(acts), list(acts.values()), k=40)):
        await getattr(pair, act)()
        if step % 20 == 19:
            await pair.compare()
