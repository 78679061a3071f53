import numpy as np
import pytest

from sims.twin.engine import make_setup, simulate
from sims.twin.policies import POLICIES, make_policy
from sims.twin.policy import WAIT, Pick, Seen
from sims.twin.result import judge


class Fixed:
    """Sends each message where a function says, and remembers all it is told."""

    def __init__(self, where):
        self.where, self.told, self.lists = where, [], []

    def observe(self, events, now):
        assert all(event.at_s <= now + 1e-9 for event in events)
        self.told += events

    def prices(self, price):
        self.lists.append(price)

    def choose(self, items, room, now):
        picks = []
        for item in items:
            place = self.where(item)
            if room.takes(place, item.klass):
                room.take(place)
                picks.append(Pick(place))
            else:
                picks.append(WAIT)
        return picks

    def of(self, *kinds):
        return {(event.item, event.place): event for event in self.told if event.seen in kinds}


def setup_of(scenario, **kw):
    return make_setup(scenario, 2, **{"minutes": 2.0, "rate_mps": 30.0, "burn_in_minutes": 0.5} | kw)


def test_a_message_meets_the_same_luck_whoever_sends_it():
    setup = setup_of("blackhole")
    best = setup.roles.best
    always, halves = Fixed(lambda _: best), Fixed(lambda item: best if item.number % 2 else (best + 1) % 12)
    for policy in (always, halves):
        simulate(setup, policy)
    ages = [
        {key: round(event.age_s, 6) for key, event in policy.of(Seen.DELIVERED).items() if key[1] == best}
        for policy in (always, halves)
    ]
    both = ages[0].keys() & ages[1].keys()
    assert len(both) > 500
    assert all(ages[0][key] == ages[1][key] for key in both)


def test_a_run_is_the_same_twice():
    first, second = (
        judge(setup, "thompson", simulate(setup, make_policy("thompson", setup))) for setup in [setup_of("price")] * 2
    )
    assert first == second


def test_a_black_hole_takes_all_and_tells_nothing():
    setup = setup_of("blackhole")
    policy = Fixed(lambda _: setup.roles.best)
    simulate(setup, policy)
    begin_s, end_s = 0.4 * setup.end_s, 0.8 * setup.end_s

    def submits(kind):
        return [event.at_s - event.age_s for event in policy.of(kind).values()]

    assert sum(begin_s <= at_s < end_s for at_s in submits(Seen.SUBMITTED)) > 1_000
    for kind in (Seen.DELIVERED, Seen.UNDELIVERED, Seen.CONVERTED):
        assert not any(begin_s <= at_s < end_s - 1e-6 for at_s in submits(kind))
    assert sum(at_s > end_s for at_s in submits(Seen.DELIVERED)) > 200


def test_fake_receipts_come_for_all_and_conversions_for_a_quarter():
    rates = {}
    for scenario in ("stationary", "fake_receipts"):
        setup = setup_of(scenario, minutes=4.0, rate_mps=40.0)
        policy = Fixed(lambda _, best=setup.roles.best: best)
        simulate(setup, policy)
        window = (0.4 * setup.end_s, 0.7 * setup.end_s)
        counts = {
            kind: sum(window[0] <= event.at_s - event.age_s < window[1] for event in policy.of(kind).values())
            for kind in (Seen.SUBMITTED, Seen.DELIVERED, Seen.CONVERTED)
        }
        rates[scenario] = [counts[kind] / counts[Seen.SUBMITTED] for kind in (Seen.DELIVERED, Seen.CONVERTED)]
    assert rates["fake_receipts"][0] == pytest.approx(0.99, abs=0.02)
    assert rates["fake_receipts"][1] == pytest.approx(rates["stationary"][1] / 4, rel=0.4)


