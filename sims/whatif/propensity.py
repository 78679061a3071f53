"""With which probability the log chose as the target would have: the weights of the attempts.

Two ways, and which is used is told with the result:

*logged*. A message goes to the best carrier of its decision but for three reasons: a draw, whose probability follows from the decision
itself (``router.brain.chances``), scaled by class so that as many draws are expected as were made (a purse that ran empty made some
impossible); and what depends on the moment and not on the message, that is probes, half-open breakers and carriers that were full. The
latter's probability is how often it happened to that class towards that network. The weight of an attempt is 1 / P(its carrier) where the
target agrees with it, else 0. This assumes nothing of outcomes, and has overlap only where the log explored.

*estimated*. Within a class, a network and a quarter of an hour, which carrier a message had is taken to say nothing of its fate beyond
what that carrier does there at that time: boards move between near equals, carriers are full, probes are due. The weight is the share of
the target's choices in that stratum over the share of the log's. Weights by shares instead of by each decision are those of marginalised
importance sampling (Xie, Ma and Wang, Towards optimal off-policy evaluation, NeurIPS 2019).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from router.brain.chances import drawn
from router.brain.explore import DRAW
from router.brain.policies import Policy
from router.model import MessageClass
from router.settings import ClassRules
from sims.whatif.log import FOLDS, NOT_OFFERED, Bools, Floats, Ints, Log
from sims.whatif.strata import Way, rates, shares, strata_of
from sims.whatif.target import loss_of

LEAST: Final = 1e-6  # no probability is less: such a weight ends in a refusal in any case


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """``weight``: (N,), of mean about 1. ``draws``: how many the log made, by class, for each that was expected; empty: not used."""

    way: Way
    weight: Floats
    draws: Mapping[str, float]


def has_spread(log: Log) -> bool:
    """Whether the decisions say how far from certain the boards were: older releases did not keep it."""
    return len(log) > 0 and not np.isnan(log.sd[log.price != NOT_OFFERED]).any()


def logged(log: Log, wanted: Ints, rules: Mapping[MessageClass, ClassRules], policies: Mapping[str, Policy]) -> Weights:
    """The weights by each decision. ``wanted``: (N,) the target's carrier, negative where it has none."""
    chance = drawn(log.klass, np.where(log.price == NOT_OFFERED, np.nan, log.total), log.p, log.sd, loss_of(log, rules, policies))
    rows, levels = np.arange(len(log)), strata_of(log)[:2]
    klass = levels[0]
    offered = log.price != NOT_OFFERED
    order = np.argsort(np.where(offered, log.total, np.inf), axis=1, kind="stable")
    rank = np.argsort(order, axis=1, kind="stable")[log.case, log.chosen]
    best = order[log.case, 0]
    draw = is_draw(log, chance)
    expected = chance.sum(axis=1)[log.case]
    scale = _scale(klass, log.fold, draw, expected)
    # Probes and half-open breakers are for a carrier, whatever its rank; who finds the best full goes to the next.
    aside = offered[log.case]
    aside[rows, best] = False
    probed = rates(levels, log.fold, np.where(log.explored & ~draw & (rank > 0), log.chosen, -1), aside)
    places = np.arange(len(log.carriers))
    behind = (places > 0) & (places < offered.sum(axis=1)[:, None])
    spilt = rates(levels, log.fold, np.where(log.explored | (rank == 0), -1, rank), behind[log.case])
    other = scale * chance[log.case, log.chosen] + probed[rows, log.chosen] + spilt[rows, rank]
    left = 1.0 - scale * expected - probed.sum(axis=1) - spilt.sum(axis=1)
    probability = np.where(rank == 0, left, other)
    weight = np.where(wanted == log.chosen, 1.0 / np.maximum(probability, LEAST), 0.0)
    made = {
        one.word: float(draw[klass == one].sum() / max(expected[klass == one].sum(), 1e-9))
        for one in MessageClass
        if (klass == one).any()
    }
    return Weights(way="logged", weight=weight, draws=made)


def is_draw(log: Log, chance: Floats) -> Bools:
    """Which attempts were drawn: as the log says; where it does not tell, those that could have been."""
    told = np.array([bool(word) for word in log.reason], dtype=bool)
    said = np.array([word == DRAW for word in log.reason], dtype=bool)
    found: Bools = np.where(told, said, log.explored & (chance[log.case, log.chosen] > 0.0))
    return found


def _scale(klass: Ints, fold: Ints, draw: Bools, expected: Floats) -> Floats:
    """Draws made for each expected, by class, learned without the attempt's own fold: (N,)."""
    many, hoped = np.zeros((FOLDS, len(MessageClass))), np.zeros((FOLDS, len(MessageClass)))
    np.add.at(many, (fold, klass), draw.astype(np.float64))
    np.add.at(hoped, (fold, klass), expected)
    # One draw more on both sides: a log without draws is not certain that there are none.
    found: Floats = ((many.sum(axis=0) - many + 1.0) / (hoped.sum(axis=0) - hoped + 1.0))[fold, klass]
    return found


def estimated(log: Log, wanted: Ints) -> Weights:
    """The weights by shares in strata. ``wanted`` as above."""
    levels = strata_of(log)
    carriers = len(log.carriers)
    have = shares(levels, log.fold, log.chosen, carriers)
    want = shares(levels, log.fold, wanted, carriers)
    rows = np.arange(len(log))
    weight = want[rows, log.chosen] / np.maximum(have[rows, log.chosen], LEAST)
    return Weights(way="estimated", weight=weight, draws={})


def as_logged(log: Log) -> Weights:
    """All alike: nothing is chosen otherwise."""
    return Weights(way="logged", weight=np.ones(len(log)), draws={})
