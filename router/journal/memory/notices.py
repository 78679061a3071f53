"""The couriers' part, in memory."""

from collections.abc import Sequence

from router.ids import MessageId, to_text
from router.journal.memory.book import Book
from router.journal.memory.shelf import Shelf
from router.journal.port import Notice
from router.model import State


def _event(notice: Notice) -> bytes:
    return notice.id + bytes((notice.state,))


def _notice(book: Book, event: bytes, tries: int) -> Notice:
    message_id, state = MessageId(event[:16]), State(event[16])
    entry = book.records.get(message_id)
    body, events = (entry.body, entry.events) if entry else (b"", b"")
    return Notice(f"evt_{to_text(message_id)}_{int(state)}", message_id, state, tries, body, events)


class Notices(Shelf):
    """See ``router.journal.port``."""

    async def claim_notices(
        self, owner: str, partitions: Sequence[int], limit: int, lease_s: float, channel: str = ""
    ) -> list[Notice]:
        """Take events of a channel; one not settled within ``lease_s`` is handed out again, whoever ``owner`` was."""
        del owner  # an event may be told twice; only its time says whether it is free
        now_ms = self._clock_ms()
        found: list[Notice] = []
        for partition in partitions:
            book = self._books[partition]
            if channel not in book.channels:
                continue
            line = book.channels[channel]
            line.free.look_at_clock(now_ms)
            events = line.free.take(now_ms, limit - len(found))
            for event in events:
                line.free.add(event, now_ms + int(lease_s * 1000))
            found += [_notice(book, event, line.tries.get(event, 0)) for event in events]
        return found

    async def settle_notices(self, done: Sequence[Notice], channel: str = "") -> None:
        """Forget these events."""
        for notice in done:
            book, event = self._book(notice.id), _event(notice)
            book.channel(channel).settle(event)
            if not channel:
                book.dead_notices.pop(event, None)
                book.dead_tries.pop(event, None)

    async def retry_notices(self, items: Sequence[tuple[Notice, int]], channel: str = "") -> None:
        """Try these again at the given time; the tries are those of the notice and one more."""
        for notice, at_ms in items:
            line, event = self._book(notice.id).channel(channel), _event(notice)
            if event in line.free:
                line.free.add(event, at_ms)
                line.tries[event] = notice.tries + 1

    async def drop_notices(self, channel: str, partitions: Sequence[int], older_s: float, limit: int) -> int:
        """Forget events that could be had for longer than ``older_s`` and that nobody claimed; how many."""
        oldest_ms = self._clock_ms() - int(older_s * 1000)
        dropped = 0
        for partition in partitions:
            line = self._books[partition].channel(channel)
            events = line.free.take(oldest_ms, limit - dropped)
            for event in events:
                line.tries.pop(event, None)
            dropped += len(events)
        return dropped

    async def waiting_notices(self, channel: str) -> int:
        """How many events stand in a channel, those handed out and not settled included."""
        return sum(len(book.channels[channel].free) for book in self._books if channel in book.channels)

    async def bury_notices(self, items: Sequence[Notice]) -> None:
        """Dead-letter these events."""
        now_ms = self._clock_ms()
        for notice in items:
            book, event = self._book(notice.id), _event(notice)
            if book.channel("").settle(event):
                book.dead_notices[event] = now_ms
                book.dead_tries[event] = notice.tries + 1

    async def dead_notices(self, limit: int) -> list[Notice]:
        """The dead letters, oldest first."""
        rows = sorted((at_ms, event, book) for book in self._books for event, at_ms in book.dead_notices.items())
        return [_notice(book, event, book.dead_tries[event]) for _, event, book in rows[:limit]]

    async def replay_notices(self, items: Sequence[Notice]) -> None:
        """Dead letters back into delivery."""
        for notice in items:
            book, event = self._book(notice.id), _event(notice)
            if book.dead_notices.pop(event, None) is not None:
                book.dead_tries.pop(event, None)
                book.channel("").free.add(event, self._clock_ms())
                self._wake_notice([(book.partition, "")])
