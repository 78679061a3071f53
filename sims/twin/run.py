"""Many runs: scenarios x seeds x policies, in processes of their own."""

import concurrent.futures
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from sims.twin.engine import make_setup, simulate
from sims.twin.policies import ORACLE, make_policy
from sims.twin.policy import Watcher
from sims.twin.result import Result, judge


class Job(NamedTuple):
    """One run."""

    scenario: str
    policy: str
    seed: int
    minutes: float = 40.0
    rate_mps: float = 80.0
    burn_in_minutes: float = 10.0


def jobs(
    scenarios: Sequence[str],
    policies: Sequence[str],
    seeds: Sequence[int],
    minutes: float,
    rate_mps: float,
    burn_in_minutes: float,
) -> list[Job]:
    """All runs, the oracle's always among them: the others are measured in shares of it."""
    wanted = [ORACLE, *(policy for policy in policies if policy != ORACLE)]
    return [
        Job(scenario, policy, seed, minutes, rate_mps, burn_in_minutes)
        for seed in seeds
        for scenario in scenarios
        for policy in wanted
    ]


def in_order(work: Sequence[Job], results: Sequence[Result]) -> list[Result]:
    """The results in the order of their jobs."""
    place = {(job.scenario, job.policy, job.seed): number for number, job in enumerate(work)}
    return sorted(results, key=lambda one: place[one.scenario, one.policy, one.seed])


def play(job: Job, progress: Callable[[float], None] | None = None) -> Result:
    """Carry out one run."""
    began_s = time.process_time()
    setup = make_setup(job.scenario, job.seed, minutes=job.minutes, rate_mps=job.rate_mps, burn_in_minutes=job.burn_in_minutes)
    policy = make_policy(job.policy, setup)
    result = judge(setup, job.policy, simulate(setup, policy, progress))
    if isinstance(policy, Watcher):
        result.alarms = policy.alarms()
    result.cpu_s = round(time.process_time() - began_s, 2)
    return result


def play_all(work: Sequence[Job], processes: int) -> Iterator[Result]:
    """The results, as they come."""
    if processes <= 1:
        yield from map(play, work)
        return
    # Not forked: a fork would copy the threads' locks of whoever calls.
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(processes, mp_context=context) as pool:
        waiting = {pool.submit(play, job) for job in work}
        try:
            for future in concurrent.futures.as_completed(waiting):
                yield future.result()
        finally:
            for future in waiting:
                future.cancel()
