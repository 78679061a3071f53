"""What rules before the brain change in its scores: carriers barred, costs weighed, an order that outweighs every cost."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from router.brain.ages import Bools, Floats, Ints
from router.routes import Deck
from router.rules import FREE, Ruling


class Bounds(NamedTuple):
    """By kind and carrier."""

    barred: Bools
    tier: Ints  # place in the order; carriers that are in none come after those that are
    weight: Floats  # the cost counts so many times


def bounds(rulings: Sequence[Ruling], price: Ints, deck: Deck) -> Bounds | None:
    """What the rules say of each kind; ``price``: micros a segment by kind and carrier. None: nothing at all."""
    if all(ruling is FREE for ruling in rulings):
        return None
    barred = np.zeros(price.shape, dtype=bool)
    tier = np.zeros(price.shape, dtype=np.int64)
    weight = np.ones(price.shape)
    known: dict[Ruling, tuple[list[int], Ints | None, list[tuple[int, float]]]] = {}
    for k, ruling in enumerate(rulings):
        if ruling is FREE:
            continue
        found = known.get(ruling)
        if found is None:
            found = known[ruling] = (
                [deck.index[name] for name in ruling.barred if name in deck.index],
                _tiers(ruling, deck) if ruling.tiers else None,
                [(deck.index[name], factor) for name, factor in ruling.weights.items() if name in deck.index],
            )
        places, tiers, factors = found
        barred[k, places] = True
        if tiers is not None:
            tier[k] = tiers
        for place, factor in factors:
            weight[k, place] = factor
        if ruling.most_micros >= 0:
            barred[k] |= price[k] > ruling.most_micros
    return Bounds(barred, tier, weight)


def tiered(cost: Floats, tier: Ints, candidate: Bools, loss: Floats) -> Floats:
    """The costs with the order in them: a later tier costs more than the loss and any difference of costs before it."""
    if not tier.any():
        return cost
    highest = np.max(np.where(candidate, cost, -np.inf), axis=1, initial=0.0)
    return cost + tier * (highest + loss + 1.0)[:, None]


def _tiers(ruling: Ruling, deck: Deck) -> Ints:
    after = max(ruling.tiers.values()) + 1
    return np.array([ruling.tiers.get(name, after) for name in deck.names], dtype=np.int64)
