"""Round robin, plain and weighted.

Sources: Jasmin's RandomRoundrobinMTRoute and Kannel without preferences (plain); nginx's smooth weighted round robin (upstream
round robin since 1.3.1) for the weighted one: each able carrier gains its weight, the richest is taken and pays the sum of the weights.
Weights are 1 / (rank in the operator's list of priorities), as an operator would set them: half for the second, a third for the third.
"""

import numpy as np

from sims.twin.competitors.base import Competitor, priorities
from sims.twin.policy import Brief, Item, Pick


class RoundRobin(Competitor):
    """In turns, for each network."""

    def __init__(self, brief: Brief, rng: np.random.Generator) -> None:
        super().__init__(brief, rng)
        self.last = [-1] * len(brief.networks)

    def pick(self, item: Item, able: list[int]) -> Pick:
        """The next after the last one, round the circle."""
        last = self.last[item.network]
        place = next((place for place in able if place > last), able[0])
        self.last[item.network] = place
        return Pick(place)


class WeightedRoundRobin(Competitor):
    """Smooth weighted turns, for each network."""

    def __init__(self, brief: Brief, rng: np.random.Generator) -> None:
        super().__init__(brief, rng)
        self.weight = {place: 1.0 / (rank + 1) for rank, place in enumerate(priorities(brief))}
        self.credit = [dict.fromkeys(range(len(brief.carriers)), 0.0) for _ in brief.networks]

    def pick(self, item: Item, able: list[int]) -> Pick:
        """The richest pays for all."""
        credit = self.credit[item.network]
        for place in able:
            credit[place] += self.weight[place]
        place = max(able, key=credit.__getitem__)
        credit[place] -= sum(self.weight[place] for place in able)
        return Pick(place)
