"""How carriers, and fronts for tenants, tell the brain what they saw: fire and forget. A lost batch costs the brain a moment's learning, nothing else."""

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

from router.brain.port import Observation


class BrainCall(Protocol):
    """The brain as carriers call it."""

    def observe(self, batch: Sequence[Observation]) -> None:
        """Tell, and do not wait; never raises."""
        ...


TELL_S: Final = 0.1  # a Ray call costs 1 ms: observations go in batches
KEEP: Final = 50_000  # observations kept while the brain is away, the newest


class Observations:
    """What was seen here and not told yet."""

    def __init__(self, brain: BrainCall) -> None:
        self._brain = brain
        self._seen: list[Observation] = []

    def put(self, seen: Sequence[Observation]) -> None:
        """Have these told soon."""
        self._seen.extend(seen)
        if len(self._seen) > KEEP:
            del self._seen[:-KEEP]

    async def run(self) -> None:
        """Tell, for ever."""
        while True:
            await asyncio.sleep(TELL_S)
            if self._seen:
                batch, self._seen = self._seen, []
                self._brain.observe(batch)
