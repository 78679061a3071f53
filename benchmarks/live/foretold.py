"""The twin's runs of a story: what one run comes to when nothing but luck differs."""

import concurrent.futures
import multiprocessing
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from benchmarks.live.figures import Sent, Times, figures
from benchmarks.live.world import FAULT_FROM, FAULT_TO, STORIES, VICTIM, twin_world
from router.model import MessageClass
from sims.twin.engine import Log, Setup, setup_of, simulate
from sims.twin.policies import BRAIN, make_policy
from sims.twin.policy import NOWHERE
from sims.twin.values import DEADLINE_S


class Length(NamedTuple):
    """How long and how much, on both sides."""

    run_s: float
    rate_mps: float


def foretell(story: str, length: Length, seed: int) -> dict[str, float]:
    """The figures of one run of the twin."""
    world = twin_world()
    setup = setup_of(world, STORIES[story].twin, seed, end_s=length.run_s, rate_mps=length.rate_mps, reporting=0.0)
    if world.carriers[setup.roles.best] != VICTIM:
        raise ValueError(f"the best carrier of this world is {world.carriers[setup.roles.best]}")
    log = simulate(setup, make_policy(BRAIN, setup))
    times = Times(FAULT_FROM * length.run_s, FAULT_TO * length.run_s, length.run_s)
    sent = Sent(np.array(log.sent_s), np.array(log.sent_to, dtype=np.int64))
    return figures(sent, times, world.carriers, VICTIM, _in_time(setup, log))


def foretell_all(story: str, length: Length, seeds: Sequence[int], processes: int) -> Iterator[dict[str, float]]:
    """The figures by seed, in order."""
    with concurrent.futures.ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(partial(foretell, story, length), seeds)


def _in_time(setup: Setup, log: Log) -> dict[str, float]:
    """The share of each class that was delivered within its deadline: draws, not expectations, as a single run has them."""
    traffic = setup.traffic
    number = np.arange(len(traffic))
    klass, network = traffic.klass, traffic.network
    sent = log.carrier != NOWHERE
    who = np.where(sent, log.carrier, 0)
    epoch = np.searchsorted(np.array([now.at_s for now in setup.times]), log.submit_s + 1e-9, side="right") - 1
    p = np.stack([now.p for now in setup.times])[epoch, who, network, klass]
    slow = np.stack([now.slow for now in setup.times])[epoch, who]
    took_s = np.where(sent, log.submit_s - traffic.at_s, np.inf) + traffic.latency_s[number, who] * slow
    well = sent & (traffic.deliver_u[number, who] < p) & (took_s <= np.array(DEADLINE_S)[klass])
    return {one.word: float(well[klass == one].mean()) for one in MessageClass}
