"""Least cost: the cheapest carrier to the network, the next one when it refuses.

Source: LCR of Kamailio (modules/lcr) and of SMS gateways; Jasmin's route by rate. No parameters.
"""

from sims.twin.competitors.base import Competitor
from sims.twin.policy import Item, Pick


class LeastCost(Competitor):
    """By price alone."""

    def pick(self, item: Item, able: list[int]) -> Pick:
        """The cheapest; of equals the first."""
        return Pick(min(able, key=lambda place: self.price[place][item.network]))
