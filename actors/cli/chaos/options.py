"""What a chaos run is told."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

RATE_MPS: Final = 500
LENGTH_S: Final = 600.0
WINDOW: Final = 50
SPEED_MPS: Final = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaosOptions:
    """One run."""

    folder: Path
    seed: int = 1
    length_s: float = LENGTH_S
    rate_mps: float = RATE_MPS
    kinds: tuple[str, ...] = ()  # faults by name
    holds: dict[str, float] = field(default_factory=dict)  # how long those of a kind last, where not as the kind says
    gap_s: float = 2.0
    once: bool = False  # of each kind one fault, and no more
    patience: float = 1.0  # bars are so much longer: for machines that do other things as well
    drain_s: float = 180.0  # after the load, until every message has its end
    window: int = WINDOW  # of each carrier
    speed_mps: int = SPEED_MPS  # contracted with each carrier
    fsync: str = "always"  # "everysec" loses messages in a power cut: what the run must find
