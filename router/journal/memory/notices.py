"""The couriers' part, in memory."""

from collections.abc import Sequence

from router.ids import MessageId, to_text
from router.journal.memory.book import Book
from router.journal.memory.shelf import Shelf
from router.journal.port import Notice
from router.model import State


def _event(notice: Notice) -> bytes:
    return notice.id + bytes((notice.state,))


def _notice(book: Book, event: bytes) -> Notice:
    message_id, state = MessageId(event[:16]), State(event[16])
    entry = book.records.get(message_id)
    body, events = (entry.body, entry.events) if entry else (b"", b"")
    return Notice(f"evt_{to_text(message_id)}_{int(state)}", message_id, state, book.tries.get(event, 0), body, events)


class Notices(Shelf):
    """See ``router.journal.port``."""

    async def claim_notices(self, owner: str, partitions: Sequence[int], limit: int, lease_s: float) -> list[Notice]:
        """Take webhook events; one not settled within ``lease_s`` is handed out again, whoever ``owner`` was."""
        del owner  # an event may be told twice; only its time says whether it is free
        now_ms = self._clock_ms()
        found: list[Notice] = []
        for partition in partitions:
            book = self._books[partition]
            events = book.notices.take(now_ms, limit - len(found))
            for event in events:
                book.notices.add(event, now_ms + int(lease_s * 1000))
            found += [_notice(book, event) for event in events]
        return found

    async def settle_notices(self, done: Sequence[Notice]) -> None:
        """Forget these events."""
        for notice in done:
            book, event = self._book(notice.id), _event(notice)
            book.notices.drop(event)
            book.dead_notices.pop(event, None)
            book.tries.pop(event, None)

    async def retry_notices(self, items: Sequence[tuple[Notice, int]]) -> None:
        """Try these again at the given time; the tries are those of the notice and one more."""
        for notice, at_ms in items:
            book, event = self._book(notice.id), _event(notice)
            if event in book.notices:
                book.notices.add(event, at_ms)
                book.tries[event] = notice.tries + 1

    async def bury_notices(self, items: Sequence[Notice]) -> None:
        """Dead-letter these events."""
        now_ms = self._clock_ms()
        for notice in items:
            book, event = self._book(notice.id), _event(notice)
            if book.notices.drop(event):
                book.dead_notices[event] = now_ms
                book.tries[event] = notice.tries + 1

    async def dead_notices(self, limit: int) -> list[Notice]:
        """The dead letters, oldest first."""
        rows = sorted((at_ms, event, book) for book in self._books for event, at_ms in book.dead_notices.items())
        return [_notice(book, event) for _, event, book in rows[:limit]]

    async def replay_notices(self, items: Sequence[Notice]) -> None:
        """Dead letters back into delivery."""
        for notice in items:
            book, event = self._book(notice.id), _event(notice)
            if book.dead_notices.pop(event, None) is not None:
                book.notices.add(event, self._clock_ms())
                book.tries.pop(event, None)
                self._wake_notice({book.partition})
