"""The part of the journal about second copies."""

from collections.abc import Sequence
from itertools import starmap

from actors.journal.base import ms
from actors.journal.carry import Carry
from actors.journal.head import read_head
from router.ids import MessageId
from router.journal.port import Assign, Claimed, CopyEnd


class Copies(Carry):
    """See ``router.journal.copies``."""

    async def overdue(self, partitions: Sequence[int], limit: int, again_s: float) -> tuple[list[Claimed], bool]:
        """SENT messages that are to be looked at, up to ``limit`` a server; each comes again after ``again_s``."""
        found: list[Claimed] = []
        more = 0
        for _, (full, flat) in await self._over("overdue", partitions, (), (limit, ms(again_s))):
            rows = iter(flat)
            found += starmap(self._claimed, zip(rows, rows, rows, strict=True))
            more += full
        return found, more > 0

    def _claimed(self, message_id: bytes, octets: bytes, body: bytes) -> Claimed:
        head = read_head(octets)
        return Claimed(MessageId(message_id), head.attempts, head.state, self._cipher.open(message_id, body), head.history)

    async def put_off(self, items: Sequence[tuple[MessageId, int]]) -> None:
        """When to look at these again; 0: never."""
        if items:
            await self._spread("put_off", (), list(zip(*items, strict=True)))

    async def assign_copies(self, owner: str, epoch: int, items: Sequence[Assign]) -> list[bool]:
        """A second copy of SENT messages; raises ``Fenced``."""
        return await self._assigned("copy", owner, (), epoch, items)

    async def copies_ended(self, items: Sequence[CopyEnd]) -> list[bool]:
        """Note what became of copies; which messages ended with it."""
        ended = [False] * len(items)
        if items:
            columns = [(i.id, i.event, i.final_event, i.failed, int(i.state)) for i in items]
            for reply, groups in await self._spread("copies_ended", (), list(zip(*columns, strict=True))):
                for verdicts, positions in zip(reply, groups, strict=True):
                    for position, verdict in zip(positions, verdicts, strict=True):
                        ended[position] = bool(verdict)
        return ended
