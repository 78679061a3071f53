"""The oracle: knows what is true, and every change the moment it happens.

Costs are the true expected ones. Where the demand (which it also knows) is more than the best carriers take, it pays shadow prices: the dual of
the transport problem

    minimise  sum of flow[k, c] * cost[k, c]   with  flow from each kind k = its demand,  flow into each carrier c <= its speed,

solved by gradient ascent on a soft minimum that hardens (temperature 2000 to 20 micros). Within the bursts of arrivals, a message
takes the least cost plus shadow price among the carriers that have room.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from sims.twin.competitors.base import Competitor
from sims.twin.conditions import Conditions, costs
from sims.twin.policy import Brief, Item, Pick, Room
from sims.twin.values import Floats
from sims.twin.world import MIX, World

FULL: Final = 0.97  # of a carrier's speed: planned to the brim it would have no room for the bursts of its own
ROUNDS: Final = 3_000
NOWHERE_MICROS: Final = 1e6  # of not sending at all: more than any message is worth


class Oracle(Competitor):
    """The least true cost plus shadow price."""

    def __init__(
        self, brief: Brief, rng: np.random.Generator, world: World, times: Sequence[Conditions], rate_mps: float
    ) -> None:
        super().__init__(brief, rng)
        self._world, self._rate_mps = world, rate_mps
        self._times = list(times)[::-1]
        self.cost: list[list[list[float]]] = []

    def choose(self, items: Sequence[Item], room: Room, now: float) -> list[Pick]:
        """Learn of changes first."""
        while self._times and self._times[-1].at_s <= now + 1e-9:
            self._know(self._times.pop())
        return super().choose(items, room, now)

    def pick(self, item: Item, able: list[int]) -> Pick:
        """Where refusing carriers are all that is left, any."""
        network, klass = item.network, item.klass
        return Pick(min(able, key=lambda place: self.cost[place][network][klass]))

    def _know(self, true: Conditions) -> None:
        cost = costs(self._world, true)
        demand = self._rate_mps * true.demand * self._world.share[:, None] * np.array(MIX)
        shadow = shadow_prices(cost.reshape(len(cost), -1), demand.ravel(), true.speed_mps * FULL)
        self.cost = (cost + shadow[:, None, None]).tolist()


def shadow_prices(cost: Floats, demand: Floats, speed: Floats) -> Floats:
    """Micros a message by carrier, for costs (C, K), demand (K,) and speed (C,) in messages a second."""
    carriers = len(cost)
    shadow = np.zeros(carriers)
    if not np.any(np.bincount(np.argmin(cost, axis=0), weights=demand, minlength=carriers) > speed):
        return shadow
    reach = np.minimum(cost, NOWHERE_MICROS)
    mean = np.zeros(carriers)
    last = ROUNDS // 4
    for step in range(ROUNDS):
        share = step / ROUNDS
        heat = 2_000.0 * 0.01**share
        total = reach + shadow[:, None]
        weight = np.exp((total.min(axis=0) - total) / heat)
        flow = (weight / weight.sum(axis=0)) @ demand
        shadow = np.maximum(shadow + 3.0 * heat * (flow - speed) / speed * (0.05 + 0.2 * (1.0 - share)), 0.0)
        if step >= ROUNDS - last:
            mean += shadow / last
    return mean
