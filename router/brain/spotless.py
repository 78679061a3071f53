"""Receipts that are too good: the first sign of those that are made up is that no message fails any more.

For a carrier that sent ``d`` negative receipts where its habit made ``e`` of what waited expect,

    score += d * ln S + (1 - S) * e            0 <= score <= CEILING

is the log-likelihood ratio of "a share S = 0.1 of them" against "as ever" (a Poisson CUSUM, as in ``change``). What exceeds ``QUIET`` raises the prior
odds that the carrier lies (``doubt``), by ``MOST`` at the most: a reason to look, which conversions soon confirm or clear, and nothing by itself where
nobody reports them.
"""

from typing import Final

import numpy as np

from router.brain.ages import Floats, sums
from router.brain.ledger import CARRIER, Ledger
from router.brain.shrink import Habits

SHARE: Final = 0.1
QUIET: Final = 2.5
MOST: Final = 5.0
CEILING: Final = QUIET + MOST


class Spotless:
    """Scores by carrier of the ledger."""

    __slots__ = ("_at_s", "_begun", "_failed", "_waited", "begun_s", "score")

    def __init__(self) -> None:
        self.score: dict[str, float] = {}
        self.begun_s: dict[str, float] = {}  # since when the score has been above zero
        self._failed: Floats = np.zeros(0)  # the ledger at the last look, by row
        self._waited: Floats = np.zeros((0, 0))
        self._begun: Floats = np.zeros(0)
        self._at_s = -np.inf

    def look(self, ledger: Ledger, habits: Habits | None, half_life_s: float) -> None:
        """Weigh what was added to the ledger since the last look."""
        known = len(self._begun)
        rate = None if habits is None else habits.negative.rate
        if known and rate is not None and len(rate) >= known:
            fade = 0.5 ** ((ledger.at_s - self._at_s) / half_life_s)
            # A row that began anew was rescaled, and a fallen one is left alone.
            same = (ledger.born_s[:known] == self._begun) & ~ledger.fallen[:known]
            failed = np.where(same, ledger.f[:known].sum(axis=1) - self._failed * fade, 0.0)
            # Both in place: at 8,000 rows the intermediate tables took longer than the sums.
            self._waited *= -fade
            self._waited += ledger.t[:known]
            due = np.where(same, np.einsum("rb,rb->r", self._waited, rate[:known]), 0.0)
            owner, carriers = ledger.of[CARRIER, :known], len(ledger.carriers)
            gain = sums(owner, failed, carriers) * np.log(SHARE) + (1.0 - SHARE) * sums(owner, due, carriers)
            for (name,), value in zip(ledger.carriers.names, gain.tolist(), strict=True):
                score = self.score[name] = min(max(self.score.get(name, 0.0) + value, 0.0), CEILING)
                if not score:
                    self.begun_s[name] = ledger.at_s
        self.begin(ledger)

    def begin(self, ledger: Ledger) -> None:
        """The ledger as it stands is what the next look compares with."""
        used = ledger.rows
        if len(self._waited) == used > 0:
            self._waited[:] = ledger.t[:used]
        else:
            self._waited = ledger.t[:used].copy()
        self._failed = ledger.f[:used].sum(axis=1)
        self._begun, self._at_s = ledger.born_s[:used].copy(), ledger.at_s

    def suspicion(self, carrier: str) -> float:
        """What is added to the log-odds that the carrier lies."""
        return max(self.score.get(carrier, 0.0) - QUIET, 0.0)

    def since(self, carrier: str) -> float:
        """When what speaks for that began."""
        return self.begun_s.get(carrier, 0.0)
