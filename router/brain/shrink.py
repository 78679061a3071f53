"""Rates from little data: each level starts from the one above it and departs as far as its own observations carry it.

Every step is a Gamma prior on a multiplier with mean one (an empirical-Bayes rate ratio; Clayton and Kaldor, Biometrics 43, 1987):

    multiplier = (seen + k) / (expected by the level above + k)

with k the pseudo-count: world's shape by age (2 a bin on the built-in prior) -> network (60) -> carrier x age (10 a bin) ->
carrier x country (40) -> the cell itself (30), for each class group apart. Carrier x age is asked twice, of both groups together and
then of each: what probes with marketing tell of a carrier holds for otp until otp tells for itself. A new carrier starts from its network's habit.
"""

from typing import Final, NamedTuple

import numpy as np

from router.brain.ages import BINS, GROUPS, PRIOR_NEGATIVE, PRIOR_POSITIVE, Floats, Ints, sums
from router.brain.ledger import CARRIER, GROUP, MARKET, NETWORK, Ledger

WORLD_COUNT: Final = 2.0
NETWORK_COUNT: Final = 60.0
AGE_COUNT: Final = 10.0
MARKET_COUNT: Final = 40.0
CELL_COUNT: Final = 30.0


class Habit(NamedTuple):
    """Multipliers of one rate. Index of a group g inside: ``number * GROUPS + g``."""

    world: Floats  # (GROUPS, BINS) rates per second, as ``curves.hazards`` reads them
    network: Floats  # (networks * GROUPS,)
    both: Floats  # (carriers, BINS), of both groups
    age: Floats  # (carriers * GROUPS, BINS)
    market: Floats  # (markets * GROUPS,)
    cell: Floats  # (rows,)
    rate: Floats  # (rows, BINS): the product, for the cells that were observed


class Habits(NamedTuple):
    """What the ledger says, level by level."""

    positive: Habit
    negative: Habit


class _Index:
    """The numbers of the rows as flat indices, computed once for each number of rows: making them costs as much as using them."""

    def __init__(self, ledger: Ledger) -> None:
        self.rows = ledger.rows
        of = ledger.of[:, : ledger.rows]
        self.group = of[GROUP].copy()
        self.network, self.carrier, self.market = (of[level] * GROUPS + self.group for level in (NETWORK, CARRIER, MARKET))
        self.owner = of[CARRIER].copy()
        self.flat_owner = (self.owner[:, None] * BINS + np.arange(BINS)).ravel()
        self.flat = (self.carrier[:, None] * BINS + np.arange(BINS)).ravel()
        self.member = np.stack([(self.group == group).astype(np.float64) for group in range(GROUPS)])
        self.networks, self.carriers = len(ledger.networks) * GROUPS, len(ledger.carriers) * GROUPS
        self.markets = len(ledger.markets) * GROUPS


def habits(ledger: Ledger) -> Habits:
    """Estimate both rates."""
    index = ledger.index
    if not isinstance(index, _Index) or index.rows != ledger.rows:
        index = ledger.index = _Index(ledger)
    waited = np.maximum(ledger.t[: ledger.rows], 0.0)
    return Habits(
        _habit(ledger.s[: ledger.rows], waited, PRIOR_POSITIVE, index),
        _habit(ledger.f[: ledger.rows], waited, PRIOR_NEGATIVE, index),
    )


def _habit(seen: Floats, waited: Floats, prior: Floats, index: _Index) -> Habit:
    world: Floats = (index.member @ seen + WORLD_COUNT) / (index.member @ waited + WORLD_COUNT / prior)
    rate: Floats = world[index.group]
    total = seen.sum(axis=1)
    expected: Floats = waited * rate

    by_network = _multiplier(index.network, total, expected.sum(axis=1), index.networks, NETWORK_COUNT)
    step = by_network[index.network][:, None]
    expected *= step
    rate *= step

    both = _by_age(index.flat_owner, seen, expected, index.carriers // GROUPS)
    step = both[index.owner]
    expected *= step
    rate *= step

    age = _by_age(index.flat, seen, expected, index.carriers)
    rate *= age[index.carrier]

    whole: Floats = np.einsum("rb,rb->r", waited, rate)
    by_market = _multiplier(index.market, total, whole, index.markets, MARKET_COUNT)
    market = by_market[index.market]
    cell: Floats = (total + CELL_COUNT) / (whole * market + CELL_COUNT)
    rate *= (market * cell)[:, None]
    return Habit(world, by_network, both, age, by_market, cell, rate)


def _multiplier(number: Ints, seen: Floats, expected: Floats, size: int, count: float) -> Floats:
    """(seen + k) / (expected + k), summed by a number of the row."""
    return (sums(number, seen, size) + count) / (sums(number, expected, size) + count)


def _by_age(flat: Ints, seen: Floats, expected: Floats, size: int) -> Floats:
    """The same by number and age: (size, BINS)."""
    seen, expected = (sums(flat, counts.ravel(), size * BINS) for counts in (seen, expected))
    return ((seen + AGE_COUNT) / (expected + AGE_COUNT)).reshape(size, BINS)
