"""How carriers, and fronts for tenants, tell the brain what they saw: fire and forget. A lost batch costs the brain a moment's learning, nothing else.

A batch is told once and never again, so nothing counts twice. With several brains each is told of its own carriers.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

from actors.names import BRAIN, brain_actor, brain_of
from router.brain.port import Observation


class BrainCall(Protocol):
    """The brain as carriers call it."""

    def observe(self, brain: str, batch: Sequence[Observation]) -> bool:
        """Tell this one, and do not wait; never raises. False: it is busy, and was not told."""
        ...


TELL_S: Final = 0.25  # a Ray call costs 0.4 ms at either end, and boards come twice a second; what is urgent a carrier's own breaker tells dispatchers
KEEP: Final = 50_000  # observations kept while the brain is busy, the newest


class Observations:
    """What was seen here and not told yet. ``brains`` tells how many there are."""

    def __init__(self, brain: BrainCall, brains: Callable[[], int]) -> None:
        self._brain = brain
        self._brains = brains
        self._seen: list[Observation] = []
        self._due: dict[str, list[Observation]] = {}  # by brain: what it was too busy to be told
        self._some = asyncio.Event()

    def put(self, seen: Sequence[Observation]) -> None:
        """Have these told soon."""
        self._seen.extend(seen)
        self._some.set()
        if len(self._seen) > KEEP:
            del self._seen[:-KEEP]

    async def run(self) -> None:
        """Tell, for ever."""
        while True:
            await self._some.wait()
            await asyncio.sleep(TELL_S)
            seen, self._seen = self._seen, []
            for brain, part in self._parts(seen):
                self._due.setdefault(brain, []).extend(part)
            for brain, due in list(self._due.items()):
                if self._brain.observe(brain, due):
                    del self._due[brain]
                else:
                    # A submit that is told without its receipt looks like one that never arrived: what cannot be told yet is kept.
                    del due[:-KEEP]
            if not self._due:
                self._some.clear()

    def _parts(self, batch: Sequence[Observation]) -> Iterable[tuple[str, Sequence[Observation]]]:
        brains = self._brains()
        if brains == 1:
            return [(BRAIN, batch)]
        parts: dict[int, list[Observation]] = {}
        for item in batch:
            parts.setdefault(brain_of(item.carrier, brains), []).append(item)
        return [(brain_actor(index), part) for index, part in parts.items()]
