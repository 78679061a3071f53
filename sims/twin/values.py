"""What messages are worth, and what a carrier that delivers with chance p after a lognormal latency makes of it.

cost = price + loss * (1 - P(delivered by the deadline)) + time value * E[seconds waited, at most to the deadline], in micros; the value
kept is loss - cost. The production defaults of the three classes apply.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from router.model import MessageClass
from router.settings import DEFAULT_CLASSES

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

CLASSES: Final = len(MessageClass)
RULES: Final = {klass: DEFAULT_CLASSES[klass.word] for klass in MessageClass}
DEADLINE_S: Final = tuple(RULES[klass].deadline_s for klass in MessageClass)
LOSS: Final = tuple(float(RULES[klass].loss_micros) for klass in MessageClass)
TIME: Final = tuple(float(RULES[klass].time_micros_per_s) for klass in MessageClass)
NEVER: Final = 1e-9  # seconds: a deadline that has passed

_erf: Final = np.frompyfunc(math.erf, 1, 1)


def normal_cdf(x: Floats) -> Floats:
    """P(Z <= x) of a standard normal Z."""
    found: Floats = 0.5 + 0.5 * np.asarray(_erf(x / math.sqrt(2.0)), dtype=np.float64)
    return found


def lognormal_by(deadline_s: Floats, median_s: Floats, sigma: Floats) -> tuple[Floats, Floats]:
    """P(X <= d) and the integral of P(X <= t) from 0 to d, for X lognormal; shapes broadcast.

    The integral is d * P(X <= d) - E[X; X <= d], and E[X; X <= d] = median * exp(sigma^2 / 2) * P(Z <= (ln(d / median) / sigma) - sigma).
    """
    deadline_s = np.maximum(deadline_s, NEVER)
    z = np.log(deadline_s / median_s) / sigma
    inside = normal_cdf(z)
    partial = median_s * np.exp(sigma**2 / 2.0) * normal_cdf(z - sigma)
    return inside, np.maximum(deadline_s * inside - partial, 0.0)


def outlook(p: Floats, median_s: Floats, sigma: Floats, deadline_s: Floats, spent_s: Floats) -> tuple[Floats, Floats]:
    """P(delivered by the deadline) and the seconds waited up to it, of messages that waited ``spent_s`` before they were submitted."""
    left = np.maximum(deadline_s - spent_s, 0.0)
    inside, area = lognormal_by(left, median_s, sigma)
    in_time = p * np.where(left > NEVER, inside, 0.0)
    waited = np.minimum(spent_s, deadline_s) + left - p * area
    return in_time, waited
