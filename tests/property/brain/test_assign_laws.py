from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.brain.assign import assign
from router.brain.score import Kind
from router.brain.shadow import ascend
from router.brain.transport import Flow
from router.brain.waiting import Patience
from router.model import MessageClass

CARRIERS = 4
LIMITS_S = (0.5, 2.0, 5.0)


def kind_of(costs, count, segments, klass, begin):
    kind = Kind("23410", klass, segments, (), "")
    cost = np.array(costs, dtype=float)
    kind.unit = cost / segments
    kind.order = [place for place in np.argsort(cost, kind="stable").tolist() if np.isfinite(cost[place])]
    kind.loss = (300_000.0, 120_000.0, 80_000.0)[klass]
    kind.hurry = np.full(len(costs), (4_000.0, 500.0, 0.0)[klass])
    kind.members = list(range(begin, begin + count))
    return kind


def kinds_of(specs):
    made, begin = [], 0
    for costs, count, segments, klass in specs:
        made.append(kind_of(costs, count, segments, klass, begin))
        begin += count
    return made


money = st.integers(0, 100_000).map(float)
costs = st.lists(st.one_of(money, st.just(float("inf"))), min_size=CARRIERS, max_size=CARRIERS)
specs = st.lists(st.tuples(costs, st.integers(1, 6), st.integers(1, 3), st.sampled_from(MessageClass)), min_size=1, max_size=6)
single = st.lists(st.tuples(costs, st.integers(1, 6), st.just(1), st.sampled_from(MessageClass)), min_size=1, max_size=6)
rooms = st.lists(st.integers(0, 12), min_size=CARRIERS, max_size=CARRIERS)


def total(placements):
    """The cost as the assignment counts it: nowhere is the loss above the dearest carrier."""
    amount = 0.0
    for placement in placements:
        kind = placement.kind
        dearest = max((cost for cost in (kind.unit * kind.segments).tolist() if np.isfinite(cost)), default=0.0)
        each = kind.unit[placement.place] * kind.segments if placement.place >= 0 else dearest + kind.loss
        amount += each * len(placement.members)
    return amount


def bound(specs, room, prices):
    """No assignment costs less: weak duality, for whatever prices that are not negative."""
    least = -float(np.dot(prices, room))
    for kind in kinds_of(specs):
        dearest = np.max(kind.unit, where=np.isfinite(kind.unit), initial=0.0)
        best = min(float((kind.unit + prices).min()), float(dearest + kind.loss / kind.segments))
        least += best * kind.segments * len(kind.members)
    return least


@settings(max_examples=150, deadline=None)
@given(specs, rooms)
def test_everybody_is_placed_once_and_no_room_is_passed(specs, room):
    kinds, left = kinds_of(specs), list(room)
    placements, prices = assign(kinds, left)
    assert sorted(member for placement in placements for member in placement.members) == list(range(sum(s[1] for s in specs)))
    used = [0] * CARRIERS
    for placement in placements:
        if placement.place >= 0:
            used[placement.place] += placement.kind.segments * len(placement.members)
            assert placement.place in placement.kind.order
        assert not placement.resting
    assert all(there - taken == rest >= 0 for there, taken, rest in zip(room, used, left, strict=True))
    assert np.isfinite(prices).all()
    assert (prices >= 0).all()


@settings(max_examples=150, deadline=None)
@given(single, rooms)
def test_messages_of_one_segment_are_placed_at_the_least_cost_there_is(specs, room):
    placements, prices = assign(kinds_of(specs), list(room))
    assert total(placements) == pytest.approx(bound(specs, room, prices), rel=1e-9, abs=1e-3)


@settings(max_examples=100, deadline=None)
@given(st.lists(costs, min_size=1, max_size=4), rooms)
def test_the_bound_is_what_trying_everything_finds(rows, room):
    specs = [(row, 1, 1, MessageClass.OTP) for row in rows]
    kinds = kinds_of(specs)
    best = float("inf")
    for places in product(range(-1, CARRIERS), repeat=len(rows)):
        if all(places.count(place) <= room[place] for place in range(CARRIERS)):
            amount = 0.0
            for kind, place in zip(kinds, places, strict=True):
                dearest = np.max(kind.unit, where=np.isfinite(kind.unit), initial=0.0)
                amount += kind.unit[place] if place >= 0 else dearest + kind.loss
            best = min(best, amount)
    placements, _ = assign(kinds, list(room))
    assert total(placements) == pytest.approx(best)


@settings(max_examples=100, deadline=None)
@given(single, rooms, st.permutations(range(CARRIERS)))
def test_the_order_of_carriers_changes_no_cost(specs, room, order):
    moved = [([row[place] for place in order], *rest) for row, *rest in specs]
    before, _ = assign(kinds_of(specs), list(room))
    after, _ = assign(kinds_of(moved), [room[place] for place in order])
    assert total(after) == pytest.approx(total(before))


