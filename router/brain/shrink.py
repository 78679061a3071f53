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

    def sums(self, values: Floats) -> Floats:
        """The sum of the rows under each number: (size, BINS)."""
        return sums(self.flat, values.ravel(), self.size * BINS).reshape(self.size, BINS)


class _Index:
    """All levels, computed once for each number of rows."""

    def __init__(self, ledger: Ledger) -> None:
        self.rows = ledger.rows
        of = ledger.of[:, : ledger.rows].copy()
        self.carriers, routes, markets = len(ledger.carriers), len(ledger.routes), len(ledger.markets)
        self.branch = _Level(of[CARRIER] * GROUPS + of[GROUP], self.carriers * GROUPS)
        self.route = _Level(of[ROUTE], routes)
        network = np.zeros(routes, dtype=np.int64)
        network[of[ROUTE]] = of[NETWORK]
        self.network = _Level(network, len(ledger.networks))  # of routes, not of rows
        self.market, self.markets = of[MARKET] * GROUPS + of[GROUP], markets * GROUPS


def habits(ledger: Ledger) -> Habits:
    """Estimate both rates."""
    index = ledger.index
    if not isinstance(index, _Index) or index.rows != ledger.rows:
        index = ledger.index = _Index(ledger)
    waited = np.maximum(ledger.t[: ledger.rows], 0.0)
    by_branch = index.branch.sums(waited)
    return Habits(
        _habit(ledger.s[: ledger.rows], waited, by_branch, PRIOR_POSITIVE, index),
        _habit(ledger.f[: ledger.rows], waited, by_branch, PRIOR_NEGATIVE, index),
    )


def _ratio(seen: Floats, expected: Floats, count: float) -> Floats:
    """A step's multipliers."""
    result: Floats = (seen + count) / (expected + count)
    return result


def _habit(seen: Floats, waited: Floats, by_branch: Floats, prior: Floats, index: _Index) -> Habit:
    """One rate. A level's sums are made of those of the level inside, where there is one: tables by row cost most.

    ``by_branch``: what waited, summed.
    """
    shape = (index.carriers, GROUPS, BINS)
    told, due = index.branch.sums(seen).reshape(shape), by_branch.reshape(shape)
    world = (told.sum(axis=(0, 1)) + WORLD_COUNT) / (due.sum(axis=(0, 1)) + WORLD_COUNT / prior)
    due = due * world
    carrier = _ratio(told.sum(axis=1), due.sum(axis=1), CARRIER_COUNT)[:, None]
    due = due * carrier
    group = _ratio(told.sum(axis=0), due.sum(axis=0), GROUP_COUNT)
    branch = _ratio(told.sum(axis=2), (due * group).sum(axis=2), BRANCH_COUNT)[:, :, None]
    steps = (world * group * carrier * branch).reshape(-1, BINS)
    expected = waited * steps[index.branch.number]

    by_route, due = index.route.sums(seen), index.route.sums(expected)
    network = _ratio(index.network.sums(by_route), index.network.sums(due), NETWORK_COUNT)
    there = network[index.network.number]
    route = _ratio(by_route, due * there, ROUTE_COUNT)
    there *= route
    place = there[index.route.number]
    expected *= place

    total, due = seen @ _ONES, expected @ _ONES
    market = _ratio(sums(index.market, total, index.markets), sums(index.market, due, index.markets), MARKET_COUNT)
    own = market[index.market]
    cell = _ratio(total, due * own, CELL_COUNT)
    own *= cell
    expected *= own[:, None]
    age = _ratio(told.reshape(-1, BINS), index.branch.sums(expected), AGE_COUNT)

    rate = (steps * age)[index.branch.number]
    rate *= place
    rate *= own[:, None]
    return Habit(world * group, (carrier * branch).reshape(-1, BINS) * age, network, route, market, cell, rate)
