"""Messages from handsets: they begin and end at once, and are told like any other end."""

from typing import Any

from router.ids import PARTITIONS, make_id
from router.journal.port import Received
from router.model import State

ALL = range(PARTITIONS)


async def received(desk: Any, partition: int = 7, **fields: Any) -> Received:
    message_id = await desk.new_id(partition)
    return Received(message_id, **({"tenant": "acme", "body": b"body of " + message_id, "event": b"<received>"} | fields))


async def test_it_is_final_and_can_be_read_and_listed(desk: Any) -> None:
    items = [await received(desk, partition=p) for p in (3, 9, 3)]
    await desk.journal.receive(items)
    for record in await desk.journal.inspect([item.id for item in items]):
        assert (record.state, record.attempts, record.body) == (State.RECEIVED, 0, b"body of " + record.id)
        assert (record.events, record.place) == (b"<received>", "final")
    listed = await desk.journal.list_ids("acme", before=None, created_after_ms=0, limit=10)
    assert listed == sorted((item.id for item in items), reverse=True)
    counts = await desk.clean()
    assert (counts["accepted"], counts["finished"], counts["live"], counts["RECEIVED"]) == (3, 3, 0, 3)
    assert await desk.claim() == []
    assert all(depth.queued == 0 for depth in (await desk.journal.depths()).values())


async def test_receiving_again_tells_nobody_twice(desk: Any) -> None:
    items = [await received(desk, partition=p, wants_events=True, channel="shop") for p in (3, 9)]
    await desk.journal.receive([*items, items[0]])
    for channel in ("", "shop"):
        notices = await desk.journal.claim_notices("c", ALL, 10, 60, channel=channel)
        assert sorted(n.id for n in notices) == sorted(item.id for item in items)
        assert all((n.state, n.events) == (State.RECEIVED, b"<received>") for n in notices)
        assert [n.body for n in notices] == [b"body of " + n.id for n in notices]
        await desk.journal.settle_notices(notices, channel=channel)
    await desk.journal.receive([item._replace(body=b"other") for item in items])
    assert await desk.journal.waiting_notices("shop") == await desk.journal.waiting_notices("") == 0
    assert (await desk.journal.read([items[0].id]))[0].body == b"body of " + items[0].id
    assert (await desk.clean())["accepted"] == 2


async def test_only_who_wants_to_know_is_told(desk: Any) -> None:
    quiet, hooked, bound = (
        await received(desk),
        await received(desk, wants_events=True),
        await received(desk, channel="shop"),
    )
    await desk.journal.receive([quiet, hooked, bound])
    assert [n.id for n in await desk.journal.claim_notices("c", ALL, 10, 60)] == [hooked.id]
    assert [n.id for n in await desk.journal.claim_notices("c", ALL, 10, 60, channel="shop")] == [bound.id]


async def test_nothing_moves_it(desk: Any) -> None:
    item = await received(desk)
    await desk.journal.receive([item])
    assert await desk.journal.cancel(item.id, "acme", b"x") is State.RECEIVED
    assert await desk.journal.replace(item.id, "acme", b"other", 1, b"x") is State.SENDING
    (again,) = await desk.journal.accept([await desk.message()])
    assert again.fresh
    (known,) = await desk.journal.accept([(await desk.message())._replace(id=item.id)])
    assert not known.fresh
    assert await desk.events(item.id) == b"<received>"
    await desk.clean()


async def test_it_leaves_when_its_retention_is_over(desk: Any) -> None:
    usual, short, told = (
        await received(desk),
        await received(desk, retention_s=1),
        await received(desk, channel="shop", retention_s=1),
    )
    await desk.journal.receive([usual, short, told])
    await desk.until(await desk.now() + 2)
    assert await desk.journal.retire(ALL, 10, 0) == 1
    await desk.until(await desk.now() + 1001)
    assert await desk.journal.retire(ALL, 10, 60) == 2
    assert [record and record.id for record in await desk.journal.read([usual.id, short.id, told.id])] == [None, None, told.id]
    assert await desk.journal.list_ids("acme", before=None, created_after_ms=0, limit=9) == [told.id]
    await desk.clean()


async def test_many_at_once(desk: Any) -> None:
    now_ms = await desk.now()
    ids = [make_id(now_ms, n % 4, n.to_bytes(10, "big")) for n in range(5_000)]
    await desk.journal.receive([Received(i, "acme", b"body", b"event", channel=f"a{n % 3}") for n, i in enumerate(ids)])
    assert sum([await desk.journal.waiting_notices(f"a{n}") for n in range(3)]) == 5_000
    assert (await desk.clean())["RECEIVED"] == 5_000


async def test_none_at_all(desk: Any) -> None:
    await desk.journal.receive([])
    assert (await desk.clean()).get("accepted", 0) == 0
