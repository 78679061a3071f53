"""Waiting for room: columns of the transportation problem in which a message goes to a carrier a moment later.

A lane frees its contracted speed in segments a second, so whoever stands ``n`` segments behind its room waits ``n / speed``. That
supply is cut into tiers of time; in each a message pays, above the carrier's J,

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
TIERS: Final = (0.15, 0.5, 1.0)  # of the longest limit at hand; a chosen compromise of columns and precision
LEAST_MEAN_S: Final = 0.05


class Patience(NamedTuple):
    """What is known of waiting in a turn. By carrier: ``speed`` in segments a second, ``later`` in micros a segment."""

    speed: Floats  # 0: not known, nobody waits for it
    later: Floats  # the mean shadow price of late
    waited_s: Sequence[float]  # by member of the batch
    limits_s: Sequence[float]  # by class
    most: int  # segments that may wait by choice, all together


class Queues(NamedTuple):
    """Columns for waiting: whose, how long, and how many segments each holds."""

    place: Ints
    after_s: Floats  # in the mean
    until_s: Floats  # at the most
    room: Ints


def limit_s(deadline_s: float) -> float:
    """How long a message may wait by choice."""
    return min(LIMIT_SHARE * deadline_s, LIMIT_S)


def lateness(p: Floats, wait_s: Floats, deadline_s: Floats) -> Floats:
    """The share of messages that a second's delay makes late: (kinds, carriers), ``deadline_s`` a column."""
    some = np.maximum(p, 1e-9)
    mean_s = np.clip((wait_s - (1.0 - p) * deadline_s) / some, LEAST_MEAN_S, np.maximum(deadline_s, LEAST_MEAN_S))
    return p * np.exp(-deadline_s / mean_s) / mean_s


def queues(patience: Patience, longest_s: float, wanted: Ints) -> Queues:
    """The tiers of each carrier in ``wanted`` whose speed is known; ``longest_s`` that anybody at hand may wait."""
    places = wanted[patience.speed[wanted] > 0.0]
    speed = patience.speed[places]
    horizon_s = min(longest_s, patience.most / max(float(speed.sum()), 1e-9))
    until_s = np.minimum(np.asarray(TIERS) * longest_s, horizon_s)
    from_s = np.concatenate(([0.0], until_s[:-1]))
    ends = np.floor(np.outer(speed, until_s)).astype(np.int64)
    room = np.diff(ends, axis=1, prepend=0).ravel()
    held = np.flatnonzero(room > 0)
    width = len(places)
    return Queues(
        np.repeat(places, len(TIERS))[held],
        np.tile((from_s + until_s) / 2, width)[held],
        np.tile(until_s, width)[held],
        room[held],
    )
