"""The carriers' part, in memory."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from router.ids import MessageId
from router.journal.memory.book import ALLOWED
from router.journal.memory.shelf import Mapped, Orphan, Registration, Shelf
from router.journal.port import Assign, Fenced, Receipt, Receipted, Submitted
from router.model import MessageClass, State

ORPHAN_LIFE_MS: Final = 900_000
MARGIN_MS: Final = 3_600_000  # a carrier's ids are known this long after the horizon
MOST_ORPHANS: Final = 16  # receipts of one carrier id
MOST_ATTEMPTS: Final = 255


class Carry(Shelf):
    """See ``router.journal.port``."""

    async def register(self, owner: str, incarnation: str, lease_s: float) -> tuple[int, str, int]:
        """A new epoch for this owner; asked again by the same incarnation, the same one."""
        now_ms = self._clock_ms()
        entry = self._owners.setdefault(owner, Registration())
        if entry.holder != incarnation:
            entry.before, entry.before_until_ms = entry.holder, entry.until_ms
            entry.holder = incarnation
            entry.epoch += 1
        entry.until_ms = now_ms + int(lease_s * 1000)
        return entry.epoch, entry.before, max(0, entry.before_until_ms - now_ms)

    async def renew(self, owner: str, epoch: int, lease_s: float) -> None:
        """Extend the lease; raises ``Fenced``."""
        self._fence(owner, epoch)
        entry = self._owners.setdefault(owner, Registration())
        entry.epoch = epoch
        entry.until_ms = self._clock_ms() + int(lease_s * 1000)

    def _fence(self, owner: str, epoch: int) -> None:
        entry = self._owners.get(owner)
        if entry is not None and entry.epoch > epoch:
            raise Fenced(owner)

    async def adopt(self, owner: str, epoch: int, hold_until_ms: Mapping[MessageClass, int], event: bytes) -> int:
        """Fence older epochs everywhere; turn what they had in flight into holds."""
        self._fence(owner, epoch)
        count = 0
        for book in self._books:
            if book.epochs.get(owner, -1) >= epoch:
                continue
            book.epochs[owner] = epoch
            for message_id in book.flights.pop(owner, {}):
                entry = book.records[message_id]
                entry.state = State.UNKNOWN
                entry.events += event
                book.due.add(message_id, hold_until_ms[entry.klass])
                count += 1
        return count

    async def assign(self, owner: str, epoch: int, items: Sequence[Assign]) -> list[bool]:
        """Claimed → in flight; raises ``Fenced``."""
        if not items:
            return []
        self._fence(owner, epoch)
        now_ms = self._clock_ms()
        taken = []
        before = [self._book(item.id).records.get(item.id) for item in items]
        claims = [item.id in self._book(item.id).claimed for item in items]
        for item, entry, claimed in zip(items, before, claims, strict=True):
            book = self._book(item.id)
            mine = False
            if entry is None:
                pass
            elif claimed:
                if (
                    item.id in book.claimed
                    and item.attempts == entry.attempts < MOST_ATTEMPTS
                    and (entry.state, State.SENDING) in ALLOWED
                ):
                    del book.claimed[item.id]
                    entry.state = State.SENDING
                    entry.attempts += 1
                    entry.owner = owner
                    entry.events += item.event
                    book.flights.setdefault(owner, {})[item.id] = now_ms
                    mine = True
            elif entry.state is State.SENDING and entry.attempts == item.attempts + 1 and item.event:
                mine = entry.owner == owner and entry.events.endswith(item.event) and item.id in book.flights.get(owner, {})
            taken.append(mine)
        return taken

    async def submitted(self, owner: str, carrier: str, items: Sequence[Submitted]) -> list[Receipted]:
        """In flight (or UNKNOWN) → SENT, and what receipts that came before did."""
        for item in items:
            book = self._book(item.id)
            entry = book.records.get(item.id)
            if entry is None:
                continue
            in_charge = entry.state is State.SENDING and entry.owner == owner
            if not in_charge and entry.state is not State.UNKNOWN:
                entry.tell(item.event)
                continue
            book.flights.get(owner, {}).pop(item.id, None)
            book.due.drop(item.id)
            book.claimed.pop(item.id, None)
            book.dead.pop(item.id, None)
            entry.state = State.SENT
            entry.owner = owner
            entry.events += item.event
            if entry.segments > 1 and any(item.carrier_ids):
                entry.delivered.update(n for n, carrier_id in enumerate(item.carrier_ids) if not carrier_id)
            book.wait.add(item.id, item.horizon_ms)
            if item.look_ms and entry.segments == 1:
                book.look.add(item.id, item.look_ms)
        return self._remember(owner, carrier, items)

    def _remember(self, owner: str, carrier: str, items: Sequence[Submitted]) -> list[Receipted]:
        now_ms = self._clock_ms()
        mapped = self._mapped.setdefault(carrier, {})
        while mapped:  # in order of submits, and so nearly in order of horizons
            oldest = next(iter(mapped))
            if mapped[oldest].until_ms > now_ms:
                break
            del mapped[oldest]
        until_ms = max(now_ms, max((item.horizon_ms for item in items), default=0)) + MARGIN_MS
        orphans = self._orphans.get(carrier, {})
        early: list[tuple[Mapped, Orphan]] = []
        for item in items:
            for segment, carrier_id in enumerate(item.carrier_ids):
                if carrier_id:
                    mapped[carrier_id] = Mapped(item.id, segment, owner, until_ms)
                    early += [(mapped[carrier_id], orphan) for orphan in orphans.pop(carrier_id, ())]
        live = [(whose, orphan) for whose, orphan in early if orphan.at_ms + ORPHAN_LIFE_MS > now_ms]
        return self._apply((whose, State(orphan.state), orphan.event, orphan.final_event) for whose, orphan in live)

    async def receipts(self, carrier: str, items: Sequence[Receipt]) -> list[Receipted]:
        """Apply delivery receipts of one carrier account."""
        now_ms = self._clock_ms()
        mapped = self._mapped.get(carrier, {})
        results = []
        for item in items:
            whose = mapped.get(item.carrier_id)
            if whose is None or whose.until_ms <= now_ms:
                self._keep_orphan(carrier, item, now_ms)
                results.append(Receipted(None, None, changed=False))
            else:
                results += self._apply([(whose, item.state, item.event, item.final_event)])
        return results

    def _keep_orphan(self, carrier: str, item: Receipt, now_ms: int) -> None:
        orphans = self._orphans.setdefault(carrier, {})
        while orphans:
            oldest = next(iter(orphans))
            if orphans[oldest][-1].at_ms + ORPHAN_LIFE_MS > now_ms:
                break
            del orphans[oldest]
        known = orphans.setdefault(item.carrier_id, [])
        if len(known) < MOST_ORPHANS and not any(o.state == item.state and o.event == item.event for o in known):
            known.append(Orphan(now_ms, item.state, item.event, item.final_event))

    def _apply(self, items: Iterable[tuple[Mapped, State, bytes, bytes]]) -> list[Receipted]:
        now_ms = self._clock_ms()
        results = []
        told: set[tuple[int, str]] = set()
        for whose, state, event, final_event in items:
            message_id = MessageId(whose.id)
            book = self._book(message_id)
            entry = book.records.get(message_id)
            if entry is None:
                results.append(Receipted(message_id, None, changed=False))
                continue
            ends = False
            if not entry.state.final:
                if state is State.DELIVERED and entry.segments > 1:
                    entry.delivered.add(whose.segment)
                    ends = len(entry.delivered) >= entry.segments
                elif state is State.DELIVERED:
                    ends = True
                elif state.final and entry.copied:  # while one of the two may still arrive, nothing is lost
                    entry.first_failed |= whose.owner == entry.owner
                    entry.copy_failed |= whose.owner != entry.owner
                    ends = entry.first_failed and entry.copy_failed
                elif state.final:
                    ends = whose.owner == entry.owner  # what became of an earlier copy is no verdict on a later one
                ends = ends and (entry.state, state) in ALLOWED
                entry.tell(event)
            if ends:
                for place in (book.due, book.wait):
                    place.drop(message_id)
                book.claimed.pop(message_id, None)
                book.dead.pop(message_id, None)
                book.flights.get(entry.owner, {}).pop(message_id, None)
                entry.events += final_event
                told.update((book.partition, channel) for channel in book.finish(now_ms, message_id, entry, state))
            results.append(Receipted(message_id, entry.state, ends, entry.attempts))
        self._wake_notice(told)
        return results
