"""Whoever waits for work is told; and what is only kept for a while has an end."""

import asyncio
from typing import Any

from actors.journal import EmbeddedServer, RedisWake
from router.ids import PARTITIONS
from router.journal.port import Finish, Receipt, Received, Requeue
from router.model import MessageClass, State

ALL = range(PARTITIONS)


async def test_every_way_into_a_queue_and_every_end_is_called_out(redis_desk: Any, valkey: EmbeddedServer) -> None:
    wake = RedisWake.connect(valkey.url)
    stream = wake.listen("queue", "urgent", "notice", "channel", "value")
    calls: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    async def listen() -> None:
        async for call in stream:
            calls.put_nowait(call)

    task = asyncio.create_task(listen())
    journal = redis_desk.journal

    async def heard() -> list[tuple[str, str]]:
        """All calls until now: a value of our own comes behind them."""
        redis_desk.made += 1
        name = f"mark-{redis_desk.made}"
        found: list[tuple[str, str]] = []
        while True:
            await journal.put_value(name, b"")
            try:
                async with asyncio.timeout(0.2):
                    while (call := await calls.get()) != ("value", name):
                        found.append(call)
                    return found
            except TimeoutError:  # not subscribed yet
                continue

    try:
        async with asyncio.timeout(20):
            await heard()
            ids = await redis_desk.accept(2, wants_events=True)
            assert await heard() == [("queue", "7")]
            await redis_desk.claim()
            (code,) = await redis_desk.accept(1, klass=MessageClass.OTP)
            assert await heard() == [("queue", "7"), ("urgent", "7")]
            await redis_desk.claim()
            await journal.finish("", [Finish(code, State.FAILED, b"")])
            assert await heard() == []
            await journal.requeue("", [Requeue(i, 0, b"") for i in ids])
            assert await heard() == [("queue", "7")]
            await journal.lease_partitions("dispatcher:0", 1, ALL, 60)
            await redis_desk.claim()
            await journal.release_partitions("dispatcher:0", 1, ALL)
            assert await heard() == [("queue", "7")]
            await redis_desk.claim()
            await journal.finish("", [Finish(ids[0], State.FAILED, b"")])
            assert await heard() == [("notice", "7")]
            (notice,) = await journal.claim_notices("c", ALL, 10, 60)
            await journal.bury_notices([notice])
            await journal.replay_notices([notice])
            assert await heard() == [("notice", "7")]
            told = [await redis_desk.message(channel=name, partition=p) for p in (7, 8) for name in ("a:b", "a:b", "c")]
            await journal.accept(told)
            for item in told:
                await journal.cancel(item.id, "acme", b"")
            assert (await heard())[2:] == [("channel", f"{p}:{name}") for p in (7, 8) for name in ("a:b", "a:b", "c")]
            both = [Received(await redis_desk.new_id(7), "acme", b"", b"", wants_events=True, channel="a:b") for _ in range(3)]
            await journal.receive([*both, Received(await redis_desk.new_id(8), "acme", b"", b"", channel="c")])
            assert await heard() == [("notice", "7"), ("channel", "7:a:b"), ("channel", "8:c")]
            await journal.requeue("", [Requeue(ids[1], await redis_desk.now(), b"")])
            assert await heard() == []
            await redis_desk.until(await redis_desk.now() + 1)
            await journal.pump(ALL, 10)
            assert await heard() == [("queue", "7")]
            await redis_desk.claim()
            assert await journal.set_aside([ids[1]]) == 1
            assert await heard() == []
            assert await journal.take_up(ALL, 10) == 1
            assert await heard() == [("queue", "7")]
            (sent,) = await redis_desk.send()
            await redis_desk.submit(sent, "x")
            for act, place in (("ZREM", "wait"), ("ZADD", "dead")):
                await journal._topology.links[0].command(act, "{p07}:" + place, *([1] if act == "ZADD" else []), sent)
            await heard()
            assert await journal.take_up(ALL, 10) == 1
            assert await heard() == []
            timed = [await redis_desk.message(partition=p, due_ms=await redis_desk.now() + 1) for p in (8, 9)]
            await journal.accept(timed)
            assert await heard() == [("queue", "8"), ("queue", "9")]
            await journal.accept(timed)
            await redis_desk.accept(1, partition=10, due_ms=await redis_desk.now() + 60_000)
            assert await heard() == [("queue", "10")]
            await redis_desk.until(timed[1].due_ms)
            for partition in ("8", "9"):
                assert (await journal.pump([8, 9, 10], 1))[0] == 1
                assert await heard() == [("queue", partition)]
            assert (await journal.pump([8, 9, 10], 1))[0] == 0
            assert await heard() == []
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await stream.aclose()
        await wake.close()


async def test_keys_and_carrier_ids_and_orphans_do_not_stay_for_ever(redis_desk: Any) -> None:
    journal, link = redis_desk.journal, redis_desk.journal._topology.links[0]
    await journal.accept([await redis_desk.message(idempotency=b"d" * 16 + b"f" * 8, klass=MessageClass.OTP)])
    (message_id,) = await redis_desk.send()
    await redis_desk.submit(message_id, "c1")
    await journal.receipts("a", [Receipt("nobody's", State.DELIVERED, b"", b"")])
    lives = {}
    for kind in ("idem", "dlr", "orph"):
        (key,) = await link.command("KEYS", f"*:{kind}:*")
        lives[kind] = await link.command("PTTL", key)
    assert 86_400_000 < lives["idem"] <= 2 * 86_400_000
    assert 60_000 < lives["dlr"] <= 60_000 + 3_600_000
    assert 900_000 < lives["orph"] <= 1_350_000


async def test_carrier_ids_are_forgotten_after_their_horizon(redis_desk: Any) -> None:
    link = redis_desk.journal._topology.links[0]
    (first, second) = await redis_desk.send(2)
    await redis_desk.submit(first, "c1")
    (slots,) = await link.command("KEYS", "*:dlrs:*")
    await link.command("ZADD", slots, 1, "long ago")
    await link.command("DEL", *await link.command("KEYS", "*:dlr:*"))  # as if its time had come
    await redis_desk.submit(second, "c2")
    assert await link.command("ZSCORE", slots, "long ago") is None
    (did,) = await redis_desk.journal.receipts("a", [Receipt("c1", State.DELIVERED, b"", b"")])
    assert did.id is None
    (did,) = await redis_desk.journal.receipts("a", [Receipt("c2", State.DELIVERED, b"", b"")])
    assert did.changed
