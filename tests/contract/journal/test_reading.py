"""Reading, retention, values and the checker."""

from typing import Any

from router.ids import PARTITIONS, created_ms, make_id
from router.journal.port import Finish
from router.model import MessageClass, State

ALL = range(PARTITIONS)


async def ended(desk: Any, count: int = 1, **fields: object) -> list[Any]:
    ids = await desk.accept(count, **fields)
    await desk.claim()
    await desk.journal.finish("", [Finish(i, State.FAILED, b"<final>") for i in ids])
    return ids


async def test_records_come_in_the_order_asked(desk: Any) -> None:
    ids = [(await desk.accept(partition=p))[0] for p in (9, 2, 9, 40)]
    ghost = make_id(5, 9, b"0123456789")
    records = await desk.journal.read([ids[2], ghost, ids[0], ids[3], ids[1]])
    assert [r and r.id for r in records] == [ids[2], None, ids[0], ids[3], ids[1]]
    assert records[0].place == ""


async def test_pages_of_a_tenants_messages(desk: Any) -> None:
    base_ms = await desk.now() - 10_000
    mine = [make_id(base_ms + n, (n * 5) % PARTITIONS, bytes(10)) for n in range(25)]
    template = await desk.message()
    await desk.journal.accept([template._replace(id=i) for i in mine])
    await desk.accept(3, tenant="globex")
    pages = []
    before = None
    while page := await desk.journal.list_ids("acme", before=before, created_after_ms=0, limit=10):
        pages.append(page)
        before = page[-1]
    assert [len(page) for page in pages] == [10, 10, 5]
    assert [i for page in pages for i in page] == mine[::-1]
    recent = await desk.journal.list_ids("acme", before=None, created_after_ms=base_ms + 20, limit=10)
    assert [created_ms(i) - base_ms for i in recent] == [24, 23, 22, 21]
    assert await desk.journal.list_ids("nobody", before=None, created_after_ms=0, limit=10) == []


async def test_depths_by_class(desk: Any) -> None:
    ids = await desk.accept(3, klass=MessageClass.OTP, partition=1) + await desk.accept(
        2, klass=MessageClass.OTP, partition=2, tenant="b"
    )
    depths = await desk.journal.depths()
    assert (depths[MessageClass.OTP].queued, depths[MessageClass.OTP].oldest_ms) == (5, created_ms(min(ids)))
    assert (depths[MessageClass.MARKETING].queued, depths[MessageClass.MARKETING].oldest_ms) == (0, 0)


async def test_records_leave_when_their_retention_is_over(desk: Any) -> None:
    ids = await ended(desk, 3)
    assert await desk.journal.retire(ALL, 10, 60) == 0
    await desk.until(await desk.now() + 15)
    assert await desk.journal.retire(ALL, 2, 0.01) == 2
    assert await desk.journal.retire(ALL, 2, 0.01) == 1
    assert await desk.journal.retire(ALL, 2, 0.01) == 0
    assert await desk.journal.read(ids) == [None] * 3
    assert await desk.journal.list_ids("acme", before=None, created_after_ms=0, limit=9) == []
    counts = await desk.clean()
    assert (counts["accepted"], counts["finished"], counts["live"]) == (3, 3, 0)


async def test_live_messages_are_never_retired(desk: Any) -> None:
    (message_id,) = await desk.accept()
    await desk.until(await desk.now() + 5)
    assert await desk.journal.retire(ALL, 10, 0) == 0
    assert await desk.state(message_id) is State.QUEUED


async def test_a_retention_of_its_own(desk: Any) -> None:
    (message_id,) = await ended(desk, retention_s=1)
    assert await desk.journal.retire(ALL, 10, 0) == 0
    await desk.until(await desk.now() + 1001)
    assert await desk.journal.retire(ALL, 10, 60) == 1
    assert await desk.journal.read([message_id]) == [None]


async def test_a_record_stays_while_its_webhook_is_to_be_told(desk: Any) -> None:
    (message_id,) = await ended(desk, wants_events=True)
    await desk.journal.retire(ALL, 10, 0)
    (notice,) = await desk.journal.claim_notices("courier", ALL, 10, 60)
    assert notice.body == b"body of " + message_id


async def test_dead_letters_leave_with_their_record(desk: Any) -> None:
    await ended(desk, wants_events=True)
    await desk.journal.bury_notices(await desk.journal.claim_notices("courier", ALL, 10, 60))
    assert len(await desk.journal.dead_notices(10)) == 1
    await desk.until(await desk.now() + 2)
    assert await desk.journal.retire(ALL, 10, 0) == 1
    assert await desk.journal.dead_notices(10) == []


async def test_a_replay_after_retention_makes_no_second_message(desk: Any) -> None:
    item = await desk.message(idempotency=b"d" * 16 + b"f" * 8)
    await desk.journal.accept([item])
    await desk.claim()
    await desk.journal.finish("", [Finish(item.id, State.FAILED, b"<final>")])
    await desk.until(await desk.now() + 2)
    assert await desk.journal.retire(ALL, 10, 0) == 1
    (record,) = await desk.journal.read([item.id])
    assert (record.state, record.body, record.events) == (State.FAILED, b"", b"")
    assert await desk.journal.list_ids("acme", before=None, created_after_ms=0, limit=9) == []
    (again,) = await desk.journal.accept([item])
    assert not again.fresh
    await desk.clean()


async def test_named_values(desk: Any) -> None:
    assert await desk.journal.get_value("board") is None
    await desk.journal.put_value("board", b"\x00one")
    assert await desk.journal.get_value("board") == b"\x00one"
    await desk.journal.put_value("board", b"two", ttl_s=0.02)
    assert await desk.journal.get_value("board") == b"two"
    await desk.until(await desk.now() + 25)
    assert await desk.journal.get_value("board") is None


async def test_health_names_the_server(desk: Any) -> None:
    health = await desk.journal.health()
    assert health["durability"] in {"strong", "degraded"}
    assert health["server"] in {"memory", "valkey", "redis"}


async def test_the_checker_counts_by_place_and_state(desk: Any) -> None:
    await desk.accept(4)
    await desk.accept(1, due_ms=await desk.now() + 60_000)
    await ended(desk, 2, partition=9)
    counts = await desk.clean()
    assert counts["accepted"] == counts["live"] + counts["finished"] == 7
    assert (counts["QUEUED"], counts["SCHEDULED"], counts["FAILED"]) == (4, 1, 2)
    assert counts["claimed"] + counts.get("queue", 0) == 4
