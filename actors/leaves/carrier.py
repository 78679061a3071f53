"""The carrier as an actor."""

from actors import carrier as plain
from actors.calls import Calls, RayBrain
from actors.logs import set_up_logging
from actors.shell import JournalAddress


class Carrier(plain.Carrier):
    """See ``actors.carrier``."""

    def __init__(self, name: str, address: JournalAddress, carrier: str) -> None:
        set_up_logging(name)
        super().__init__(name, address, carrier, RayBrain(Calls()))
