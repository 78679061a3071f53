"""The carrier as an actor."""

from typing import Any

from actors import carrier as plain
from actors.calls import Calls, RayBrain
from actors.leaves.leaf import Leaf
from actors.shell import JournalAddress


class Carrier(Leaf):
    """See ``actors.carrier``."""

    def __init__(self, name: str, address: JournalAddress, carrier: str) -> None:
        calls = Calls()
        self._carrier = plain.Carrier(name, address, carrier, RayBrain(calls))
        calls.count_in(self._carrier.metrics)
        super().__init__(self._carrier)

    async def offer(self, octets: bytes) -> bytes:
        """See ``actors.carrier``."""
        return await self._carrier.offer(octets)

    async def lane(self, version: int, wait_s: float) -> bytes:
        """See ``actors.carrier``."""
        return await self._carrier.lane(version, wait_s)

    async def status(self) -> dict[str, Any]:
        """See ``actors.carrier``."""
        return await self._carrier.status()
