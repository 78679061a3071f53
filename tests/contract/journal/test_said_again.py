"""Calls that name a message twice, speak of another attempt, or come too late: they do nothing."""

from typing import Any

from router.ids import PARTITIONS, make_id
from router.journal.port import Assign, CopyEnd, Finish, Hold, Lease, Note, Part, Receipt, Received, Requeue, Submitted
from router.model import MessageClass, State

ALL = range(PARTITIONS)
EVERY = dict.fromkeys(MessageClass, 1000)
P = "{p07}:"
A, B = "carrier:a#0", "carrier:b#0"
FAR_MS = 1 << 42
DAY_MS = 86_400_000


async def ask(desk: Any, *words: Any) -> Any:
    return await desk.journal._topology.links[0].command(*words)


async def sent(desk: Any, look_ms: int = 1, **fields: Any) -> Any:
    """A message that A took, to be looked at."""
    (message_id,) = await desk.send(1, **fields)
    await desk.journal.submitted(A, "a", [Submitted(message_id, ("a0",), FAR_MS, b"<submitted>", look_ms)])
    return message_id


# -- twice in one call -------------------------------------------------------------------------------------------------
async def test_the_first_of_two_holds_counts(desk: Any) -> None:
    (message_id,) = await desk.send()
    now_ms = await desk.now()
    await desk.journal.hold(A, [Hold(message_id, now_ms, b"<one>"), Hold(message_id, FAR_MS, b"<two>")])
    assert (await desk.events(message_id)).endswith(b"<one>")
    await desk.until(now_ms + 1)
    assert (await desk.journal.pump(ALL, 10))[0] == 1


async def test_the_first_of_two_requeues_counts(desk: Any) -> None:
    (message_id,) = await desk.send()
    await desk.journal.requeue(A, [Requeue(message_id, 0, b"<one>"), Requeue(message_id, FAR_MS, b"<two>")])
    assert (await desk.events(message_id)).endswith(b"<one>")
    assert await desk.place(message_id) == "queue"
    await desk.clean()


async def test_the_first_of_two_ends_counts(desk: Any) -> None:
    (message_id,) = await desk.send()
    await desk.journal.finish(A, [Finish(message_id, State.FAILED, b"<one>"), Finish(message_id, State.EXPIRED, b"<two>")])
    assert await desk.state(message_id) is State.FAILED
    assert (await desk.clean())["finished"] == 1


async def test_stepping_aside_takes_no_attempt_back(desk: Any) -> None:
    (message_id,) = await desk.send()
    await desk.journal.hold(A, [Hold(message_id, await desk.now(), b"<hold>")])
    await desk.until(await desk.now() + 2)
    await desk.journal.pump(ALL, 10)
    assert [one.attempts for one in await desk.claim()] == [1]
    await desk.journal.requeue("", [Requeue(message_id, 0, b"<aside>", counted=False)])
    assert [one.attempts for one in await desk.claim()] == [1]


async def test_ids_that_had_no_hold_stay_claimed(desk: Any) -> None:
    """A message that a dispatcher has is not in doubt."""
    (message_id,) = await desk.accept()
    await desk.claim()
    await desk.journal.hold("", [Hold(message_id, FAR_MS, b"<hold>")])
    assert await desk.place(message_id) == "claimed"


async def test_who_has_given_its_partition_back_moves_nothing_there(desk: Any) -> None:
    (message_id,) = await desk.accept()
    await desk.claim()
    await desk.journal.release_partitions("dispatcher:0", 1, ALL)
    lease = Lease("dispatcher:0", 1)
    await desk.journal.finish("", [Finish(message_id, State.FAILED, b"end")], lease)
    await desk.journal.requeue("", [Requeue(message_id, FAR_MS, b"again")], lease)
    assert await desk.place(message_id) == "queue"


async def test_an_end_is_an_end(desk: Any) -> None:
    claimed, flying = *await desk.accept(), *await desk.send()
    await desk.claim()
    await desk.journal.finish("", [Finish(claimed, State.SENDING, b"no end")])
    await desk.journal.finish(A, [Finish(flying, State.SENT, b"no end"), Finish(flying, State.DELIVERED, b"end")])
    assert [await desk.state(one) for one in (claimed, flying)] == [State.QUEUED, State.DELIVERED]


async def test_an_assignment_said_again_after_the_message_left_is_none(desk: Any) -> None:
    (message_id,) = await desk.send()
    await desk.journal.requeue(A, [Requeue(message_id, 0, b"", counted=True)])
    assert await desk.journal.assign(A, await desk.carrier(), [Assign(message_id, 0, b"assigned 0")]) == [False]


