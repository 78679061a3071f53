"""Channels: what SMPP accounts are told, apart from webhooks and from each other."""

from typing import Any

import pytest

from router.ids import PARTITIONS, MessageId, to_text
from router.journal.port import Finish, Notice, Receipt, Submitted
from router.model import State

ALL = range(PARTITIONS)
ODD = "!{p01}:*'\"[a]~-"  # fifteen characters that a system_id may have


async def ended(desk: Any, count: int = 1, **fields: object) -> list[MessageId]:
    ids: list[MessageId] = await desk.accept(count, **({"channel": "shop"} | fields))
    await desk.claim()
    await desk.journal.finish("", [Finish(i, State.FAILED, b"<final>") for i in ids])
    return ids


async def claim(desk: Any, channel: str = "shop", *, limit: int = 10, lease_s: float = 60) -> list[Notice]:
    found: list[Notice] = await desk.journal.claim_notices("esme:0", ALL, limit, lease_s, channel=channel)
    return found


async def test_an_account_is_told_of_the_end_of_its_message_once(desk: Any) -> None:
    (message_id,) = await ended(desk)
    await ended(desk, channel="")
    assert await desk.journal.waiting_notices("shop") == 1
    (notice,) = await claim(desk)
    assert notice.event_id == f"evt_{to_text(message_id)}_18"
    assert (notice.id, notice.state, notice.tries) == (message_id, State.FAILED, 0)
    assert (notice.body, notice.events) == (b"body of " + message_id, b"<final>")
    assert await claim(desk) == []
    assert await desk.journal.waiting_notices("shop") == 1
    assert await claim(desk, "") == []
    for _ in range(2):
        await desk.journal.settle_notices([notice], channel="shop")
    assert await desk.journal.waiting_notices("shop") == 0
    await desk.clean()


async def test_every_kind_of_end_is_told(desk: Any) -> None:
    (canceled,) = await desk.accept(channel="shop")
    await desk.journal.cancel(canceled, "acme", b"")
    delivered, failed, silent = await desk.send(3, channel="shop")
    await desk.submit(delivered, "c1")
    await desk.journal.receipts("a", [Receipt("c1", State.DELIVERED, b"", b"")] * 2)
    await desk.journal.finish("carrier:a#0", [Finish(failed, State.FAILED, b"")])
    await desk.journal.submitted("carrier:a#0", "a", [Submitted(silent, ("c2",), await desk.now(), b"")])
    await desk.until(await desk.now() + 1)
    assert await desk.journal.expire_waits(ALL, 10, b"") == 1
    found = {(n.id, n.state) for n in await claim(desk)}
    assert found == {
        (canceled, State.CANCELED),
        (delivered, State.DELIVERED),
        (failed, State.FAILED),
        (silent, State.UNCONFIRMED),
    }
    await desk.clean()


@pytest.mark.parametrize("settled", ["", "shop"])
async def test_webhook_and_account_are_told_apart(desk: Any, settled: str) -> None:
    (message_id,) = await ended(desk, wants_events=True)
    by_webhook, by_account = await claim(desk, ""), await claim(desk)
    assert [n.id for n in by_webhook] == [message_id]
    assert by_account == by_webhook
    await desk.journal.settle_notices(by_account, channel=settled)
    left = {"": "shop", "shop": ""}[settled]
    await desk.journal.retry_notices([(by_account[0], 1)], channel=settled)
    await desk.journal.retry_notices([(by_account[0], 1)], channel=left)
    assert await claim(desk, settled) == []
    assert await claim(desk, left) == [by_account[0]._replace(tries=1)]
    counts = [await desk.journal.waiting_notices(channel) for channel in (settled, left)]
    assert counts == [0, 1]


async def test_an_account_that_took_its_receipt_leaves_the_webhooks_dead_letter_alone(desk: Any) -> None:
    await ended(desk, wants_events=True)
    await desk.journal.bury_notices(await claim(desk, ""))
    await desk.journal.settle_notices(await claim(desk), channel="shop")
    (letter,) = await desk.journal.dead_notices(10)
    assert letter.tries == 1


