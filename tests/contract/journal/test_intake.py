"""Accept and cancel."""

from typing import Any

from router.ids import created_ms, derived_id, make_id
from router.journal.port import Accepted, Intake
from router.model import MessageClass, State

DAY_MS = 86_400_000


async def test_accepted_messages_wait_in_their_queue(desk: Any) -> None:
    item = await desk.message()
    assert await desk.journal.accept([item]) == [Accepted(created_ms(item.id))]
    (record,) = await desk.journal.inspect([item.id])
    assert (record.state, record.attempts, record.body, record.events, record.place) == (State.QUEUED, 0, item.body, b"", "queue")


async def test_accepting_again_changes_nothing(desk: Any) -> None:
    items = [await desk.message(partition=p % 3) for p in range(9)]
    await desk.journal.accept(items)
    again = await desk.journal.accept(items)
    assert [result.fresh for result in again] == [False] * 9
    assert len(await desk.claim()) == 9
    assert (await desk.clean())["accepted"] == 9


async def test_a_batch_that_repeats_an_id_takes_it_once(desk: Any) -> None:
    item = await desk.message()
    assert [r.fresh for r in await desk.journal.accept([item, item])] == [True, False]
    assert (await desk.clean())["queue"] == 1


async def test_results_come_in_the_order_of_the_items(desk: Any) -> None:
    items = [await desk.message(partition=p) for p in (5, 9, 5, 63, 0, 9)]
    await desk.journal.accept(items[2:4])
    assert [r.fresh for r in await desk.journal.accept(items)] == [True, True, False, False, True, True]


async def test_ten_thousand_in_one_call(desk: Any) -> None:
    template = await desk.message()
    ids = [make_id(created_ms(template.id), 7, n.to_bytes(10, "big")) for n in range(10_000)]
    assert all(r.fresh for r in await desk.journal.accept([template._replace(id=i) for i in ids]))
    assert (await desk.journal.depths())[MessageClass.TRANSACTIONAL].queued == 10_000
    assert await desk.journal.list_ids("acme", before=None, created_after_ms=0, limit=5) == sorted(ids, reverse=True)[:5]


async def test_scheduled_messages_wait_for_their_time(desk: Any) -> None:
    due_ms = await desk.now() + 300
    (message_id,) = await desk.accept(due_ms=due_ms)
    assert (await desk.state(message_id), await desk.place(message_id)) == (State.SCHEDULED, "due")
    assert await desk.claim() == []
    assert await desk.journal.pump([7], 10) == (0, due_ms)
    await desk.until(due_ms)
    assert await desk.journal.pump([7], 10) == (1, 0)
    assert (await desk.state(message_id), await desk.place(message_id)) == (State.QUEUED, "queue")


def keyed(now_ms: int, count: int, *, digest: bytes = b"d" * 16, fingerprint: bytes = b"f" * 8) -> list[Intake]:
    return [
        Intake(
            derived_id(now_ms, 11, digest, n),
            "acme",
            MessageClass.OTP,
            b"body",
            now_ms + 60_000,
            idempotency=digest + fingerprint,
        )
        for n in range(count)
    ]


async def test_a_replay_learns_the_time_of_the_first_use_and_writes_nothing(desk: Any) -> None:
    first_ms = await desk.now()
    assert all(r == Accepted(first_ms) for r in await desk.journal.accept(keyed(first_ms, 3)))
    assert await desk.journal.accept(keyed(first_ms + 5, 3)) == [Accepted(first_ms, fresh=False)] * 3
    assert await desk.journal.accept(keyed(first_ms, 3)) == [Accepted(first_ms, fresh=False)] * 3
    assert (await desk.clean())["accepted"] == 3


async def test_the_same_key_for_another_request_is_a_conflict(desk: Any) -> None:
    first_ms = await desk.now()
    await desk.journal.accept(keyed(first_ms, 1))
    for at_ms in (first_ms, first_ms + 3):
        other = keyed(at_ms, 1, fingerprint=b"o" * 8)
        assert await desk.journal.accept(other) == [Accepted(first_ms, conflict=True, fresh=False)]
    assert (await desk.clean())["accepted"] == 1


