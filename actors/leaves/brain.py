"""The brain as an actor."""

from actors import brain as plain
from actors.calls import Calls, RayBrains
from actors.leaves.leaf import Leaf
from actors.shell import JournalAddress


class Brain(Leaf):
    """See ``actors.brain``."""

    def __init__(self, name: str, address: JournalAddress) -> None:
        self._brain = plain.Brain(name, address, RayBrains(Calls()))
        super().__init__(self._brain)

    async def observe(self, octets: bytes) -> None:
        """See ``actors.brain``."""
        await self._brain.observe(octets)

    async def part(self, octets: bytes) -> bytes:
        """See ``actors.brain``."""
        return self._brain.part(octets)
