"""What each guard of the scripts is there for, where nothing else says so."""

import asyncio
from typing import Any

import msgpack
import pytest

from router.ids import PARTITIONS, partition_of
from router.journal.port import Assign, Fenced, Finish, Hold, Receipt, Receipted, Requeue, Submitted
from router.model import MessageClass, State

ALL = range(PARTITIONS)
P = "{p07}:"
A, B = "carrier:a#0", "carrier:b#0"


async def ask(desk: Any, *words: Any) -> Any:
    return await desk.journal._topology.links[0].command(*words)


async def head(desk: Any, message_id: bytes) -> bytes:
    return await ask(desk, "HGET", P + "s", message_id)


async def of_a_later_release(desk: Any, message_id: bytes) -> bytes:
    """Make a record one that this release cannot read; returns its octets."""
    octets = b"\x02" + (await head(desk, message_id))[1:]
    await ask(desk, "HSET", P + "s", message_id, octets)
    return octets


async def adopt(desk: Any, owner: str, epoch: int) -> int:
    return await desk.journal.adopt(owner, epoch, dict.fromkeys(MessageClass, await desk.now() + 60_000), b"adopted")


# -- epochs and leases -------------------------------------------------------------------------------------------------
async def test_an_owner_that_was_never_registered_may_renew_and_adopt(desk: Any) -> None:
    assert await adopt(desk, "carrier:new#0", 1) == 0
    await desk.journal.renew("carrier:newer#0", 3, 60)
    with pytest.raises(Fenced):
        await desk.journal.renew("carrier:newer#0", 2, 60)


async def test_registering_again_runs_the_lease_anew(desk: Any) -> None:
    await desk.journal.register(A, "one", 0.01)
    await desk.journal.register(A, "one", 60)
    _, _, left_ms = await desk.journal.register(A, "two", 60)
    assert left_ms > 50_000


async def test_who_registered_first_adopts_nothing_once_there_is_another(desk: Any) -> None:
    first, _, _ = await desk.journal.register(A, "one", 60)
    await desk.journal.register(A, "two", 60)
    with pytest.raises(Fenced):
        await adopt(desk, A, first)


async def test_a_partition_knows_who_adopted_it_where_the_newest_epoch_is_elsewhere(redis_desk: Any) -> None:
    """As when an older adoption comes to the second of two servers after the newer one."""
    (message_id,) = await redis_desk.send()
    await redis_desk.journal.register(A, "two", 60)
    late = [A, 1, "", [P], [1, 1, 1], b"late"]
    await ask(redis_desk, "SET", P + "ep:" + A, 2)
    assert await redis_desk.journal._call(0, "adopt", late) == -1
    assert await redis_desk.place(message_id) == "inflight:" + A


async def test_an_owner_that_has_not_adopted_yet_may_assign(desk: Any) -> None:
    epoch, _, _ = await desk.journal.register(A, "one", 60)
    ids = [*await desk.accept(1, partition=6), *await desk.accept(1, partition=7)]
    await desk.claim()
    assert await desk.journal.assign(A, epoch, [Assign(i, 0, b"a") for i in ids]) == [True, True]


async def test_an_older_epoch_gets_no_partition_back_that_a_newer_one_let_go_by(desk: Any) -> None:
    journal = desk.journal
    assert await journal.lease_partitions("d", 5, [7], 60) == [7]
    assert await journal.lease_partitions("d", 4, [7], 60) == []
    await journal.lease_partitions("d", 5, [7], 0.01)
    await desk.until(await desk.now() + 30)
    assert await journal.lease_partitions("d", 4, [7], 60) == []
    assert await journal.lease_partitions("d", 5, [7], 60) == [7]


async def test_another_dispatcher_of_the_same_epoch_is_another_one(desk: Any) -> None:
    journal = desk.journal
    ids = await desk.accept(2)
    await journal.lease_partitions("d0", 1, [7], 0.5)
    end_ms = await desk.now() + 510
    await journal.claim("d0", 1, [7], dict.fromkeys(MessageClass, 10))
    await desk.until(end_ms)
    assert await journal.lease_partitions("d1", 1, [7], 60) == [7]
    assert await journal.still_claimed(ids) == [False, False]


