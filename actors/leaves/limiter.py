"""The limiter as an actor."""

from actors import limiter as plain
from actors.leaves.leaf import Leaf
from actors.shell import JournalAddress


class Limiter(Leaf):
    """See ``actors.limiter``."""

    def __init__(self, name: str, address: JournalAddress) -> None:
        self._limiter = plain.Limiter(name, address)
        super().__init__(self._limiter)

    async def lease(self, octets: bytes) -> bytes:
        """See ``actors.limiter``."""
        return await self._limiter.lease(octets)
