"""The front as an actor."""

from actors import front as plain
from actors.calls import Calls, RayBrain, RayPeers
from actors.leaves.leaf import Leaf
from actors.shell import JournalAddress


class Front(Leaf):
    """See ``actors.front``."""

    def __init__(self, name: str, address: JournalAddress) -> None:
        calls = Calls()
        self._front = plain.Front(name, address, RayPeers(calls), RayBrain(calls))
        calls.count_in(self._front.metrics)
        super().__init__(self._front)
