"""A fault as it went."""

import time
from dataclasses import dataclass, field

from sims.chaos.kinds import KINDS
from sims.invariants import Fault, Memory


@dataclass(slots=True, kw_only=True)
class Done:
    """A fault as it went."""

    kind: str
    victim: str = ""
    at_us: int = 0
    until_us: int = 0
    back_s: float | None = None  # from its end; None: never back
    carriers: tuple[str, ...] = ()  # whose submits it leaves in doubt
    kills: int = 0  # processes ended by SIGKILL
    failed: str = ""  # it could not be made; why
    zombie_submits: int = 0  # written by a process that had lost its lease
    memory: list[Memory] = field(default_factory=list)

    def told(self, window: int) -> list[Fault]:
        """As the invariants want it."""
        doubts = KINDS[self.kind].windows * window
        return [Fault(self.at_us, self.kind, carrier, doubts, self.until_us) for carrier in self.carriers]


def now_us() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1_000
