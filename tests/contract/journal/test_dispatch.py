"""Leases, claims, requeues, ends and timers."""

from collections import Counter
from typing import Any

import pytest

from router.ids import PARTITIONS, MessageId, partition_of
from router.journal.port import Assign, Finish, Hold, Lease, Requeue
from router.model import MessageClass, State

ALL = range(PARTITIONS)
MANY = dict.fromkeys(MessageClass, 100)


async def test_a_partition_held_by_another_is_not_taken(desk: Any) -> None:
    journal = desk.journal
    assert await journal.lease_partitions("d0", 1, [1, 2, 3], 60) == [1, 2, 3]
    assert await journal.lease_partitions("d1", 1, [3, 4], 60) == [4]
    assert await journal.lease_partitions("d0", 1, [1, 2, 3], 60) == [1, 2, 3]
    assert await journal.lease_partitions("d0", 0, [1], 60) == []


async def test_a_lease_that_ran_out_goes_to_the_next_with_what_was_claimed(desk: Any) -> None:
    journal = desk.journal
    ids = await desk.accept(3)
    await journal.lease_partitions("d0", 1, [7], 0.3)
    end_ms = await desk.now() + 310
    assert len((await journal.claim("d0", 1, [7], MANY))[0]) == 3
    await desk.until(end_ms)
    assert await journal.claim("d0", 1, [7], MANY) == ([], set())
    assert await journal.lease_partitions("d1", 5, [7], 60) == [7]
    assert await journal.still_claimed(ids) == [False] * 3
    assert [c.id for c in (await journal.claim("d1", 5, [7], MANY))[0]] == ids
    await desk.clean()


async def test_renewing_keeps_what_is_claimed_and_a_newer_epoch_gives_it_back(desk: Any) -> None:
    journal = desk.journal
    ids = await desk.accept(2)
    await journal.lease_partitions("d0", 1, [7], 60)
    await journal.claim("d0", 1, [7], MANY)
    await journal.lease_partitions("d0", 1, [7], 60)
    assert await journal.still_claimed(ids) == [True, True]
    await journal.lease_partitions("d0", 2, [7], 60)
    assert await journal.still_claimed(ids) == [False, False]
    assert await journal.claim("d0", 1, [7], MANY) == ([], set())
    await desk.clean()


async def test_an_own_lease_that_ran_out_and_nobody_took_is_taken_up_again(desk: Any) -> None:
    journal = desk.journal
    ids = await desk.accept(2)
    await journal.lease_partitions("d0", 1, [7], 1)
    end_ms = await desk.now() + 1_010
    await journal.claim("d0", 1, [7], MANY)
    await desk.until(end_ms)
    assert await journal.lease_partitions("d0", 1, [7], 60) == [7]
    assert await journal.still_claimed(ids) == [True, True]


async def test_release_gives_back_and_lets_another_in(desk: Any) -> None:
    journal = desk.journal
    await desk.accept(2)
    await journal.lease_partitions("d0", 1, [7], 60)
    await journal.claim("d0", 1, [7], MANY)
    await journal.release_partitions("d1", 1, [7])
    assert await journal.lease_partitions("d1", 1, [7], 60) == []
    await journal.release_partitions("d0", 1, [7])
    await journal.release_partitions("d0", 1, [7])
    assert await journal.lease_partitions("d1", 1, [7], 60) == [7]
    assert len((await journal.claim("d1", 1, [7], MANY))[0]) == 2
    await desk.clean()


async def test_claims_pass_over_partitions_that_are_not_held(desk: Any) -> None:
    await desk.accept(2, partition=3)
    await desk.accept(2, partition=4)
    await desk.journal.lease_partitions("d0", 1, [3], 60)
    claimed, more = await desk.journal.claim("d0", 1, [3, 4], {MessageClass.TRANSACTIONAL: 1})
    assert (len(claimed), more) == (1, {3})