# -- claims ------------------------------------------------------------------------------------------------------------
async def test_a_line_that_gave_all_it_had_leaves_its_ring(desk: Any) -> None:
    await desk.accept(2)
    assert len(await desk.claim({MessageClass.TRANSACTIONAL: 2})) == 2
    await desk.clean()


async def test_a_lease_that_ran_out_claims_nothing(desk: Any) -> None:
    await desk.accept()
    assert await desk.journal.lease_partitions("d", 1, [7], 0.01) == [7]
    await desk.until(await desk.now() + 20)
    assert await desk.journal.claim("d", 1, [7], EVERY) == ([], set())


async def test_what_the_others_leave_one_partition_gives(desk: Any) -> None:
    for partition, count in ((1, 100), (2, 1), (3, 1)):
        await desk.accept(count, partition=partition)
    assert len(await desk.claim({MessageClass.TRANSACTIONAL: 100})) == 100


async def test_who_has_more_gives_it_when_the_others_have_none(redis_desk: Any) -> None:
    places = [1, 2, 3]
    await redis_desk.journal.lease_partitions("d", 1, places, 60)
    for partition, count in ((1, 60), (2, 1), (3, 1)):
        await redis_desk.accept(count, partition=partition)
    claimed, _ = await redis_desk.journal.claim("d", 1, places, {MessageClass.TRANSACTIONAL: 40})
    assert len(claimed) == 40


async def test_the_next_timer_is_the_soonest_of_all_partitions(desk: Any) -> None:
    now_ms = await desk.now()
    for partition, at_ms in ((1, now_ms + 50_000), (2, now_ms + 40_000), (3, now_ms + 60_000)):
        await desk.accept(1, partition=partition, due_ms=at_ms)
    assert await desk.journal.pump(ALL, 10) == (0, now_ms + 40_000)


# -- another body ------------------------------------------------------------------------------------------------------
async def test_without_an_event_nobody_knows_a_call_made_again(desk: Any) -> None:
    (message_id,) = await desk.accept()
    await desk.journal.replace(message_id, "acme", b"another", 1, b"")
    await desk.claim()
    for event in (b"", b"<of another call>"):
        assert await desk.journal.replace(message_id, "acme", b"another", 1, event) is State.SENDING


# -- second copies -----------------------------------------------------------------------------------------------------
async def test_a_copy_is_refused_to_whoever_speaks_of_another_attempt(desk: Any) -> None:
    message_id = await sent(desk)
    epoch = await desk.carrier(B)
    for attempts, event in ((0, b"assigned 0"), (0, b"<copy>"), (2, b"<copy>"), (1, b"")):
        assert await desk.journal.assign_copies(B, epoch, [Assign(message_id, attempts, event)]) == [False]
    assert await desk.journal.assign_copies(B, epoch, [Assign(message_id, 1, b"<copy>")]) == [True]
    assert await desk.journal.assign_copies(B, epoch, [Assign(message_id, 1, b"<copy>")]) == [True], "said again"
    assert await desk.journal.assign_copies(B, epoch, [Assign(message_id, 5, b"<copy>")]) == [False]


async def test_a_copy_that_failed_is_not_made_again(desk: Any) -> None:
    message_id = await sent(desk)
    epoch = await desk.carrier(B)
    assert await desk.journal.assign_copies(B, epoch, [Assign(message_id, 1, b"<copy>")]) == [True]
    assert await desk.journal.copies_ended([CopyEnd(message_id, b"<no>", True, State.UNDELIVERED, b"<f>")]) == [False]
    assert await desk.journal.assign_copies(B, epoch, [Assign(message_id, 1, b"<copy>")]) == [False]


async def test_a_message_in_another_state_gets_no_copy(desk: Any) -> None:
    epoch = await desk.carrier(B)
    queued, unknown = *await desk.accept(), *await desk.send()
    await desk.journal.hold(A, [Hold(unknown, FAR_MS, b"<hold>")])
    items = [Assign(queued, 0, b"<copy>"), Assign(unknown, 1, b"<copy>"), Assign(await desk.new_id(), 0, b"<copy>")]
    assert await desk.journal.assign_copies(B, epoch, items) == [False, False, False]
    await desk.clean()


async def test_looks_that_nobody_asks_for_live_no_longer(redis_desk: Any) -> None:
    await sent(redis_desk)
    await ask(redis_desk, "PEXPIRE", P + "look", 60_000)
    await sent(redis_desk, look_ms=0)
    assert await ask(redis_desk, "PTTL", P + "look") <= 60_000


