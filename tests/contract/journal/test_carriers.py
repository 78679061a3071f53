"""Owners, epochs, assignment, submits and receipts."""

from typing import Any

import pytest

from router.ids import PARTITIONS, make_id, partition_of_text
from router.journal.port import Assign, Fenced, Finish, Hold, Receipt, Receipted, Requeue, Submitted
from router.model import MessageClass, State

ALL = range(PARTITIONS)
A, B = "carrier:a#0", "carrier:b#0"


def receipt(carrier_id: str, state: State = State.DELIVERED, event: bytes = b"<receipt>", final: bytes = b"<final>") -> Receipt:
    return Receipt(carrier_id, state, event, final)


async def test_each_incarnation_gets_a_newer_epoch(desk: Any) -> None:
    assert await desk.journal.register(A, "one", 60) == (1, "", 0)
    assert await desk.journal.register(A, "one", 60) == (1, "", 0)
    epoch, before, left_ms = await desk.journal.register(A, "two", 60)
    assert (epoch, before) == (2, "one")
    assert 50_000 < left_ms <= 60_000
    again = await desk.journal.register(A, "two", 60)
    assert again[:2] == (2, "one")


async def test_a_lease_that_ran_out_leaves_nothing_to_wait_for(desk: Any) -> None:
    await desk.journal.register(A, "one", 0.01)
    await desk.until(await desk.now() + 15)
    assert await desk.journal.register(A, "two", 60) == (2, "one", 0)


async def test_renewing_is_refused_to_the_older_one(desk: Any) -> None:
    await desk.journal.register(A, "one", 1)
    await desk.journal.renew(A, 1, 60)
    _, _, left_ms = await desk.journal.register(A, "two", 60)
    assert left_ms > 50_000
    with pytest.raises(Fenced):
        await desk.journal.renew(A, 1, 60)
    await desk.journal.renew(A, 2, 60)


async def test_assignment_takes_a_claimed_message(desk: Any) -> None:
    (message_id,) = await desk.accept()
    epoch = await desk.carrier()
    assert await desk.journal.assign(A, epoch, [Assign(message_id, 0, b"a")]) == [False]
    await desk.claim()
    assert await desk.journal.assign(A, epoch, [Assign(message_id, 1, b"a")]) == [False]
    assert await desk.journal.assign(A, epoch, [Assign(message_id, 0, b"a")]) == [True]
    (record,) = await desk.journal.inspect([message_id])
    assert (record.state, record.attempts, record.events, record.place) == (State.SENDING, 1, b"a", f"inflight:{A}")
    assert await desk.journal.still_claimed([message_id]) == [False]
    await desk.clean()


async def test_the_same_assignment_made_again_is_told_the_same(desk: Any) -> None:
    (message_id,) = await desk.accept()
    epoch = await desk.carrier()
    await desk.claim()
    items = [Assign(message_id, 0, b"plan 17")]
    assert await desk.journal.assign(A, epoch, items) == [True]
    assert await desk.journal.assign(A, epoch, items) == [True]
    assert await desk.journal.assign(A, epoch, [Assign(message_id, 0, b"plan 18")]) == [False]
    assert await desk.journal.assign(B, await desk.carrier(B), items) == [False]
    assert await desk.events(message_id) == b"plan 17"


async def test_whoever_assigns_first_wins(desk: Any) -> None:
    ids = [(await desk.accept(partition=p))[0] for p in (1, 2, 3)]
    await desk.claim()
    first, second = await desk.carrier(A), await desk.carrier(B)
    assert await desk.journal.assign(A, first, [Assign(ids[1], 0, b"a")]) == [True]
    assert await desk.journal.assign(B, second, [Assign(i, 0, b"b") for i in ids]) == [True, False, True]
    await desk.clean()


async def test_an_older_epoch_assigns_nothing(desk: Any) -> None:
    ids = await desk.accept(2)
    await desk.claim()
    old = await desk.carrier(incarnation="one")
    new = await desk.carrier(incarnation="two")
    with pytest.raises(Fenced):
        await desk.journal.assign(A, old, [Assign(i, 0, b"a") for i in ids])
    with pytest.raises(Fenced):
        await desk.journal.adopt(A, old, dict.fromkeys(MessageClass, 1), b"")
    assert await desk.journal.still_claimed(ids) == [True, True]
    assert await desk.journal.assign(A, new, [Assign(i, 0, b"a") for i in ids]) == [True, True]


