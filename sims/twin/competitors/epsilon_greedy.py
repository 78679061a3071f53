"""Epsilon-greedy with a constant step: the textbook's answer to a world that changes.

Source: Sutton and Barto, Reinforcement Learning, 2nd edition, sections 2.2 and 2.5. epsilon 5 %, step 0.05 (twenty observations), for
each carrier, network and class; the reward is loss avoided less the value of the time waited, and the price, which is known, comes on top.
An outcome is known at its receipt or at its deadline. Estimates begin with a message that arrives at once (optimistic start, section 2.6).
"""

from typing import Final

import numpy as np

from sims.twin.competitors.outcomes import Known, Learner
from sims.twin.policy import Brief, Item, Pick
from sims.twin.values import CLASSES, LOSS, TIME

EPSILON: Final = 0.05
STEP: Final = 0.05


class EpsilonGreedy(Learner):
    """The least expected cost, but one in twenty by lot."""

    def __init__(self, brief: Brief, rng: np.random.Generator) -> None:
        super().__init__(brief, rng)
        self.damage = [[[0.0] * CLASSES for _ in brief.networks] for _ in brief.carriers]

    def learn(self, known: Known) -> None:
        """Move a step towards what was seen."""
        damage = TIME[known.klass] * known.wait_s + (0.0 if known.good else LOSS[known.klass])
        row = self.damage[known.place][known.network]
        row[known.klass] += STEP * (damage - row[known.klass])

    def pick(self, item: Item, able: list[int]) -> Pick:
        """By lot or by estimate."""
        if self.rng.random() < EPSILON:
            return Pick(able[int(self.rng.integers(len(able)))], explored=True)
        network, klass = item.network, item.klass
        return Pick(min(able, key=lambda place: self.price[place][network] + self.damage[place][network][klass]))