@settings(max_examples=150, deadline=None)
@given(single, rooms, st.floats(0.01, 1.0))
def test_a_carrier_that_is_cheaper_for_all_loses_nothing(specs, room, cut):
    def share(specs):
        placements, _ = assign(kinds_of(specs), list(room))
        return sum(len(placement.members) for placement in placements if placement.place == 0)

    # By so little that nobody's dearest carrier changes: what it costs to stay is measured from that.
    cheaper = [([row[0] - 60_000 * cut, *row[1:]], *rest) for row, *rest in specs]
    dearest = [([*row[:3], 200_000.0], *rest) for row, *rest in specs]
    dearest_cheaper = [([*row[:3], 200_000.0], *rest) for row, *rest in cheaper]
    assert share(dearest_cheaper) >= share(dearest)


@settings(max_examples=100, deadline=None)
@given(specs, rooms, st.lists(st.floats(0, 50), min_size=CARRIERS, max_size=CARRIERS), st.floats(0, 9))
def test_who_has_waited_long_enough_does_not_wait_by_choice(specs, room, speed, waited_s):
    kinds = kinds_of(specs)
    count = sum(spec[1] for spec in specs)
    patience = Patience(np.array(speed), np.zeros(CARRIERS), [waited_s] * count, LIMITS_S, 1_000)
    left = list(room)
    placements, prices = assign(kinds, left, None, patience)
    assert sorted(member for placement in placements for member in placement.members) == list(range(count))
    assert min(left) >= 0
    assert np.isfinite(prices).all()
    for placement in placements:
        if placement.resting:
            assert waited_s < LIMITS_S[placement.kind.klass]
            assert placement.place == -1


def big(rng, sizes=(1,)):
    """1,000 messages over 200 networks and 3 classes, 20 carriers that have room for them only all together."""
    carriers, networks = 20, 200
    base = rng.uniform(5_000, 40_000, carriers)
    specs = {}
    for network, klass, size in zip(
        rng.integers(networks, size=1_000).tolist(),
        rng.integers(3, size=1_000).tolist(),
        rng.choice(sizes, 1_000).tolist(),
        strict=True,
    ):
        specs[network, klass, size] = specs.get((network, klass, size), 0) + 1
    rows = []
    for (_, klass, size), count in specs.items():
        cost = base * rng.uniform(0.7, 1.4, carriers) * size + rng.uniform(0, 0.3, carriers) * (300_000, 120_000, 80_000)[klass]
        rows.append((np.where(rng.random(carriers) < 0.8, cost, np.inf).tolist(), count, size, MessageClass(klass)))
    asked = sum(count * size for _, count, size, _ in rows)
    return rows, (rng.dirichlet(np.full(carriers, 2.0)) * asked).astype(int)


@pytest.mark.parametrize("scarcity", [0.7, 1.0, 1.5])
@pytest.mark.parametrize(("sizes", "most"), [((1,), 0.003), ((1, 1, 1, 2, 3), 0.01)])
def test_large_batches_are_near_the_linear_program(scarcity, sizes, most):
    gaps = []
    for seed in range(4):
        specs, room = big(np.random.default_rng(seed), sizes)
        room = (room * scarcity).astype(int).tolist()
        placements, prices = assign(kinds_of(specs), list(room))
        least = bound(specs, room, prices)
        gaps.append(total(placements) / least - 1)
    assert -1e-9 < np.mean(gaps) < most


@pytest.mark.parametrize("seed", range(3))
def test_two_halves_with_half_the_room_each_cost_about_what_the_whole_does(seed):
    specs, room = big(np.random.default_rng(seed))
    halves = [(row, (count + part) // 2, *rest) for part in (0, 1) for row, count, *rest in specs]
    first = [spec for spec in halves[: len(specs)] if spec[1]]
    second = [spec for spec in halves[len(specs) :] if spec[1]]
    whole, _ = assign(kinds_of(specs), room.tolist())
    size = sum(spec[1] for spec in first) / sum(spec[1] for spec in specs)
    some = (room * size).astype(int)
    one, prices = assign(kinds_of(first), some.tolist())
    two, _ = assign(kinds_of(second), (room - some).tolist(), prices)
    assert total(one) + total(two) == pytest.approx(total(whole), rel=0.05)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 30), st.integers(1, 6))
def test_warm_or_cold_the_optimum_is_the_same(seed, rows, columns):
    rng = np.random.default_rng(seed)
    cost = np.append(rng.uniform(0, 1e5, (rows, columns)), np.full((rows, 1), 3e5), axis=1)
    demand = rng.integers(1, 9, rows)
    room = np.append(rng.integers(0, 20, columns), demand.sum())

    def worth(prices):
        flow = Flow(cost, demand, room, prices)
        flow.solve(10_000)
        assert (flow.load <= room).all()
        assert (flow.share.sum(axis=0) == demand).all()
        return float((flow.share.T * cost).sum()), flow.prices()

    plain, prices = worth(np.where(room > 0, 0.0, np.inf))
    assert worth(ascend(cost, demand, room, None))[0] == pytest.approx(plain)
    assert worth(ascend(cost, demand, room, prices))[0] == pytest.approx(plain)
    least = float((demand * (cost + prices).min(axis=1)).sum() - prices @ room)
    assert plain == pytest.approx(least)
