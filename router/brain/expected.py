"""What the ledger expects of each carrier towards each network, in its country and in the world: the cells of a board."""

from typing import Final

import numpy as np

from router.brain.ages import BINS, CLASSES, GROUP_OF, GROUPS, Floats, Ints
from router.brain.cells import FIGURES, Cells
from router.brain.curves import outlooks
from router.brain.ledger import CARRIER, COUNTRY, GROUP, MARKET, NETWORK, ROUTE, Ledger
from router.brain.networks import WORLD
from router.brain.remains import pack_curves, remains
from router.brain.shrink import CELL_COUNT, Habit, Habits
from router.brain.state import BrainState, estimate

PAIRS_LIMIT: Final = 8_192  # pairs of carrier and network published without observations; above it, fall-backs must do


class _Pairs:
    """Carrier and scope of each cell to publish, as numbers into the factors; -1 where a factor does not apply."""

    def __init__(self, ledger: Ledger) -> None:
        self.rows = ledger.rows
        of = ledger.of[:, : ledger.rows]
        carriers, networks, countries = len(ledger.carriers), len(ledger.networks), len(ledger.countries)
        route_of, market_of = np.full((carriers, networks), -1), np.full((carriers, countries), -1)
        route_of[of[CARRIER], of[NETWORK]] = of[ROUTE]
        market_of[of[CARRIER], of[COUNTRY]] = of[MARKET]
        country_of = np.zeros(networks, dtype=np.int64)
        country_of[of[NETWORK]] = of[COUNTRY]
        named = np.full(route_of.shape, True) if route_of.size <= PAIRS_LIMIT else route_of >= 0
        carrier, network = np.nonzero(named)
        # A country that is a network too, because no network is known there, is named already.
        as_network = np.array([ledger.networks.index.get(name, -1) for name in ledger.countries.names], dtype=np.int64)
        by_country, country = np.nonzero((market_of >= 0) & ~((as_network >= 0) & named[:, as_network]))
        self.carriers = tuple(name for (name,) in ledger.carriers.names)
        scopes = {name: number for number, (name,) in enumerate(ledger.networks.names)}
        for name in (*(name for (name,) in ledger.countries.names), WORLD):
            scopes.setdefault(name, len(scopes))
        self.scopes = tuple(scopes)
        country_scope = np.array([scopes[name] for (name,) in ledger.countries.names], dtype=np.int64)
        nowhere = np.full(carriers, -1)
        none = np.full(len(country), -1)
        self.carrier: Ints = np.concatenate((carrier, by_country, np.arange(carriers)))
        self.scope: Ints = np.concatenate((network, country_scope[country], np.full(carriers, scopes[WORLD])))
        self.network: Ints = np.concatenate((network, none, nowhere))
        self.market: Ints = np.concatenate((market_of[carrier, country_of[network]], market_of[by_country, country], nowhere))
        self.route: Ints = np.concatenate((route_of[carrier, network], none, nowhere))
        # By group the ledger's row, -1 where nothing was observed; the last one is for the pairs without a route.
        row_of = np.full((GROUPS, len(ledger.routes) + 1), -1)
        row_of[of[GROUP], of[ROUTE]] = np.arange(ledger.rows)
        self.row: Ints = row_of[:, self.route]


def curves(state: BrainState) -> bytes:
    """``Board.curves``: what one-time codes and transactional messages may still expect at each age, in the order of the cells' pairs."""
    ledger = state.ledger
    if not ledger.rows:
        return b""
    habits, pairs = _newest(state)
    positive, negative = (_rate(habit, pairs, 0) * _common(habit, pairs) for habit in habits)
    present, worth = _present(state, pairs), _worth(state, pairs)
    if present is not None:
        positive *= present
    return pack_curves(remains(positive, negative, 1.0 if worth is None else worth))