async def test_adoption_turns_the_flight_of_the_dead_into_holds(desk: Any) -> None:
    sent = [(await desk.send(klass=k, partition=p))[0] for k, p in ((MessageClass.OTP, 1), (MessageClass.MARKETING, 2))]
    (other,) = await desk.send(owner=B)
    now_ms = await desk.now()
    epoch, _, _ = await desk.journal.register(A, "two", 60)
    until = {MessageClass.OTP: now_ms + 20, MessageClass.TRANSACTIONAL: now_ms, MessageClass.MARKETING: now_ms + 900}
    assert await desk.journal.adopt(A, epoch, until, b"adopted") == 2
    assert await desk.journal.adopt(A, epoch, until, b"adopted") == 0
    assert [await desk.state(i) for i in (*sent, other)] == [State.UNKNOWN, State.UNKNOWN, State.SENDING]
    assert await desk.events(sent[0]) == b"assigned 0adopted"
    await desk.until(now_ms + 20)
    assert await desk.journal.pump(ALL, 10) == (1, now_ms + 900)
    await desk.clean()


async def test_adopting_again_leaves_the_new_flight_alone(desk: Any) -> None:
    epoch = await desk.carrier()
    (message_id,) = await desk.send()
    assert await desk.journal.adopt(A, epoch, dict.fromkeys(MessageClass, 1), b"adopted") == 0
    assert await desk.state(message_id) is State.SENDING


async def test_a_submit_that_was_taken_waits_for_its_receipt(desk: Any) -> None:
    (message_id,) = await desk.send()
    for _ in range(2):
        assert await desk.submit(message_id, "c1") == []
    (record,) = await desk.journal.inspect([message_id])
    assert (record.state, record.events, record.place) == (State.SENT, b"assigned 0submitted by " + A.encode(), "wait")
    await desk.clean()


async def test_what_a_carrier_said_counts_whatever_its_epoch(desk: Any) -> None:
    (message_id,) = await desk.send()
    await desk.carrier(incarnation="two")
    assert await desk.state(message_id) is State.UNKNOWN
    await desk.submit(message_id, "c1")
    assert (await desk.state(message_id), await desk.place(message_id)) == (State.SENT, "wait")
    await desk.clean()


async def test_a_late_answer_settles_an_unknown_message_wherever_it_stands(desk: Any) -> None:
    held, queued, claimed = await desk.send(3)
    now_ms = await desk.now()
    await desk.journal.hold(A, [Hold(held, now_ms + 60_000, b""), Hold(queued, now_ms, b""), Hold(claimed, now_ms, b"")])
    await desk.journal.pump(ALL, 10)
    taken = await desk.claim({MessageClass.TRANSACTIONAL: 1})
    assert len(taken) == 1
    for n, message_id in enumerate((held, queued, claimed)):
        await desk.submit(message_id, f"c{n}")
        assert (await desk.state(message_id), await desk.place(message_id)) == (State.SENT, "wait")
    assert await desk.claim() == []
    await desk.clean()


async def test_a_late_answer_leaves_a_second_copy_with_its_carrier(desk: Any) -> None:
    (message_id,) = await desk.send()
    await desk.journal.requeue(A, [Requeue(message_id, 0, b"")])
    await desk.assign([message_id], B)
    await desk.submit(message_id, "c1", owner=A, carrier="a")
    assert await desk.place(message_id) == f"inflight:{B}"
    assert b"submitted by carrier:a#0" in await desk.events(message_id)
    await desk.submit(message_id, "c2", owner=B, carrier="b")
    assert (await desk.state(message_id), await desk.place(message_id)) == (State.SENT, "wait")
    # a failing receipt of the first copy is no verdict on the second, a delivery is
    (refused,) = await desk.journal.receipts("a", [receipt("c1", State.UNDELIVERED, b"<no>")])
    assert refused == Receipted(message_id, State.SENT, changed=False, attempts=2)
    (arrived,) = await desk.journal.receipts("a", [receipt("c1")])
    assert arrived == Receipted(message_id, State.DELIVERED, changed=True, attempts=2)
    await desk.clean()


