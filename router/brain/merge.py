"""Several brains, one memory: ledgers add up.

Two brains that saw different messages of one world hold two halves of its ledger. Sums of halves are the ledger of both, as long
as both were ticked to one time; ``merge`` does that first. Where a row began a new epoch in one of them only, the other's row is
of a world that has passed, and is left out.
"""

from typing import Final

import numpy as np

from router.brain.ages import Bools, Floats, Ints
from router.brain.breaker import CLOSED, HALF_OPEN, OPEN, Breaker
from router.brain.change import Detector
from router.brain.fallen import LEVELS, cover, places_of, rows_of
from router.brain.ledger import CARRIER, COUNTRY, GROUP, MARKET, NETWORK, ROUTE, Ledger, Names
from router.brain.merge_evidence import merge_evidence
from router.brain.season import Season
from router.brain.state import BrainState, estimate, tick

_SEVERITY: Final = {CLOSED: 0, HALF_OPEN: 1, OPEN: 2}
_NAMED: Final = (CARRIER, NETWORK, COUNTRY, ROUTE, MARKET)
_SUMS: Final = ("s", "f", "t", "n", "seen", "expected", "came", "lived", "back")


def merge(a: BrainState, b: BrainState) -> BrainState:
    """A state that knows what either knows. ``a`` and ``b`` are ticked to the later of their times, otherwise left as they are."""
    now = max(a.ledger.at_s, b.ledger.at_s)
    for state in (a, b):
        if state.ledger.at_s < now:
            tick(state, now)
    both = BrainState(now, a.deadlines_s)
    both.version = max(a.version, b.version)
    both.ledger.since_s = min(a.ledger.since_s, b.ledger.since_s)
    for state in (a, b):
        for name, count in state.counters.items():
            both.counters[name] = both.counters.get(name, 0) + count
        for carrier, tally in state.tallies.items():
            total = both.tally(carrier)
            total.submitted += tally.submitted
            total.delivered += tally.delivered
            total.undelivered += tally.undelivered
            _worse(both.breakers[carrier], state.breakers[carrier])
    places = [_rows(state.ledger, both.ledger) for state in (a, b)]
    epochs = np.full(len(both.ledger.n), -np.inf)
    for state, rows in zip((a, b), places, strict=True):
        both.ledger.born_s[rows] = np.maximum(both.ledger.born_s[rows], state.ledger.born_s[: state.ledger.rows])
        epochs[rows] = np.maximum(epochs[rows], _epochs(state.ledger))
    counts: list[tuple[float, float, Floats]] = []
    for state, rows in zip((a, b), places, strict=True):
        counts += _add(state.ledger, rows, both.ledger, _epochs(state.ledger) >= epochs[rows])
        for level, mine, theirs in zip(LEVELS, both.detectors, state.detectors, strict=True):
            _add_detector(state.ledger, theirs, both.ledger, mine, level)
    _stack(both.ledger, counts)
    for step, level in enumerate(LEVELS):
        for place in np.flatnonzero(np.isfinite(both.detectors[step].suspect_s)).tolist():
            cover(both.ledger, both.detectors, step, rows_of(both.ledger, level, place))
    both.ledger.cohorts.merged_s = max(a.ledger.cohorts.merged_s, b.ledger.cohorts.merged_s)
    both.evidence = merge_evidence(a.evidence, b.evidence, now)
    _add_seasons((a, b), places, both)
    estimate(both)
    both.evidence.spotless.begin(both.ledger)
    return both


def _rows(part: Ledger, whole: Ledger) -> Ints:
    """The rows of ``part`` in ``whole``, made where they are missing. All at once: one by one they took most of a merge."""
    keys, theirs = list(part.keys), np.fromiter(part.keys.values(), np.int64, part.rows)
    new = [place for place, key in enumerate(keys) if key not in whole.keys]
    here, there = slice(whole.rows, whole.rows + len(new)), theirs[new]
    while here.stop > len(whole.n):
        whole.grow()
    whole.keys.update(zip([keys[place] for place in new], range(here.start, here.stop), strict=True))
    whole.rows = here.stop
    for level, mine, names in zip(_NAMED, _names(whole), _names(part), strict=True):
        number = np.array([mine.number(*name) for name in names.names], dtype=np.int64)
        whole.of[level, here] = number[part.of[level, there]]
    whole.of[GROUP, here] = part.of[GROUP, there]
    whole.born_s[here], whole.used_s[here] = part.born_s[there], part.used_s[there]
    whole.first_s[here] = whole.watch_s[here] = part.first_s[there]
    rows = np.empty(part.rows, dtype=np.int64)
    rows[theirs] = [whole.keys[key] for key in keys]
    whole.first_s[rows] = np.minimum(whole.first_s[rows], part.first_s[: part.rows])
    whole.used_s[rows] = np.maximum(whole.used_s[rows], part.used_s[: part.rows])
    return rows


