"""Which classes are refused when the journal runs short: new work goes first, what is already accepted always drains."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from router.model import MessageClass

# DESIGN.md's watermarks: marketing goes at 70 % of the memory allowed, all but otp at 85 %; nothing is taken below 10 % of free
# disk (KumoMTA's ``min_free_space``), because at a full disk an append-only file cannot be trusted any more.
MARKETING_SHARE: Final = 0.70
TRANSACTIONAL_SHARE: Final = 0.85
FREE_DISK_SHARE: Final = 0.10

NOTHING: Final[frozenset[MessageClass]] = frozenset()
EVERYTHING: Final = frozenset(MessageClass)


class Pressure(NamedTuple):
    """How full the journal is: the worst of its servers."""

    memory_share: float = 0.0  # used / allowed; 0 where no limit is set
    free_disk_share: float = 1.0  # of the disk with the append-only file; 1 where it cannot be seen from here


def refused(pressure: Pressure) -> frozenset[MessageClass]:
    """The classes that are not taken at this pressure."""
    if pressure.free_disk_share < FREE_DISK_SHARE:
        return EVERYTHING
    if pressure.memory_share >= TRANSACTIONAL_SHARE:
        return frozenset({MessageClass.TRANSACTIONAL, MessageClass.MARKETING})
    if pressure.memory_share >= MARKETING_SHARE:
        return frozenset({MessageClass.MARKETING})
    return NOTHING


def worst(pressures: Iterable[Pressure]) -> Pressure:
    """The pressure of a system of several servers."""
    every = list(pressures)
    return Pressure(max(p.memory_share for p in every), min(p.free_disk_share for p in every))