async def test_an_unknown_message_that_is_claimed_is_given_back_too(desk: Any) -> None:
    journal = desk.journal
    (message_id,) = await desk.send()
    await journal.hold(A, [Hold(message_id, await desk.now(), b"no answer")])
    await desk.until(await desk.now() + 5)
    await journal.pump(ALL, 10)
    assert [one.state for one in await desk.claim()] == [State.UNKNOWN]
    await journal.release_partitions("dispatcher:0", 1, ALL)
    assert await desk.place(message_id) == "queue"
    assert [one.id for one in await desk.claim()] == [message_id]
    await desk.clean()


async def test_turns_go_on_until_there_are_enough(desk: Any) -> None:
    for tenant, count in (("acme", 90), ("globex", 35), ("initech", 1)):
        await desk.accept(count, tenant=tenant)
    assert len(await desk.claim({MessageClass.TRANSACTIONAL: 100})) == 100


# -- assignment --------------------------------------------------------------------------------------------------------
async def test_a_message_named_twice_is_assigned_once(desk: Any) -> None:
    epoch = await desk.carrier()
    (message_id,) = await desk.accept()
    await desk.claim()
    assert await desk.journal.assign(A, epoch, [Assign(message_id, 0, b"a"), Assign(message_id, 0, b"a")]) == [True, False]
    assert await desk.events(message_id) == b"a"


async def test_an_assignment_speaks_of_one_attempt(desk: Any) -> None:
    epoch = await desk.carrier()
    (message_id,) = await desk.accept()
    await desk.claim()
    assert await desk.journal.assign(A, epoch, [Assign(message_id, 1, b"a")]) == [False]
    assert await desk.journal.assign(A, epoch, [Assign(message_id, 0, b"a")]) == [True]
    assert await desk.journal.assign(A, epoch, [Assign(message_id, 5, b"a")]) == [False], "the same event, of another attempt"


async def test_there_is_no_attempt_after_the_last_that_can_be_counted(redis_desk: Any) -> None:
    epoch = await redis_desk.carrier()
    (message_id,) = await redis_desk.accept()
    octets = await head(redis_desk, message_id)
    await ask(redis_desk, "HSET", P + "s", message_id, octets[:3] + b"\xff" + octets[4:])
    (claimed,) = await redis_desk.claim()
    assert claimed.attempts == 255
    assert await redis_desk.journal.assign(A, epoch, [Assign(message_id, 255, b"a")]) == [False]
    assert await redis_desk.place(message_id) == "claimed"


# -- records of a later release ----------------------------------------------------------------------------------------
async def test_what_cannot_be_read_is_not_touched_where_it_stands(redis_desk: Any) -> None:
    journal = redis_desk.journal
    (message_id,) = await redis_desk.accept()
    await redis_desk.claim()
    octets = await of_a_later_release(redis_desk, message_id)
    await journal.finish("", [Finish(message_id, State.FAILED, b"end")])
    await journal.requeue("", [Requeue(message_id, 0, b"again")])
    assert await head(redis_desk, message_id) == octets
    assert await journal.still_claimed([message_id]) == [True]


async def test_what_cannot_be_read_is_set_aside_when_it_is_given_back_or_adopted(redis_desk: Any) -> None:
    (flying,) = await redis_desk.send()
    (claimed,) = await redis_desk.accept()
    await redis_desk.claim()
    octets = [await of_a_later_release(redis_desk, one) for one in (flying, claimed)]
    epoch, _, _ = await redis_desk.journal.register(A, "another", 60)
    assert await adopt(redis_desk, A, epoch) == 0
    await redis_desk.journal.release_partitions("dispatcher:0", 1, ALL)
    assert [await head(redis_desk, one) for one in (flying, claimed)] == octets
    report = await redis_desk.journal.check()
    assert (list(report.faults), report.counts["dead"]) == ([], 2)


async def test_what_has_no_record_any_more_is_not_set_aside(redis_desk: Any) -> None:
    (flying,) = await redis_desk.send()
    (claimed,) = await redis_desk.accept()
    await redis_desk.claim()
    await ask(redis_desk, "HDEL", P + "s", flying, claimed)
    epoch, _, _ = await redis_desk.journal.register(A, "another", 60)
    assert await adopt(redis_desk, A, epoch) == 0
    await redis_desk.journal.release_partitions("dispatcher:0", 1, ALL)
    assert await ask(redis_desk, "EXISTS", P + "dead", P + "claimed", P + "if:" + A) == 0