async def test_accounts_do_not_see_each_others(desk: Any) -> None:
    names = ("shop", "shop:", "wh", ODD)
    ids = {name: (await ended(desk, channel=name, partition=1))[0] for name in names}
    for name in names:
        assert [n.id for n in await claim(desk, name)] == [ids[name]]
    assert await claim(desk, "sho") == []
    await desk.clean()


async def test_one_batch_tells_many_accounts_and_some_nobody(desk: Any) -> None:
    items = [await desk.message(partition=n % 3, channel=("", "a", "b")[n % 3 if n < 9 else n % 2]) for n in range(18)]
    await desk.journal.accept(items)
    await desk.claim()
    await desk.journal.finish("", [Finish(item.id, State.EXPIRED, b"") for item in items])
    for name in ("a", "b"):
        expected = {item.id for item in items if item.channel == name}
        assert {n.id for n in await claim(desk, name, limit=100)} == expected
        assert await desk.journal.waiting_notices(name) == len(expected)


async def test_keyed_and_channeled_messages_in_one_batch(desk: Any) -> None:
    keyed = await desk.message(idempotency=b"d" * 16 + b"f" * 8)
    told = await desk.message(channel="shop")
    both = await desk.message(channel="shop", idempotency=b"e" * 16 + b"f" * 8)
    assert all(result.fresh for result in await desk.journal.accept([keyed, told, both]))
    assert not any(result.fresh for result in await desk.journal.accept([keyed, told, both]))
    await desk.claim()
    await desk.journal.finish("", [Finish(item.id, State.FAILED, b"") for item in (keyed, told, both)])
    assert {n.id for n in await claim(desk)} == {told.id, both.id}
    await desk.clean()


async def test_what_is_not_settled_in_time_is_handed_out_again(desk: Any) -> None:
    await ended(desk)
    (first,) = await claim(desk, lease_s=0.02)
    await desk.until(await desk.now() + 20)
    assert await claim(desk) == [first]


async def test_a_retry_comes_at_its_time_and_is_counted(desk: Any) -> None:
    await ended(desk)
    (first,) = await claim(desk)
    at_ms = await desk.now() + 150
    for _ in range(2):
        await desk.journal.retry_notices([(first, at_ms)], channel="shop")
    assert await claim(desk) == []
    await desk.until(at_ms)
    assert await claim(desk) == [first._replace(tries=1)]
    await desk.journal.settle_notices([first], channel="shop")
    await desk.journal.retry_notices([(first, 1)], channel="shop")
    assert await claim(desk) == []


async def test_limits_are_kept_over_partitions(desk: Any) -> None:
    ids = [i for p in (1, 2, 3) for i in await ended(desk, 3, partition=p)]
    seen: list[MessageId] = []
    for expected in (4, 4, 1, 0):
        some = await claim(desk, limit=4)
        assert len(some) == expected
        seen += [n.id for n in some]
    assert sorted(seen) == sorted(ids)


async def test_what_nobody_claims_is_dropped_after_a_while(desk: Any) -> None:
    old = [i for p in (1, 2) for i in await ended(desk, 2, partition=p)]
    await ended(desk, channel="other", wants_events=True)
    await desk.until(await desk.now() + 600)
    (young,) = await ended(desk, partition=2)
    (taken,) = await claim(desk, limit=1)
    await desk.journal.retry_notices([(taken, await desk.now())], channel="shop")
    assert taken.id in old
    assert await desk.journal.drop_notices("shop", [], 0.5, 10) == 0
    assert await desk.journal.drop_notices("shop", ALL, 0.5, 2) == 2
    assert await desk.journal.drop_notices("shop", ALL, 0.5, 10) == 1
    assert await desk.journal.drop_notices("shop", ALL, 0.5, 10) == 0
    assert [await desk.journal.waiting_notices(name) for name in ("shop", "other", "")] == [2, 1, 1]
    assert {(n.id, n.tries) for n in await claim(desk)} == {(young, 0), (taken.id, 1)}
    await desk.clean()