def test_a_refused_message_comes_back_and_a_fallen_link_has_no_room():
    setup = setup_of("outage")
    best = setup.roles.best
    policy = Fixed(lambda item: next(place for place in (best, (best + 1) % 12) if place not in item.tried))
    log = simulate(setup, policy)
    refused = policy.of(Seen.REFUSED)
    taken = policy.of(Seen.SUBMITTED)
    again = [taken[item, (best + 1) % 12] for item, _ in refused if (item, (best + 1) % 12) in taken]
    assert len(refused) > 300
    assert len(again) > 0.95 * len(refused)
    assert not any(event.first for event in again)
    links = [(round(event.at_s), event.seen) for event in policy.told if event.place == best and event.item < 0]
    assert links == [(0, Seen.LINK_UP), (round(0.7 * setup.end_s), Seen.LINK_DOWN), (round(0.8 * setup.end_s), Seen.LINK_UP)]
    sent_s, sent_to = np.array(log.sent_s), np.array(log.sent_to)
    unbound = (sent_s >= 0.7 * setup.end_s + 0.1) & (sent_s < 0.8 * setup.end_s)
    assert not (sent_to[unbound] == best).any()


def test_no_carrier_takes_more_than_its_speed():
    setup = setup_of("capacity", minutes=1.5)
    best = setup.roles.best
    log = simulate(setup, Fixed(lambda _: best))
    per_second = np.bincount(np.array(log.sent_s).astype(int))
    assert per_second.max() <= setup.world.speed_mps[best] * 1.5 + 1
    assert per_second[45:70].mean() == pytest.approx(setup.world.speed_mps[best] / 2, rel=0.02)
    result = judge(setup, "fixed", log)
    assert result.never_sent > 300


def test_prices_are_told_when_they_change():
    setup = setup_of("price")
    policy = Fixed(lambda _: setup.roles.best)
    simulate(setup, policy)
    best = [prices[setup.roles.best, 0] for prices in policy.lists]
    assert best[1] == pytest.approx(1.8 * best[0], rel=1e-4)
    assert best[2] == best[0]


def test_what_is_counted_of_a_carrier_that_was_never_left():
    setup = setup_of("blackhole")
    result = judge(setup, "fixed", simulate(setup, Fixed(lambda _: setup.roles.best)))
    assert result.usual_share == 1.0
    assert result.left_after_s is None
    assert result.sent == result.sent_before_left == pytest.approx(0.4 * setup.end_s * 30.0, rel=0.1)
    assert 0.8 * result.sent < result.hurt <= result.sent
    assert len(result.shares) == len(result.values_micros) == 12


def test_what_is_counted_of_a_carrier_left_after_ten_seconds():
    setup = setup_of("blackhole")
    best, begin_s, end_s = setup.roles.best, 0.4 * setup.end_s, 0.8 * setup.end_s
    other = next(place for place in range(12) if place != best and setup.world.covers[place].all())
    policy = Fixed(lambda item: other if begin_s + 10.0 <= item.at_s < end_s + 6.0 else best)
    result = judge(setup, "fixed", simulate(setup, policy))
    assert result.left_after_s == pytest.approx(10.0, abs=1.5)
    assert result.back_after_s == pytest.approx(6.0 - 2.5, abs=1.5)
    assert result.sent_before_left == pytest.approx(300, rel=0.25)


def test_what_is_counted_where_every_day_is_alike_is_the_last_evening():
    setup = setup_of("diurnal")
    best, begin_s, end_s = setup.roles.best, (4 + 0.7) / 5 * setup.end_s, (4 + 0.9) / 5 * setup.end_s
    result = judge(setup, "fixed", simulate(setup, Fixed(lambda _: best)))
    at_s = setup.traffic.at_s
    assert result.sent == pytest.approx(((at_s >= begin_s) & (at_s < end_s)).sum(), rel=0.1)
    assert 0 < result.hurt == result.hurt_before_left < result.sent


@pytest.mark.parametrize("scenario", ["blackhole", "capacity", "price"])
def test_nobody_beats_perfect_knowledge(scenario):
    setup = setup_of(scenario, rate_mps=60.0)
    values = {
        name: judge(setup, name, simulate(setup, make_policy(name, setup))).value_micros for name in POLICIES if name != "brain"
    }
    assert max(values, key=values.get) == "oracle"
    assert values["round_robin"] < 0.9 * values["oracle"]
