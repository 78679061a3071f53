"""Waiting for room: a place in a carrier's queue instead of one in its lane.

A lane frees its contracted speed in segments a second, so whoever stands ``n`` segments behind its room waits ``n / speed``. Its queue
holds what it makes room for as long as a message may wait; who stands there waits half of that in the mean and pays, above the
carrier's J,

    (value of time + loss * f(deadline)) * seconds + what the room will be worth by then

where ``f(deadline)`` is the density of arrivals at the deadline: so many a second are late that would have been in time. With ``p`` and
``wait`` of the board and an exponential delay, its mean is ``m = (wait - (1 - p) * deadline) / p`` and ``f = p * exp(-deadline / m) / m``.
The last term is the mean shadow price of late: where a lane is short for long, the place taken later is taken from somebody else, and
waiting saves nothing (bid prices with a rolling horizon: Talluri and van Ryzin, The Theory and Practice of Revenue Management, 2004, 3.2).
Nobody waits longer than ``limit_s`` says.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from router.brain.ages import Floats, Ints

LIMIT_SHARE: Final = 1 / 30  # of the deadline: by default 0.5 s and 2 s,
LIMIT_S: Final = 5.0  # and never longer: who waits is not asked whether its validity is over
LEAST_MEAN_S: Final = 0.05


class Patience(NamedTuple):
    """What is known of waiting in a turn. By carrier: ``speed`` in segments a second, ``later`` in micros a segment."""

    speed: Floats  # 0: not known, nobody waits for it
    later: Floats  # the mean shadow price of late
    waited_s: Sequence[float]  # by member of the batch
    limits_s: Sequence[float]  # by class
    most: int  # segments that may wait by choice, all together


def limit_s(deadline_s: float) -> float:
    """How long a message may wait by choice."""
    return min(LIMIT_SHARE * deadline_s, LIMIT_S)


def lateness(p: Floats, wait_s: Floats, deadline_s: Floats) -> Floats:
    """The share of messages that a second's delay makes late: (kinds, carriers), ``deadline_s`` a column."""
    some = np.maximum(p, 1e-9)
    mean_s = np.clip((wait_s - (1.0 - p) * deadline_s) / some, LEAST_MEAN_S, np.maximum(deadline_s, LEAST_MEAN_S))
    return p * np.exp(-deadline_s / mean_s) / mean_s


def queues(patience: Patience, within_s: float) -> tuple[Ints, float]:
    """How many segments each carrier's queue holds, and the seconds that one in it waits in the mean."""
    horizon_s = min(within_s, patience.most / max(float(patience.speed.sum()), 1e-9))
    return np.floor(patience.speed * horizon_s).astype(np.int64), horizon_s / 2.0