async def test_a_half_written_batch_is_completed(desk: Any) -> None:
    first_ms = await desk.now()
    items = keyed(first_ms, 5)
    await desk.journal.accept(items[:2])
    assert [r.fresh for r in await desk.journal.accept(items)] == [False, False, True, True, True]
    assert (await desk.clean())["accepted"] == 5


async def test_a_key_is_forgotten_after_a_day(desk: Any) -> None:
    long_ago = await desk.now() - DAY_MS - 1000
    await desk.journal.accept(keyed(long_ago, 1))
    now_ms = await desk.now()
    assert await desk.journal.accept(keyed(now_ms, 1, fingerprint=b"o" * 8)) == [Accepted(now_ms)]


async def test_a_keys_first_use_is_told_to_the_same_request(desk: Any) -> None:
    now_ms = await desk.now()
    for first_ms, found in ((now_ms - 1, now_ms - 1), (now_ms - DAY_MS - 1000, None)):
        digest = first_ms.to_bytes(16, "big")
        await desk.journal.accept(keyed(first_ms, 2, digest=digest))
        assert await desk.journal.first_use(11, digest + b"f" * 8, now_ms) == found
        assert await desk.journal.first_use(11, digest + b"o" * 8, now_ms) is None
    assert await desk.journal.first_use(11, b"never used 16 oc" + b"f" * 8, now_ms) is None


async def test_different_keys_do_not_meet(desk: Any) -> None:
    now_ms = await desk.now()
    digests = [bytes([n]) * 16 for n in range(40)]
    for digest in digests:
        assert (await desk.journal.accept(keyed(now_ms, 1, digest=digest)))[0].fresh
    assert (await desk.clean())["accepted"] == 40


async def test_cancel_of_a_queued_message(desk: Any) -> None:
    first, second = await desk.accept(2)
    assert await desk.journal.cancel(first, "acme", b"taken back") is State.CANCELED
    assert await desk.journal.cancel(first, "acme", b"taken back") is State.CANCELED
    assert (await desk.events(first), await desk.place(first)) == (b"taken back", "final")
    assert [item.id for item in await desk.claim()] == [second]
    assert (await desk.clean())["finished"] == 1


async def test_cancel_of_a_scheduled_message(desk: Any) -> None:
    due_ms = await desk.now() + 20
    (message_id,) = await desk.accept(due_ms=due_ms)
    assert await desk.journal.cancel(message_id, "acme", b"") is State.CANCELED
    await desk.until(due_ms)
    assert await desk.journal.pump([7], 10) == (0, 0)
    await desk.clean()


async def test_cancel_beats_the_assignment_of_a_claimed_message(desk: Any) -> None:
    (message_id,) = await desk.accept()
    await desk.claim()
    assert await desk.journal.cancel(message_id, "acme", b"") is State.CANCELED
    assert await desk.journal.still_claimed([message_id]) == [False]
    from router.journal.port import Assign

    assert await desk.journal.assign("carrier:a#0", await desk.carrier(), [Assign(message_id, 0, b"x")]) == [False]
    await desk.clean()


async def test_cancel_comes_too_late_once_assigned(desk: Any) -> None:
    (message_id,) = await desk.send()
    assert await desk.journal.cancel(message_id, "acme", b"") is State.SENDING
    await desk.submit(message_id, "c1")
    assert await desk.journal.cancel(message_id, "acme", b"") is State.SENT
    await desk.clean()


async def test_cancel_is_blind_to_other_tenants_messages(desk: Any) -> None:
    (message_id,) = await desk.accept()
    assert await desk.journal.cancel(message_id, "globex", b"") is None
    assert await desk.journal.cancel(make_id(1, 2, b"0123456789"), "acme", b"") is None
    assert await desk.state(message_id) is State.QUEUED
