"""Journals with one guard taken out: what the simulated system must notice."""

from router.journal.memory import MemoryJournal


class Forgetful(MemoryJournal):
    """What a dead carrier had in flight is forgotten."""

    async def adopt(self, owner, epoch, hold_until_ms, event):
        for book in self._books:
            book.flights.pop(owner, None)
            book.epochs[owner] = epoch
        return 0


class NoKeys(MemoryJournal):
    """Keys are not remembered."""

    @staticmethod
    def _admit(book, item, now_ms):
        return MemoryJournal._admit(book, item._replace(idempotency=b""), now_ms)


class Deaf(MemoryJournal):
    """Receipts that come before the answer to their submit are thrown away."""

    def _keep_orphan(self, carrier, item, now_ms):
        pass


class Untold(MemoryJournal):
    """A notice that was claimed is gone, delivered or not."""

    async def claim_notices(self, owner, partitions, limit, lease_s, channel=""):
        found = await super().claim_notices(owner, partitions, limit, lease_s, channel)
        await self.settle_notices(found, channel)
        return found
