"""How far below its habit a fallen place is: one more multiplier of positive rates, by age.

It holds for all cells of the place (a carrier, or a carrier in a country or a network), those never observed included, so that what
otp found out keeps marketing away. By age, because a brownout is slow where a black hole is silent:

    multiplier = (came + k * ratio) / (what the habit expected + k)

with k = 2 observations a bin and ``ratio`` the observed over expected of the alarm.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from router.brain.ages import BINS, Floats, Ints
from router.brain.change import Detector
from router.brain.ledger import CARRIER, MARKET, ROUTE, Ledger, Names

LEVELS: Final = (CARRIER, MARKET, ROUTE)  # widest first: what falls there is no narrower suspicion any more
COUNT: Final = 2.0


def places_of(ledger: Ledger) -> tuple[Names, Names, Names]:
    """The places of each level of ``LEVELS``."""
    return ledger.carriers, ledger.markets, ledger.routes


def rows_of(ledger: Ledger, level: int, place: int) -> Ints:
    """The rows of a place."""
    return np.flatnonzero(ledger.of[level, : ledger.rows] == place)


def cover(ledger: Ledger, detectors: Sequence[Detector], step: int, rows: Ints) -> None:
    """A place of the level ``step`` fell, with these rows: suspicions of its parts are part of its own."""
    for level, narrower in zip(LEVELS[step + 1 :], detectors[step + 1 :], strict=True):
        narrower.acquit(known_places(ledger.of[level, rows], narrower))


def known_places(numbers: Ints, detector: Detector) -> Ints:
    """The places, each once, that the detector knows yet."""
    places = np.unique(numbers)
    return places[places < len(detector.rate)]


def multipliers(ledger: Ledger, detectors: Sequence[Detector], habit: Floats) -> tuple[Floats, ...]:
    """For each level the multipliers by place and age: (places + 1, BINS); the last row is for cells that are in no place.

    ``habit``: the rates of the rows, (rows, BINS). Writes into the ledger which rows are fallen, and the rates ``mu`` and ``former``.
    """
    mu = ledger.mu[: ledger.rows]
    mu[:] = habit
    found = []
    for level, names, detector in zip(LEVELS, places_of(ledger), detectors, strict=True):
        factor = np.ones((len(names) + 1, BINS))
        for place in np.flatnonzero(np.isfinite(detector.suspect_s)).tolist():
            rows = rows_of(ledger, level, place)
            came = ledger.came[rows].sum(axis=0)
            due = np.maximum(ledger.lived[rows] * habit[rows], 0.0).sum(axis=0)
            factor[place] = (came + COUNT * detector.phi[place]) / (due + COUNT)
            ledger.fallen[rows] = True  # rows that appeared since it fell
            ledger.former[rows] = habit[rows]
            mu[rows] = habit[rows] * factor[place]
        found.append(factor)
    return tuple(found)
