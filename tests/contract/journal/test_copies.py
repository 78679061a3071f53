"""Second copies: when they are looked for, how they are fenced, and what receipts of either do."""

import asyncio
from typing import Any

import pytest

from router.ids import PARTITIONS
from router.journal.port import Assign, CopyEnd, Fenced, Receipt, Submitted
from router.model import MessageClass, State

ALL = range(PARTITIONS)
A, B, C = "carrier:a#0", "carrier:b#0", "carrier:c#0"
FAR_MS = 1 << 42


def receipt(carrier_id: str, state: State = State.DELIVERED, event: bytes = b"") -> Receipt:
    return Receipt(carrier_id, state, event or b"<%s %s>" % (carrier_id.encode(), state.name.encode()), b"<final>")


async def pending(desk: Any, count: int = 1, *, look_ms: int = 1, **fields: Any) -> list[Any]:
    """Messages that A took as a0, a1 …, to be looked at."""
    ids: list[Any] = await desk.send(count, **fields)
    horizon = await desk.now() + 60_000
    items = [Submitted(i, (f"a{n}",), horizon, b"<submitted>", look_ms) for n, i in enumerate(ids)]
    assert await desk.journal.submitted(A, "a", items) == []
    return ids


async def copied(desk: Any, *, taken: bool = True, **fields: Any) -> Any:
    """A message that A took as a0, and B after it as b0."""
    (message_id,) = await pending(desk, **fields)
    assert await desk.journal.assign_copies(B, await desk.carrier(B), [Assign(message_id, 1, b"<copy>")]) == [True]
    if taken:
        assert await desk.submit(message_id, "b0", owner=B, carrier="b") == []
    return message_id


async def looked(desk: Any, partitions: Any, limit: int, again_s: float) -> Any:
    return (await desk.journal.overdue(partitions, limit, again_s))[0]


async def record(desk: Any, message_id: Any) -> Any:
    return (await desk.journal.inspect([message_id]))[0]


async def test_nobody_is_looked_for_who_did_not_ask(desk: Any) -> None:
    await pending(desk, 3, look_ms=0)
    assert await looked(desk, ALL, 100, 60) == []


async def test_a_pending_message_is_found_when_its_time_has_come_and_later_again(desk: Any) -> None:
    (soon,), (late,) = await pending(desk, look_ms=FAR_MS), await pending(desk, look_ms=FAR_MS, partition=9)
    assert await looked(desk, ALL, 100, 60) == []
    await desk.journal.put_off([(soon, await desk.now())])
    (found,) = await looked(desk, ALL, 100, 60)
    assert (found.id, found.attempts, found.state) == (soon, 1, State.SENT)
    assert (found.body, found.events) == (b"body of " + soon, b"assigned 0<submitted>")
    assert await looked(desk, ALL, 100, 60) == []
    assert [(await record(desk, i)).place for i in (soon, late)] == ["wait", "wait"]
    await desk.journal.put_off([(soon, await desk.now())])
    assert len(await looked(desk, ALL, 100, 0.01)) == 1
    await desk.until(await desk.now() + 15)
    assert [message.id for message in await looked(desk, ALL, 100, 60)] == [soon]
    await desk.clean()


async def test_a_look_takes_no_more_than_asked(desk: Any) -> None:
    ids = await pending(desk, 5)
    (first, more), (second, none) = [await desk.journal.overdue(ALL, 3, 60) for _ in range(2)]
    assert (len(first), more, len(second), none) == (3, True, 2, False)
    assert {message.id for message in (*first, *second)} == set(ids)


async def test_those_that_ended_are_forgotten_in_passing(desk: Any) -> None:
    ids = await pending(desk, 4)
    await desk.journal.receipts("a", [receipt(f"a{n}") for n in range(3)])
    found = [await desk.journal.overdue(ALL, 3, 60) for _ in range(2)]
    assert sum(more for _, more in found) == 1
    assert [message.id for some, _ in found for message in some] == [ids[3]]


