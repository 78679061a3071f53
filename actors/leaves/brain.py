"""The brain as an actor."""

from actors import brain as plain
from actors.logs import set_up_logging
from actors.shell import JournalAddress


class Brain(plain.Brain):
    """See ``actors.brain``."""

    def __init__(self, name: str, address: JournalAddress) -> None:
        set_up_logging(name)
        super().__init__(name, address)
