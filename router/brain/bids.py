"""Shadow prices from turn to turn: where the next assignment begins, and what room is worth in the mean."""

import math
from typing import Final

import numpy as np

from router.brain.ages import Floats

MEMORY_S: Final = 5.0  # of the mean: a burst of a second leaves it low, so it is waited out; half a minute of overload is in it
HOLD_S: Final = 1.0  # a turn's prices hold so long when no other turn follows: then nothing asked for room


class Bids:
    """Of one planner and one mix of classes. Prices in micros a segment, by carrier of a deck."""

    __slots__ = ("_at_s", "_last", "_mean")

    def __init__(self, carriers: int, now: float) -> None:
        self._last: Floats = np.zeros(carriers)
        self._mean: Floats = np.zeros(carriers)
        self._at_s = now

    @property
    def last(self) -> Floats | None:
        """Those of the last turn; None when nobody had to pay any."""
        return self._last if self._last.any() else None

    def mean(self, now: float) -> Floats:
        """An exponential mean over time. A clock that goes back is taken to stand still."""
        passed_s = max(now - self._at_s, 0.0)
        held_s = min(passed_s, HOLD_S)
        kept = math.exp(-held_s / MEMORY_S)
        return (self._mean * kept + self._last * (1.0 - kept)) * math.exp((held_s - passed_s) / MEMORY_S)

    def note(self, prices: Floats, now: float) -> None:
        """These are the prices of the turn at ``now``."""
        self._mean = self.mean(now)
        self._last = prices
        self._at_s = now
