"""Intake and cancel, in memory."""

from collections.abc import Sequence
from typing import Final

from router.ids import MessageId, created_ms
from router.journal.memory.book import ALLOWED, Book, Entry
from router.journal.memory.shelf import Shelf
from router.journal.port import Accepted, Intake
from router.model import State
from router.pressure import Pressure

DAY_MS: Final = 86_400_000


class Reception(Shelf):
    """See ``router.journal.port``."""

    async def pressure(self) -> Pressure:
        """How full the journal is: never, here."""
        return Pressure()

    async def accept(self, items: Sequence[Intake]) -> list[Accepted]:
        """Take messages in."""
        now_ms = self._clock_ms()
        fresh: dict[int, list[MessageId]] = {}
        results = []
        for item in items:
            book = self._book(item.id)
            result = self._admit(book, item, now_ms)
            results.append(result)
            if result.fresh:
                book.records[item.id] = Entry(item)
                book.index.setdefault(item.tenant, {})[item.id] = None
                book.accepted += 1
                line = fresh.setdefault(book.partition, [])
                if item.due_ms:
                    book.due.add(item.id, item.due_ms)
                else:
                    line.append(item.id)
        for partition, ids in fresh.items():
            self._books[partition].line_up(ids, front=False)
        self._wake_queue(set(fresh))
        return results

    @staticmethod
    def _admit(book: Book, item: Intake, now_ms: int) -> Accepted:
        own_ms = created_ms(item.id)
        known = item.id in book.records
        if not item.idempotency:
            return Accepted(own_ms, fresh=not known)
        digest, fingerprint = item.idempotency[:16], item.idempotency[16:24]
        first = book.keys.get(digest)
        if first is None or first[0] + DAY_MS <= now_ms:
            first = book.keys[digest] = (own_ms, fingerprint)
        if first[1] != fingerprint:
            return Accepted(first[0], conflict=True, fresh=False)
        return Accepted(first[0], fresh=first[0] == own_ms and not known)

    async def cancel(self, message_id: MessageId, tenant: str, event: bytes) -> State | None:
        """Cancel if still SCHEDULED or QUEUED and unassigned."""
        book = self._book(message_id)
        entry = book.records.get(message_id)
        if entry is None or entry.tenant != tenant:
            return None
        if (entry.state, State.CANCELED) in ALLOWED:
            book.due.drop(message_id)
            book.claimed.pop(message_id, None)
            entry.events += event
            if book.finish(self._clock_ms(), message_id, entry, State.CANCELED):
                self._wake_notice({book.partition})
        return entry.state
