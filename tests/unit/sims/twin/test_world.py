import numpy as np
import pytest

from sims.twin.conditions import cast, costs, timetable
from sims.twin.scenarios import FAULT_FROM, FAULT_TO, REFERENCE, SCENARIOS
from sims.twin.traffic import make_traffic
from sims.twin.values import lognormal_by, outlook
from sims.twin.world import MIX, make_world


def same(a, b):
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in type(a).__slots__)


def test_a_seed_is_a_world():
    assert same(make_world(7), make_world(7))
    assert not same(make_world(7), make_world(8))


@pytest.mark.parametrize("seed", range(20))
def test_every_world_is_whole(seed):
    world = make_world(seed)
    assert (len(world.carriers), len(world.networks), len(set(world.countries))) == (12, 24, 8)
    assert len(set(world.carriers)) == 12
    assert len(set(world.networks)) == 24
    assert world.covers.any(axis=1).all()
    assert (world.covers.sum(axis=0) >= 2).all()
    assert ((world.p > 0) & (world.p < 1)).all()
    assert (world.price > 0).all()
    assert world.share.sum() == pytest.approx(1.0)
    greys = np.array(world.kinds) == "grey"
    assert world.price[greys].mean() < world.price[~greys].mean()
    assert (world.p[:, :, 2] <= world.p[:, :, 0]).all()  # marketing is filtered
    roles = cast(world)
    assert roles.best != roles.runner_up
    assert world.covers[roles.best, roles.main]


def test_traffic_is_the_same_for_a_seed_and_has_the_shares_it_should():
    world = make_world(3)
    a, b = (make_traffic(world, 3, 300.0, 80.0) for _ in range(2))
    assert same(a, b)
    assert len(a) == pytest.approx(24_000, rel=0.03)
    assert (np.diff(a.at_s) >= 0).all()
    assert a.at_s[-1] < 300.0
    assert np.bincount(a.klass) / len(a) == pytest.approx(MIX, abs=0.02)
    assert np.bincount(a.network, minlength=24) / len(a) == pytest.approx(world.share, abs=0.02)
    assert np.median(a.latency_s, axis=0) == pytest.approx(np.median(world.median_s[:, a.network], axis=1), rel=0.15)


def test_other_demand_sends_the_same_messages_at_other_times():
    world = make_world(3)
    usual = make_traffic(world, 3, 100.0, 40.0)
    twice = make_traffic(world, 3, 100.0, 40.0, ((0.0, 1.0), (50.0, 2.0)))
    first = int(np.searchsorted(usual.at_s, 50.0))
    assert usual.at_s[:first] == pytest.approx(twice.at_s[:first])
    assert len(twice) - first == pytest.approx(2 * (len(usual) - first), rel=0.12)
    for name in ("network", "klass", "reports", "deliver_u", "latency_s", "receipt_u", "convert_s"):
        assert np.array_equal(getattr(usual, name), getattr(twice, name)[: len(usual)]), name


@pytest.mark.parametrize(("median_s", "sigma", "deadline_s"), [(2.0, 0.5, 15.0), (20.0, 1.0, 15.0), (4.0, 0.8, 600.0)])
def test_lognormal_figures_are_those_of_draws(median_s, sigma, deadline_s):
    draws = median_s * np.exp(sigma * np.random.default_rng(5).standard_normal(400_000))
    inside, area = lognormal_by(np.array(deadline_s), np.array(median_s), np.array(sigma))
    assert float(inside) == pytest.approx((draws <= deadline_s).mean(), abs=0.005)
    assert float(area) == pytest.approx(np.maximum(deadline_s - draws, 0.0).mean(), rel=0.01)


def test_time_spent_before_the_submit_counts():
    p, median_s, sigma, deadline_s = np.array(0.9), np.array(2.0), np.array(0.5), np.array(15.0)
    fresh = outlook(p, median_s, sigma, deadline_s, np.array(0.0))
    late = outlook(p, median_s, sigma, deadline_s, np.array(5.0))
    gone = outlook(p, median_s, sigma, deadline_s, np.array(20.0))
    assert fresh[0] > late[0] > 0.8
    assert late[1] - fresh[1] == pytest.approx(5.0, abs=0.6)
    assert (float(gone[0]), float(gone[1])) == (0.0, 15.0)


