"""Records that this release cannot read, as a dispatcher meets them: set aside and told, and taken up by the first release that can."""

import logging
from collections.abc import Callable, Sequence
from typing import Final

from actors.metrics import Metrics
from router.journal.port import Claimed, Journal, Lease
from router.record import is_newer

log = logging.getLogger("trunkline.dispatcher")

LIMIT: Final = 10_000  # messages a partition that are taken up when it is leased


class Aside:
    """Owns what is known of a dispatcher's partitions. May forget everything."""

    def __init__(self, journal: Journal, metrics: Metrics, lease: Callable[[], Lease]) -> None:
        self._journal = journal
        self._gauge = metrics.gauge("trunkline_set_aside")
        self._lease = lease
        self._looked: set[int] = set()
        self._known = 0

    async def sift(self, claimed: Sequence[Claimed]) -> Sequence[Claimed]:
        """Those that can be read; the others are set aside. Raises ``JournalError``."""
        newer = [message.id for message in claimed if is_newer(message.body)]
        if not newer:
            return claimed
        for message_id in newer:
            log.error("dispatcher.set_aside id=%s reason=later_release", message_id.hex())
        await self._journal.set_aside(newer, self._lease())
        strange = set(newer)
        return [message for message in claimed if message.id not in strange]

    async def look(self, held: Sequence[int]) -> None:
        """Take up what stands aside in partitions that have come to this dispatcher, and tell how much stays. Raises ``JournalError``."""
        fresh = set(held) - self._looked
        self._looked = set(held)
        if fresh and (taken := await self._journal.take_up(sorted(fresh), LIMIT)):
            log.warning("dispatcher.taken_up count=%d", taken)
        count = await self._journal.aside(held)
        if count > self._known:
            log.error("dispatcher.aside count=%d: records of a later release, or without a body", count)
        self._known = count
        self._gauge.set(count)