async def test_a_message_with_a_copy_is_not_looked_for(desk: Any) -> None:
    message_id = await sent(desk)
    assert await desk.journal.assign_copies(B, await desk.carrier(B), [Assign(message_id, 1, b"<copy>")]) == [True]
    assert await desk.journal.overdue(ALL, 1, 60) == ([], False)


async def test_there_is_no_copy_after_the_last_attempt_that_can_be_counted(redis_desk: Any) -> None:
    message_id = await sent(redis_desk)
    octets = await ask(redis_desk, "HGET", P + "s", message_id)
    await ask(redis_desk, "HSET", P + "s", message_id, octets[:3] + b"\xff" + octets[4:])
    epoch = await redis_desk.carrier(B)
    assert await redis_desk.journal.assign_copies(B, epoch, [Assign(message_id, 255, b"<copy>")]) == [False]


async def test_the_end_of_a_copy_that_was_never_made_says_nothing(desk: Any) -> None:
    message_id = await sent(desk)
    await desk.journal.copies_ended([CopyEnd(message_id, b"<no>", True, State.UNDELIVERED, b"<f>")])
    assert await desk.journal.assign_copies(B, await desk.carrier(B), [Assign(message_id, 1, b"<copy>")]) == [True]
    (did,) = await desk.journal.receipts("a", [Receipt("a0", State.UNDELIVERED, b"<r>", b"<f>")])
    assert (did.state, did.changed) == (State.SENT, False), "the copy may still arrive"


async def test_both_copies_end_once(desk: Any) -> None:
    message_id = await sent(desk)
    assert await desk.journal.assign_copies(B, await desk.carrier(B), [Assign(message_id, 1, b"<copy>")]) == [True]
    await desk.journal.receipts("a", [Receipt("a0", State.UNDELIVERED, b"<r>", b"<f>")])
    ends = [CopyEnd(message_id, b"<no %d>" % n, True, State.UNDELIVERED, b"<f>") for n in range(3)]
    assert await desk.journal.copies_ended(ends[:2]) == [True, False]
    assert await desk.journal.copies_ended(ends[2:]) == [False]
    assert (await desk.clean())["finished"] == 1


# -- carriers' ids -----------------------------------------------------------------------------------------------------
async def test_no_id_is_nobodys(desk: Any) -> None:
    (message_id,) = await desk.send(1, segments=2)
    await desk.submit(message_id, "x", "")
    (did,) = await desk.journal.receipts("a", [Receipt("", State.DELIVERED, b"<r>", b"<f>")])
    assert did.id is None


async def test_a_receipt_that_found_its_message_waits_for_no_other(desk: Any) -> None:
    (message_id,) = await desk.send()
    await desk.submit(message_id, "x")
    (did,) = await desk.journal.receipts("a", [Receipt("x", State.SENT, b"<r>", b"<f>")])
    assert did.id == message_id
    assert await desk.submit(message_id, "x") == []


# -- parts -------------------------------------------------------------------------------------------------------------
async def test_a_part_past_the_last_makes_nothing_whole_and_nothing_new(desk: Any) -> None:
    group = b"\x07" * 16
    first, second, third = [await desk.new_id() for _ in range(3)]
    await desk.journal.gather([Part(group, first, 1, 2, b"one"), Part(group, second, 3, 2, b"three")])
    (again,) = await desk.journal.gather([Part(group, third, 1, 2, b"one")])
    assert (again.id, again.whole) == (first, ())
    await desk.journal.gather([Part(group, third, 2, 2, b"two")])
    (past,) = await desk.journal.gather([Part(group, third, 4, 2, b"four")])
    assert (past.id, past.fresh, past.whole) == (first, True, (b"one", b"two"))


async def test_a_group_that_gives_its_place_to_another_is_as_old_as_it_was(desk: Any) -> None:
    group = b"\x07" * 16
    old, new = await desk.new_id(), await desk.new_id()
    await desk.journal.gather([Part(group, old, 1, 1, b"one")])
    began_ms = await desk.now()
    await desk.until(began_ms + 400)
    await desk.journal.gather([Part(group, new, 1, 1, b"another")])
    assert [one.id for one in await desk.journal.stale_groups([7], 0.2, 10)] == [old]