def cells(state: BrainState) -> Cells:
    """Every pair observed; every pair of a known carrier and a known network while they are few; each carrier in each of its countries and in the world."""
    ledger = state.ledger
    if not ledger.rows:
        return Cells()
    habits, pairs = _newest(state)
    present = _present(state, pairs)
    worth = _worth(state, pairs)
    figures = np.empty((FIGURES, len(CLASSES), len(pairs.carrier)))
    common = [_common(habit, pairs) for habit in habits]
    if present is not None:
        common[0] *= present
    for group in range(GROUPS):
        klasses = [klass for klass in CLASSES if GROUP_OF[klass] == group]
        positive, negative = (_rate(habit, pairs, group) * shared for habit, shared in zip(habits, common, strict=True))
        row = pairs.row[group]
        weight = np.where(row >= 0, ledger.n[row], 0.0)
        deadlines_s = [state.deadlines_s[klass] for klass in klasses]
        for klass, deadline_s, found in zip(klasses, deadlines_s, outlooks(positive, negative, deadlines_s), strict=True):
            p, wait_s, known, sd = figures[:, klass]
            p[:], wait_s[:] = found
            if worth is not None:  # a receipt that is worth nothing is a message that never arrives
                p *= worth
                wait_s[:] = worth * wait_s + (1.0 - worth) * deadline_s
            known[:] = weight
            np.sqrt(np.maximum(p * (1.0 - p), 1e-4) / (weight + CELL_COUNT), out=sd)
    return Cells.packed(pairs.carriers, pairs.scopes, np.stack((pairs.carrier, pairs.scope)), figures)


def _newest(state: BrainState) -> tuple[Habits, _Pairs]:
    """The habits and the pairs, computed anew where rows have appeared since."""
    ledger = state.ledger
    habits = state.habits
    if habits is None or len(habits.positive.cell) != ledger.rows:
        habits = estimate(state)
    pairs = ledger.pairs
    if not isinstance(pairs, _Pairs) or pairs.rows != ledger.rows:
        pairs = ledger.pairs = _Pairs(ledger)  # takes longer than all the rest
    return habits, pairs


def _present(state: BrainState, pairs: _Pairs) -> Floats | None:
    """The multipliers of fallen places and of the time of day: (BINS, pairs); None: nothing has fallen, and there is no season."""
    found: Floats | None = None
    season = state.season.ahead(state.ledger.at_s)
    factors, numbers = list(state.fallen), [pairs.carrier, pairs.market, pairs.route]
    if season is not None:
        factors.append(np.vstack((season, np.ones((len(pairs.carriers) - len(season), BINS)))))
        numbers.append(pairs.carrier)
    for factor, places in zip(factors, numbers, strict=True):
        if (factor != 1.0).any():
            mine = np.take(factor.T, places, axis=1)
            found = mine if found is None else found * mine
    return found


def _worth(state: BrainState, pairs: _Pairs) -> Floats | None:
    """What the receipts of each pair are worth; None: all that they say, everywhere."""
    if all((factor == 1.0).all() for factor in state.evidence.factors):
        return None
    by_carrier = state.evidence.worths(state.ledger.carriers, 0)
    by_market = state.evidence.worths(state.ledger.markets, 1)
    return np.minimum(by_carrier[pairs.carrier], by_market[pairs.market])


def _common(habit: Habit, pairs: _Pairs) -> Floats:
    """The product of the multipliers that both groups share: (BINS, pairs)."""
    result = _or_one(habit.network, pairs.network)
    result *= _or_one(habit.route, pairs.route)
    return result


def _rate(habit: Habit, pairs: _Pairs, group: int) -> Floats:
    """The product of the others of a group: (BINS, pairs)."""
    result: Floats = np.take((habit.world[group] * habit.branch[group::GROUPS]).T, pairs.carrier, axis=1)
    result *= _or_one(habit.market[group::GROUPS], pairs.market) * _or_one(habit.cell, pairs.row[group])
    return result


def _or_one(multiplier: Floats, numbers: Ints) -> Floats:
    """The multiplier of each number, 1 for -1; ages, where it has them, first."""
    found: Floats = np.take(np.concatenate((multiplier.T, np.ones_like(multiplier[:1]).T), axis=-1), numbers, axis=-1)
    return found
