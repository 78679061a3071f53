"""What carriers that run no more have left in flight: somebody must adopt it, or those messages would never end."""

import logging
from collections.abc import Callable
from typing import Final

import msgpack

from actors.names import carrier_of
from actors.ownership import Ownership, ended_event, hold_until_ms
from router.journal.port import Fenced, Journal, JournalError
from router.settings import Settings

log = logging.getLogger("trunkline.supervisor")

OWNERS_VALUE: Final = "owners"  # msgpack list of the carrier actors that may have something in flight


class Estates:
    """Remembers, in the journal, which carrier actors were started, and settles for those that will not start again.

    A carrier's next incarnation adopts what the last one had in flight. Where there is no next one, because the carrier
    was taken out of the settings, the supervisor does it in its place.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._owners: set[str] | None = None  # None: not read yet

    async def _known(self) -> set[str]:
        if self._owners is None:
            raw = await self._journal.get_value(OWNERS_VALUE)
            self._owners = set(msgpack.unpackb(raw)) if raw else set()
        return self._owners

    async def _keep(self, owners: set[str]) -> None:
        await self._journal.put_value(OWNERS_VALUE, msgpack.packb(sorted(owners)))
        self._owners = owners

    async def opened(self, actor: str) -> None:
        """This carrier actor is about to be started; raises ``JournalError``."""
        known = await self._known()
        if actor not in known:
            await self._keep(known | {actor})

    async def left(self, running: set[str]) -> set[str]:
        """Owners that are not among those that run; raises ``JournalError``."""
        return await self._known() - running

    async def settle(self, actor: str, settings: Settings, now_ms: Callable[[], int]) -> None:
        """Adopt what this actor, which has ended for good, had in flight: it becomes UNKNOWN and follows its class's rules."""
        ownership = Ownership(self._journal, actor)
        try:
            adopted = await ownership.take(
                lambda: hold_until_ms(settings, now_ms()), lambda: ended_event(carrier_of(actor), now_ms())
            )
            await self._keep(await self._known() - {actor})
        except Fenced:
            log.info("supervisor.estate_claimed actor=%s", actor)  # it runs again after all, and has adopted it
        except JournalError as error:
            log.warning("supervisor.estate_unsettled actor=%s error=%s", actor, type(error).__name__)
        else:
            log.info("supervisor.estate_settled actor=%s adopted=%d", actor, adopted)
