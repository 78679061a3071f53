"""What should not be there, and once was: records of a later release, entries without a record, parts of one."""

from typing import Any

import pytest

from router.ids import PARTITIONS
from router.journal.port import Assign, CopyEnd, Finish, Hold, Note, Notice, Part, Receipt, Requeue, Submitted
from router.model import MessageClass, State

ALL = range(PARTITIONS)
P = "{p07}:"
A, B = "carrier:a#0", "carrier:b#0"
FAR_MS = 1 << 42


async def ask(desk: Any, *words: Any) -> Any:
    return await desk.journal._topology.links[0].command(*words)


async def of_a_later_release(desk: Any, message_id: bytes) -> bytes:
    """Make a record one that this release cannot read; returns its octets."""
    octets = b"\x02" + (await ask(desk, "HGET", P + "s", message_id))[1:]
    await ask(desk, "HSET", P + "s", message_id, octets)
    return octets


async def dead(desk: Any) -> set[bytes]:
    return set(await ask(desk, "ZRANGE", P + "dead", 0, -1))


# -- records of a later release ----------------------------------------------------------------------------------------
async def test_no_call_changes_what_cannot_be_read(redis_desk: Any) -> None:
    """Wherever it stands, and whatever is said of it."""
    journal = redis_desk.journal
    epochs = {owner: await redis_desk.carrier(owner) for owner in (A, B)}
    (waiting,) = await redis_desk.send()
    await journal.submitted(A, "a", [Submitted(waiting, ("x",), FAR_MS, b"s", 1)])
    (flying,) = await redis_desk.send()
    (claimed,) = await redis_desk.accept()
    await redis_desk.claim()
    (queued,) = await redis_desk.accept()
    ids = [waiting, flying, claimed, queued]
    octets = [await of_a_later_release(redis_desk, one) for one in ids]
    for one in ids:
        assert await journal.cancel(one, "acme", b"c") is None
        assert await journal.replace(one, "acme", b"another", 1, b"r") is None
        assert await journal.note([Note(one, "acme", 7, b"\x92\x01\x07")]) == [None]
        assert await journal.assign_copies(B, epochs[B], [Assign(one, 1, b"copy")]) == [False]
        assert await journal.copies_ended([CopyEnd(one, b"e", True, State.UNDELIVERED, b"f")]) == [False]
        assert await journal.assign(A, epochs[A], [Assign(one, 0, b"a")]) == [False]
        assert await journal.submitted(A, "a", [Submitted(one, (), FAR_MS, b"s")]) == []
        for owner in ("", A):
            await journal.hold(owner, [Hold(one, 1, b"h")])
            await journal.requeue(owner, [Requeue(one, 0, b"again")])
            await journal.finish(owner, [Finish(one, State.FAILED, b"end")])
    (did,) = await journal.receipts("a", [Receipt("x", State.DELIVERED, b"r", b"f")])
    assert (did.state, did.changed) == (None, False)
    assert await journal.overdue(ALL, 10, 60) == ([], False)
    assert [await ask(redis_desk, "HGET", P + "s", one) for one in ids] == octets


async def test_whose_time_has_come_and_cannot_be_read_is_set_aside(redis_desk: Any) -> None:
    waiting, gone = await redis_desk.send(2)
    await redis_desk.journal.submitted(A, "a", [Submitted(one, (one.hex(),), 1, b"s") for one in (waiting, gone)])
    await ask(redis_desk, "HDEL", P + "s", gone)
    (due,) = await redis_desk.accept(1, due_ms=await redis_desk.now() + 1)
    octets = [await of_a_later_release(redis_desk, one) for one in (waiting, due)]
    await redis_desk.until(await redis_desk.now() + 3)
    assert await redis_desk.journal.expire_waits(ALL, 10, b"over") == 0
    await redis_desk.journal.pump(ALL, 10)
    assert await dead(redis_desk) == {waiting, due}
    assert [await ask(redis_desk, "HGET", P + "s", one) for one in (waiting, due)] == octets
    assert await ask(redis_desk, "EXISTS", P + "wait", P + "due") == 0


