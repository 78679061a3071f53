"""The reading part and the checker, in memory."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from router.ids import MessageId, created_ms
from router.journal.memory.book import WAITING, Book
from router.journal.memory.shelf import Shelf
from router.journal.port import Conservation, Depth, Record
from router.journal.wake import VALUE_TOPIC
from router.model import MessageClass, State

PLACES_OF: Final = {
    State.SCHEDULED: ("due",),
    State.QUEUED: ("queue", "claimed", "due"),
    State.SENDING: ("inflight",),
    State.UNKNOWN: ("queue", "claimed", "due"),
    State.SENT: ("wait",),
}


class Reading(Shelf):
    """See ``router.journal.port``."""

    async def read(self, ids: Sequence[MessageId]) -> list[Record | None]:
        """Records by id."""
        return [self._record(message_id, "") for message_id in ids]

    async def inspect(self, ids: Sequence[MessageId], owners: Sequence[str] = ()) -> list[Record | None]:
        """Records by id, and where each stands; dear (a queue is searched), for operators and tests."""
        del owners  # every in-flight set is at hand
        return [self._record(message_id, " ".join(self._book(message_id).places(message_id))) for message_id in ids]

    def _record(self, message_id: MessageId, place: str) -> Record | None:
        entry = self._book(message_id).records.get(message_id)
        if entry is None:
            return None
        return Record(message_id, entry.state, entry.attempts, entry.body, entry.events, place, entry.tenant)

    async def list_ids(self, tenant: str, *, before: MessageId | None, created_after_ms: int, limit: int) -> list[MessageId]:
        """A tenant's messages, newest first, older than ``before``, created after the time given."""
        every = (
            MessageId(message_id)
            for book in self._books
            for message_id in book.index.get(tenant, ())
            if (before is None or message_id < before) and (created_after_ms <= 0 or created_ms(message_id) > created_after_ms)
        )
        return sorted(every, reverse=True)[:limit]

    async def depths(self) -> dict[MessageClass, Depth]:
        """Queue depth and age by class, over all partitions; a cancelled message counts until its turn comes."""
        found = {}
        for klass in MessageClass:
            lines = [book.lines[klass, tenant] for book in self._books for tenant in book.rings[klass]]
            oldest_ms = min((created_ms(line[0]) for line in lines), default=0)
            found[klass] = Depth(sum(map(len, lines)), oldest_ms)
        return found

    async def put_value(self, name: str, value: bytes, ttl_s: float = 0, *, confirmed: bool = False) -> None:
        """Keep a named value, and wake who listens for it; one with a lifetime wakes nobody."""
        del confirmed  # there are no replicas
        self._values[name] = (value, self._clock_ms() + int(ttl_s * 1000) if ttl_s > 0 else 0)
        if not ttl_s:
            self._on_wake(VALUE_TOPIC, name)

    async def get_value(self, name: str) -> bytes | None:
        """A named value."""
        value, until_ms = self._values.get(name, (None, 0))
        return None if until_ms and until_ms <= self._clock_ms() else value

    async def health(self) -> Mapping[str, str | int | float]:
        """A journal in memory is lost with its process, and says so."""
        return {"server": "memory", "version": "", "durability": "degraded", "used_memory": 0, "maxmemory": 0}

    async def check(self) -> Conservation:
        """Walk everything: counts by place and by state, ``stale`` (ids left in a line by a cancel or a receipt), and the counters."""
        counts: Counter[str] = Counter(stale=0, dead=0)
        faults: list[str] = []
        for book in self._books:
            _check(book, counts, faults)
        return Conservation(dict(counts), faults)

    async def close(self) -> None:
        """Nothing is open."""


def _check(book: Book, counts: Counter[str], faults: list[str]) -> None:
    places: dict[bytes, list[str]] = {}
    for name, members in (("claimed", book.claimed), ("due", book.due.at), ("wait", book.wait.at), ("dead", book.dead)):
        for message_id in members:
            places.setdefault(message_id, []).append(name)
    for owner, flight in book.flights.items():
        for message_id in flight:
            places.setdefault(message_id, []).append(f"inflight:{owner}")
    for line in book.lines.values():
        for message_id in line:
            entry = book.records.get(message_id)
            if entry is not None and entry.state in WAITING:
                places.setdefault(message_id, []).append("queue")
            else:
                counts["stale"] += 1
    live = 0
    for message_id, entry in book.records.items():
        counts[entry.state.name] += 1
        stands = places.pop(message_id, [])
        counts.update(place.partition(":")[0] for place in stands)
        if entry.state.final:
            wrong = bool(stands)
        else:
            live += 1
            place, _, owner = stands[0].partition(":") if len(stands) == 1 else ("", "", "")
            wrong = (place != "dead" and place not in PLACES_OF[entry.state]) or (place == "inflight" and owner != entry.owner)
        if wrong:
            faults.append(f"{book.text(message_id)} is {entry.state.name} and stands in {stands}")
    faults += [f"{book.text(message_id)} has no record and stands in {stands}" for message_id, stands in places.items()]
    for klass, ring in book.rings.items():
        if sorted(ring) != sorted(tenant for k, tenant in book.lines if k is klass) or not all(book.lines.values()):
            faults.append(f"p{book.partition:02d} the ring of {klass.word} does not match its lines")
    if book.accepted != live + book.finished:
        faults.append(f"p{book.partition:02d} accepted {book.accepted} is not live {live} + finished {book.finished}")
    counts.update(accepted=book.accepted, finished=book.finished, live=live)
