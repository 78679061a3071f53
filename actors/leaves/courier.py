"""The courier as an actor."""

from actors import courier as plain
from actors.logs import set_up_logging
from actors.shell import JournalAddress


class Courier(plain.Courier):
    """See ``actors.courier``."""

    def __init__(self, name: str, address: JournalAddress, index: int) -> None:
        set_up_logging(name)
        super().__init__(name, address, index)