async def test_a_claim_tells_what_a_plan_needs(desk: Any) -> None:
    item = await desk.message()
    await desk.journal.accept([item])
    (claimed,) = await desk.claim()
    assert (claimed.id, claimed.attempts, claimed.state, claimed.body, claimed.events) == (
        item.id,
        0,
        State.QUEUED,
        item.body,
        b"",
    )
    assert await desk.journal.still_claimed([item.id]) == [True]
    assert await desk.claim() == []


async def test_classes_are_served_as_asked_each_on_its_own(desk: Any) -> None:
    for klass in MessageClass:
        await desk.accept(5, klass=klass)
    claimed = await desk.claim({MessageClass.MARKETING: 2, MessageClass.OTP: 3})
    assert len(claimed) == 5
    bodies = {c.id for c in claimed}
    assert len(bodies) == 5
    depths = await desk.journal.depths()
    assert [depths[k].queued for k in MessageClass] == [2, 5, 3]


async def test_tenants_take_turns_whatever_each_has_queued(desk: Any) -> None:
    big = await desk.accept(200, tenant="big")
    small = await desk.accept(4, tenant="small")
    other = await desk.accept(4, tenant="other")
    first = {c.id for c in await desk.claim({MessageClass.TRANSACTIONAL: 12})}
    assert first == {*big[:4], *small, *other}
    more = await desk.claim({MessageClass.TRANSACTIONAL: 12})
    assert [c.id for c in more] == big[4:16]


@pytest.mark.parametrize("wanted", [1, 2, 4, 5, 7, 10, 11])
async def test_of_many_tenants_as_many_come_as_were_wanted_and_each_has_its_turn(desk: Any, wanted: int) -> None:
    names = [f"t{number}" for number in range(4)]
    lines = {name: await desk.accept(6, tenant=name) for name in names}
    claimed: list[bytes] = []
    while len(claimed) < 24:
        some = [c.id for c in await desk.claim({MessageClass.TRANSACTIONAL: wanted})]
        assert len(some) == min(wanted, 24 - len(claimed))
        taken = [sum(1 for one in some if one in line) for line in lines.values()]
        if len(claimed) + len(some) <= 12:
            assert max(taken) - min(taken) <= 1
        claimed += some
    assert {name: [one for one in claimed if one in line] for name, line in lines.items()} == lines


async def test_one_at_a_time_the_tenants_rotate(desk: Any) -> None:
    ids = {name: await desk.accept(3, tenant=name) for name in ("a", "b", "c")}
    seen = [(await desk.claim({MessageClass.TRANSACTIONAL: 1}))[0].id for _ in range(9)]
    assert seen == [ids[name][turn] for turn in range(3) for name in ("a", "b", "c")]


async def test_partitions_are_visited_in_the_order_given(desk: Any) -> None:
    for partition in range(4):
        await desk.accept(30, partition=partition)
    await desk.journal.lease_partitions("d0", 1, ALL, 60)
    for order, expected in (([2, 0, 3, 1], {2: 16, 0: 4}), ([1, 3, 0, 2], {1: 16, 3: 4})):
        claimed, _ = await desk.journal.claim("d0", 1, order, {MessageClass.TRANSACTIONAL: 20})
        assert Counter(partition_of(one.id) for one in claimed) == expected


async def test_more_tells_which_partitions_to_visit_again(desk: Any) -> None:
    await desk.accept(3, partition=1)
    await desk.accept(3, partition=2)
    await desk.journal.lease_partitions("d0", 1, ALL, 60)
    claimed, more = await desk.journal.claim("d0", 1, ALL, {MessageClass.TRANSACTIONAL: 4})
    assert (len(claimed), len(more)) == (4, 1)
    claimed, more = await desk.journal.claim("d0", 1, ALL, {MessageClass.TRANSACTIONAL: 4})
    assert (len(claimed), more) == (2, set())


async def test_expired_messages_are_still_handed_out(desk: Any) -> None:
    (message_id,) = await desk.accept(expires_ms=1)
    assert [c.id for c in await desk.claim()] == [message_id]


