"""The dispatcher as an actor."""

from actors import dispatcher as plain
from actors.calls import Calls, RayCarrier
from actors.leaves.leaf import Leaf
from actors.shell import JournalAddress


class Dispatcher(Leaf):
    """See ``actors.dispatcher``."""

    def __init__(self, name: str, address: JournalAddress, index: int) -> None:
        calls = Calls()
        self._dispatcher = plain.Dispatcher(name, address, index, lambda carrier: RayCarrier(calls, carrier))
        calls.count_in(self._dispatcher.metrics)
        super().__init__(self._dispatcher)

    async def shadow(self) -> dict[str, int]:
        """See ``actors.dispatcher``."""
        return self._dispatcher.shadow()