async def test_looks_can_be_put_off_and_given_up(desk: Any) -> None:
    later, never, other = await pending(desk, 3)
    await looked(desk, ALL, 100, 60)
    await desk.journal.put_off([(later, 1), (never, 0)])
    assert [message.id for message in await looked(desk, ALL, 100, 60)] == [later]
    await desk.journal.put_off([(never, 1)])
    assert await looked(desk, ALL, 100, 60) == []
    assert other not in {later, never}
    await desk.journal.put_off([])


async def test_who_ended_or_was_copied_is_not_looked_at(desk: Any) -> None:
    ended, again = await pending(desk, 2)
    await desk.journal.receipts("a", [receipt("a0")])
    assert await desk.journal.assign_copies(B, await desk.carrier(B), [Assign(again, 1, b"<copy>")]) == [True]
    assert await looked(desk, ALL, 100, 60) == []
    assert await desk.state(ended) is State.DELIVERED


async def test_a_long_message_is_not_copied(desk: Any) -> None:
    (message_id,) = await desk.send(segments=2)
    horizon = await desk.now() + 60_000
    await desk.journal.submitted(A, "a", [Submitted(message_id, ("a0", "a1"), horizon, b"", 1)])
    assert await looked(desk, ALL, 100, 60) == []
    assert await desk.journal.assign_copies(B, await desk.carrier(B), [Assign(message_id, 1, b"<copy>")]) == [False]


async def test_a_copy_is_noted_before_it_leaves_and_the_message_stays_where_it_waits(desk: Any) -> None:
    message_id = await copied(desk, taken=False)
    found = await record(desk, message_id)
    assert (found.state, found.attempts, found.place) == (State.SENT, 2, "wait")
    assert found.events == b"assigned 0<submitted><copy>"
    await desk.clean()


async def test_a_message_is_copied_once_whoever_asks(desk: Any) -> None:
    message_id = await copied(desk, taken=False)
    b, c = await desk.carrier(B), await desk.carrier(C)
    assert await desk.journal.assign_copies(B, b, [Assign(message_id, 1, b"<copy>")]) == [True]  # the same call made again
    assert await desk.journal.assign_copies(B, b, [Assign(message_id, 1, b"<other>")]) == [False]
    assert await desk.journal.assign_copies(B, b, [Assign(message_id, 2, b"<other>")]) == [False]
    assert await desk.journal.assign_copies(C, c, [Assign(message_id, 2, b"<third>")]) == [False]
    assert (await record(desk, message_id)).attempts == 2


async def test_one_call_copies_a_message_once(desk: Any) -> None:
    (message_id,) = await pending(desk)
    items = [Assign(message_id, 1, b"<copy>")] * 2
    assert await desk.journal.assign_copies(B, await desk.carrier(B), items) == [True, False]


async def test_the_carrier_that_has_it_gets_no_copy(desk: Any) -> None:
    (message_id,) = await pending(desk)
    assert await desk.journal.assign_copies(A, await desk.carrier(A), [Assign(message_id, 1, b"<copy>")]) == [False]


async def test_only_a_pending_message_is_copied(desk: Any) -> None:
    waiting = await desk.accept()
    flying = await desk.send(partition=8)
    (ended,) = await pending(desk, partition=9)
    await desk.journal.receipts("a", [receipt("a0")])
    items = [Assign(i, n, b"<copy>") for i, n in ((*waiting, 0), (*flying, 1), (ended, 1))]
    assert await desk.journal.assign_copies(B, await desk.carrier(B), items) == [False] * 3
    assert await desk.journal.assign_copies(B, await desk.carrier(B), []) == []
    await desk.clean()


async def test_an_older_epoch_copies_nothing(desk: Any) -> None:
    ids = [(await pending(desk, partition=p))[0] for p in (1, 2)]
    old = await desk.carrier(B, incarnation="one")
    await desk.carrier(B, incarnation="two")
    with pytest.raises(Fenced):
        await desk.journal.assign_copies(B, old, [Assign(i, 1, b"<copy>") for i in ids])
    assert [(await record(desk, i)).attempts for i in ids] == [1, 1]


