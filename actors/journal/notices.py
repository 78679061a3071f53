"""The couriers' part of the journal: events for webhooks and for SMPP accounts, handed out under a lease until they are settled."""

from collections.abc import Sequence
from typing import Any, Final

from actors.journal.base import Servers, ms
from actors.journal.head import history_of
from actors.journal.topology import PREFIXES
from router.ids import PARTITIONS, MessageId, to_text
from router.journal.port import Notice
from router.model import State

LETTERS: Final = "whdead"  # the dead letters; only webhooks have them


def _keys(channel: str) -> tuple[str, str]:
    """What the keys of a channel are called: where its events stand, and how often each was tried."""
    return (f"rx:{channel}", f"rxn:{channel}") if channel else ("wh", "whn")


class Notices(Servers):
    """See ``router.journal.port``."""

    def _notice(self, event: bytes, tries: int, body: bytes | None, head: bytes | None) -> Notice:
        message_id, state = MessageId(event[:16]), State(event[16])
        opened = self._cipher.open(message_id, body) if body else b""
        history = history_of(head) if head else b""
        return Notice(f"evt_{to_text(message_id)}_{int(state)}", message_id, state, tries, opened, history)

    async def claim_notices(
        self, owner: str, partitions: Sequence[int], limit: int, lease_s: float, channel: str = ""
    ) -> list[Notice]:
        """Take events of a channel; one not settled within ``lease_s`` is handed out again, whoever ``owner`` was."""
        del owner  # an event may be told twice; only its time says whether it is free
        found: list[Notice] = []
        for site, mine in self._topology.sites(partitions).items():
            if len(found) >= limit:
                break
            args = [*_keys(channel), [PREFIXES[p] for p in mine], limit - len(found), ms(lease_s)]
            flat = await self._call(site, "notices", args)
            rows = iter(flat)
            found += [self._notice(*row) for row in zip(rows, rows, rows, rows, strict=True)]
        return found

    async def settle_notices(self, done: Sequence[Notice], channel: str = "") -> None:
        """Forget these events."""
        await self._move("settle", done, channel=channel)

    async def retry_notices(self, items: Sequence[tuple[Notice, int]], channel: str = "") -> None:
        """Try these again at the given time; the tries are those of the notice and one more."""
        await self._move("retry", [notice for notice, _ in items], [at_ms for _, at_ms in items], channel=channel)

    async def drop_notices(self, channel: str, partitions: Sequence[int], older_s: float, limit: int) -> int:
        """Forget events that could be had for longer than ``older_s`` and that nobody claimed; how many."""
        dropped = 0
        for site, mine in self._topology.sites(partitions).items():
            if dropped >= limit:
                break
            args = [*_keys(channel), [PREFIXES[p] for p in mine], ms(older_s), limit - dropped]
            dropped += await self._call(site, "drop_notices", args)
        return dropped

    async def waiting_notices(self, channel: str) -> int:
        """How many events stand in a channel, those handed out and not settled included."""
        line, _ = _keys(channel)

        async def at(site: int, mine: Sequence[int]) -> int:
            return sum(await self._topology.link(site).commands(*(("ZCARD", PREFIXES[p] + line) for p in mine)))

        sites = self._topology.sites(range(PARTITIONS))
        return sum(await self._all(at(site, mine) for site, mine in sites.items()))

    async def bury_notices(self, items: Sequence[Notice]) -> None:
        """Dead-letter these events."""
        await self._move("bury", items)

    async def replay_notices(self, items: Sequence[Notice]) -> None:
        """Dead letters back into delivery."""
        await self._move("replay", items)

    async def _move(self, act: str, notices: Sequence[Notice], times: Sequence[int] = (), channel: str = "") -> None:
        if not notices:
            return
        events = [notice.id + bytes((notice.state,)) for notice in notices]
        tries = [notice.tries + 1 for notice in notices]
        first = (act, *_keys(channel), "" if channel else LETTERS)
        await self._spread("notice_moves", first, (events, times or [0] * len(events), tries))

    async def dead_notices(self, limit: int) -> list[Notice]:
        """The dead letters, oldest first."""
        rows: list[tuple[Any, ...]] = []
        for _, flat in await self._over("dead_notices", range(PARTITIONS), (), (limit,)):
            values = iter(flat)
            rows += zip(values, values, values, values, values, strict=True)
        rows.sort(key=lambda row: (row[0], row[1]))
        return [self._notice(*row[1:]) for row in rows[:limit]]
