import numpy as np
import pytest

from router.brain.port import Observation, Outcome
from router.brain.state import BrainState, observe, tick
from router.model import MessageClass

NETWORKS = ("23410", "23415", "26201")


def alarms(rate, latency, seed, end_s=240.0, burst=1):
    """Four minutes of a carrier that does not change, ticked every second; the alarms it raised."""
    rng = np.random.default_rng(seed)
    count = rng.poisson(rate * end_s / burst)
    at_s = np.sort(np.repeat(rng.uniform(0, end_s, count), burst))
    wait_s = latency(rng, len(at_s))
    lost = rng.random(len(at_s)) < 0.06
    where = rng.integers(len(NETWORKS), size=len(at_s))
    seen = [
        Observation(float(t), "alpha", NETWORKS[n], MessageClass.OTP, Outcome.SUBMITTED) for t, n in zip(at_s, where, strict=True)
    ]
    seen += [
        Observation(float(t + w), "alpha", NETWORKS[n], MessageClass.OTP, Outcome.DELIVERED, float(w))
        for t, w, n, gone in zip(at_s, wait_s, where, lost, strict=True)
        if not gone
    ]
    seen.sort(key=lambda item: item.at_s)
    state = BrainState(0.0)
    begin = 0
    for second in range(1, int(end_s) + 1):
        end = begin
        while end < len(seen) and seen[end].at_s <= second:
            end += 1
        observe(state, seen[begin:end], float(second))
        tick(state, float(second))
        begin = end
    return state.counters["alarms_down"] + state.counters["alarms_up"]


def between_3_and_8_s(rng, size):
    return rng.uniform(3.0, 8.0, size)


def lognormal(rng, size):
    return 4.0 * np.exp(0.8 * rng.standard_normal(size))


@pytest.mark.parametrize("latency", [between_3_and_8_s, lognormal])
@pytest.mark.parametrize("rate", [0.5, 5.0, 50.0])
def test_receipts_that_take_their_time_are_no_alarm(rate, latency):
    assert [alarms(rate, latency, seed) for seed in range(10)] == [0] * 10


@pytest.mark.parametrize("seed", range(3))
def test_bursts_are_no_alarm(seed):
    assert alarms(20.0, lognormal, seed, burst=400) == 0