async def test_a_record_stays_while_its_account_is_to_be_told(desk: Any) -> None:
    (message_id,) = await ended(desk, wants_events=True)
    (both_ways,) = await claim(desk, "")
    await desk.journal.settle_notices([both_ways])
    await desk.until(await desk.now() + 2)
    assert await desk.journal.retire(ALL, 10, 0) == 1
    (notice,) = await claim(desk)
    assert notice.body == b"body of " + message_id


async def test_a_record_leaves_when_its_account_was_told_or_gave_up(desk: Any) -> None:
    told, dropped = await ended(desk, 2)
    await desk.journal.settle_notices([n for n in await claim(desk, lease_s=0) if n.id == told], channel="shop")
    await desk.until(await desk.now() + 2)
    assert await desk.journal.drop_notices("shop", ALL, 0, 10) == 1
    assert await desk.journal.retire(ALL, 10, 0) == 2
    assert await desk.journal.read([told, dropped]) == [None, None]
    await desk.clean()


async def test_a_keyed_record_leaves_its_head_and_nobody_to_tell(desk: Any) -> None:
    item = await desk.message(channel="shop", idempotency=b"d" * 16 + b"f" * 8)
    await desk.journal.accept([item])
    await desk.journal.cancel(item.id, "acme", b"<final>")
    await desk.journal.settle_notices(await claim(desk), channel="shop")
    await desk.until(await desk.now() + 2)
    assert await desk.journal.retire(ALL, 10, 0) == 1
    (record,) = await desk.journal.read([item.id])
    assert (record.state, record.body, record.events) == (State.CANCELED, b"", b"")
    (again,) = await desk.journal.accept([item])
    assert not again.fresh
    assert await desk.journal.waiting_notices("shop") == 0


async def test_nothing_stays_behind_a_retired_record(redis_desk: Any) -> None:
    for fields in ({}, {"idempotency": b"d" * 16 + b"f" * 8}):
        await ended(redis_desk, wants_events=True, **fields)
    await redis_desk.journal.retry_notices([(n, 1) for n in await claim(redis_desk)], channel="shop")
    for channel in ("", "shop"):
        await redis_desk.journal.settle_notices(await claim(redis_desk, channel), channel=channel)
    await redis_desk.until(await redis_desk.now() + 2)
    assert await redis_desk.journal.retire(ALL, 10, 0) == 2
    keys = {key.decode() for key in await redis_desk.journal._topology.links[0].command("KEYS", "{p07}:*")}
    assert {key for key in keys if key.split(":")[1] in {"ch", "rx", "rxn", "wh", "whn", "m"}} == set()
    assert await redis_desk.journal._topology.links[0].command("HLEN", "{p07}:s") == 1


COUNTED = ("hget", "hmget", "hset", "zadd", "hincrby", "rpush", "publish", "hdel", "zmscore")


async def test_messages_without_an_account_cost_no_command_more(redis_desk: Any) -> None:
    """The batch of two that nobody is told of runs these commands, and no others."""
    link = redis_desk.journal._topology.links[0]
    items = [await redis_desk.message() for _ in range(2)]

    async def spent() -> dict[str, int]:
        raw = await link.command("INFO", "commandstats")
        stats = raw if isinstance(raw, dict) else dict(line.split(":", 1) for line in raw.decode().splitlines() if ":" in line)
        calls = {}
        for name, told in stats.items():
            words = told if isinstance(told, dict) else dict(pair.split("=") for pair in told.split(","))
            calls[name.removeprefix("cmdstat_")] = int(words["calls"])
        return {name: calls[name] for name in COUNTED if name in calls}

    await redis_desk.claim()
    await link.command("CONFIG", "RESETSTAT")
    await redis_desk.journal.accept(items)
    assert await spent() == {"hmget": 1, "hset": 2, "zadd": 1, "rpush": 2, "hincrby": 1, "publish": 1}
    await redis_desk.claim()
    await link.command("CONFIG", "RESETSTAT")
    await redis_desk.journal.finish("", [Finish(item.id, State.FAILED, b"") for item in items])
    assert await spent() == {"hmget": 1, "zmscore": 1, "hset": 1, "rpush": 1, "hincrby": 1}