async def test_closing_a_group_before_it_begins_closes_nothing(desk: Any) -> None:
    group = b"\x07" * 16
    await desk.journal.close_groups([group], 60)
    first = await desk.new_id()
    for message_id in (first, await desk.new_id()):
        (found,) = await desk.journal.gather([Part(group, message_id, 1, 1, b"one")])
        assert (found.id, found.whole) == (first, (b"one",))


# -- what is dropped ---------------------------------------------------------------------------------------------------
async def test_no_more_is_dropped_than_asked_for_over_partitions(desk: Any) -> None:
    for partition in (4, 6):
        for message_id in await desk.accept(2, partition=partition):
            await desk.journal.cancel(message_id, "acme", b"<c>")
    await desk.until(await desk.now() + 2)
    assert [await desk.journal.retire([4, 6], 2, 0) for _ in range(3)] == [2, 2, 0]


async def test_a_retention_of_its_own_ends_once(desk: Any) -> None:
    (message_id,) = await desk.accept(1, retention_s=1)
    await desk.journal.cancel(message_id, "acme", b"<c>")
    await desk.until(await desk.now() + 1_010)
    assert [await desk.journal.retire(ALL, 10, 60) for _ in range(2)] == [1, 0]


async def test_a_record_of_which_only_the_key_is_kept_takes_no_line(desk: Any) -> None:
    item = await desk.message(idempotency=b"d" * 16 + b"f" * 8)
    await desk.journal.accept([item])
    await desk.journal.cancel(item.id, "acme", b"<c>")
    await desk.until(await desk.now() + 2)
    assert await desk.journal.retire(ALL, 10, 0) == 1
    assert await desk.journal.note([Note(item.id, "acme", 5, b"\x92\x01\x05")]) == [None]


async def test_a_key_of_yesterday_keeps_no_record(desk: Any) -> None:
    old = make_id(await desk.now() - 26 * 3_600_000, 7, bytes(10))
    item = (await desk.message(idempotency=b"d" * 16 + b"f" * 8))._replace(id=old)
    await desk.journal.accept([item])
    await desk.journal.cancel(old, "acme", b"<c>")
    await desk.until(await desk.now() + 2)
    assert await desk.journal.retire(ALL, 10, 0) == 1
    assert await desk.journal.read([old]) == [None]


async def test_who_waits_to_be_told_of_is_looked_at_an_hour_later(redis_desk: Any) -> None:
    (message_id,) = await redis_desk.accept(1, wants_events=True)
    await redis_desk.journal.cancel(message_id, "acme", b"<c>")
    await redis_desk.until(await redis_desk.now() + 2)
    assert await redis_desk.journal.retire(ALL, 10, 0) == 1
    in_ms = int(await ask(redis_desk, "ZSCORE", P + "tx", message_id)) - await redis_desk.now()
    assert 3_500_000 < in_ms <= 3_600_000


async def test_nothing_stays_of_an_event_that_is_dropped(redis_desk: Any) -> None:
    journal = redis_desk.journal
    (told, letter) = await redis_desk.accept(2, wants_events=True, channel="shop")
    for message_id in (told, letter):
        await journal.cancel(message_id, "acme", b"<c>")
    for channel in ("", "shop"):
        found = await journal.claim_notices("c", ALL, 10, 60, channel=channel)
        await journal.retry_notices([(one, 1) for one in found], channel=channel)
        if not channel:
            await journal.bury_notices(found)
    assert await journal.drop_notices("shop", ALL, 0, 10) == 2
    assert await journal.retire(ALL, 10, 0) == 2
    for key in ("rx:shop", "rxn:shop", "wh", "whn", "whdead"):
        assert await ask(redis_desk, "EXISTS", P + key) == 0, key


async def test_accounts_stand_beside_those_from_handsets_that_have_one(redis_desk: Any) -> None:
    items = [Received(await redis_desk.new_id(), "acme", b"body", b"<e>", channel=channel) for channel in ("shop", "")]
    await redis_desk.journal.receive(items)
    assert await ask(redis_desk, "HKEYS", P + "ch") == [items[0].id]


async def test_a_line_that_is_gone_meanwhile_is_no_fault(redis_desk: Any) -> None:
    """The checker lists the lines first, and looks at each partition afterwards."""
    reply = await redis_desk.journal._call(0, "tally", [P, 1000, [P + "q:1:gone"]])
    assert reply == [0, 0, 0, []]


async def test_the_checker_looks_through_no_more_records_at_once_than_it_says(redis_desk: Any) -> None:
    await redis_desk.accept(2)
    assert [(await redis_desk.journal._call(0, "tally", [P, most, []]))[2] for most in (1, 2, 3)] == [-1, 2, 2]
