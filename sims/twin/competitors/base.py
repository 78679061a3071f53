"""What all competitors share: each message by itself, to a carrier that covers it, has room and has not refused it."""

from collections.abc import Sequence

import numpy as np

from sims.twin.policy import WAIT, Brief, Event, Item, Pick, Room
from sims.twin.values import Floats
from sims.twin.world import MIX


class Competitor:
    """Fails over like any router: a carrier that refused a message is not asked again with it, unless nobody else is left."""

    def __init__(self, brief: Brief, rng: np.random.Generator) -> None:
        self.brief, self.rng = brief, rng
        self.now = 0.0  # when what is chosen or observed now happens
        self.price: list[list[float]] = brief.price.tolist()
        self.covering = [np.flatnonzero(brief.covers[:, network]).tolist() for network in range(len(brief.networks))]

    def observe(self, events: Sequence[Event], now: float) -> None:  # noqa: ARG002 for those that learn
        """Nothing to learn but the time."""
        self.now = now

    def prices(self, price: Floats) -> None:
        """Take the new list."""
        self.price = price.tolist()

    def choose(self, items: Sequence[Item], room: Room, now: float) -> list[Pick]:
        """One by one."""
        self.now = now
        return [self._one(item, room) for item in items]

    def pick(self, item: Item, able: list[int]) -> Pick:
        """One of ``able`` (not empty, in order of carriers)."""
        raise NotImplementedError

    def _one(self, item: Item, room: Room) -> Pick:
        able = [place for place in self.covering[item.network] if room.takes(place, item.klass)]
        if item.tried:
            able = [place for place in able if place not in item.tried] or able
        if not able:
            return WAIT
        found = self.pick(item, able)
        room.take(found.place)
        return found


def priorities(brief: Brief) -> list[int]:
    """The carriers as an operator would list them who knows their true worth: by how much of the traffic each would be the best for.

    Of those that are the best for nothing, by what a message costs there more than at the best.
    """
    least = np.min(brief.usual, axis=0)
    weight = brief.share[:, None] * np.array(MIX)
    won = ((brief.usual == least) * weight).sum(axis=(1, 2))
    reached = brief.covers[:, :, None] * weight
    excess = (np.where(brief.covers[:, :, None], brief.usual - least, 0.0) * reached).sum(axis=(1, 2)) / reached.sum(axis=(1, 2))
    return [int(place) for place in np.lexsort((excess, -won))]
