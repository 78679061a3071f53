"""Replacing a message that nobody has in hand."""

from typing import Any

from router.ids import make_id
from router.journal.port import Receipt, Requeue
from router.model import State


async def replace(desk: Any, message_id: Any, *, tenant: str = "acme", segments: int = 1, event: bytes = b"<other>") -> Any:
    return await desk.journal.replace(message_id, tenant, b"another body", segments, event)


async def test_a_queued_message_gets_another_body(desk: Any) -> None:
    (message_id,) = await desk.accept()
    for _ in range(2):
        assert await replace(desk, message_id) is State.QUEUED
    (claimed,) = await desk.claim()
    assert (claimed.id, claimed.body, claimed.events) == (message_id, b"another body", b"<other>")
    await desk.clean()


async def test_a_scheduled_message_gets_another_body_and_keeps_its_time(desk: Any) -> None:
    due_ms = await desk.now() + 30
    (message_id,) = await desk.accept(due_ms=due_ms)
    assert await replace(desk, message_id) is State.SCHEDULED
    await desk.until(due_ms)
    assert await desk.journal.pump([7], 10) == (1, 0)
    assert [c.body for c in await desk.claim()] == [b"another body"]


async def test_it_is_too_late_once_a_dispatcher_has_it(desk: Any) -> None:
    (message_id,) = await desk.accept()
    await desk.claim()
    assert await replace(desk, message_id) is State.SENDING
    assert await desk.events(message_id) == b""
    await desk.journal.requeue("", [Requeue(message_id, 0, b"")])
    assert await replace(desk, message_id) is State.QUEUED
    await desk.assign([message_id])
    assert await desk.journal.replace(message_id, "acme", b"a third", 1, b"<third>") is State.SENDING
    await desk.submit(message_id, "c1")
    assert await desk.journal.replace(message_id, "acme", b"a third", 1, b"<third>") is State.SENDING
    await desk.journal.receipts("a", [Receipt("c1", State.DELIVERED, b"", b"")])
    assert await desk.journal.replace(message_id, "acme", b"a third", 1, b"<third>") is State.SENDING
    assert (await desk.journal.read([message_id]))[0].body == b"another body"


async def test_a_call_repeated_after_the_message_went_on_is_told_that_it_took_effect(desk: Any) -> None:
    (message_id,) = await desk.accept()
    assert await replace(desk, message_id) is State.QUEUED
    await desk.assign([message_id])
    assert await replace(desk, message_id) is State.QUEUED
    assert await desk.journal.replace(message_id, "acme", b"a third", 1, b"<other>") is State.SENDING
    assert await desk.journal.replace(message_id, "acme", b"another body", 1, b"") is State.SENDING
    assert await desk.place(message_id) == "inflight:carrier:a#0"


async def test_other_tenants_and_unknown_messages(desk: Any) -> None:
    (message_id,) = await desk.accept()
    assert await replace(desk, message_id, tenant="globex") is None
    assert await replace(desk, make_id(1, 2, b"0123456789")) is None
    assert (await desk.journal.read([message_id]))[0].body == b"body of " + message_id


async def test_the_number_of_receipts_follows_the_new_body(desk: Any) -> None:
    one, two = await desk.accept(2, segments=2)
    assert await replace(desk, one, segments=1) is State.QUEUED
    assert await replace(desk, two, segments=300) is State.QUEUED
    assert await replace(desk, two, segments=3) is State.QUEUED
    await desk.assign([one, two])
    await desk.submit(one, "c1")
    await desk.submit(two, "d1", "d2", "d3")
    (did,) = await desk.journal.receipts("a", [Receipt("c1", State.DELIVERED, b"", b"")])
    assert did.changed
    parts = await desk.journal.receipts("a", [Receipt(f"d{n}", State.DELIVERED, b"r%d" % n, b"") for n in (1, 2, 3)])
    assert [did.changed for did in parts] == [False, False, True]
    await desk.clean()


async def test_no_segments_are_one(desk: Any) -> None:
    (message_id,) = await desk.accept(segments=2)
    await replace(desk, message_id, segments=0)
    await desk.assign([message_id])
    await desk.submit(message_id, "c1")
    (did,) = await desk.journal.receipts("a", [Receipt("c1", State.DELIVERED, b"", b"")])
    assert did.changed


async def test_what_arrived_of_the_old_body_does_not_count_for_the_new_one(desk: Any) -> None:
    (message_id,) = await desk.send(segments=2)
    await desk.journal.requeue("carrier:a#0", [Requeue(message_id, 0, b"")])
    await desk.submit(message_id, "c1", "c2")  # the answer to the first copy comes late, and then one of its receipts
    (early,) = await desk.journal.receipts("a", [Receipt("c1", State.DELIVERED, b"r1", b"")])
    assert (early.state, early.changed) == (State.QUEUED, False)
    assert await replace(desk, message_id, segments=2) is State.QUEUED
    assert await desk.events(message_id) == b"assigned 0submitted by carrier:a#0r1<other>"
    await desk.assign([message_id])
    await desk.submit(message_id, "e1", "e2")
    parts = await desk.journal.receipts("a", [Receipt(f"e{n}", State.DELIVERED, b"s%d" % n, b"") for n in (2, 1)])
    assert [did.changed for did in parts] == [False, True]