async def test_requeue_from_the_claimed_set_goes_to_the_front_in_order(desk: Any) -> None:
    ids = await desk.accept(6)
    claimed = [c.id for c in await desk.claim({MessageClass.TRANSACTIONAL: 3})]
    items = [Requeue(i, 0, b"no room") for i in claimed]
    await desk.journal.requeue("", items)
    await desk.journal.requeue("", items)
    assert [c.id for c in await desk.claim()] == ids
    assert await desk.events(ids[0]) == b"no room"
    await desk.clean()


async def test_requeue_with_a_time_waits_for_it(desk: Any) -> None:
    (message_id,) = await desk.send()
    due_ms = await desk.now() + 30
    item = Requeue(message_id, due_ms, b"refused", attempts=1)
    await desk.journal.requeue("carrier:a#0", [item])
    await desk.journal.requeue("carrier:a#0", [item])
    assert (await desk.state(message_id), await desk.place(message_id)) == (State.QUEUED, "due")
    await desk.until(due_ms)
    assert await desk.journal.pump(ALL, 10) == (1, 0)
    (claimed,) = await desk.claim()
    assert (claimed.attempts, claimed.events) == (1, b"assigned 0refused")
    await desk.clean()


async def test_an_attempt_that_was_never_sent_is_taken_back(desk: Any) -> None:
    (message_id,) = await desk.send()
    await desk.journal.requeue("carrier:a#0", [Requeue(message_id, 0, b"", counted=False)])
    (claimed,) = await desk.claim()
    assert claimed.attempts == 0


async def test_a_requeue_repeated_late_leaves_the_next_attempt_alone(desk: Any) -> None:
    (message_id,) = await desk.send()
    item = Requeue(message_id, 0, b"refused", attempts=1)
    await desk.journal.requeue("carrier:a#0", [item])
    await desk.assign([message_id])
    await desk.journal.requeue("carrier:a#0", [item])
    await desk.journal.hold("carrier:a#0", [Hold(message_id, 1, b"", attempts=1)])
    await desk.journal.finish("carrier:a#0", [Finish(message_id, State.FAILED, b"", attempts=1)])
    assert await desk.state(message_id) is State.SENDING


async def test_who_has_lost_a_partition_moves_nothing_of_what_is_claimed_there_now(desk: Any) -> None:
    journal = desk.journal
    ids = await desk.accept(3)
    before, after = Lease("d0", 1), Lease("d0", 12)  # the same dispatcher, stopped and replaced meanwhile
    await journal.lease_partitions(*before, [7], 60)
    await journal.claim(*before, [7], MANY)
    await journal.lease_partitions(*after, [7], 60)
    assert len((await journal.claim(*after, [7], MANY))[0]) == 3
    ends = [Finish(ids[1], State.FAILED, b"e")]
    for stranger in (before, Lease("d0", 121), Lease("d", 12), Lease("d1", 12)):
        await journal.requeue("", [Requeue(ids[0], 0, b"")], stranger)
        await journal.finish("", ends, stranger)
    assert await journal.still_claimed(ids) == [True] * 3
    await journal.requeue("", [Requeue(ids[0], 0, b"")], after)
    await journal.finish("", ends, after)
    assert await journal.still_claimed(ids) == [False, False, True]
    assert [c.id for c in (await journal.claim(*after, [7], MANY))[0]] == ids[:1]
    await journal.release_partitions(*after, [7])
    await journal.finish("", [Finish(ids[2], State.FAILED, b"e")], after)  # nobody's now
    counts = await desk.clean()
    assert (counts["live"], counts["finished"]) == (2, 1)


async def test_only_what_stands_in_the_place_named_is_moved(desk: Any) -> None:
    (message_id,) = await desk.send()
    await desk.journal.requeue("", [Requeue(message_id, 0, b"")])
    await desk.journal.requeue("carrier:b#0", [Requeue(message_id, 0, b"")])
    await desk.journal.finish("", [Finish(message_id, State.FAILED, b"")])
    await desk.journal.hold("carrier:b#0", [Hold(message_id, 1, b"")])
    assert (await desk.state(message_id), await desk.place(message_id)) == (State.SENDING, "inflight:carrier:a#0")


