"""With which probability a message was drawn away from its best carrier: what ``router.brain.explore.thompson`` does, as figures.

For those who look back at rows of decisions. A draw values carrier c at ``V_c = cost_c + loss * (p_c - X_c)``, where ``X_c`` is normal about
``p_c`` with spread ``sd_c``, cut to 0 … 1, and takes the least. With independent draws

    P(c is the least) = E[ product over b != c of P(V_b > V_c) ]

where the expectation over ``X_c`` is a mean over the middles of 32 equally likely stretches of its law.
"""

from statistics import NormalDist
from typing import Final

import numpy as np

from router.brain.ages import Bools, Floats, Ints
from router.brain.explore import BUDGET, REGRET_LIMIT, THOMPSON_SHARE

NODES: Final = 32  # held against draws by the tests: within a hundredth
LEAST_SD: Final = 1e-9
_Z: Final = np.array([NormalDist().inv_cdf((node + 0.5) / NODES) for node in range(NODES)])


def drawn(klass: Ints, cost: Floats, p: Floats, sd: Floats, loss: Floats) -> Floats:
    """P(drawn to the carrier): (K, C), 0 for the best. ``cost``: (K, C) in micros, inf or nan where a carrier is no candidate."""
    there = np.isfinite(cost)
    share = np.array(THOMPSON_SHARE)[klass][:, None]
    best = np.min(np.where(there, cost, np.inf), axis=1, keepdims=True)
    regret = np.where(there, cost - best, np.inf)
    stake = loss[:, None]
    possible = there & (regret > 0.0) & (regret <= REGRET_LIMIT * stake)
    found = np.zeros(cost.shape)
    spend = share * np.where(possible, regret, 1.0)
    accepted = np.minimum(1.0, BUDGET * stake / spend)
    for place in range(cost.shape[1]):
        rows = np.flatnonzero(possible[:, place])
        if len(rows):
            found[rows, place] = _least(place, cost[rows], p[rows], sd[rows], loss[rows], there[rows])
    result: Floats = np.where(possible, share * accepted * found, 0.0)
    return result


def _least(place: int, cost: Floats, p: Floats, sd: Floats, loss: Floats, there: Bools) -> Floats:
    """P(this carrier's draw is the least): (K,)."""
    x = np.clip(p[:, place, None] + sd[:, place, None] * _Z, 0.0, 1.0)  # (K, NODES)
    value = cost[:, place, None] + loss[:, None] * (p[:, place, None] - x)
    product = np.ones(value.shape)
    for other in range(cost.shape[1]):
        rows = np.flatnonzero(there[:, other])
        if other == place or not len(rows):
            continue
        # V_other <= value, where X_other reaches ``least``.
        least = p[rows, other, None] + (cost[rows, other, None] - value[rows]) / loss[rows, None]
        reached = normal_above((least - p[rows, other, None]) / np.maximum(sd[rows, other, None], LEAST_SD))
        product[rows] *= 1.0 - np.where(least <= 0.0, 1.0, np.where(least > 1.0, 0.0, reached))
    found: Floats = product.mean(axis=1)
    return found


def normal_above(x: Floats) -> Floats:
    """P(Z > x) of a standard normal Z, within 1.5e-7 (Abramowitz and Stegun, Handbook of Mathematical Functions, 1964, 7.1.26)."""
    y = np.abs(x) / np.sqrt(2.0)
    t = 1.0 / (1.0 + 0.3275911 * y)
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    half = 0.5 * series * np.exp(-y * y)
    found: Floats = np.where(x >= 0.0, half, 1.0 - half)
    return found
