"""Static priority with failover: one list, made once by somebody who knew the carriers.

Source: what SMPP gateways are set up with: Kannel's preferred-smsc-id, Jasmin's FailoverMTRoute, OpenSIPS and Kamailio dispatcher by priority.
The list is in the order of the carriers' true worth while nothing is wrong: the best that an operator can know.
"""

import numpy as np

from sims.twin.competitors.base import Competitor, priorities
from sims.twin.policy import Brief, Item, Pick


class StaticPriority(Competitor):
    """The first of the list that is able."""

    def __init__(self, brief: Brief, rng: np.random.Generator) -> None:
        super().__init__(brief, rng)
        self.rank = {place: rank for rank, place in enumerate(priorities(brief))}

    def pick(self, item: Item, able: list[int]) -> Pick:  # noqa: ARG002 all messages alike
        """By rank."""
        return Pick(min(able, key=self.rank.__getitem__))