async def test_adoption_wakes_nobody_from_the_end(redis_desk: Any) -> None:
    (message_id,) = await redis_desk.send()
    await redis_desk.journal.finish(A, [Finish(message_id, State.FAILED, b"end")])
    await ask(redis_desk, "ZADD", P + "if:" + A, 1, message_id)
    epoch, _, _ = await redis_desk.journal.register(A, "another", 60)
    assert await adopt(redis_desk, A, epoch) == 0
    assert await redis_desk.place(message_id) == "final"
    await redis_desk.clean()


# -- receipts ----------------------------------------------------------------------------------------------------------
async def test_so_many_early_receipts_of_one_id_are_kept_and_no_more(desk: Any) -> None:
    (message_id,) = await desk.send()
    early = [Receipt("x", State.SENT, b"receipt %02d" % at, b"") for at in range(20)]
    await desk.journal.receipts("a", [*early, early[0]])
    did = await desk.submit(message_id, "x")
    assert len(did) == 16
    events = await desk.events(message_id)
    assert (events.count(b"receipt 15"), events.count(b"receipt 16")) == (1, 0)


async def test_one_event_of_two_states_is_two_receipts(desk: Any) -> None:
    (message_id,) = await desk.send()
    await desk.journal.receipts("a", [Receipt("x", state, b"seen", b"end") for state in (State.SENT, State.DELIVERED)])
    assert [one.changed for one in await desk.submit(message_id, "x")] == [False, True]
    assert await desk.state(message_id) is State.DELIVERED


async def test_an_early_receipt_is_not_believed_for_ever(redis_desk: Any) -> None:
    (message_id,) = await redis_desk.send()
    await redis_desk.journal.receipts("a", [Receipt("x", State.DELIVERED, b"early", b"end")])
    (key,) = [key async for key in redis_desk.journal._topology.links[0].client.scan_iter("*:orph:a:*")]
    ((at_ms, *rest),) = msgpack.unpackb(await ask(redis_desk, "HGET", key, "x"), raw=True)
    await ask(redis_desk, "HSET", key, "x", msgpack.packb([[at_ms - 900_000, *rest]], use_bin_type=False))
    assert await redis_desk.submit(message_id, "x") == []
    assert await redis_desk.state(message_id) is State.SENT


async def hours_go_by(desk: Any) -> None:
    """Make the carrier's ids ones of the time before."""
    client = desk.journal._topology.links[0].client
    (slots,) = [key async for key in client.scan_iter("*:dlrs:a")]
    ((slot, until_ms),) = await client.zrange(slots, 0, -1, withscores=True)
    key = slots.replace(b"dlrs", b"dlr") + b":"
    before = b"%d" % (int(slot) - 1)
    await client.rename(key + slot, key + before)
    await client.zadd(slots, {before: until_ms - 1})
    await client.zrem(slots, slot)


async def test_ids_of_hours_ago_are_known_beside_those_of_now(redis_desk: Any) -> None:
    old, new = await redis_desk.send(2)
    await redis_desk.submit(old, "old")
    await hours_go_by(redis_desk)
    await redis_desk.submit(new, "new")
    receipts = [Receipt(name, State.DELIVERED, b"r", b"f") for name in ("never", "old", "new", "nowhere")]
    did = await redis_desk.journal.receipts("a", receipts)
    assert [(one.id, one.changed) for one in did] == [(None, False), (old, True), (new, True), (None, False)]


async def test_an_id_that_a_carrier_gave_twice_means_the_later_message(redis_desk: Any) -> None:
    old, new = await redis_desk.send(2)
    await redis_desk.submit(old, "x")
    await hours_go_by(redis_desk)
    await redis_desk.submit(new, "x")
    did = await redis_desk.journal.receipts("a", [Receipt("x", State.DELIVERED, b"r", b"f")])
    assert [(one.id, one.changed) for one in did] == [(new, True)]


async def test_an_early_receipt_of_a_message_that_is_not_there_says_so(desk: Any) -> None:
    (message_id,) = [await desk.new_id()]
    await desk.journal.receipts("a", [Receipt("x", State.DELIVERED, b"r", b"f")])
    assert await desk.submit(message_id, "x") == [Receipted(message_id, None, changed=False)]


