"""Who the journal in memory calls out to."""

from router.ids import MessageId, make_id
from router.journal.memory import MemoryJournal
from router.journal.port import Intake, Received
from router.model import MessageClass

NOW_MS = 1_700_000_000_000


def new_id(partition: int, serial: int) -> MessageId:
    return make_id(NOW_MS, partition, serial.to_bytes(10, "big"))


async def test_each_channel_of_each_partition_is_called_out_once() -> None:
    calls: list[tuple[str, str]] = []
    journal = MemoryJournal(lambda: NOW_MS, lambda topic, payload: calls.append((topic, payload)))
    items = [Received(new_id(p, n), "acme", b"", b"", channel=name) for p in (9, 10) for n, name in enumerate(("b", "a:1", "b"))]
    await journal.receive([*items, Received(new_id(9, 7), "acme", b"", b"", wants_events=True)])
    assert calls == [("notice", "9"), ("channel", "9:a:1"), ("channel", "9:b"), ("channel", "10:a:1"), ("channel", "10:b")]


async def test_the_end_of_a_message_is_called_out_to_both_who_hear_of_it() -> None:
    calls: list[tuple[str, str]] = []
    journal = MemoryJournal(lambda: NOW_MS, lambda topic, payload: calls.append((topic, payload)))
    item = Intake(new_id(5, 1), "acme", MessageClass.OTP, b"", NOW_MS + 1, wants_events=True, channel="shop")
    await journal.accept([item])
    calls.clear()
    for _ in range(2):
        await journal.cancel(item.id, "acme", b"")
    assert calls == [("notice", "5"), ("channel", "5:shop")]


async def test_codes_are_called_out_as_urgent_too() -> None:
    calls: list[tuple[str, str]] = []
    journal = MemoryJournal(lambda: NOW_MS, lambda topic, payload: calls.append((topic, payload)))
    await journal.accept(
        [
            Intake(new_id(5, 1), "acme", MessageClass.OTP, b"", NOW_MS + 9),
            Intake(new_id(6, 2), "acme", MessageClass.MARKETING, b"", NOW_MS + 9),
        ]
    )
    assert calls == [("queue", "5"), ("queue", "6"), ("urgent", "5")]
    calls.clear()
    await journal.accept([Intake(new_id(5, 1), "acme", MessageClass.OTP, b"", NOW_MS + 9)])
    await journal.accept([Intake(new_id(5, 3), "acme", MessageClass.OTP, b"", NOW_MS + 9, due_ms=NOW_MS + 5)])
    assert "urgent" not in {topic for topic, _ in calls}
