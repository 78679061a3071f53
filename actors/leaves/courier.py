"""The courier as an actor."""

from actors import courier as plain
from actors.leaves.leaf import Leaf
from actors.shell import JournalAddress


class Courier(Leaf):
    """See ``actors.courier``."""

    def __init__(self, name: str, address: JournalAddress, index: int) -> None:
        self._courier = plain.Courier(name, address, index)
        super().__init__(self._courier)