async def test_a_message_that_ended_meanwhile_stays_as_it_is(desk: Any) -> None:
    (message_id,) = await desk.send()
    await desk.journal.finish(A, [Finish(message_id, State.FAILED, b"")])
    assert await desk.submit(message_id, "c1") == []
    assert await desk.state(message_id) is State.FAILED
    (did,) = await desk.journal.receipts("a", [receipt("c1")])
    assert did == Receipted(message_id, State.FAILED, changed=False, attempts=1)
    await desk.clean()


@pytest.mark.parametrize("state", [State.DELIVERED, State.UNDELIVERED, State.EXPIRED, State.UNCONFIRMED])
async def test_a_receipt_ends_its_message(desk: Any, state: State) -> None:
    (message_id,) = await desk.send()
    await desk.submit(message_id, "c1")
    first = await desk.journal.receipts("a", [receipt("c1", state)])
    assert first == [Receipted(message_id, state, changed=True, attempts=1)]
    again = await desk.journal.receipts("a", [receipt("c1", state), receipt("c1", State.UNDELIVERED, b"<other>")])
    assert again == [Receipted(message_id, state, changed=False, attempts=1)] * 2
    assert (await desk.events(message_id)).endswith(b"<receipt><final>")
    assert await desk.place(message_id) == "final"
    await desk.clean()


async def test_an_intermediate_receipt_is_noted_once(desk: Any) -> None:
    (message_id,) = await desk.send()
    await desk.submit(message_id, "c1")
    for _ in range(2):
        (did,) = await desk.journal.receipts("a", [receipt("c1", State.SENT, b"<enroute>")])
        assert did == Receipted(message_id, State.SENT, changed=False, attempts=1)
    assert (await desk.events(message_id)).count(b"<enroute>") == 1
    assert await desk.place(message_id) == "wait"


async def test_receipts_of_many_messages_come_back_in_order(desk: Any) -> None:
    ids = [(await desk.accept(partition=p))[0] for p in (60, 3, 17, 3)]
    await desk.assign(ids)
    horizon = await desk.now() + 60_000
    await desk.journal.submitted(A, "a", [Submitted(i, (f"c{n}",), horizon, b"s") for n, i in enumerate(ids)])
    done = await desk.journal.receipts(
        "a", [receipt("c2"), receipt("c9"), receipt("c0"), receipt("c3"), receipt("c1"), receipt("c0")]
    )
    assert [d.id for d in done] == [ids[2], None, ids[0], ids[3], ids[1], ids[0]]
    assert [d.changed for d in done] == [True, False, True, True, True, False]
    assert (await desk.clean())["DELIVERED"] == 4


async def test_carriers_do_not_share_ids(desk: Any) -> None:
    first, second = await desk.send(2)
    await desk.submit(first, "1", carrier="a")
    await desk.submit(second, "1", carrier="b")
    (did,) = await desk.journal.receipts("b", [receipt("1")])
    assert did.id == second
    assert await desk.state(first) is State.SENT


async def test_a_receipt_before_its_submit_waits_for_it(desk: Any) -> None:
    (message_id,) = await desk.send()
    for _ in range(2):
        unknown = await desk.journal.receipts("a", [receipt("c1", State.SENT, b"<enroute>"), receipt("c1")])
        assert unknown == [Receipted(None, None, changed=False)] * 2
    did = await desk.submit(message_id, "c1")
    assert did[-1] == Receipted(message_id, State.DELIVERED, changed=True, attempts=1)
    assert len(did) == 2
    assert await desk.events(message_id) == b"assigned 0submitted by carrier:a#0<enroute><receipt><final>"
    assert await desk.submit(message_id, "c1") == []
    await desk.clean()


