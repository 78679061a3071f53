"""Lines put beside a history, whatever the message's state."""

from typing import Any

import msgpack

from router.ids import make_id
from router.journal.port import Note, Receipt
from router.model import State
from router.record import EventKind, pack_event, unpack_events

KIND = int(EventKind.FEEDBACK)
LINE = pack_event(1_700_000_000_000, EventKind.FEEDBACK, True)
OTHER = pack_event(1_700_000_000_001, EventKind.FEEDBACK, False)


async def note(desk: Any, message_id: Any, event: bytes = LINE, *, tenant: str = "acme") -> Any:
    (line,) = await desk.journal.note([Note(message_id, tenant, KIND, event)])
    return line


async def test_the_first_line_of_a_kind_stands(desk: Any) -> None:
    (message_id,) = await desk.send()
    await desk.submit(message_id, "c1")
    before = await desk.events(message_id)
    assert await note(desk, message_id) == LINE
    assert await note(desk, message_id) == LINE
    assert await note(desk, message_id, OTHER) == LINE
    assert await desk.events(message_id) == before + LINE
    assert await desk.place(message_id) == "wait"
    await desk.clean()


async def test_a_message_that_ended_still_takes_a_line_and_stays_as_it_is(desk: Any) -> None:
    (message_id,) = await desk.send()
    await desk.submit(message_id, "c1")
    final = pack_event(1_700_000_000_000, EventKind.FINAL, int(State.DELIVERED), "", False, "")
    await desk.journal.receipts("a", [Receipt("c1", State.DELIVERED, b"", final)])
    assert await note(desk, message_id, OTHER) == OTHER
    assert await desk.state(message_id) is State.DELIVERED
    (record,) = await desk.journal.read([message_id])
    assert record.events.endswith(final + OTHER)
    await desk.clean()


async def test_a_line_between_others_is_found(desk: Any) -> None:
    (message_id,) = await desk.accept()
    first = pack_event(1, EventKind.QUEUED, "held")
    (stands,) = await desk.journal.note([Note(message_id, "acme", int(EventKind.QUEUED), first)])
    assert stands == first
    assert await note(desk, message_id) == LINE
    await desk.journal.replace(message_id, "acme", b"another", 1, pack_event(2, EventKind.RETURNED, "a", "x" * 300))
    assert await note(desk, message_id, OTHER) == LINE
    assert [line[1] for line in unpack_events(await desk.events(message_id))] == [EventKind.QUEUED, KIND, EventKind.RETURNED]


async def test_every_type_of_value_is_passed_over(desk: Any) -> None:
    (message_id,) = await desk.accept()
    values = (
        None,
        True,
        -1,
        -200,
        -70_000,
        200,
        70_000,
        1 << 40,
        1.5,
        "",
        "x" * 40,
        "x" * 300,
        "x" * 70_000,
        b"",
        b"y" * 300,
        b"z" * 70_000,
    )
    many = ([KIND] * 3, [KIND] * 20, [1] * 70_000, {"a": KIND}, dict.fromkeys(range(20), KIND), msgpack.ExtType(KIND, b"12345"))
    before = pack_event(KIND, EventKind.RETURNED, *values, *many)
    assert await note(desk, message_id) == LINE
    (message_id,) = await desk.accept()
    await desk.journal.replace(message_id, "acme", b"another", 1, before)
    assert await note(desk, message_id) == LINE
    assert await note(desk, message_id, OTHER) == LINE
    assert await desk.events(message_id) == before + LINE


async def test_many_at_once_in_several_partitions_and_strangers_among_them(desk: Any) -> None:
    mine = [(await desk.accept(partition=p))[0] for p in (1, 2, 2, 40)]
    items = [Note(i, "acme", KIND, LINE) for i in mine]
    items[1:1] = [Note(mine[0], "globex", KIND, LINE), Note(make_id(1, 2, b"0123456789"), "acme", KIND, LINE)]
    assert await desk.journal.note(items) == [LINE, None, None, LINE, LINE, LINE]
    assert await desk.journal.note([]) == []
