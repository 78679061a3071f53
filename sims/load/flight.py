"""A request of the load generator on its way."""


class Flight:
    """A request that has not been settled."""

    __slots__ = ("classes", "intended_s", "octets", "tries", "written_s")

    def __init__(self, intended_s: float, octets: bytes, classes: bytes) -> None:
        self.intended_s = intended_s
        self.octets = octets
        self.classes = classes
        self.tries = 0
        self.written_s = 0.0
