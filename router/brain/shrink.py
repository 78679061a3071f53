"""Hazards from little data: each level starts from the one above it and departs as far as its own observations carry it.

Every step is a Gamma prior on a multiplier with mean one (an empirical-Bayes rate ratio; Clayton and Kaldor, Biometrics 43, 1987):

    multiplier = (seen + k) / (expected by the level above + k)

with k the pseudo-count: world's shape by age (2 a bin on the built-in prior) -> network (60) -> carrier x age (10 a bin) ->
carrier x country (40) -> the cell itself (30), for each class group apart. A new carrier starts from its network's habit.
"""

from typing import Final, NamedTuple

import numpy as np

from router.brain.ages import BINS, GROUPS, PRIOR_MU, PRIOR_NU, Floats, Ints, sums
from router.brain.ledger import CARRIER, GROUP, MARKET, NETWORK, Ledger

WORLD_COUNT: Final = 2.0
NETWORK_COUNT: Final = 60.0
AGE_COUNT: Final = 10.0
MARKET_COUNT: Final = 40.0
CELL_COUNT: Final = 30.0


class Habit(NamedTuple):
    """Multipliers of one hazard. Index of a group g inside: ``number * GROUPS + g``."""

    world: Floats  # (GROUPS, BINS) hazards per second
    network: Floats  # (networks * GROUPS,)
    age: Floats  # (carriers * GROUPS, BINS)
    market: Floats  # (markets * GROUPS,)
    cell: Floats  # (rows,)
    hazard: Floats  # (rows, BINS): the product, for the cells that were observed


class Habits(NamedTuple):
    """What the ledger says, level by level."""

    positive: Habit
    negative: Habit


def habits(ledger: Ledger) -> Habits:
    """Estimate both hazards."""
    rows = ledger.rows
    waited = np.maximum(ledger.t[:rows], 0.0)
    of = ledger.of[:, :rows]
    sizes = (len(ledger.networks), len(ledger.carriers), len(ledger.markets))
    return Habits(_habit(ledger.s[:rows], waited, PRIOR_MU, of, sizes), _habit(ledger.f[:rows], waited, PRIOR_NU, of, sizes))


def _habit(seen: Floats, waited: Floats, prior: Floats, of: Ints, sizes: tuple[int, int, int]) -> Habit:
    group = of[GROUP]
    networks, carriers, markets = sizes
    network, carrier, market = (of[level] * GROUPS + group for level in (NETWORK, CARRIER, MARKET))
    bins = carrier[:, None] * BINS + np.arange(BINS)
    group_bins = group[:, None] * BINS + np.arange(BINS)

    world: Floats = (_by_bin(group_bins, seen, GROUPS) + WORLD_COUNT) / (
        _by_bin(group_bins, waited, GROUPS) + WORLD_COUNT / prior
    )
    hazard: Floats = world[group]
    total = seen.sum(axis=1)

    expected = np.einsum("rb,rb->r", waited, hazard)
    by_network = _multiplier(network, total, expected, networks * GROUPS, NETWORK_COUNT)
    hazard *= by_network[network][:, None]

    age: Floats = (_by_bin(bins, seen, carriers * GROUPS) + AGE_COUNT) / (
        _by_bin(bins, waited * hazard, carriers * GROUPS) + AGE_COUNT
    )
    hazard *= age[carrier]

    expected = np.einsum("rb,rb->r", waited, hazard)
    by_market = _multiplier(market, total, expected, markets * GROUPS, MARKET_COUNT)
    expected *= by_market[market]
    cell = (total + CELL_COUNT) / (expected + CELL_COUNT)
    hazard *= (by_market[market] * cell)[:, None]
    return Habit(world, by_network, age, by_market, cell, hazard)


def _by_bin(flat: Ints, values: Floats, size: int) -> Floats:
    """Sums of (rows, BINS) values by a number of the row: (size, BINS)."""
    return sums(flat.ravel(), values.ravel(), size * BINS).reshape(size, BINS)


def _multiplier(number: Ints, seen: Floats, expected: Floats, size: int, count: float) -> Floats:
    """(seen + k) / (expected + k), summed by a number of the row."""
    return (sums(number, seen, size) + count) / (sums(number, expected, size) + count)