async def test_a_receipt_may_overtake_the_answer_when_its_id_is_known(desk: Any) -> None:
    held, sending = await desk.send(2)
    now_ms = await desk.now()
    for message_id, carrier_id in ((held, "c1"), (sending, "c2")):
        await desk.submit(message_id, carrier_id)
    assert [d.changed for d in await desk.journal.receipts("a", [receipt("c1"), receipt("c2")])] == [True, True]
    (third,) = await desk.send()
    await desk.journal.requeue(A, [Requeue(third, 0, b"")])
    await desk.assign([third], B)
    await desk.submit(third, "c3", owner=A)
    (did,) = await desk.journal.receipts("a", [receipt("c3")])
    assert (did.state, did.changed) == (State.DELIVERED, True)
    (fourth,) = await desk.send()
    await desk.journal.requeue(A, [Requeue(fourth, 0, b"")])
    await desk.assign([fourth], B)
    await desk.submit(fourth, "c4", owner=A)
    await desk.journal.hold(B, [Hold(fourth, now_ms + 60_000, b"")])
    (did,) = await desk.journal.receipts("a", [receipt("c4")])
    assert (did.state, did.changed) == (State.DELIVERED, True)
    await desk.clean()


async def test_a_failure_told_of_a_queued_message_moves_nothing(desk: Any) -> None:
    (message_id,) = await desk.send()
    await desk.journal.requeue(A, [Requeue(message_id, 0, b"")])
    await desk.submit(message_id, "c1")
    (did,) = await desk.journal.receipts("a", [receipt("c1", State.UNDELIVERED)])
    assert did == Receipted(message_id, State.QUEUED, changed=False, attempts=1)
    assert len(await desk.claim()) == 1
    await desk.clean()


@pytest.mark.parametrize("claimed", [False, True])
async def test_what_has_arrived_is_not_sent_again(desk: Any, claimed: bool) -> None:
    (message_id,) = await desk.send()
    await desk.journal.requeue(A, [Requeue(message_id, 0, b"")])
    await desk.submit(message_id, "c1")
    (again,) = await desk.claim() if claimed else [None]
    (did,) = await desk.journal.receipts("a", [receipt("c1")])
    assert did == Receipted(message_id, State.DELIVERED, changed=True, attempts=1)
    assert await desk.claim() == []
    if again is not None:
        epoch = await desk.carrier("carrier:b#0")
        assert await desk.journal.assign("carrier:b#0", epoch, [Assign(message_id, again.attempts, b"too late")]) == [False]
    await desk.clean()


@pytest.mark.parametrize("due", [False, True])
async def test_what_is_in_doubt_stays_so_while_it_steps_aside(desk: Any, due: bool) -> None:
    (message_id,) = await desk.send()
    await desk.journal.hold(A, [Hold(message_id, await desk.now() - 1, b"in doubt")])
    await desk.journal.pump(ALL, 100)
    (claimed,) = await desk.claim()
    assert claimed.state is State.UNKNOWN
    await desk.journal.requeue("", [Requeue(message_id, await desk.now() + 60_000 if due else 0, b"", attempts=1)])
    assert (await desk.state(message_id), await desk.place(message_id)) == (State.UNKNOWN, "due" if due else "queue")
    await desk.clean()
    await desk.submit(message_id, "c1")  # the answer comes late
    assert (await desk.state(message_id), await desk.place(message_id)) == (State.SENT, "wait")
    (did,) = await desk.journal.receipts("a", [receipt("c1")])
    assert did == Receipted(message_id, State.DELIVERED, changed=True, attempts=1)
    assert await desk.claim() == []
    await desk.clean()


async def test_segments_are_delivered_when_all_are(desk: Any) -> None:
    (message_id,) = await desk.send(segments=3)
    await desk.submit(message_id, "s0", "s1", "s2")
    for carrier_id in ("s1", "s1", "s0"):
        (did,) = await desk.journal.receipts("a", [receipt(carrier_id, event=b"<%s>" % carrier_id.encode())])
        assert did == Receipted(message_id, State.SENT, changed=False, attempts=1)
    (did,) = await desk.journal.receipts("a", [receipt("s2", event=b"<s2>")])
    assert did == Receipted(message_id, State.DELIVERED, changed=True, attempts=1)
    events = await desk.events(message_id)
    assert [events.count(b"<s%d>" % n) for n in range(3)] == [1, 1, 1]
    await desk.clean()


