"""The part about second copies, in memory."""

from collections.abc import Sequence

from router.ids import MessageId
from router.journal.memory.book import ALLOWED
from router.journal.memory.carry import MOST_ATTEMPTS, Carry
from router.journal.port import Assign, Claimed, CopyEnd
from router.model import State


class Copies(Carry):
    """See ``router.journal.copies``."""

    async def overdue(self, partitions: Sequence[int], limit: int, again_s: float) -> tuple[list[Claimed], bool]:
        """SENT messages that are to be looked at; each comes again after ``again_s``."""
        now_ms = self._clock_ms()
        found: list[Claimed] = []
        left = limit
        for partition in partitions:
            book = self._books[partition]
            due = book.look.take(now_ms, left)
            left -= len(due)
            for octets in due:
                message_id = MessageId(octets)
                entry = book.records.get(message_id)
                if entry is not None and entry.state is State.SENT:
                    book.look.add(message_id, now_ms + int(again_s * 1000))
                    found.append(Claimed(message_id, entry.attempts, entry.state, entry.body, entry.events))
        return found, left <= 0

    async def put_off(self, items: Sequence[tuple[MessageId, int]]) -> None:
        """When to look at these again; 0: never."""
        for message_id, at_ms in items:
            look = self._book(message_id).look
            if not at_ms:
                look.drop(message_id)
            elif message_id in look:
                look.add(message_id, at_ms)

    async def assign_copies(self, owner: str, epoch: int, items: Sequence[Assign]) -> list[bool]:
        """A second copy of SENT messages; raises ``Fenced``."""
        if not items:
            return []
        self._fence(owner, epoch)
        taken = []
        seen: set[bytes] = set()
        for item in items:
            book = self._book(item.id)
            entry = book.records.get(item.id)
            mine = False
            if (
                entry is not None
                and item.id not in seen
                and entry.state is State.SENT
                and entry.segments == 1
                and entry.owner != owner
                and item.event
            ):
                if not entry.copied and item.attempts == entry.attempts < MOST_ATTEMPTS:
                    seen.add(item.id)
                    book.look.drop(item.id)
                    entry.copied = True
                    entry.attempts += 1
                    entry.events += item.event
                    mine = True
                elif entry.copied and not entry.copy_failed and entry.attempts == item.attempts + 1:
                    mine = item.event in entry.events  # the same call made again
            taken.append(mine)
        return taken

    async def copies_ended(self, items: Sequence[CopyEnd]) -> list[bool]:
        """Note what became of copies; which messages ended with it."""
        now_ms = self._clock_ms()
        ended = []
        told: set[tuple[int, str]] = set()
        for item in items:
            book = self._book(item.id)
            entry = book.records.get(item.id)
            ends = False
            if entry is not None:
                entry.tell(item.event)
                if entry.state is State.SENT and entry.copied:
                    entry.copy_failed |= item.failed
                    ends = entry.first_failed and entry.copy_failed and (entry.state, item.state) in ALLOWED
                if ends:
                    book.wait.drop(item.id)
                    entry.events += item.final_event
                    told.update((book.partition, channel) for channel in book.finish(now_ms, item.id, entry, item.state))
            ended.append(ends)
        self._wake_notice(told)
        return ended
