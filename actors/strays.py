"""What the journal has in flight at a carrier that the carrier's actor knows nothing of."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from actors import machine
from actors.outcomes import Outcomes
from actors.ownership import hold_until_ms
from router.ids import MessageId
from router.journal.port import Hold, Journal, JournalError, Record
from router.model import MessageClass
from router.record import EventKind, UnreadableRecord, pack_event, unpack_body
from router.settings import Settings

log = logging.getLogger("trunkline.carrier")

LOOK_S: Final = 5.0
WHY: Final = "the journal was set back: what became of it is not known"


class Strays:
    """Finds them, and holds them as submits without an answer.

    A carrier's facts are not confirmed by replicas, as what is acknowledged to tenants is: a replica that takes over may not have heard
    that a message was answered, and has it in flight for ever, because nobody will say so again.
    """

    def __init__(
        self,
        journal: Journal,
        owner: str,
        carrier: str,
        outcomes: Outcomes,
        assigning: asyncio.Lock,
        settings: Callable[[], Settings],
    ) -> None:
        self._journal = journal
        self._owner = owner
        self._carrier = carrier
        self._outcomes = outcomes
        self._assigning = assigning
        self._settings = settings

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self.look()
            except JournalError:
                continue  # the next look finds them too

    async def look(self) -> int:
        """Hold those that there are now; how many. Raises ``JournalError``."""
        async with self._assigning:  # what is being assigned is in flight there before it is known here
            standing = await self._journal.in_flight(self._owner)
        known = {item.id for box in self._outcomes.boxes for item in box.items}
        # One whose fact reached the journal since then does not stand there any more, and a hold finds nothing to hold.
        strays = [one for one in standing if one not in known and one not in self._outcomes.flying]
        if strays:
            await self._hold(strays, await self._journal.read(strays))
        return len(strays)

    async def _hold(self, strays: Sequence[MessageId], records: Sequence[Record | None]) -> None:
        log.warning("carrier.strays owner=%s messages=%d", self._owner, len(strays))
        now_ms = machine.now_ms()
        until_ms = hold_until_ms(self._settings(), now_ms)
        event = pack_event(now_ms, EventKind.UNKNOWN, self._carrier, WHY)
        holds = [
            Hold(one, until_ms[_class_of(record)], event, record.attempts if record else 0)
            for one, record in zip(strays, records, strict=True)
        ]
        await self._journal.hold(self._owner, holds)


def _class_of(record: Record | None) -> MessageClass:
    try:
        return MessageClass(unpack_body(record.body).klass) if record else MessageClass.TRANSACTIONAL
    except UnreadableRecord:
        return MessageClass.TRANSACTIONAL