async def test_ids_are_kept_as_long_as_the_longest_horizon_of_their_time_asks(redis_desk: Any) -> None:
    first, second = await redis_desk.send(2)
    client = redis_desk.journal._topology.links[0].client
    now_ms = await redis_desk.now()
    for message_id, name, horizon_ms in ((first, "x", now_ms + 600_000), (second, "y", now_ms + 60_000)):
        await redis_desk.journal.submitted(A, "a", [Submitted(message_id, (name,), horizon_ms, b"s")])
    (key,) = [key async for key in client.scan_iter("*:dlr:a:*")]
    assert await client.pexpiretime(key) >= now_ms + 600_000


async def test_a_message_without_an_id_keeps_no_others_known(redis_desk: Any) -> None:
    first, second = await redis_desk.send(2)
    client = redis_desk.journal._topology.links[0].client
    await redis_desk.submit(first, "x")
    (key,) = [key async for key in client.scan_iter("*:dlr:a:*")]
    until_ms = await client.pexpiretime(key)
    await redis_desk.journal.submitted(A, "a", [Submitted(second, ("",), until_ms + 600_000, b"s")])
    assert await client.pexpiretime(key) == until_ms


async def test_a_receipt_for_a_message_whose_record_is_gone_says_so(desk: Any) -> None:
    here, elsewhere = [*await desk.send(1, partition=6), *await desk.send(1, partition=7)]
    for message_id, name in ((here, "x"), (elsewhere, "y")):
        await desk.submit(message_id, name)
    if hasattr(desk.journal, "_books"):
        return  # a journal in memory forgets ids with their records
    for message_id in (here, elsewhere):
        prefix = f"{{p{partition_of(message_id):02d}}}:"
        await desk.journal._topology.home(partition_of(message_id)).command("HDEL", prefix + "s", message_id)
    did = await desk.journal.receipts("a", [Receipt(name, State.DELIVERED, b"r", b"f") for name in ("x", "y")])
    assert [(one.id in {None, here, elsewhere}, one.state, one.changed) for one in did] == [(True, None, False)] * 2


async def test_a_segment_without_an_id_counts_wherever_it_is(desk: Any) -> None:
    first, second = await desk.send(2, segments=2)
    await desk.submit(first, "x", "")
    await desk.submit(second, "", "y")
    did = await desk.journal.receipts("a", [Receipt(name, State.DELIVERED, b"r", b"f") for name in ("x", "y")])
    assert did == [Receipted(one, State.DELIVERED, changed=True, attempts=1) for one in (first, second)]


async def test_segments_that_all_have_no_id_are_waited_for(redis_desk: Any) -> None:
    (message_id,) = await redis_desk.send(1, segments=2)
    await redis_desk.submit(message_id, "", "")
    assert (await head(redis_desk, message_id))[6] == 0, "no segment counts as delivered"
    assert await redis_desk.place(message_id) == "wait"


# -- accounts ----------------------------------------------------------------------------------------------------------
async def test_accounts_stand_beside_those_messages_that_have_one(redis_desk: Any) -> None:
    items = [await redis_desk.message(channel=channel) for channel in ("shop", "", "shop")]
    await redis_desk.journal.accept(items)
    assert set(await ask(redis_desk, "HKEYS", P + "ch")) == {items[0].id, items[2].id}


async def test_an_account_that_is_lost_keeps_no_message_from_its_end(redis_desk: Any) -> None:
    (message_id,) = await redis_desk.accept(1, channel="shop")
    await ask(redis_desk, "DEL", P + "ch")
    assert await redis_desk.journal.cancel(message_id, "acme", b"c") is State.CANCELED
    await redis_desk.clean()


async def test_thousands_said_again_are_all_known(redis_desk: Any) -> None:
    items = [await redis_desk.message() for _ in range(100)]
    items = [item._replace(id=item.id[:8] + at.to_bytes(8, "big")) for at, item in enumerate(items * 45)]
    assert all(one.fresh for one in await redis_desk.journal.accept(items))
    assert not any(one.fresh for one in await redis_desk.journal.accept(items))
    assert await asyncio.wait_for(redis_desk.clean(), 30)
