"""Rates from little data: each level starts from the one above it and departs as far as its own observations carry it.

Every step is a Gamma prior on a multiplier with mean one (an empirical-Bayes rate ratio; Clayton and Kaldor, Biometrics 43, 1987):

    multiplier = (seen + k) / (expected by the levels before + k)

with k the pseudo-count, an age bin each where a step goes by age. In their order, from the built-in prior:

    world x age (2), carrier x age (3), group x age (20), carrier and group (30), network x age (20),
    route, that is carrier and network, x age (4), market, that is carrier and country, and group (40),
    the cell itself (30), carrier and group x age (20)

Steps without a group learn from both class groups: what probes with marketing tell of a carrier holds for otp until otp tells for
itself. Carriers come before networks and groups, which are seen through whatever carriers serve them; a new carrier starts from the
world's habit, and from its networks'.

Whatever may be slow is asked by age. With one factor for all ages a place that is half as fast looks like one that loses messages:
fewer receipts than expected come early, and the factor learned there holds the late ones down as well.
"""

from typing import Final, NamedTuple

import numpy as np

from router.brain.ages import BINS, GROUPS, PRIOR_NEGATIVE, PRIOR_POSITIVE, Floats, Ints, sums
from router.brain.ledger import CARRIER, GROUP, MARKET, NETWORK, ROUTE, Ledger

WORLD_COUNT: Final = 2.0
CARRIER_COUNT: Final = 3.0
GROUP_COUNT: Final = 20.0
BRANCH_COUNT: Final = 30.0
NETWORK_COUNT: Final = 20.0
ROUTE_COUNT: Final = 4.0
MARKET_COUNT: Final = 40.0
CELL_COUNT: Final = 30.0
AGE_COUNT: Final = 20.0
_ONES: Final = np.ones(BINS)  # a product sums rows five times as fast as ``sum`` does


class Habit(NamedTuple):
    """Multipliers of one rate. Index of a group g inside: ``number * GROUPS + g``. A *branch* is a carrier in a group."""

    world: (
        Floats  # (GROUPS, BINS) rates per second, as ``curves.hazards`` reads them: the world's and each group's steps together
    )
    branch: Floats  # (carriers * GROUPS, BINS): the carrier's three steps together
    network: Floats  # (networks, BINS)
    route: Floats  # (routes, BINS)
    market: Floats  # (markets * GROUPS,)
    cell: Floats  # (rows,)
    rate: Floats  # (rows, BINS): the product, for the cells that were observed


class Habits(NamedTuple):
    """What the ledger says, level by level."""

    positive: Habit
    negative: Habit


class _Level:
    """The numbers of the rows at one level, and as flat indices by age: making them costs as much as using them."""

    def __init__(self, number: Ints, size: int) -> None:
        self.number, self.size = number, size
        self.flat = (number[:, None] * BINS + np.arange(BINS)).ravel()


class _Index:
    """All levels, computed once for each number of rows."""

    def __init__(self, ledger: Ledger) -> None:
        self.rows = ledger.rows
        of = ledger.of[:, : ledger.rows].copy()
        carriers = len(ledger.carriers)
        self.carrier, self.network = _Level(of[CARRIER], carriers), _Level(of[NETWORK], len(ledger.networks))
        self.group, self.route = _Level(of[GROUP], GROUPS), _Level(of[ROUTE], len(ledger.routes))
        self.branch = _Level(of[CARRIER] * GROUPS + of[GROUP], carriers * GROUPS)
        self.market, self.markets = of[MARKET] * GROUPS + of[GROUP], len(ledger.markets) * GROUPS


class _Steps:
    """The rates of the rows and what they make of the exposure, level after level."""

    def __init__(self, seen: Floats, waited: Floats, rate: Floats) -> None:
        self.seen, self.rate = seen, np.repeat(rate[None], len(seen), axis=0)
        self.total: Floats = seen @ _ONES
        self.expected = waited * self.rate

    def by_age(self, level: _Level, count: float) -> Floats:
        """One more step: (size, BINS)."""
        size = level.size * BINS
        seen, expected = (sums(level.flat, counts.ravel(), size) for counts in (self.seen, self.expected))
        found: Floats = ((seen + count) / (expected + count)).reshape(level.size, BINS)
        self._times(found[level.number])
        return found

    def whole(self, number: Ints, size: int, count: float) -> Floats:
        """The same for all ages: (size,)."""
        seen, expected = sums(number, self.total, size), sums(number, self.expected @ _ONES, size)
        found: Floats = (seen + count) / (expected + count)
        self._times(found[number][:, None])
        return found

    def _times(self, step: Floats) -> None:
        self.expected *= step
        self.rate *= step


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
    world = (seen.sum(axis=0) + WORLD_COUNT) / (waited.sum(axis=0) + WORLD_COUNT / prior)
    steps = _Steps(seen, waited, world)
    carrier = steps.by_age(index.carrier, CARRIER_COUNT)
    group = steps.by_age(index.group, GROUP_COUNT)
    branch = steps.whole(index.branch.number, index.branch.size, BRANCH_COUNT)
    network = steps.by_age(index.network, NETWORK_COUNT)
    route = steps.by_age(index.route, ROUTE_COUNT)
    market = steps.whole(index.market, index.markets, MARKET_COUNT)
    cell = steps.whole(np.arange(index.rows), index.rows, CELL_COUNT)
    age = steps.by_age(index.branch, AGE_COUNT)
    branches = np.repeat(carrier, GROUPS, axis=0) * branch[:, None] * age
    return Habit(world * group, branches, network, route, market, cell, steps.rate)