@pytest.mark.parametrize("carrier", ["a", "b"])
async def test_the_first_positive_receipt_of_either_ends_it_and_nothing_undoes_that(desk: Any, carrier: str) -> None:
    message_id = await copied(desk)
    other = "ab".replace(carrier, "")
    (did,) = await desk.journal.receipts(carrier, [receipt(f"{carrier}0")])
    assert (did.id, did.state, did.changed, did.attempts) == (message_id, State.DELIVERED, True, 2)
    (late,) = await desk.journal.receipts(other, [receipt(f"{other}0", State.UNDELIVERED)])
    assert (late.id, late.state, late.changed) == (message_id, State.DELIVERED, False)
    assert await desk.state(message_id) is State.DELIVERED
    assert (await desk.clean())["finished"] == 1


@pytest.mark.parametrize("order", ["ab", "ba"])
async def test_it_ends_badly_only_when_both_have_failed(desk: Any, order: str) -> None:
    message_id = await copied(desk)
    for carrier in (order[0], order[0]):  # told twice, it is still one of the two
        (did,) = await desk.journal.receipts(carrier, [receipt(f"{carrier}0", State.UNDELIVERED)])
        assert (did.state, did.changed) == (State.SENT, False)
    assert (await record(desk, message_id)).place == "wait"
    (did,) = await desk.journal.receipts(order[1], [receipt(f"{order[1]}0", State.UNDELIVERED)])
    assert (did.state, did.changed) == (State.UNDELIVERED, True)
    await desk.clean()


@pytest.mark.parametrize("order", ["ab", "ba"])
async def test_a_positive_receipt_after_a_negative_one_delivers(desk: Any, order: str) -> None:
    message_id = await copied(desk)
    await desk.journal.receipts(order[0], [receipt(f"{order[0]}0", State.EXPIRED)])
    (did,) = await desk.journal.receipts(order[1], [receipt(f"{order[1]}0")])
    assert (did.id, did.state, did.changed) == (message_id, State.DELIVERED, True)
    await desk.clean()


async def test_both_receipts_in_one_call(desk: Any) -> None:
    first = await copied(desk)
    items = [receipt("a0", State.UNDELIVERED), receipt("a0", State.UNDELIVERED, b"<again>")]
    assert [did.changed for did in await desk.journal.receipts("a", items)] == [False, False]
    assert await desk.state(first) is State.SENT
    await desk.clean()


async def test_a_receipt_that_overtakes_the_answer_to_the_copy_is_matched(desk: Any) -> None:
    message_id = await copied(desk, taken=False)
    (unknown,) = await desk.journal.receipts("b", [receipt("b0")])
    assert unknown.id is None
    (did,) = await desk.submit(message_id, "b0", owner=B, carrier="b")
    assert (did.id, did.state, did.changed) == (message_id, State.DELIVERED, True)
    await desk.clean()


async def test_a_refused_copy_leaves_the_message_to_its_first(desk: Any) -> None:
    message_id = await copied(desk, taken=False)
    end = CopyEnd(message_id, b"<refused>", True, State.UNDELIVERED, b"<final>")
    for _ in range(2):
        assert await desk.journal.copies_ended([end]) == [False]
    assert (await record(desk, message_id)).events == b"assigned 0<submitted><copy><refused>"
    b = await desk.carrier(B)
    assert await desk.journal.assign_copies(B, b, [Assign(message_id, 1, b"<copy>")]) == [False]  # it has been, and failed
    (did,) = await desk.journal.receipts("a", [receipt("a0", State.UNDELIVERED)])
    assert (did.state, did.changed) == (State.UNDELIVERED, True)
    await desk.clean()


