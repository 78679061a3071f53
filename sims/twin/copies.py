"""What second copies brought: the earlier delivery counts, both prices are paid.

The value of a first copy is an expectation before its luck is drawn, as for everybody. Whether there is a second one depends on that luck, and so
what the second adds is counted given the true fate of the first, and in expectation over the luck of the second alone. The mean of
the sum is the value of the policy, without the noise of two draws.
"""

from typing import NamedTuple

import numpy as np

from sims.twin.engine import Log, Setup
from sims.twin.policy import NOWHERE
from sims.twin.values import DEADLINE_S, Bools, Floats, Ints, lognormal_by


class Added(NamedTuple):
    """By message; zero and false where there was no copy. M messages."""

    in_time: Floats  # (M,) P(in time) that the copy adds
    saved_s: Floats  # (M,) seconds of waiting that it saves, up to the deadline
    price: Floats  # (M,)
    double: Bools  # (M,) both copies arrive
    saves: Bools  # (M,) the copy arrives in time


def epochs(setup: Setup, at_s: Floats) -> Ints:
    """Which conditions held at each time."""
    found: Ints = np.searchsorted(np.array([now.at_s for now in setup.times]), at_s + 1e-9, side="right") - 1
    return found


def added(setup: Setup, log: Log) -> Added:
    """Measure the copies of a run."""
    traffic, world, count = setup.traffic, setup.world, len(setup.traffic)
    found = Added(np.zeros(count), np.zeros(count), np.zeros(count), np.zeros(count, dtype=bool), np.zeros(count, dtype=bool))
    copied = np.flatnonzero(log.copy != NOWHERE)
    if not len(copied):
        return found
    first_s = _arrival(setup, copied, log.carrier[copied], log.submit_s[copied])
    second_s = _arrival(setup, copied, log.copy[copied], log.copy_s[copied])
    epoch = epochs(setup, log.copy_s[copied])
    for number, now in enumerate(setup.times):
        some = epoch == number
        mine = copied[some]
        who, where, klass = log.copy[mine], traffic.network[mine], traffic.klass[mine]
        began_s = log.copy_s[mine] - traffic.at_s[mine]
        deadline_s = np.array(DEADLINE_S)[klass]
        median_s, p = world.median_s[who, where] * now.slow[who], now.p[who, where, klass]
        inside, _ = lognormal_by(np.maximum(deadline_s - began_s, 0.0), median_s, world.sigma[who])
        found.in_time[mine] = np.where(first_s[some] > deadline_s, p * inside * (began_s < deadline_s), 0.0)
        alone_s = np.maximum(np.minimum(first_s[some], deadline_s) - began_s, 0.0)
        found.saved_s[mine] = p * lognormal_by(alone_s, median_s, world.sigma[who])[1]
        found.price[mine] = now.price[who, where]
        found.saves[mine] = second_s[some] <= deadline_s
    found.double[copied] = np.isfinite(first_s) & np.isfinite(second_s)
    return found


def _arrival(setup: Setup, messages: Ints, carrier: Ints, submit_s: Floats) -> Floats:
    """Seconds from each message's beginning to its delivery by a carrier, as drawn; inf: never."""
    traffic = setup.traffic
    epoch = epochs(setup, submit_s)
    p = np.stack([now.p for now in setup.times])[epoch, carrier, traffic.network[messages], traffic.klass[messages]]
    slow = np.stack([now.slow for now in setup.times])[epoch, carrier]
    taken_s = submit_s - traffic.at_s[messages] + traffic.latency_s[messages, carrier] * slow
    found: Floats = np.where(traffic.deliver_u[messages, carrier] < p, taken_s, np.inf)
    return found
