"""What conversions told two brains, as one: counts add up, and so does evidence."""

import numpy as np

from router.brain.ages import Floats, Ints
from router.brain.cohorts import Cohorts
from router.brain.doubt import CEILING
from router.brain.evidence import Evidence
from router.brain.hearing import Hearing
from router.brain.spotless import CEILING as SPOTLESS
from router.brain.trust import BINNED, COLUMNS, MOST_ROWS, Trust


def merge_evidence(a: Evidence, b: Evidence, now_s: float) -> Evidence:
    """Evidence of both, which were ticked to ``now_s``."""
    both = Evidence(now_s)
    if a.idle and b.idle:
        for part in (a, b):
            _reporters(part.trust, both.trust)
        return both
    slices: tuple[dict[tuple[float, float], Floats], ...] = ({}, {})
    places = [_rows(part.trust, both.trust) for part in (a, b)]
    for part, rows in zip((a, b), places, strict=True):
        _reporters(part.trust, both.trust)
        for name in (*COLUMNS, *BINNED):
            getattr(both.trust, name)[rows] += getattr(part.trust, name)[: part.trust.rows]
        both.trust.lately.join(part.trust.lately, rows)
        both.trust.after += part.trust.after
        both.trust.ages += part.trust.ages
        both.trust.told += [one._replace(row=int(rows[one.row])) for one in part.trust.told]
        for found, cohorts in zip(slices, (part.trust.given, part.trust.sent), strict=True):
            _collect(cohorts, rows, len(both.trust.o), found)
        _doubts(part, both)
        for place, hearing in part.hearings.items():
            known = both.hearings.get(place)
            both.hearings[place] = hearing if known is None else _together(known, hearing)
        for carrier, score in part.spotless.score.items():
            both.spotless.begun_s[carrier] = max(both.spotless.since(carrier), part.spotless.since(carrier))
            both.spotless.score[carrier] = min(both.spotless.score.get(carrier, 0.0) + score, SPOTLESS)
    for found, cohorts, theirs in zip(
        slices,
        (both.trust.given, both.trust.sent),
        ((a.trust.given, b.trust.given), (a.trust.sent, b.trust.sent)),
        strict=True,
    ):
        _stack(found, cohorts, max(one.merged_s for one in theirs))
    both.weigh()
    return both


def _reporters(part: Trust, whole: Trust) -> None:
    for tenant, since_s in part.reporters.items():
        whole.reporters[tenant] = min(whole.reporters.get(tenant, since_s), since_s)
    for tenant, until_s in part.silenced.items():
        whole.silenced[tenant] = max(whole.silenced.get(tenant, until_s), until_s)


def _rows(part: Trust, whole: Trust) -> Ints:
    """The rows of ``part`` in ``whole``, made where they are missing."""
    return np.array([whole.row(*key, limit=2 * MOST_ROWS) for key in part.keys], dtype=np.int64)


def _collect(part: Cohorts, rows: Ints, width: int, found: dict[tuple[float, float], Floats]) -> None:
    for place, key in enumerate(zip(part.starts.tolist(), part.widths.tolist(), strict=True)):
        column = np.zeros(width)
        column[rows] = part.counts[place, : len(rows)]
        found[key] = found[key] + column if key in found else column


def _stack(found: dict[tuple[float, float], Floats], cohorts: Cohorts, merged_s: float) -> None:
    keys = sorted(found)
    if keys:
        starts, widths = (np.array(column) for column in zip(*keys, strict=True))
        cohorts.replace(starts, widths, np.stack([found[key] for key in keys]))
    cohorts.merged_s = merged_s


def _doubts(part: Evidence, whole: Evidence) -> None:
    """Log-likelihood ratios of two halves add up."""
    for step, (theirs, mine) in enumerate(zip(part.doubts, whole.doubts, strict=True)):
        mine.grow(len(whole.trust.places[step]))
        index = whole.trust.places[step].index
        for place, name in enumerate(part.trust.places[step].names[: len(theirs.score)]):
            here = index[name]
            mine.suspicion[here] = max(mine.suspicion[here], theirs.suspicion[place])
            mine.score[here] = min(mine.score[here] + theirs.score[place], CEILING - mine.suspicion[here])
            mine.lately[here] += theirs.lately[place]
            mine.seen[here] += theirs.seen[place]
            mine.promised[here] += theirs.promised[place]
            mine.age_s[here] = max(mine.age_s[here], theirs.age_s[place])


def _together(one: Hearing, other: Hearing) -> Hearing:
    found = Hearing(min(one.since_s, other.since_s), (one.rate + other.rate) / 2.0)
    found.score, found.against = one.score + other.score, one.against + other.against
    found.lost = one.lost or other.lost
    found.used, found.due = one.used + other.used, one.due + other.due
    return found
