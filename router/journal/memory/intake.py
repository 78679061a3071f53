"""Intake, what comes from handsets, and what a tenant may still change, in memory."""

from collections.abc import Sequence
from typing import Final

from router.ids import MessageId, created_ms
from router.journal.memory.book import ALLOWED, Book, Entry
from router.journal.memory.shelf import Shelf
from router.journal.port import Accepted, Intake, Note, Received
from router.model import MessageClass, State
from router.pressure import Pressure
from router.record import line_of

DAY_MS: Final = 86_400_000
REPLACEABLE: Final = frozenset({State.SCHEDULED, State.QUEUED})


class Reception(Shelf):
    """See ``router.journal.port``."""

    async def pressure(self) -> Pressure:
        """How full the journal is: never, here."""
        return Pressure()

    async def accept(self, items: Sequence[Intake]) -> list[Accepted]:
        """Take messages in."""
        now_ms = self._clock_ms()
        fresh: dict[int, list[MessageId]] = {}
        urgent: set[int] = set()
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
                    if item.klass is MessageClass.OTP:
                        urgent.add(book.partition)
        for partition, ids in fresh.items():
            self._books[partition].line_up(ids, front=False)
        self._wake_queue(set(fresh))
        self._wake_urgent(urgent)
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

    async def first_use(self, partition: int, key: bytes, now_ms: int) -> int | None:
        """When a request was first accepted."""
        first = self._books[partition].keys.get(key[:16])
        return first[0] if first is not None and first[1] == key[16:] and first[0] + DAY_MS > now_ms else None

    async def cancel(self, message_id: MessageId, tenant: str, event: bytes) -> State | None:
        """Cancel if still SCHEDULED or QUEUED and unassigned."""
        book = self._book(message_id)
        entry = book.records.get(message_id)
        if entry is None or entry.tenant != tenant:
            return None
        if (entry.state, State.CANCELED) in ALLOWED:
            book.due.drop(message_id)
            book.claimed.pop(message_id, None)
            book.dead.pop(message_id, None)
            entry.events += event
            told = book.finish(self._clock_ms(), message_id, entry, State.CANCELED)
            self._wake_notice([(book.partition, channel) for channel in told])
        return entry.state

    async def replace(self, message_id: MessageId, tenant: str, body: bytes, segments: int, event: bytes) -> State | None:
        """Another body for a message that nobody has in hand; what took effect is told again when the call is repeated."""
        book = self._book(message_id)
        entry = book.records.get(message_id)
        if entry is None or entry.tenant != tenant:
            return None
        if entry.state not in REPLACEABLE or message_id in book.claimed:
            done = event and event in entry.events and entry.body == body
            return State.QUEUED if done else State.SENDING
        entry.body = body
        entry.segments = min(max(segments, 1), 255)
        entry.delivered.clear()  # what arrived of another body is no part of this one
        entry.tell(event)
        return entry.state

    async def note(self, items: Sequence[Note]) -> list[bytes | None]:
        """Lines beside histories, one of a kind a message; returns the line of the kind that stands, None: no such message."""
        results: list[bytes | None] = []
        for item in items:
            entry = self._book(item.id).records.get(item.id)
            if entry is None or entry.tenant != item.tenant or not entry.body:
                results.append(None)
                continue
            stands = line_of(entry.events, item.kind)
            if stands is None:
                entry.events += item.event
                stands = item.event
            results.append(stands)
        return results

    async def receive(self, items: Sequence[Received]) -> None:
        """Take in messages from handsets: accepted and finished at once."""
        now_ms = self._clock_ms()
        told: set[tuple[int, str]] = set()
        for item in items:
            book = self._book(item.id)
            if item.id in book.records:
                continue
            entry = book.records[item.id] = Entry(
                Intake(
                    item.id,
                    item.tenant,
                    MessageClass.TRANSACTIONAL,
                    item.body,
                    expires_ms=0,
                    wants_events=item.wants_events,
                    retention_s=item.retention_s,
                    channel=item.channel,
                )
            )
            entry.events = item.event
            book.index.setdefault(item.tenant, {})[item.id] = None
            book.accepted += 1
            told.update((book.partition, channel) for channel in book.finish(now_ms, item.id, entry, State.RECEIVED))
        self._wake_notice(told)
