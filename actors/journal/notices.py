"""The couriers' part of the journal: webhook events, handed out under a lease until they are settled."""

from collections.abc import Sequence
from typing import Any

from actors.journal.base import Servers, ms
from actors.journal.head import history_of
from actors.journal.topology import PREFIXES
from router.ids import PARTITIONS, MessageId, to_text
from router.journal.port import Notice
from router.model import State


def _notice(event: bytes, tries: int, body: bytes, head: bytes) -> Notice:
    message_id, state = MessageId(event[:16]), State(event[16])
    history = history_of(head) if head else b""
    return Notice(f"evt_{to_text(message_id)}_{int(state)}", message_id, state, tries, body, history)


class Notices(Servers):
    """See ``router.journal.port``."""

    async def claim_notices(self, owner: str, partitions: Sequence[int], limit: int, lease_s: float) -> list[Notice]:
        """Take webhook events; one not settled within ``lease_s`` is handed out again, whoever ``owner`` was."""
        del owner  # an event may be told twice; only its time says whether it is free
        found: list[Notice] = []
        for site, mine in self._topology.sites(partitions).items():
            if len(found) >= limit:
                break
            flat = await self._call(site, "notices", [[PREFIXES[p] for p in mine], limit - len(found), ms(lease_s)])
            rows = iter(flat)
            found += [_notice(*row) for row in zip(rows, rows, rows, rows, strict=True)]
        return found

    async def settle_notices(self, done: Sequence[Notice]) -> None:
        """Forget these events."""
        await self._move("settle", done)

    async def retry_notices(self, items: Sequence[tuple[Notice, int]]) -> None:
        """Try these again at the given time; the tries are those of the notice and one more."""
        await self._move("retry", [notice for notice, _ in items], [at_ms for _, at_ms in items])

    async def bury_notices(self, items: Sequence[Notice]) -> None:
        """Dead-letter these events."""
        await self._move("bury", items)

    async def replay_notices(self, items: Sequence[Notice]) -> None:
        """Dead letters back into delivery."""
        await self._move("replay", items)

    async def _move(self, act: str, notices: Sequence[Notice], times: Sequence[int] = ()) -> None:
        if not notices:
            return
        events = [notice.id + bytes((notice.state,)) for notice in notices]
        tries = [notice.tries + 1 for notice in notices]
        await self._spread("notice_moves", (act,), (events, times or [0] * len(events), tries))

    async def dead_notices(self, limit: int) -> list[Notice]:
        """The dead letters, oldest first."""
        rows: list[tuple[Any, ...]] = []
        for _, flat in await self._over("dead_notices", range(PARTITIONS), (), (limit,)):
            values = iter(flat)
            rows += zip(values, values, values, values, values, strict=True)
        rows.sort(key=lambda row: (row[0], row[1]))
        return [_notice(*row[1:]) for row in rows[:limit]]