def test_the_nine_and_the_others_are_there():
    nine = "stationary brownout blackhole outage price network fake_receipts capacity receipts_lost"
    assert tuple(nine.split()) == REFERENCE
    assert set(SCENARIOS) - set(REFERENCE) == {"diurnal", "fade", "flapping", "filter"}


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_change_is_inside_the_run_and_ends(name):
    scenario = SCENARIOS[name]
    assert all(0.0 <= change.begin < change.end <= 1.0 for change in scenario.changes)
    if scenario.reference:
        assert all(FAULT_FROM <= change.begin < change.end <= FAULT_TO for change in scenario.changes)
    world = make_world(2)
    times = timetable(world, scenario, cast(world), 1_000.0)
    assert times[0].at_s == 0.0
    assert (np.diff([now.at_s for now in times]) > 0).all()
    if scenario.reference:
        assert np.array_equal(times[0].p, world.p)
        assert np.array_equal(times[-1].p, world.p)
        assert np.array_equal(times[-1].price, world.price)
        assert times[-1].bound.all()
        assert not times[-1].refuses.any()


@pytest.fixture
def at_half():
    """What is true halfway, of the best carrier and of another."""
    world = make_world(2)
    roles = cast(world)

    def found(name):
        times = [now for now in timetable(world, SCENARIOS[name], roles, 1_000.0) if now.at_s <= 500.0]
        return world, roles, times[-1]

    return found


def test_what_each_scenario_changes(at_half):
    world, roles, now = at_half("blackhole")
    best, other = roles.best, (roles.best + 1) % 12
    assert (now.p[best].max(), now.receipts[best]) == (0.0, 0.0)
    assert np.array_equal(now.p[other], world.p[other])
    _, _, now = at_half("brownout")
    assert (now.slow[best], now.slow[other]) == (10.0, 1.0)
    _, _, now = at_half("outage")
    assert now.refuses[best]
    assert np.isinf(costs(world, now)[best]).all()
    _, _, now = at_half("price")
    assert now.price[best] == pytest.approx(world.price[best] * 1.8, rel=1e-4)
    assert now.price[roles.runner_up] == pytest.approx(world.price[roles.runner_up] * 0.6, rel=1e-4)
    _, _, now = at_half("network")
    changed = np.argwhere(now.p != world.p)
    assert {(c, n) for c, n, _ in changed.tolist()} == {(best, roles.main)}
    _, _, now = at_half("fake_receipts")
    assert now.claims[best] == 0.99
    assert now.p[best] == pytest.approx(world.p[best] / 4)
    _, _, now = at_half("capacity")
    assert (now.demand, now.speed_mps[best]) == (2.0, world.speed_mps[best] / 2)
    _, _, now = at_half("receipts_lost")
    assert now.receipts[best] == 0.0
    assert np.array_equal(now.p, world.p)
    _, _, now = at_half("filter")
    assert now.p[best, :, 2] == pytest.approx(world.p[best, :, 2] / 10)
    assert np.array_equal(now.p[:, :, :2], world.p[:, :, :2])


def test_changes_multiply_where_they_overlap():
    world = make_world(2)
    roles = cast(world)
    lows = [now.p[roles.best].mean() for now in timetable(world, SCENARIOS["fade"], roles, 1_000.0)]
    assert len(lows) == 10
    assert lows[8] / lows[0] == pytest.approx(0.9**8)
    holes = [now.p[roles.best].max() == 0.0 for now in timetable(world, SCENARIOS["flapping"], roles, 1_000.0)]
    assert holes == [False, *[True, False] * 8]


def test_every_day_of_diurnal_is_like_the_others():
    world, scenario = make_world(2), SCENARIOS["diurnal"]
    roles = cast(world)
    times = timetable(world, scenario, roles, 1_000.0)
    days = [times[start : start + 40] for start in range(0, 200, 40)]
    assert len(times) == 40 * scenario.days == 200
    for day, at_s in zip(days, range(0, 1_000, 200), strict=True):
        assert day[0].at_s == pytest.approx(at_s)
        for now, first in zip(day, days[0], strict=True):
            assert now.demand == pytest.approx(first.demand)
            assert np.allclose(now.slow, first.slow)
            assert np.allclose(now.p, first.p)
    assert np.mean([now.demand for now in times]) == pytest.approx(1.0)
    slow = np.array([now.slow for now in days[0]])
    lost = np.array([now.p[roles.runner_up].mean() / world.p[roles.runner_up].mean() for now in days[0]])
    evening = (np.arange(40) >= 28) & (np.arange(40) < 36)
    assert (slow[evening][:, [roles.best, roles.runner_up]] > 1.05).all()
    assert (slow[:, roles.best].max(), slow[:, roles.runner_up].max()) == pytest.approx((5.8, 2.9), abs=0.1)
    assert lost.min() == pytest.approx(0.62, abs=0.01)
    assert (slow[~evening] == 1.0).all()
    assert (lost[~evening] == 1.0).all()
    others = np.delete(np.arange(12), [roles.best, roles.runner_up])
    assert (slow[:, others] == 1.0).all()
