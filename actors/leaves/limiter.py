"""The limiter as an actor."""

from actors import limiter as plain
from actors.logs import set_up_logging
from actors.shell import JournalAddress


class Limiter(plain.Limiter):
    """See ``actors.limiter``."""

    def __init__(self, name: str, address: JournalAddress) -> None:
        set_up_logging(name)
        super().__init__(name, address)