async def test_finish_from_the_claimed_set(desk: Any) -> None:
    ids = await desk.accept(3)
    await desk.claim()
    items = [Finish(i, s, b"over") for i, s in zip(ids, (State.EXPIRED, State.REJECTED, State.FAILED), strict=True)]
    await desk.journal.finish("", items)
    await desk.journal.finish("", items)
    assert [await desk.state(i) for i in ids] == [State.EXPIRED, State.REJECTED, State.FAILED]
    assert await desk.events(ids[0]) == b"over"
    counts = await desk.clean()
    assert (counts["finished"], counts["live"]) == (3, 0)


async def test_finish_from_flight(desk: Any) -> None:
    (message_id,) = await desk.send()
    await desk.journal.finish("carrier:a#0", [Finish(message_id, State.FAILED, b"over")])
    assert (await desk.state(message_id), await desk.place(message_id)) == (State.FAILED, "final")
    await desk.clean()


async def test_a_move_outside_the_table_does_not_happen(desk: Any) -> None:
    (message_id,) = await desk.accept()
    await desk.claim()
    await desk.journal.finish("", [Finish(message_id, State.UNDELIVERED, b""), Finish(message_id, State.SENT, b"")])
    assert (await desk.state(message_id), await desk.place(message_id)) == (State.QUEUED, "claimed")


async def test_pump_moves_the_earliest_to_the_front_up_to_its_limit(desk: Any) -> None:
    base_ms = await desk.now()
    (queued,) = await desk.accept()
    late = [(await desk.accept(due_ms=base_ms + 20 - n))[0] for n in range(5)]
    await desk.until(base_ms + 21)
    moved, soonest_ms = await desk.journal.pump(ALL, 2)
    assert (moved, soonest_ms) == (2, base_ms + 18)
    assert await desk.journal.pump(ALL, 9) == (3, 0)
    order = [c.id for c in await desk.claim()]
    assert order == [late[2], late[1], late[0], late[4], late[3], queued]


async def test_a_hold_ends_in_a_decision_about_an_unknown_message(desk: Any) -> None:
    (message_id,) = await desk.send()
    until_ms = await desk.now() + 20
    for _ in range(2):
        await desk.journal.hold("carrier:a#0", [Hold(message_id, until_ms, b"no answer")])
    assert (await desk.state(message_id), await desk.place(message_id)) == (State.UNKNOWN, "due")
    assert await desk.claim() == []
    await desk.until(until_ms)
    await desk.journal.pump(ALL, 10)
    (claimed,) = await desk.claim()
    assert (claimed.state, claimed.attempts, claimed.events) == (State.UNKNOWN, 1, b"assigned 0no answer")
    epoch = await desk.carrier("carrier:b#0")
    assert await desk.journal.assign("carrier:b#0", epoch, [Assign(message_id, 1, b"again")]) == [True]
    assert await desk.state(message_id) is State.SENDING
    await desk.clean()


async def test_a_hold_that_ends_unconfirmed(desk: Any) -> None:
    (message_id,) = await desk.send()
    now_ms = await desk.now()
    await desk.journal.hold("carrier:a#0", [Hold(message_id, now_ms, b"")])
    await desk.journal.pump(ALL, 10)
    await desk.claim()
    await desk.journal.finish("", [Finish(message_id, State.UNCONFIRMED, b"over")])
    assert await desk.state(message_id) is State.UNCONFIRMED
    await desk.clean()


async def test_calls_without_items_do_nothing(desk: Any) -> None:
    journal = desk.journal
    empty: list[MessageId] = []
    assert await journal.accept([]) == []
    assert await journal.claim("d", 1, [], MANY) == ([], set())
    assert await journal.claim("d", 1, ALL, {}) == ([], set())
    assert await journal.assign("c", 1, []) == []
    assert await journal.submitted("c", "c", []) == []
    assert await journal.receipts("c", []) == []
    assert await journal.still_claimed(empty) == []
    assert await journal.read(empty) == []
    assert await journal.lease_partitions("d", 1, [], 1) == []
    await journal.requeue("", [])
    await journal.hold("c", [])
    await journal.finish("", [])
    await journal.settle_notices([])
