"""The refusal of new work when room runs out."""

import asyncio
from collections.abc import Iterable
from time import monotonic
from typing import Final

from actors.journal.base import Servers
from actors.journal.health import pressure_of
from router.journal.port import JournalFull
from router.model import MessageClass
from router.pressure import Pressure, refused, worst

LOOK_EVERY_S: Final = 1.0
FROM_SMPP: Final = (MessageClass.TRANSACTIONAL,)  # what parts, and messages from handsets, are treated as


class Admission(Servers):
    """Refuses a batch as a whole when it holds a class that the pressure forbids (``router.pressure``).

    ``JournalFull.classes`` says which, in order that the caller may offer the rest again. The pressure is looked up once a second at
    most.
    """

    _pressure = Pressure()
    _looked_s = float("-inf")
    _look: asyncio.Task[Pressure] | None = None

    async def pressure(self) -> Pressure:
        """How full the journal is, at most a second old; raises ``JournalUnavailable``."""
        if monotonic() - self._looked_s < LOOK_EVERY_S:
            return self._pressure
        if self._look is None or self._look.done():
            self._look = asyncio.ensure_future(self._look_up())
            self._look.add_done_callback(lambda look: look.cancelled() or look.exception())  # told to whoever still waits
        return await asyncio.shield(self._look)  # a caller that gives up must not take the look from the others

    async def _look_up(self) -> Pressure:
        found = worst(await self._all(pressure_of(link) for link in self._topology.links))
        self._pressure, self._looked_s = found, monotonic()
        return found

    async def admit(self, klasses: Iterable[MessageClass]) -> None:
        """Raises ``JournalFull`` when one of these classes is not taken now."""
        forbidden = refused(await self.pressure())
        if forbidden and not forbidden.isdisjoint(klasses):
            raise JournalFull("the journal is short of memory or disk", forbidden)
