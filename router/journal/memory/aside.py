"""The journal in memory: records set aside. It holds none that it cannot read itself; others may say so of bodies."""

from collections.abc import Sequence

from router.ids import MessageId
from router.journal.memory.shelf import Shelf
from router.journal.port import Lease


class Aside(Shelf):
    """See ``router.journal.aside``."""

    async def set_aside(self, ids: Sequence[MessageId], lease: Lease | None = None) -> int:
        """From the claimed set aside."""
        count = 0
        for message_id in ids:
            book = self._book(message_id)
            if lease is not None and (book.lease is None or book.lease[:2] != lease):
                continue
            if book.claimed.pop(message_id, None) is not None:
                book.dead[message_id] = self._clock_ms()
                count += 1
        return count

    async def take_up(self, partitions: Sequence[int], limit: int) -> int:
        """All of them go on."""
        count = 0
        touched = set()
        for partition in partitions:
            book = self._books[partition]
            ids = sorted(book.dead, key=lambda one: (book.dead[one], one))[:limit]
            for message_id in ids:
                del book.dead[message_id]
            book.line_up([MessageId(message_id) for message_id in ids], front=True)
            count += len(ids)
            if ids:
                touched.add(partition)
        self._wake_queue(touched)
        return count

    async def aside(self, partitions: Sequence[int]) -> int:
        """How many stand aside."""
        return sum(len(self._books[partition].dead) for partition in partitions)
