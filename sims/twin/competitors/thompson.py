"""Discounted Thompson sampling.

Source: Raj and Kalyani, Taming Non-stationary Bandits: A Bayesian Approach (2017): Beta posteriors whose counts are multiplied by gamma.
By carrier, country and class; the discount is by time with a half-life of ten minutes (their gamma at this traffic), prior Beta(9, 1), what carriers use
to deliver. The drawn success rate and a discounted mean of the wait give the cost; the least is taken. Feedback is delayed as it comes: a
message pending past its deadline counts as a failure, one pending before it does not count.
"""

import math
from typing import Final

import numpy as np

from sims.twin.competitors.outcomes import Known, Learner
from sims.twin.policy import Brief, Item, Pick
from sims.twin.values import CLASSES, DEADLINE_S, LOSS, TIME

HALF_LIFE_S: Final = 600.0
PRIOR: Final = (9.0, 1.0)
PRIOR_WAIT: Final = 0.3  # of the deadline


class DiscountedThompson(Learner):
    """A draw from each posterior."""

    def __init__(self, brief: Brief, rng: np.random.Generator) -> None:
        super().__init__(brief, rng)
        self.counts: dict[tuple[int, int, int], list[float]] = {}  # good, bad, seconds waited, at
        for place in range(len(brief.carriers)):
            for country in set(self.country):
                for klass in range(CLASSES):
                    self.counts[place, country, klass] = [0.0, 0.0, 0.0, 0.0]

    def learn(self, known: Known) -> None:
        """Discount, then count."""
        row = self.faded(known.place, self.country[known.network], known.klass)
        row[0 if known.good else 1] += 1.0
        row[2] += known.wait_s

    def faded(self, place: int, country: int, klass: int) -> list[float]:
        """The counts as they weigh now."""
        row, now = self.counts[place, country, klass], self.now
        if now > row[3]:
            fade = math.pow(0.5, (now - row[3]) / HALF_LIFE_S)
            row[0], row[1], row[2], row[3] = row[0] * fade, row[1] * fade, row[2] * fade, now
        return row

    def pick(self, item: Item, able: list[int]) -> Pick:
        """The least drawn cost."""
        country, klass = self.country[item.network], item.klass
        rows = [self.faded(place, country, klass) for place in able]
        drawn = self.rng.beta([row[0] + PRIOR[0] for row in rows], [row[1] + PRIOR[1] for row in rows]).tolist()
        weight = sum(PRIOR)
        costs, means = [], []
        for place, row, p in zip(able, rows, drawn, strict=True):
            ended = row[0] + row[1] + weight
            wait_s = (row[2] + weight * PRIOR_WAIT * DEADLINE_S[klass]) / ended
            known = self.price[place][item.network] + TIME[klass] * wait_s
            costs.append(known + LOSS[klass] * (1.0 - p))
            means.append(known + LOSS[klass] * (1.0 - (row[0] + PRIOR[0]) / ended))
        place = able[costs.index(min(costs))]
        return Pick(place, explored=place != able[means.index(min(means))])
