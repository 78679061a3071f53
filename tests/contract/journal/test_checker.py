"""The checker: it finds every planted fault, and accuses nobody while the system is busy."""

import asyncio
from typing import Any

import pytest

from router.ids import PARTITIONS, make_id, to_text
from router.journal.port import Assign, Receipt, Submitted
from router.model import MessageClass, State

ALL = range(PARTITIONS)
P = "{p07}:"
LINE = P + "q:1:acme"


async def faults(desk: Any) -> list[str]:
    return list((await desk.journal.check()).faults)


@pytest.mark.parametrize(
    "sabotage",
    [
        ("RPOP", LINE),  # lost from its line
        ("ZADD", P + "due", 1, "{id}"),  # in two places
        ("RPUSH", LINE, "{id}"),  # twice in one
        ("DEL", P + "r:1"),  # a line that nobody visits
        ("RPUSH", P + "r:1", "nobody"),  # a tenant in the ring with nothing queued
        ("RPUSH", P + "r:1", "acme"),  # a tenant with two turns
        ("HDEL", P + "s", "{id}"),  # a record lost
        ("HINCRBY", P + "ctr", "accepted", 1),  # a message that vanished without a trace
        ("ZADD", P + "wait", 1, "{ghost}"),  # an id without a record
    ],
    ids=lambda words: " ".join(map(str, words)),
)
async def test_a_planted_fault_is_found(redis_desk: Any, sabotage: tuple[Any, ...]) -> None:
    ids = await redis_desk.accept(3)
    assert await faults(redis_desk) == []
    named = {"{id}": ids[-1], "{ghost}": make_id(1, 7, bytes(10))}
    await redis_desk.journal._topology.links[0].command(*(named.get(word, word) for word in sabotage))
    assert await faults(redis_desk) != []


async def test_a_message_in_the_wrong_flight_is_found(redis_desk: Any) -> None:
    (message_id,) = await redis_desk.send()
    link = redis_desk.journal._topology.links[0]
    await link.command("RENAME", P + "if:carrier:a#0", P + "if:carrier:z#9")
    (fault,) = await faults(redis_desk)
    assert to_text(message_id) in fault
    assert "z#9" in fault


async def test_unreadable_records_are_set_aside_and_counted(redis_desk: Any) -> None:
    ids = await redis_desk.accept(3)
    link = redis_desk.journal._topology.links[0]
    await link.command("HSET", P + "s", ids[0], b"\x63 of a later release")
    await link.command("HDEL", P + "m", ids[1])
    assert [c.id for c in await redis_desk.claim()] == ids[2:]
    report = await redis_desk.journal.check()
    assert (list(report.faults), report.counts["dead"], report.counts["claimed"]) == ([], 2, 1)


async def test_nobody_is_accused_while_messages_move(redis_desk: Any) -> None:
    journal = redis_desk.journal
    epoch = await redis_desk.carrier()
    await journal.lease_partitions("d", 1, ALL, 60)
    done = asyncio.Event()

    async def bring() -> None:
        while not done.is_set():
            await redis_desk.accept(20, partition=redis_desk.made % PARTITIONS)

    async def carry() -> None:
        while not done.is_set():
            claimed, _ = await journal.claim("d", 1, ALL, {MessageClass.TRANSACTIONAL: 50})
            taken = await journal.assign("carrier:a#0", epoch, [Assign(c.id, c.attempts, b"a") for c in claimed])
            assert all(taken)
            await journal.submitted("carrier:a#0", "a", [Submitted(c.id, (c.id.hex(),), 1 << 42, b"s") for c in claimed])
            await journal.receipts("a", [Receipt(c.id.hex(), State.DELIVERED, b"r", b"f") for c in claimed])

    tasks = [asyncio.create_task(work()) for work in (bring, carry)]
    try:
        while redis_desk.made < 100:
            await asyncio.sleep(0.005)
        for _ in range(3):
            assert await faults(redis_desk) == []
    finally:
        done.set()
        await asyncio.gather(*tasks)
    counts = await redis_desk.clean()
    assert counts["accepted"] == redis_desk.made
