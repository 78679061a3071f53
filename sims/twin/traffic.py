"""Messages of a run and the luck of each at each carrier: common random numbers, the same for every policy.

Whatever a policy does, message m meets at carrier c the same chance of delivery, the same latency and the same fate of its receipt; two
policies that choose alike see the same, and their difference is what they chose differently.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sims.twin.values import Bools, Floats, Ints
from sims.twin.world import CONVERSION, CONVERSION_MEDIAN_S, CONVERSION_SIGMA, MIX, REPORTING, World

Luck = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """M messages in order of arrival. ``u`` is uniform in [0, 1)."""

    at_s: Floats  # (M,)
    network: Ints  # (M,)
    klass: Ints  # (M,)
    reports: Bools  # (M,) the tenant would tell of a conversion
    deliver_u: Luck  # (M, C)
    latency_s: Luck  # (M, C) when nothing is wrong
    receipt_u: Luck  # (M, C)
    convert_s: Floats  # (M,) from delivery to its use; inf: never used

    def __len__(self) -> int:
        return len(self.at_s)


def make_traffic(
    world: World,
    seed: int,
    end_s: float,
    rate_mps: float,
    demand: tuple[tuple[float, float], ...] = ((0.0, 1.0),),
    *,
    reporting: float = REPORTING,
) -> Traffic:
    """Poisson arrivals. ``demand``: from each time on (seconds, ascending, the first 0) that factor on the rate.

    Messages of a unit-rate process are laid on the clock by the inverse of the integrated rate, so that one seed sends the same
    messages whatever the demand, only at other times.
    """
    starts = np.array([at_s for at_s, _ in demand] + [end_s])
    whole = np.concatenate(([0.0], np.cumsum(np.diff(starts) * rate_mps * np.array([factor for _, factor in demand]))))
    most = int(whole[-1] + 8.0 * np.sqrt(whole[-1]) + 16.0)
    steps = np.cumsum(np.random.default_rng([seed, 2]).exponential(size=most))
    steps = steps[steps < whole[-1]]
    count = len(steps)
    network, klass, tenant = np.random.default_rng([seed, 3]).random((count, 3)).T
    used, after = np.random.default_rng([seed, 4]).random((count, 2)).T
    network = np.searchsorted(np.cumsum(world.share)[:-1], network, side="right")
    carriers = len(world.carriers)
    latency = np.random.default_rng([seed, 6]).standard_normal((count, carriers), dtype=np.float32)
    latency *= world.sigma.astype(np.float32)
    np.exp(latency, out=latency)
    latency *= world.median_s.T.astype(np.float32)[network]
    # A logistic in place of a normal draw: its quantile is in closed form.
    spread = np.log(after / (1.0 - after) + 1e-12) * (CONVERSION_SIGMA * np.sqrt(3.0) / np.pi)
    return Traffic(
        at_s=np.interp(steps, whole, starts),
        network=network,
        klass=np.searchsorted(np.cumsum(MIX)[:-1], klass, side="right"),
        reports=tenant < reporting,
        deliver_u=np.random.default_rng([seed, 5]).random((count, carriers), dtype=np.float32),
        latency_s=latency,
        receipt_u=np.random.default_rng([seed, 7]).random((count, carriers), dtype=np.float32),
        convert_s=np.where(used < CONVERSION, CONVERSION_MEDIAN_S * np.exp(spread), np.inf),
    )