async def test_what_is_left_of_a_record_is_set_aside_when_it_is_claimed(redis_desk: Any) -> None:
    unread, headless, bodiless, gone = await redis_desk.accept(4)
    await of_a_later_release(redis_desk, unread)
    await ask(redis_desk, "HDEL", P + "m", unread, bodiless, gone)
    await ask(redis_desk, "HDEL", P + "s", headless, gone)
    assert await redis_desk.claim() == []
    assert await dead(redis_desk) == {unread, headless, bodiless}


async def test_the_checker_counts_what_it_cannot_read_as_alive(redis_desk: Any) -> None:
    (message_id,) = await redis_desk.accept()
    await redis_desk.clean()
    await of_a_later_release(redis_desk, message_id)
    await redis_desk.claim()
    assert (await redis_desk.clean())["dead"] == 1


# -- entries that lost what they stand for -----------------------------------------------------------------------------
async def test_an_end_that_left_entries_behind_stays_the_end(redis_desk: Any) -> None:
    """An id that still stands in a place that its message has left moves nothing there."""
    journal = redis_desk.journal
    (message_id,) = await redis_desk.send()
    await journal.finish(A, [Finish(message_id, State.FAILED, b"end")])
    record = await journal.read([message_id])
    for place in ("claimed", "if:" + A, "wait", "due", "look"):
        await ask(redis_desk, "ZADD", P + place, 1, message_id)
    await journal.hold(A, [Hold(message_id, 1, b"h")])
    await journal.requeue(A, [Requeue(message_id, 0, b"again")])
    await journal.finish(A, [Finish(message_id, State.EXPIRED, b"end again")])
    assert await journal.assign(A, 1, [Assign(message_id, 1, b"a")]) == [False]
    assert await journal.expire_waits(ALL, 10, b"over") == 0
    await journal.pump(ALL, 10)
    assert await journal.overdue(ALL, 10, 60) == ([], False)
    assert await journal.read([message_id]) == record
    counts = (await journal.check()).counts
    assert (counts["finished"], counts["stale"]) == (1, 0)


async def test_a_ring_names_a_tenant_with_nothing_queued(redis_desk: Any) -> None:
    await ask(redis_desk, "RPUSH", P + "r:1", "nobody")
    ids = await redis_desk.accept(2)
    assert (await redis_desk.journal.depths())[MessageClass.TRANSACTIONAL].queued == 2
    assert [one.id for one in await redis_desk.claim()] == ids
    await redis_desk.clean()


async def test_an_event_is_handed_out_though_its_record_is_gone(redis_desk: Any) -> None:
    journal = redis_desk.journal
    (message_id,) = await redis_desk.send(wants_events=True)
    await journal.finish(A, [Finish(message_id, State.FAILED, b"end")])
    await ask(redis_desk, "HDEL", P + "s", message_id)
    await ask(redis_desk, "HDEL", P + "m", message_id)
    (notice,) = await journal.claim_notices("c", ALL, 10, 60)
    assert isinstance(notice, Notice)
    assert (notice.id, notice.state, notice.body, notice.events) == (message_id, State.FAILED, b"", b"")
    await journal.bury_notices([notice])
    assert [(one.id, one.body, one.events) for one in await journal.dead_notices(10)] == [(message_id, b"", b"")]


async def test_an_end_without_a_record_is_passed_over(redis_desk: Any) -> None:
    (message_id,) = await redis_desk.send()
    await redis_desk.journal.finish(A, [Finish(message_id, State.FAILED, b"end")])
    await ask(redis_desk, "HDEL", P + "s", message_id)
    await redis_desk.until(await redis_desk.now() + 2)
    assert [await redis_desk.journal.retire(ALL, 10, 0) for _ in range(2)] == [1, 0]
    assert await redis_desk.journal.list_ids("acme", before=None, created_after_ms=0, limit=9) == [message_id]


async def test_a_group_whose_parts_are_gone_is_forgotten(redis_desk: Any) -> None:
    group = b"\x07" + bytes(15)
    await redis_desk.journal.gather([Part(group, await redis_desk.new_id(), 1, 2, b"one")])
    await ask(redis_desk, "DEL", P + "pt:" + group.decode())
    assert await redis_desk.journal.stale_groups(ALL, 0, 10) == []
    assert await ask(redis_desk, "EXISTS", P + "pt") == 0


