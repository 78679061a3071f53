"""The dispatcher as an actor."""

from actors import dispatcher as plain
from actors.calls import Calls, RayCarrier
from actors.logs import set_up_logging
from actors.shell import JournalAddress


class Dispatcher(plain.Dispatcher):
    """See ``actors.dispatcher``."""

    def __init__(self, name: str, address: JournalAddress, index: int) -> None:
        set_up_logging(name)
        calls = Calls()
        super().__init__(name, address, index, lambda carrier: RayCarrier(calls, carrier))
