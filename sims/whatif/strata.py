"""Figures by strata of the log, each shrunk towards the wider stratum around it, and each learned without the part it is used on.

A level is a number for each item; levels go from wide to narrow. Cross-fitting: what is used on a fold of the log comes from the other
folds, so that an attempt never speaks for itself (Chernozhukov et al., Double/debiased machine learning, Econometrics Journal 21, 2018).
"""

from collections.abc import Sequence
from typing import Final, Literal

import numpy as np

from sims.whatif.log import FOLDS, Bools, Floats, Ints, Log

SLICE_S: Final = 900.0  # a stratum in time: the brain sees a change within a minute, and needs some minutes to settle
PSEUDO_COUNT: Final = 20.0  # attempts that the wider stratum counts for

Way = Literal["logged", "estimated"]  # of finding propensities: by each decision, or by strata


def strata_of(log: Log) -> list[Ints]:
    """The strata of each attempt, from wide to narrow: class; and network; and a quarter of an hour."""
    klass, network = log.klass[log.case], log.by_case("network")[log.case]
    return [klass, numbered(klass, network), numbered(klass, network, np.floor(log.at_s / SLICE_S).astype(np.int64))]


def numbered(*columns: Ints) -> Ints:
    """A number for each combination of the columns' values, from 0."""
    _, found = np.unique(np.stack(columns), axis=1, return_inverse=True)
    return np.asarray(found, dtype=np.int64).reshape(-1)


def shares(levels: Sequence[Ints], fold: Ints, action: Ints, actions: int) -> Floats:
    """P(action) in the narrowest stratum of each attempt, by the other folds: (N, actions). A negative action is counted in none."""
    count = len(action)
    found = np.full((count, actions), 1.0 / actions)
    known = action >= 0
    for place, level in enumerate(levels):
        strata = int(level.max(initial=-1)) + 1
        cells = np.zeros((FOLDS, strata, actions))
        np.add.at(cells, (fold[known], level[known], action[known]), 1.0)
        sizes = np.zeros((FOLDS, strata))
        np.add.at(sizes, (fold, level), 1.0)
        others, size = (cells.sum(axis=0) - cells)[fold, level], (sizes.sum(axis=0) - sizes)[fold, level]
        weight = 1.0 if place == 0 else PSEUDO_COUNT  # the widest has only "all alike" around it
        found = (others + weight * found) / (size + weight)[:, None]
    return found


def means(levels: Sequence[Ints], fold: Ints, values: Floats, at: Sequence[Ints], pseudo_count: float = PSEUDO_COUNT) -> Floats:
    """The mean of ``values`` in the stratum ``at`` (levels of what is asked for, -1: nothing was seen there), by the other folds: (N,)."""
    found = np.zeros(len(fold))
    for level, asked in zip(levels, at, strict=True):
        strata = int(max(level.max(initial=-1), asked.max(initial=-1))) + 2  # the last is for -1 and stays empty
        sums, sizes = np.zeros((FOLDS, strata)), np.zeros((FOLDS, strata))
        np.add.at(sums, (fold, level), values)
        np.add.at(sizes, (fold, level), 1.0)
        total, size = (sums.sum(axis=0) - sums)[fold, asked], (sizes.sum(axis=0) - sizes)[fold, asked]
        found = (total + pseudo_count * found) / (size + pseudo_count)
    return found


def rates(levels: Sequence[Ints], fold: Ints, hit: Ints, at_risk: Bools) -> Floats:
    """How often action a was taken of the attempts where it could be, in the narrowest stratum, by the other folds: (N, actions).

    ``hit``: (N,) the action taken, negative: none of these. ``at_risk``: (N, actions).
    """
    count, actions = at_risk.shape
    found, weight = np.full((count, actions), 0.5), 1.0  # with nothing seen at all: half of one attempt
    known = hit >= 0
    for level in levels:
        strata = int(level.max(initial=-1)) + 1
        hits, risks = np.zeros((FOLDS, strata, actions)), np.zeros((FOLDS, strata, actions))
        np.add.at(hits, (fold[known], level[known], hit[known]), 1.0)
        np.add.at(risks, (fold, level), at_risk.astype(np.float64))
        many, of = (hits.sum(axis=0) - hits)[fold, level], (risks.sum(axis=0) - risks)[fold, level]
        found, weight = (many + weight * found) / (of + weight), PSEUDO_COUNT
    return np.where(at_risk, found, 0.0)