async def test_what_a_refusal_takes_back_is_never_below_nothing(redis_desk: Any) -> None:
    (message_id,) = await redis_desk.send()
    octets = await ask(redis_desk, "HGET", P + "s", message_id)
    await ask(redis_desk, "HSET", P + "s", message_id, octets[:3] + b"\x00" + octets[4:])
    await redis_desk.journal.requeue(A, [Requeue(message_id, 0, b"again", False)])
    assert [one.attempts for one in await redis_desk.claim()] == [0]


async def test_a_message_without_its_body_is_looked_at(redis_desk: Any) -> None:
    (message_id,) = await redis_desk.send()
    await redis_desk.journal.submitted(A, "a", [Submitted(message_id, ("x",), FAR_MS, b"s", 1)])
    await ask(redis_desk, "HDEL", P + "m", message_id)
    ((one,), _) = await redis_desk.journal.overdue(ALL, 10, 60)
    assert (one.id, one.body) == (message_id, b"")


async def test_who_is_looked_for_and_gone_is_forgotten(desk: Any) -> None:
    (message_id,) = await desk.send()
    await desk.journal.submitted(A, "a", [Submitted(message_id, ("x",), FAR_MS, b"s", 1)])
    await desk.journal.receipts("a", [Receipt("x", State.DELIVERED, b"r", b"f")])
    await desk.until(await desk.now() + 2)
    assert await desk.journal.retire(ALL, 10, 0) == 1
    assert await desk.journal.overdue(ALL, 1, 60) == ([], True)
    assert await desk.journal.overdue(ALL, 1, 60) == ([], False)


# -- histories that end in the middle ----------------------------------------------------------------------------------
LINE = b"\x92\x05\x63"  # [5, 99]
OTHER = b"\x92\x06\x63"
KIND = 0x63


@pytest.mark.parametrize(
    "history",
    [
        b"\xc1",  # no value begins with that
        b"\xc1\x00\x92\x05\x63",
        b"\x92\x01",
        b"\x93\x01\x02",
        b"\x92\x92\x01",
        b"\xd9",
        b"\xda\x01",
        b"\x92\x05\xda\x01",
        b"\x94\x05\x63\xa5ab",  # a line of the kind, had it an end
        b"\x93\x05\x63\xd9\x05abcd",
        b"\x92\x05\xc1",
        b"\x91\x05\x63",  # the kind stands after the line, not in it
        b"\x90\x05\x63",
        b"\x05\x63",
        b"\x63",
        b"\x82\x05\x63\x06\x07",  # a map
    ],
    ids=bytes.hex,
)
async def test_a_history_that_has_no_line_of_the_kind(desk: Any, history: bytes) -> None:
    (message_id,) = await desk.accept()
    await desk.journal.replace(message_id, "acme", b"another", 1, history)
    assert await desk.journal.note([Note(message_id, "acme", KIND, LINE)]) == [LINE]
    assert await desk.events(message_id) == history + LINE


@pytest.mark.parametrize(
    "value",
    [
        b"\x7f",
        b"\xe0",
        b"\xa2\xc3\xa9",
        b"\xc7\x03\x63\x92\x00\x63",
        b"\xff",
        b"\x80",
        b"\x90",
        b"\xa0",
        b"\xbf" + b"x" * 31,
        b"\xc0",
        b"\x9f" + b"\x92\x00\x63" * 15,
        b"\x8f" + b"\x00\x92\x00\x63" * 15,
        b"\xdc\x00\x10" + b"\x92\x00\x63" * 16,
        b"\xdd\x00\x00\x00\x10" + b"\x92\x00\x63" * 16,
        b"\xde\x00\x10" + b"".join(b"%c\x92\x00\x63" % key for key in range(16)),
        b"\xdf\x00\x00\x00\x10" + b"".join(b"%c\x92\x00\x63" % key for key in range(16)),
    ],
    ids=lambda value: value[:5].hex(),
)
async def test_what_stands_in_a_line_is_no_line(desk: Any, value: bytes) -> None:
    (message_id,) = await desk.accept()
    for before in (b"\x93\x05\x01" + value, b"\x93\x05\x02" + value + b"\x93\x05\x03" + value):
        await desk.journal.replace(message_id, "acme", b"another", 1, before)
    for line in (LINE, OTHER):
        assert await desk.journal.note([Note(message_id, "acme", KIND, line)]) == [LINE]
    assert (await desk.events(message_id)).endswith(value + LINE)
