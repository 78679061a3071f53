"""The supervisor as an actor."""

from actors import supervisor as plain
from actors.calls import Calls
from actors.logs import set_up_logging
from actors.runtime import RayFleet
from actors.shell import JournalAddress


class Supervisor(plain.Supervisor):
    """See ``actors.supervisor``."""

    def __init__(self, name: str, address: JournalAddress) -> None:
        set_up_logging(name)
        super().__init__(name, address, RayFleet(Calls(), address))
