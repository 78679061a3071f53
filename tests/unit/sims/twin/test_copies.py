"""Second copies in the twin: what is seen of them, what they cost, and that they are counted without favour."""

import numpy as np
import pytest

from sims.twin.copies import added
from sims.twin.engine import make_setup, simulate
from sims.twin.policy import NOWHERE, Pick, Rescuer, Seen
from sims.twin.result import judge
from sims.twin.values import DEADLINE_S


class Twice:
    """Sends everything to one carrier, and every message of a class again to another one when it is so old."""

    def __init__(self, first, second, after_s=5.0, klass=0):
        self.first, self.second, self.after_s, self.klass = first, second, after_s, klass
        self.seen, self.due, self.pending = [], [], set()

    def observe(self, events, now):
        self.seen += events
        self.pending -= {event.item for event in events if event.seen in {Seen.DELIVERED, Seen.UNDELIVERED}}

    def prices(self, price):
        pass

    def choose(self, items, room, now):
        for item in items:
            room.take(self.first)
            if item.klass == self.klass:
                self.due.append((now + self.after_s, item.number))
                self.pending.add(item.number)
        return [Pick(self.first)] * len(items)

    def rescue(self, room, now):
        ripe = [number for at_s, number in self.due if at_s <= now]
        self.due = [entry for entry in self.due if entry[0] > now]
        return [(number, self.second) for number in ripe if number in self.pending]


class Once(Twice):
    rescue = None


def run(policy, scenario="stationary", **kw):
    setup = make_setup(scenario, 1, **({"minutes": 3.0, "rate_mps": 20.0, "burn_in_minutes": 0.0} | kw))
    return setup, simulate(setup, policy)


def everywhere(setup):
    """Two carriers that reach all networks, in whose world every message can be sent twice."""
    return np.flatnonzero(setup.world.covers.all(axis=1)).tolist()


def test_whoever_may_rescue_is_known_by_its_method():
    assert isinstance(Twice(0, 1), Rescuer)


def test_a_copy_is_seen_as_a_second_attempt_of_its_message():
    policy = Twice(4, 5)
    setup, log = run(policy)
    copied = np.flatnonzero(log.copy != NOWHERE)
    assert len(copied) > 20
    assert (log.copy_s[copied] >= log.submit_s[copied] + 5.0 - 1e-9).all()
    submitted = [event for event in policy.seen if event.seen == Seen.SUBMITTED]
    told = copied[log.copy_s[copied] < setup.end_s - 1.0]  # the answer comes a moment later
    assert set(told.tolist()) <= {event.item for event in submitted if event.place == 5} <= set(copied.tolist())
    assert all(event.first == (event.place == 4) for event in policy.seen if event.item >= 0)
    assert len(log.sent) == (log.carrier != NOWHERE).sum() + len(copied)


def test_a_message_has_one_copy_by_another_carrier():
    class Wrong(Twice):
        def rescue(self, room, now):
            return super().rescue(room, now) * 2

    with pytest.raises(ValueError, match="sent again"):
        run(Wrong(4, 5))
    with pytest.raises(ValueError, match="sent again"):
        run(Twice(4, 4))


def test_what_is_refused_is_no_copy():
    policy = Twice(4, 5)
    setup = make_setup("outage", 1, minutes=3.0, rate_mps=20.0, burn_in_minutes=0.0)
    policy.first, policy.second = (setup.roles.best + 1) % 9, setup.roles.best
    log = simulate(setup, policy)
    refused = {event.item for event in policy.seen if event.seen == Seen.REFUSED}
    assert refused
    assert (log.copy[sorted(refused)] == NOWHERE).all()


def test_the_earlier_delivery_counts_and_both_prices_are_paid():
    setup, log = run(Twice(4, 5))
    copies, world = added(setup, log), setup.world
    copied = np.flatnonzero(log.copy != NOWHERE)
    network = setup.traffic.network[copied]
    assert copies.price[copied] == pytest.approx(world.price[5, network])
    assert copies.price.sum() == copies.price[copied].sum()
    assert (copies.in_time >= 0).all()
    assert (copies.saved_s >= 0).all()
    assert (copies.saved_s <= DEADLINE_S[0]).all()
    arrives = setup.traffic.deliver_u[copied, 4] < world.p[4, network, 0]
    at_s = log.submit_s[copied] - setup.traffic.at_s[copied] + setup.traffic.latency_s[copied, 4]
    in_time = arrives & (at_s <= DEADLINE_S[0])
    assert (copies.in_time[copied][in_time] == 0).all()
    assert (copies.in_time[copied][~in_time] > 0).all()
    assert copies.double[copied].sum() == (arrives & (setup.traffic.deliver_u[copied, 5] < world.p[5, network, 0])).sum()


def test_copies_are_counted_as_often_as_the_draws_come_out():
    """What the copies of many messages add in expectation is what they add in the draws: no favour, no loss."""
    policy = Twice(9, 5)  # a grey route, slow and lossy
    setup, log = run(policy, minutes=30.0)
    with_copies = judge(setup, "twice", log)
    log_once = simulate(setup, Once(9, 5))
    once = judge(setup, "once", log_once)
    otp = setup.traffic.klass == 0
    network = setup.traffic.network
    first_s = np.where(
        setup.traffic.deliver_u[:, 9] < setup.world.p[9, network, 0],
        log.submit_s - setup.traffic.at_s + setup.traffic.latency_s[:, 9],
        np.inf,
    )
    second_s = np.where(
        (log.copy != NOWHERE) & (setup.traffic.deliver_u[:, 5] < setup.world.p[5, network, 0]),
        log.copy_s - setup.traffic.at_s + setup.traffic.latency_s[:, 5],
        np.inf,
    )
    drawn = ((np.minimum(first_s, second_s) <= DEADLINE_S[0]) & ~(first_s <= DEADLINE_S[0]))[otp].mean()
    told = with_copies.otp_in_time - once.otp_in_time
    assert told > 0.02
    assert told == pytest.approx(drawn, abs=0.25 * drawn)
    assert with_copies.copied > 0.05
    assert 0 < with_copies.doubles < with_copies.copied * with_copies.messages
    assert (once.copied, once.doubles) == (0.0, 0)
    assert with_copies.price_in_time_micros > once.price_in_time_micros


def test_a_message_saved_by_its_copy_was_not_hurt():
    setup = make_setup("blackhole", 1, minutes=3.0, rate_mps=20.0, burn_in_minutes=0.0)
    best = setup.roles.best
    other = next(place for place in everywhere(setup) if place != best)
    hurt = judge(setup, "once", simulate(setup, Once(best, other))).hurt
    saved = judge(setup, "twice", simulate(setup, Twice(best, other))).hurt
    assert 0 < saved < 0.9 * hurt
