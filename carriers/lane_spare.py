"""What a lane keeps back for one-time codes while a campaign fills it."""

from math import ceil, exp, inf, sqrt
from typing import Final

GAP_S: Final = 0.1  # the longest pause in the flow of a full lane: so many codes as come within one must find room at once
DEVIATIONS: Final = 2.5  # of the number that comes within a gap, where codes come independently of each other
LEAST_SHARE: Final = 0.02  # of the speed, for the codes that nobody has seen come
MOST_SHARE: Final = 0.1  # of the speed: what is kept and not used is lost to everything else
FROM_MPS: Final = 20.0  # slower lanes have too little to keep some back
COUNT_S: Final = 1.0  # codes are counted for so long at least before their rate is told anew
MEMORY_S: Final = 10.0  # and what was counted before weighs 1/e after this


class LaneSpare:
    """How many segments of each second only codes may use: enough for those that come while nothing else leaves.

    A campaign that fills a lane would have codes wait until the second before has been forgotten: measured beside three lanes of 130 a second
    that kept three each, of 39 codes a second one in a hundred waited for 15 ms and the slowest for 70.
    """

    __slots__ = ("_codes", "_mps", "_seen", "_since_s")

    def __init__(self, now_s: float) -> None:
        self._codes = 0  # segments since then
        self._since_s = now_s
        self._mps = 0.0
        self._seen = 0.0  # segments that codes at this rate need within a gap

    def came(self, segments: int) -> None:
        """So many segments of codes are about to be written."""
        self._codes += segments

    def segments(self, speed_mps: float, now_s: float) -> int:
        """Segments of each second that are kept for codes."""
        if not FROM_MPS <= speed_mps < inf:
            return 0
        elapsed_s = now_s - self._since_s
        if elapsed_s >= COUNT_S:
            kept = exp(-elapsed_s / MEMORY_S)
            self._mps = kept * self._mps + (1 - kept) * self._codes / elapsed_s
            self._codes = 0
            self._since_s = now_s
            expected = self._mps * GAP_S
            self._seen = expected + DEVIATIONS * sqrt(expected)
        return ceil(min(max(self._seen, speed_mps * LEAST_SHARE), max(1.0, speed_mps * MOST_SHARE)))
