"""A small world in virtual time: each carrier takes so many messages a second, and its receipts come as they are told to."""

import numpy as np
import pytest

from router.brain.change import HOLD_S
from router.brain.port import Observation, Outcome
from router.brain.snapshot import pack_state, unpack_state
from router.brain.state import BrainState, observe, tick
from router.model import MessageClass

KNOWN_S = 90  # by then the carriers are well known
TICK_S = 0.5


class World:
    """``latency(u)`` of a receipt for u uniform in (0, 1); ``told(at_s)`` when the brain hears of it, or None: never."""

    def __init__(self, rates, latency, told=lambda _carrier, at_s, _begun_s: at_s, seed=1):
        self.state = BrainState(0.0)
        self.rates, self.latency, self.told = rates, latency, told
        self.rng = np.random.default_rng(seed)
        self.events = []
        self.now = 0.0

    def run(self, seconds):
        """Returns when the first carrier fell; None: none did."""
        end_s = self.now + seconds
        while self.now < end_s:
            self._send()
            self.now += TICK_S
            self.events.sort(key=lambda event: event[0])
            due = [item for at_s, item in self.events if at_s <= self.now]
            self.events = self.events[len(due) :]
            observe(self.state, due, self.now)
            tick(self.state, self.now)
            if self.state.counters["alarms_down"]:
                return self.now
        return None

    def _send(self):
        for carrier, rate in self.rates.items():
            times = self.now + np.sort(self.rng.random(self.rng.poisson(rate * TICK_S))) * TICK_S
            waits = self.latency(self.rng.random(len(times)))
            for at_s, wait_s in zip(times.tolist(), waits.tolist(), strict=True):
                self.events.append((at_s, Observation(at_s, carrier, "23410", MessageClass.OTP, Outcome.SUBMITTED)))
                heard_s = self.told(carrier, at_s + wait_s, at_s)
                if heard_s is not None:
                    seen = Observation(at_s + wait_s, carrier, "23410", MessageClass.OTP, Outcome.DELIVERED, wait_s)
                    self.events.append((heard_s, seen))


def about_three_seconds(u):
    return 2.0 + 2.0 * u


def swallowing_from(when_s, who="alpha"):
    return lambda carrier, at_s, begun_s: None if carrier == who and begun_s >= when_s else at_s


def test_who_begins_to_swallow_messages_is_found_out_by_the_first_of_them():
    world = World({"alpha": 20, "beta": 20}, about_three_seconds, swallowing_from(KNOWN_S))
    found_s = world.run(KNOWN_S + 30)
    # Receipts of what was sent before come until 4 s. Those of the first second are due by 5 s, and 13 missing ones suffice.
    assert found_s is not None
    assert KNOWN_S + 3 <= found_s <= KNOWN_S + 6


def test_where_there_is_no_other_to_compare_with_it_takes_longer():
    world = World({"alpha": 20}, about_three_seconds, swallowing_from(KNOWN_S))
    found_s = world.run(KNOWN_S + 30)
    assert found_s is not None
    assert found_s > KNOWN_S + 4 + HOLD_S / 2


def test_receipts_that_all_come_at_the_end_of_an_age_bin_are_not_missed_before():
    world = World({"alpha": 300, "beta": 300}, lambda u: 5.9 + 0.05 * u)
    assert world.run(KNOWN_S) is None


def test_receipts_on_their_way_to_the_brain_are_not_missed():
    world = World({"alpha": 300, "beta": 300}, lambda u: 0.9 + 0.05 * u, lambda _carrier, at_s, _begun_s: at_s + 0.3)
    assert world.run(KNOWN_S) is None


def test_when_nothing_is_heard_of_anybody_for_a_moment_nobody_falls():
    def told(_carrier, at_s, _begun_s):
        return KNOWN_S + 1.8 if KNOWN_S <= at_s < KNOWN_S + 1.8 else at_s

    world = World({"alpha": 100, "beta": 100}, about_three_seconds, told)
    assert world.run(KNOWN_S + 30) is None


@pytest.mark.parametrize("seed", range(3))
def test_a_carrier_that_loses_a_few_more_than_before_is_not_called_silent(seed):
    rng = np.random.default_rng(seed)

    def told(_carrier, at_s, begun_s):
        return None if begun_s >= KNOWN_S and rng.random() < 0.2 else at_s

    world = World({"alpha": 20, "beta": 20}, about_three_seconds, told, seed)
    assert world.run(KNOWN_S + 10) is None


def test_a_snapshot_keeps_what_became_of_the_last_messages():
    world = World({"alpha": 20, "beta": 20}, about_three_seconds, swallowing_from(KNOWN_S))
    world.run(KNOWN_S + 3)
    again = unpack_state(pack_state(world.state))
    for name in ("seen", "due", "part"):
        np.testing.assert_array_equal(
            getattr(again.ledger.fresh, name)[:, : again.ledger.rows],
            getattr(world.state.ledger.fresh, name)[:, : world.state.ledger.rows],
        )
    world.state = again
    assert world.run(5) is not None
