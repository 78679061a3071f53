"""The front as an actor."""

from actors import front as plain
from actors.calls import Calls, RayPeers
from actors.logs import set_up_logging
from actors.shell import JournalAddress


class Front(plain.Front):
    """See ``actors.front``."""

    def __init__(self, name: str, address: JournalAddress) -> None:
        set_up_logging(name)
        super().__init__(name, address, RayPeers(Calls()))
