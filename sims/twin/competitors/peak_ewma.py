"""Peak EWMA and the power of two choices.

Source: Twitter Finagle, com.twitter.finagle.loadbalancer.PeakEwma with P2C (also Linkerd's default): load = cost * (pending + 1), where
cost is an EWMA of response times over 10 s (decayTime) that jumps to any peak above it and decays while nothing is observed; a node that
was never observed and has requests pending carries a penalty. Of two able carriers drawn at random the less loaded one is taken.
A message's response is its receipt; without one it is over at its deadline, as a request that timed out.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from sims.twin.competitors.outcomes import Known, Learner
from sims.twin.policy import Brief, Event, Item, Pick, Seen

DECAY_S: Final = 10.0
PENALTY: Final = 1e9


class PeakEwma(Learner):
    """One load for each carrier, all destinations alike."""

    def __init__(self, brief: Brief, rng: np.random.Generator) -> None:
        super().__init__(brief, rng)
        carriers = len(brief.carriers)
        self.cost = [0.0] * carriers
        self.stamp_s = [0.0] * carriers
        self.pending = [0] * carriers

    def observe(self, events: Sequence[Event], now: float) -> None:
        """Count what is pending, too."""
        self.now = now
        for event in events:
            if event.seen == Seen.SUBMITTED:
                self.pending[event.place] += 1
        super().observe(events, now)

    def learn(self, known: Known) -> None:
        """One response less to wait for."""
        self.saw(known.place, known.wait_s, self.now)
        if known.wait_s > 0.0:  # a refusal was never pending
            self.pending[known.place] -= 1

    def saw(self, place: int, wait_s: float, now: float) -> None:
        """A response time, or 0 to let the cost decay."""
        weight = math.exp(-max(now - self.stamp_s[place], 0.0) / DECAY_S)
        cost = self.cost[place]
        self.cost[place] = wait_s if wait_s > cost else cost * weight + wait_s * (1.0 - weight)
        self.stamp_s[place] = now

    def load(self, place: int, now: float) -> float:
        """What is compared."""
        self.saw(place, 0.0, now)
        cost, pending = self.cost[place], self.pending[place]
        return PENALTY + pending if cost == 0.0 and pending else cost * (pending + 1)

    def pick(self, item: Item, able: list[int]) -> Pick:  # noqa: ARG002 all messages alike
        """Two different ones by lot."""
        if len(able) == 1:
            return Pick(able[0])
        first = int(self.rng.integers(len(able)))
        second = (first + 1 + int(self.rng.integers(len(able) - 1))) % len(able)
        a, b = able[first], able[second]
        return Pick(a if self.load(a, self.now) <= self.load(b, self.now) else b)
