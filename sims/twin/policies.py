"""The policies by name."""

from collections.abc import Callable
from typing import Final

import numpy as np

from sims.twin.brain_policy import BrainPolicy
from sims.twin.competitors.conversion_weights import ConversionWeights
from sims.twin.competitors.epsilon_greedy import EpsilonGreedy
from sims.twin.competitors.least_cost import LeastCost
from sims.twin.competitors.oracle import Oracle
from sims.twin.competitors.peak_ewma import PeakEwma
from sims.twin.competitors.round_robin import RoundRobin, WeightedRoundRobin
from sims.twin.competitors.static import StaticPriority
from sims.twin.competitors.success_window import SuccessWindow, SuccessWindowCost
from sims.twin.competitors.thompson import DiscountedThompson
from sims.twin.engine import Setup
from sims.twin.policy import Brief, Policy, generator
from sims.twin.rescue_policy import RescueBrain

ORACLE: Final = "oracle"
BRAIN: Final = "brain"
RESCUE: Final = "brain+rescue"

_LEARNED: Final[dict[str, Callable[[Brief, np.random.Generator], Policy]]] = {
    "static": StaticPriority,
    "least_cost": LeastCost,
    "round_robin": RoundRobin,
    "weighted_rr": WeightedRoundRobin,
    "window": SuccessWindow,
    "window_cost": SuccessWindowCost,
    "peak_ewma": PeakEwma,
    "eps_greedy": EpsilonGreedy,
    "conversions": ConversionWeights,
    "thompson": DiscountedThompson,
    BRAIN: BrainPolicy,
    RESCUE: RescueBrain,
}
POLICIES: Final = (ORACLE, *_LEARNED)


def make_policy(name: str, setup: Setup) -> Policy:
    """A policy before its first message; raises ``KeyError`` for one that there is not."""
    rng = generator(setup.seed, BRAIN if name == RESCUE else name)  # the same dice: what differs is rescue
    if name == ORACLE:
        return Oracle(setup.brief, rng, setup.world, setup.times, setup.rate_mps)
    return _LEARNED[name](setup.brief, rng)