async def test_segments_in_one_batch(desk: Any) -> None:
    (message_id,) = await desk.send(segments=12)
    names = [f"s{n}" for n in range(12)]
    await desk.submit(message_id, *names)
    done = await desk.journal.receipts("a", [receipt(name, event=name.encode()) for name in names])
    assert [d.changed for d in done] == [False] * 11 + [True]
    await desk.clean()


async def test_the_first_failing_segment_decides(desk: Any) -> None:
    (message_id,) = await desk.send(segments=2)
    await desk.submit(message_id, "s0", "s1")
    await desk.journal.receipts("a", [receipt("s0")])
    (did,) = await desk.journal.receipts("a", [receipt("s1", State.UNDELIVERED)])
    assert (did.state, did.changed) == (State.UNDELIVERED, True)
    await desk.clean()


async def test_a_segment_without_an_id_is_not_waited_for(desk: Any) -> None:
    (message_id,) = await desk.send(segments=2)
    await desk.submit(message_id, "", "s1")
    (did,) = await desk.journal.receipts("a", [receipt("s1")])
    assert (did.state, did.changed) == (State.DELIVERED, True)


async def test_only_the_receipts_asked_for_are_counted(desk: Any) -> None:
    (message_id,) = await desk.send(segments=1)
    await desk.submit(message_id, "s0", "s1")
    (did,) = await desk.journal.receipts("a", [receipt("s1")])
    assert (did.state, did.changed) == (State.DELIVERED, True)


async def test_horizons_that_are_over_leave_messages_unconfirmed(desk: Any) -> None:
    ids = await desk.send(3)
    now_ms = await desk.now()
    items = [Submitted(i, (f"c{n}",), now_ms + (10 if n < 2 else 60_000), b"") for n, i in enumerate(ids)]
    await desk.journal.submitted(A, "a", items)
    await desk.until(now_ms + 10)
    assert await desk.journal.expire_waits(ALL, 1, b"<horizon>") == 1
    assert await desk.journal.expire_waits(ALL, 10, b"<horizon>") == 1
    assert await desk.journal.expire_waits(ALL, 10, b"<horizon>") == 0
    assert [await desk.state(i) for i in ids] == [State.UNCONFIRMED, State.UNCONFIRMED, State.SENT]
    (did,) = await desk.journal.receipts("a", [receipt("c0")])
    assert did == Receipted(ids[0], State.UNCONFIRMED, changed=False, attempts=1)
    await desk.clean()


async def test_unknown_messages_are_no_trouble(desk: Any) -> None:
    ghost = make_id(1_700_000_000_000, 4, b"0123456789")
    epoch = await desk.carrier()
    assert await desk.journal.assign(A, epoch, [Assign(ghost, 0, b"")]) == [False]
    assert await desk.submit(ghost, "c1") == []
    assert await desk.journal.receipts("a", [receipt("c1")]) == [Receipted(ghost, None, changed=False)]
    await desk.journal.requeue("", [Requeue(ghost, 0, b"")])
    assert await desk.journal.read([ghost]) == [None]
    assert await desk.journal.inspect([ghost]) == [None]
    await desk.clean()


async def test_the_carriers_own_partition_may_be_anywhere(desk: Any) -> None:
    names = [f"carrier-{n}" for n in range(4)]
    assert len({partition_of_text(name) % 2 for name in names}) == 2, "names on both servers of the pair"
    for n, name in enumerate(names):
        early = f"e{n}"
        (first, second) = (await desk.accept(partition=10))[0], (await desk.accept(partition=11))[0]
        await desk.assign([first, second])
        await desk.journal.receipts(name, [receipt(early)])
        did = await desk.journal.submitted(
            A, name, [Submitted(first, (early,), 1 << 42, b"s"), Submitted(second, (f"l{n}",), 1 << 42, b"s")]
        )
        assert did == [Receipted(first, State.DELIVERED, changed=True, attempts=1)]
        assert await desk.journal.receipts(name, [receipt(f"l{n}")]) == [
            Receipted(second, State.DELIVERED, changed=True, attempts=1)
        ]
    await desk.clean()