def _names(ledger: Ledger) -> tuple[Names, ...]:
    """By level of ``_NAMED``."""
    return ledger.carriers, ledger.networks, ledger.countries, ledger.routes, ledger.markets


def _epochs(part: Ledger) -> Floats:
    """When the present epoch of each row began; -inf where it is as old as the part's memory: a brain that was restarted knows of none."""
    born_s = part.born_s[: part.rows]
    return np.where(born_s > part.since_s, born_s, -np.inf)


def _add(part: Ledger, rows: Ints, whole: Ledger, valid: Bools) -> list[tuple[float, float, Floats]]:
    """Add the counts of ``valid`` rows, those of the whole's epoch; returns the cohorts as (start, width, counts by the whole's rows)."""
    mine = np.flatnonzero(valid)
    for name in _SUMS:
        getattr(whole, name)[rows[mine]] += getattr(part, name)[mine]
    whole.watch_s[rows] = np.maximum(whole.watch_s[rows], part.watch_s[: part.rows])
    whole.fresh.add(part.fresh, rows[mine], mine)
    found = []
    for place, (start, width) in enumerate(zip(part.cohorts.starts.tolist(), part.cohorts.widths.tolist(), strict=True)):
        column = np.zeros(len(whole.n))
        column[rows[mine]] = part.cohorts.counts[place, mine]
        found.append((start, width, column))
    return found


def _add_seasons(parts: tuple[BrainState, BrainState], places: list[Ints], both: BrainState) -> None:
    """Habits of the time of day add up."""
    both.season = Season(both.ledger.at_s, parts[0].season.day_s)
    both.season.began_s = min(part.season.began_s for part in parts)
    both.season.grow(both.ledger)
    both.season.begin(both.ledger)
    for part, rows in zip(parts, places, strict=True):
        carriers = np.array([both.ledger.carriers.index[name] for name in part.ledger.carriers.names], dtype=np.int64)
        both.season.add(part.season, carriers, rows)
    both.season.estimate(both.ledger.at_s)


def _stack(whole: Ledger, found: list[tuple[float, float, Floats]]) -> None:
    """Cohorts of the same slice become one."""
    slices: dict[tuple[float, float], Floats] = {}
    for start, width, column in found:
        wide = np.zeros(len(whole.n))
        wide[: len(column)] = column
        slices[start, width] = slices[start, width] + wide if (start, width) in slices else wide
    keys = sorted(slices)
    if keys:
        starts, widths = (np.array(column) for column in zip(*keys, strict=True))
        whole.cohorts.replace(starts, widths, np.stack([slices[key] for key in keys]))


def _add_detector(part: Ledger, theirs: Detector, whole: Ledger, mine: Detector, level: int) -> None:
    """Evidence of two halves adds up; suspicion of either is suspicion."""
    names, known = (places_of(ledger)[LEVELS.index(level)] for ledger in (part, whole))
    mine.grow(len(known))
    size = len(theirs.rate)
    here = np.array([known.index[name] for name in names.names[:size]], dtype=np.int64)
    for name in ("score", "seen", "expected", "late"):
        getattr(mine, name)[:, here] += getattr(theirs, name)[:, :size]
    for name in ("over_s", "rising_s"):
        column = getattr(mine, name)
        column[:, here] = np.maximum(column[:, here], getattr(theirs, name)[:, :size])
    for name in ("rate", "back"):
        getattr(mine, name)[here] += getattr(theirs, name)
    for names_of, pick in ((("silent_s", "rose_s", "trials"), np.maximum), (("suspect_s", "phi"), np.minimum)):
        for name in names_of:
            column = getattr(mine, name)
            column[here] = pick(column[here], getattr(theirs, name))


def _worse(mine: Breaker, other: Breaker) -> None:
    """The breaker that is further from closed; of two open ones the one that opens longer."""
    rank = (_SEVERITY[other.state], other.until_s, other.faults)
    if rank > (_SEVERITY[mine.state], mine.until_s, mine.faults):
        for name in Breaker.__slots__:
            setattr(mine, name, getattr(other, name))
