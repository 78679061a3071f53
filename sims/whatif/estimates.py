"""Estimates of what the target would have been worth, with their intervals.

For attempt i with context x, logged carrier a, outcome y, target's carrier t, weight w and direct model q:

    direct      mean of q(x, t)
    ips         mean of w y                                              (Horvitz and Thompson 1952)
    snips       sum of w y / sum of w                                    (Hajek 1971; Owen, Monte Carlo theory, methods and examples, 2013, 9.2)
    dr          mean of q(x, t) + w (y - q(x, a))                        (Dudik, Langford and Li, ICML 2011)

The doubly robust one is right when either the weights or the model are, and is the one to read. Intervals are the mean of the estimate's
influence function, 1.96 standard errors to each side; the direct model has none, for its error is not that of chance. A difference to what
was logged is an interval of its own: both are of the same messages. Intervals take the weights as given, which matters least to the doubly robust. Where few attempts stand for many, these may all have been delivered, and
would vary too little by what was seen: together they vary at least as deliveries with the model's chances do.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

from router.model import MessageClass
from router.settings import ClassRules
from sims.whatif.log import Bools, Floats, Ints, Log
from sims.whatif.outcomes import Expected, expected
from sims.whatif.propensity import Weights
from sims.whatif.strata import Way
from sims.whatif.target import NOBODY, Chosen

Z: Final = 1.959964  # 0.975 quantile of the normal
IN_TIME: Final = "delivered_in_time"  # share of the messages
COST: Final = "cost_micros"  # a message
VALUE: Final = "kept_micros"  # a message: loss avoided - value of the time waited - price
MEASURES: Final = (IN_TIME, COST, VALUE)
LEAST_CHANCE: Final = 0.05  # of a delivery, for the time that it takes when there is one
HEAVY: Final = 3.0  # an attempt of more weight than this stands for many: the log seldom did as the target would


class Interval(msgspec.Struct, frozen=True):
    """A figure and its 95 % interval; equal ends: it is not known from chance."""

    estimate: float
    low: float
    high: float


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """One measure of some messages."""

    logged: Interval
    target: Interval  # doubly robust
    difference: Interval  # doubly robust, target - logged
    direct: float
    ips: Interval
    snips: Interval


class Overlap(msgspec.Struct, frozen=True, kw_only=True):
    """How far the log speaks of the target."""

    messages: int
    agreeing: float  # share of the messages that went where the target would send them
    effective: float  # messages of equal weight that would tell as much (Kish 1965): (sum of w)^2 / sum of w^2
    mean_weight: float  # near 1 when the propensities are right
    heavy: float  # share of the weight on attempts that stand for more than HEAVY others
    heavy_effective: float  # and of how many of equal weight they tell
    largest_weights: list[float]
    unseen: float  # share of the messages that the target sends to a carrier never seen towards that network


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """By attempt and measure (N, 3): what was logged, what the logged attempt is worth to the target, what the model expects of each."""

    logged: Floats
    seen: Floats
    model_seen: Floats
    model_target: Floats
    variance: Floats  # of the logged attempt's measures, by the model


def score(log: Log, chosen: Chosen, way: Way, rules: Mapping[MessageClass, ClassRules]) -> Scored:
    """Outcomes and expectations as measures. ``way``: of the weights."""
    klass = log.klass[log.case]
    deadline_s = np.array([rules[one].deadline_s for one in MessageClass])[klass]
    loss = np.array([rules[one].loss_micros for one in MessageClass], dtype=np.float64)[klass]
    time = np.array([rules[one].time_micros_per_s for one in MessageClass], dtype=np.float64)[klass]
    outcome = Expected(in_time=log.in_time.astype(np.float64), waited_s=log.waited_s)

    def measures(found: Expected, price: Floats) -> Floats:
        value = loss * found.in_time - time * found.waited_s - price
        return np.stack((found.in_time, price, value), axis=1)

    def price_of(prices: Ints, carrier: Ints) -> Floats:
        return np.where(carrier == NOBODY, 0.0, np.maximum(prices[log.case, np.maximum(carrier, 0)], 0)).astype(np.float64)

    now = price_of(chosen.price, log.chosen)
    model = expected(log, log.chosen, deadline_s, way)
    chance = model.in_time
    arrived_s = np.clip((model.waited_s - (1.0 - chance) * deadline_s) / np.maximum(chance, LEAST_CHANCE), 0.0, deadline_s)
    at_stake = np.stack((np.ones(len(log)), np.zeros(len(log)), loss + time * (deadline_s - arrived_s)), axis=1)
    return Scored(
        logged=measures(outcome, price_of(log.price, log.chosen)),
        seen=measures(outcome, now),
        model_seen=measures(model, now),
        model_target=measures(expected(log, chosen.carrier, deadline_s, way), price_of(chosen.price, chosen.carrier)),
        variance=at_stake**2 * (chance * (1.0 - chance))[:, None],
    )


def measure(scored: Scored, weights: Weights, part: Bools) -> dict[str, Measure]:
    """Every measure of a part of the attempts, which must not be empty."""
    w = weights.weight[part]
    found = {}
    for number, name in enumerate(MEASURES):
        logged, seen = scored.logged[part, number], scored.seen[part, number]
        target, model = scored.model_target[part, number], scored.model_seen[part, number]
        robust = target + w * (seen - model)
        more = _unseen_variance(w, seen - model, scored.variance[part, number])
        total = max(float(w.mean()), 1e-12)
        ratio = float((w * seen).mean()) / total
        found[name] = Measure(
            logged=interval(logged),
            target=interval(robust, more),
            difference=interval(robust - logged, more),
            direct=float(target.mean()),
            ips=interval(w * seen, more),
            snips=interval(ratio + w * (seen - ratio) / total, more / total**2),
        )
    return found


def _unseen_variance(weight: Floats, missed: Floats, variance: Floats) -> float:
    """What the few attempts that stand for many vary less than the model lets expect, as variance of the mean."""
    few = weight > HEAVY
    return max(float((weight[few] ** 2 * (variance[few] - missed[few] ** 2)).sum()), 0.0) / len(weight) ** 2


def interval(influence: Floats, more: float = 0.0) -> Interval:
    """The mean, and 1.96 of its standard errors to each side. ``more``: variance of the mean besides what is seen."""
    count = len(influence)
    mean = float(influence.mean())
    half = Z * float(np.sqrt(influence.var(ddof=1) / count + more)) if count > 1 else float("inf")
    return Interval(mean, mean - half, mean + half)


def overlap(log: Log, chosen: Chosen, weights: Weights, unseen: Bools, part: Bools) -> Overlap:
    """The diagnostics of a part of the attempts."""
    w = weights.weight[part]
    heavy, of = heaviest(w)
    return Overlap(
        messages=int(part.sum()),
        agreeing=float((log.chosen == chosen.carrier)[part].mean()),
        effective=effective(w),
        mean_weight=float(w.mean()),
        heavy=heavy,
        heavy_effective=of,
        largest_weights=[round(float(one), 2) for one in np.sort(w)[::-1][:5]],
        unseen=float(unseen[part].mean()),
    )


def effective(weight: Floats) -> float:
    """Kish's effective sample size; 0 where all weights are."""
    square = float((weight**2).sum())
    return float(weight.sum()) ** 2 / square if square else 0.0


def heaviest(weight: Floats) -> tuple[float, float]:
    """Of the attempts that stand for many: their share of the weight, and how many of equal weight would tell as much."""
    few = weight[weight > HEAVY]
    total = float(weight.sum())
    return (float(few.sum()) / total if total else 0.0), effective(few)
