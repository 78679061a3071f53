"""The dispatchers' part, in memory."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeVar

from router.ids import MessageId
from router.journal.memory.book import ALLOWED, WAITING, Book, Entry
from router.journal.memory.shelf import Shelf
from router.journal.port import Claimed, Finish, Hold, Lease, Requeue
from router.model import MessageClass, State

SMALLEST: Final = 16  # a partition gives this many at a time at least, as the Redis script does
HOUR_MS: Final = 3_600_000
KEYED_MS: Final = 90_000_000  # a head with an idempotency key is kept 25 hours, that a replay is not taken for a new request

Leaving = TypeVar("Leaving", Requeue, Hold, Finish)


class Dispatch(Shelf):
    """See ``router.journal.port``."""

    async def lease_partitions(self, owner: str, epoch: int, partitions: Sequence[int], lease_s: float) -> list[int]:
        """Take or renew partitions."""
        now_ms = self._clock_ms()
        held = []
        given_back = set()
        for partition in partitions:
            book = self._books[partition]
            if book.lease is not None:
                who, their_epoch, until_ms = book.lease
                if (who == owner and their_epoch > epoch) or (who != owner and until_ms > now_ms):
                    continue
            if book.lease is None or book.lease[:2] != (owner, epoch):
                if book.claimed:
                    given_back.add(partition)
                book.give_back()
            book.lease = (owner, epoch, now_ms + int(lease_s * 1000))
            held.append(partition)
        self._wake_queue(given_back)
        return held

    async def release_partitions(self, owner: str, epoch: int, partitions: Sequence[int]) -> None:
        """Give back what is claimed there and drop the leases."""
        for partition in partitions:
            book = self._books[partition]
            if book.lease is not None and book.lease[:2] == (owner, epoch):
                if book.claimed:
                    self._wake_queue({partition})
                book.give_back()
                book.lease = None

    async def claim(
        self, owner: str, epoch: int, partitions: Sequence[int], wanted: Mapping[MessageClass, int]
    ) -> tuple[list[Claimed], set[int]]:
        """Take up to so many of each class, tenants in turn."""
        wishes = [(MessageClass(k), n) for k, n in sorted(wanted.items()) if n > 0]
        if not wishes or not partitions:
            return [], set()
        now_ms = self._clock_ms()
        ready: list[Book] = []
        for partition in partitions:
            book = self._books[partition]
            lease = book.lease
            if lease is not None and lease[:2] == (owner, epoch) and lease[2] > now_ms and any(book.rings[k] for k, _ in wishes):
                ready.append(book)
        out: list[Claimed] = []
        for klass, most in wishes:
            left = most
            share = max(SMALLEST, -(-left // max(1, len(ready))))
            for sweep in (1, 2):
                for book in ready:
                    if left <= 0:
                        break
                    left -= self._draw(book, klass, min(left, share) if sweep == 1 else left, now_ms, out)
        return out, {book.partition for book in ready if any(book.rings[k] for k, _ in wishes)}

    @staticmethod
    def _draw(book: Book, klass: MessageClass, most: int, now_ms: int, out: list[Claimed]) -> int:
        before = len(out)
        for message_id in book.pop_turns(klass, most):
            entry = book.records.get(message_id)
            if entry is not None and entry.state in WAITING:
                book.claimed[message_id] = now_ms
                out.append(Claimed(message_id, entry.attempts, entry.state, entry.body, entry.events))
        return len(out) - before

    def _standing(
        self, owner: str, items: Sequence[Leaving], lease: Lease | None = None
    ) -> Iterator[tuple[Leaving, Book, Entry, dict[bytes, int]]]:
        """Items that stand in the place they are to leave, and are of the attempt and the lease spoken of."""
        for item in items:
            book = self._book(item.id)
            if lease is not None and (book.lease is None or book.lease[:2] != lease):
                continue
            place = book.flights.get(owner, {}) if owner else book.claimed
            entry = book.records.get(item.id)
            if entry is not None and item.id in place and item.attempts in {0, entry.attempts}:
                yield item, book, entry, place

    async def requeue(self, owner: str, items: Sequence[Requeue], lease: Lease | None = None) -> None:
        """Back to the queue or to ``due``."""
        fronts: dict[int, list[MessageId]] = {}
        for item, book, entry, place in self._standing(owner, items, lease):
            aside = entry.state is State.UNKNOWN  # nothing in flight is
            if not aside and entry.state is not State.QUEUED and (entry.state, State.QUEUED) not in ALLOWED:
                continue
            del place[item.id]
            entry.state = State.UNKNOWN if aside else State.QUEUED
            entry.events += item.event
            if owner and not item.counted and entry.attempts:
                entry.attempts -= 1
            if item.due_ms:
                book.due.add(item.id, item.due_ms)
            else:
                fronts.setdefault(book.partition, []).append(item.id)
        for partition, ids in fronts.items():
            self._books[partition].line_up(ids, front=True)
        self._wake_queue(set(fronts))

    async def hold(self, owner: str, items: Sequence[Hold]) -> None:
        """In flight → UNKNOWN with a timer."""
        for item, book, entry, place in self._standing(owner, items):
            if (entry.state, State.UNKNOWN) in ALLOWED:
                del place[item.id]
                entry.state = State.UNKNOWN
                entry.events += item.event
                book.due.add(item.id, item.until_ms)

    async def finish(self, owner: str, items: Sequence[Finish], lease: Lease | None = None) -> None:
        """End messages."""
        now_ms = self._clock_ms()
        told: set[tuple[int, str]] = set()
        for item, book, entry, place in self._standing(owner, items, lease):
            if item.state.final and (entry.state, item.state) in ALLOWED:
                del place[item.id]
                entry.events += item.event
                told.update((book.partition, channel) for channel in book.finish(now_ms, item.id, entry, item.state))
        self._wake_notice(told)

    async def still_claimed(self, ids: Sequence[MessageId]) -> list[bool]:
        """Which of these stand in the claimed set."""
        return [message_id in self._book(message_id).claimed for message_id in ids]

    async def in_flight(self, owner: str) -> list[MessageId]:
        """What a carrier owner has in flight."""
        return [MessageId(message_id) for book in self._books for message_id in book.flights.get(owner, ())]

    async def history(self) -> str:
        """There is no other that could take over."""
        return ""

    async def pump(self, partitions: Sequence[int], limit: int) -> tuple[int, int]:
        """Move due timers to the front of their queues."""
        now_ms = self._clock_ms()
        moved = 0
        touched = set()
        for partition in partitions:
            book = self._books[partition]
            book.due.look_at_clock(now_ms, book.timed_by_sender)
            ids = [MessageId(i) for i in book.due.take(now_ms, limit - moved)]
            for message_id in ids:
                entry = book.records[message_id]
                if entry.state is State.SCHEDULED:
                    entry.state = State.QUEUED
            if ids:
                book.line_up(ids, front=True)
                moved += len(ids)
                touched.add(partition)
        self._wake_queue(touched)
        soonest = (self._books[partition].due.next() for partition in partitions)
        return moved, min((at_ms for at_ms in soonest if at_ms), default=0)

    async def expire_waits(self, partitions: Sequence[int], limit: int, event: bytes) -> int:
        """Horizons that are over."""
        now_ms = self._clock_ms()
        count = 0
        told: set[tuple[int, str]] = set()
        for partition in partitions:
            book = self._books[partition]
            for message_id in book.wait.take(now_ms, limit - count):
                entry = book.records[message_id]
                entry.events += event
                ended = book.finish(now_ms, MessageId(message_id), entry, State.UNCONFIRMED)
                told.update((partition, channel) for channel in ended)
                count += 1
        self._wake_notice(told)
        return count

    async def retire(self, partitions: Sequence[int], limit: int, keep_s: float) -> int:
        """Drop what ended long enough ago; returns how many records were handled."""
        now_ms = self._clock_ms()
        keep_ms = int(keep_s * 1000)
        handled = 0
        for partition in partitions:
            book = self._books[partition]
            ids: list[bytes] = []
            while book.ended and len(ids) < limit - handled and book.ended[0][1] + keep_ms <= now_ms:
                ids.append(book.ended.popleft()[0])
            ids += book.kept.take(now_ms, limit - handled - len(ids))
            for message_id in ids:
                _retire(book, MessageId(message_id), now_ms)
            handled += len(ids)
        return handled


def _retire(book: Book, message_id: MessageId, now_ms: int) -> None:
    entry = book.records.get(message_id)
    if entry is None:
        return
    notice = message_id + bytes((entry.state,))
    if any(notice in book.channel(name).free for name in entry.told()):
        book.kept.add(message_id, now_ms + HOUR_MS)  # its webhook or its account is still to be told
        return
    book.dead_notices.pop(notice, None)
    book.dead_tries.pop(notice, None)
    book.index.get(entry.tenant, {}).pop(message_id, None)
    until_ms = int.from_bytes(message_id[:6], "big") + KEYED_MS
    if entry.keyed and until_ms > now_ms:
        entry.body = entry.events = b""
        entry.channel = ""
        book.kept.add(message_id, until_ms)
    else:
        del book.records[message_id]
