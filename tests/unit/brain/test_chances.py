"""The chances of draws, against draws."""

from statistics import NormalDist

import numpy as np
import pytest

from router.brain.chances import drawn, normal_above
from router.brain.explore import BUDGET, REGRET_LIMIT, THOMPSON_SHARE, thompson
from router.brain.score import Kind
from router.model import MessageClass

LOSS = 120_000.0


def kind_of(klass, cost, p, sd, members):
    kind = Kind("23410", klass, 1, (), "")
    kind.order, kind.loss = [int(place) for place in np.argsort(cost)], LOSS
    kind.cost, kind.p, kind.sd = np.array(cost), np.array(p), np.array(sd)
    kind.members = list(range(members))
    return kind


@pytest.mark.parametrize(
    ("klass", "cost", "p", "sd"),
    [
        (1, [50_000.0, 52_000.0, 58_000.0], [0.9, 0.88, 0.85], [0.02, 0.05, 0.06]),
        (2, [50_000.0, 50_500.0, 91_000.0, 130_000.0], [0.97, 0.98, 0.9, 0.5], [0.03, 0.03, 0.2, 0.2]),
        (0, [20_000.0, 20_100.0], [0.99, 0.99], [0.04, 0.01]),
    ],
)
def test_the_chances_are_those_of_draws(klass, cost, p, sd):
    size, rng, many = 200, np.random.default_rng(1), np.zeros(len(cost))
    for _ in range(200):  # small batches: a draw takes its message off a list
        kind = kind_of(MessageClass(klass), cost, p, sd, size)
        placements, _ = thompson(dict.fromkeys(range(size), kind), [size] * len(cost), rng, None, np.inf)
        many += np.bincount([one.place for one in placements], minlength=len(cost))
    seen = many / (200 * size) * THOMPSON_SHARE[klass]
    told = drawn(np.array([klass]), np.array([cost]), np.array([p]), np.array([sd]), np.array([LOSS]))[0]
    assert told == pytest.approx(seen, abs=0.01 * THOMPSON_SHARE[klass])
    assert told.max() > 0.01 * THOMPSON_SHARE[klass]
    regret = np.array(cost) - min(cost)
    assert (told[(regret == 0.0) | (regret > REGRET_LIMIT * LOSS)] == 0.0).all()
    assert (told * regret <= BUDGET * LOSS * (1.0 + 1e-9)).all()


def test_carriers_that_are_no_candidates_change_nothing():
    args = np.array([1]), np.array([[50_000.0, 52_000.0]]), np.array([[0.9, 0.88]]), np.array([[0.02, 0.05]])
    wider = [np.concatenate((column, [[np.nan]]), axis=1) for column in args[1:]]
    found = drawn(args[0], *wider, np.array([LOSS]))
    assert found[0, 2] == 0.0
    assert found[:, :2] == pytest.approx(drawn(*args, np.array([LOSS])))


def test_the_normal_law():
    x = np.linspace(-6, 6, 101)
    assert normal_above(x) == pytest.approx([1.0 - NormalDist().cdf(one) for one in x], abs=2e-7)
