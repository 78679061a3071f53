"""Success rate over a window, with hedging, as payments are routed; and the same with cost.

Source: Juspay hyperswitch, decision-engine, SR_BASED_ROUTING: the score of a gateway is the success rate of its last 125 outcomes in the
dimension (defaultBucketSize 125; buckets start full of successes), 5 % of requests are hedged to other gateways (defaultHedgingPercent 5), and
the multi-objective step re-ranks by expected value. The dimension here is country and class; a success is delivery within the deadline.
With cost, the expected value of a gateway is loss * success rate - price.
"""

from collections import deque
from typing import Final

import numpy as np

from sims.twin.competitors.outcomes import Known, Learner
from sims.twin.policy import Brief, Item, Pick
from sims.twin.values import CLASSES, LOSS

BUCKET: Final = 125
HEDGING: Final = 0.05


class SuccessWindow(Learner):
    """The best score; now and then any other."""

    def __init__(self, brief: Brief, rng: np.random.Generator) -> None:
        super().__init__(brief, rng)
        self.buckets: dict[tuple[int, int, int], deque[bool]] = {}
        self.good: dict[tuple[int, int, int], int] = {}
        for place in range(len(brief.carriers)):
            for country in set(self.country):
                for klass in range(CLASSES):
                    self.buckets[place, country, klass] = deque([True] * BUCKET, BUCKET)
                    self.good[place, country, klass] = BUCKET

    def learn(self, known: Known) -> None:
        """The oldest outcome falls out."""
        key = (known.place, self.country[known.network], known.klass)
        bucket = self.buckets[key]
        self.good[key] += known.good - bucket[0]
        bucket.append(known.good)

    def rate(self, place: int, item: Item) -> float:
        """The score."""
        return self.good[place, self.country[item.network], item.klass] / BUCKET

    def worth(self, place: int, item: Item) -> float:
        """What is maximised."""
        return self.rate(place, item)

    def pick(self, item: Item, able: list[int]) -> Pick:
        """Of equals any."""
        worths = [self.worth(place, item) for place in able]
        top = max(worths)
        best = [place for place, worth in zip(able, worths, strict=True) if worth == top]
        place = best[0] if len(best) == 1 else best[int(self.rng.integers(len(best)))]
        others = [other for other in able if other != place]
        if others and self.rng.random() < HEDGING:
            return Pick(others[int(self.rng.integers(len(others)))], explored=True)
        return Pick(place)


class SuccessWindowCost(SuccessWindow):
    """The best expected value."""

    def worth(self, place: int, item: Item) -> float:
        """Value kept, in micros."""
        return LOSS[item.klass] * self.rate(place, item) - self.price[place][item.network]