async def test_a_copy_refused_after_the_first_has_failed_ends_the_message(desk: Any) -> None:
    message_id = await copied(desk, taken=False, wants_events=True)
    await desk.journal.receipts("a", [receipt("a0", State.UNDELIVERED)])
    assert await desk.state(message_id) is State.SENT
    end = CopyEnd(message_id, b"<refused>", True, State.UNDELIVERED, b"<end>")
    assert await desk.journal.copies_ended([end, end]) == [True, False]
    assert await desk.journal.copies_ended([end]) == [False]
    found = await record(desk, message_id)
    assert (found.state, found.place) == (State.UNDELIVERED, "final")
    assert found.events.endswith(b"<refused><end>")
    assert [notice.id for notice in await desk.journal.claim_notices("c", ALL, 10, 60)] == [message_id]
    assert (await desk.clean())["finished"] == 1


async def test_a_copy_in_doubt_may_still_arrive(desk: Any) -> None:
    message_id = await copied(desk, taken=False)
    assert await desk.journal.copies_ended([CopyEnd(message_id, b"<no answer>", False)]) == [False]
    await desk.journal.receipts("a", [receipt("a0", State.UNDELIVERED)])
    assert await desk.state(message_id) is State.SENT
    await desk.submit(message_id, "b0", owner=B, carrier="b")  # its answer came late
    (did,) = await desk.journal.receipts("b", [receipt("b0")])
    assert (did.state, did.changed) == (State.DELIVERED, True)
    assert await desk.journal.copies_ended([CopyEnd(message_id, b"<no answer>", True)]) == [False]
    assert await desk.journal.copies_ended([]) == []
    await desk.clean()


async def test_without_any_receipt_it_ends_once_at_its_horizon(desk: Any) -> None:
    (message_id,) = await desk.send()
    horizon = await desk.now() + 30
    await desk.journal.submitted(A, "a", [Submitted(message_id, ("a0",), horizon, b"<submitted>", 1)])
    assert await desk.journal.assign_copies(B, await desk.carrier(B), [Assign(message_id, 1, b"<copy>")]) == [True]
    await desk.until(horizon)
    assert await desk.journal.expire_waits(ALL, 10, b"<horizon>") == 1
    assert await desk.state(message_id) is State.UNCONFIRMED
    assert (await desk.clean())["finished"] == 1


async def test_a_carrier_that_dies_with_a_copy_in_hand_loses_nothing(desk: Any) -> None:
    """Its next incarnation finds nothing in flight, and cannot send the copy a second time; the first copy's receipt ends the message."""
    message_id = await copied(desk, taken=False)
    epoch, _, _ = await desk.journal.register(B, "second", 60)
    assert await desk.journal.adopt(B, epoch, dict.fromkeys(MessageClass, 1), b"<adopted>") == 0
    assert await looked(desk, ALL, 100, 60) == []
    assert await desk.journal.assign_copies(B, epoch, [Assign(message_id, 2, b"<copy 2>")]) == [False]
    (did,) = await desk.journal.receipts("a", [receipt("a0")])
    assert (did.state, did.changed) == (State.DELIVERED, True)
    await desk.clean()


async def test_what_nobody_looks_at_any_more_goes_by_itself(redis_desk: Any) -> None:
    await pending(redis_desk, look_ms=FAR_MS)
    link = redis_desk.journal._topology.home(7)
    assert 0 < await link.command("PTTL", "{p07}:look") <= 600_000


async def test_many_ask_at_once_and_one_copy_is_made(redis_desk: Any) -> None:
    ids = await pending(redis_desk, 20)
    owners = [f"carrier:{name}#0" for name in "bcdef"]
    epochs = [await redis_desk.carrier(owner) for owner in owners]
    calls = [
        redis_desk.journal.assign_copies(owner, epoch, [Assign(i, 1, owner.encode()) for i in ids])
        for owner, epoch in zip(owners, epochs, strict=True)
    ]
    taken = await asyncio.gather(*calls)
    assert [sum(verdicts) for verdicts in zip(*taken, strict=True)] == [1] * 20
