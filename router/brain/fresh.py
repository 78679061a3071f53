"""What becomes of the messages sent last, by when they were sent: whoever begins to swallow messages is found out by those.

The CUSUMs of ``change`` add receipts up as they come; for some seconds after a carrier went silent the receipts of what was sent before
still come, and hide it. Here each row keeps early receipts seen ``o`` and expected ``e`` by half second of submit, for the last 20 s, and
the question is whether from some half second on hardly anything arrives any more:

    max over begin of  sum over slices from begin of  o * ln r + (1 - r) * e,      r = 0.1

is the likelihood ratio of a change at an unknown time (Siegmund and Venkatraman, Annals of Statistics 23, 1995), of Poisson counts.

What is expected in an age bin is put down when the slice has passed through all of it, and half a second later. Hazards are constant
within a bin only on average: a burst of messages whose receipts all come at the end of the bin must not look like one whose receipts do
not come; nor must a receipt that is still on its way to the brain.
"""

from typing import Final, NamedTuple

import numpy as np

from router.brain.ages import EARLY_BINS, EDGES_S, Bools, Floats, Ints, bin_of, spent, wider
from router.brain.cohorts import SLICES, Cohorts

SILENT_RATIO: Final = 0.1
SLICE_S: Final = SLICES[0][0]
GRACE_S: Final = 0.5
COLUMNS: Final = ("seen", "due", "part")
KEPT: Final = int((EDGES_S[EARLY_BINS] + GRACE_S) / SLICE_S) + 2


class Silence(NamedTuple):
    """The begin for which silence is likeliest."""

    score: float
    since_s: float
    seen: float
    expected: float


class Fresh:
    """Arrays by slice of submit, a ring of the last ``KEPT``, and row."""

    __slots__ = ("at_s", "due", "last", "part", "seen")

    def __init__(self, now_s: float, rows: int) -> None:
        self.at_s = now_s - GRACE_S  # exposure is counted up to here
        self.last = int(np.floor(now_s / SLICE_S))  # the newest slice's number
        self.seen, self.due, self.part = (np.zeros((KEPT, rows)) for _ in range(3))  # part: of bins not passed yet

    def grow(self, rows: int) -> None:
        """Make room for more rows."""
        for name in COLUMNS:
            setattr(self, name, wider(getattr(self, name), rows))

    def submitted(self, rows: Ints, at_s: Floats, rates: Floats) -> None:
        """Messages; ``rates`` (messages, BINS) of their early receipts. Those told late catch up."""
        self._owe(rows, at_s, spent(np.maximum(self.at_s - at_s, 0.0)), rates)

    def ended(self, rows: Ints, begun_s: Floats, bins: Ints, rates: Floats, positive: Bools) -> None:
        """Receipts that came in these age bins, of messages submitted at ``begun_s``: owed for the whole bin, as in the ledger."""
        self._owe(rows, begun_s, spent(EDGES_S[bins + 1]) - spent(np.maximum(self.at_s - begun_s, 0.0)), rates)
        told = positive & (bins < EARLY_BINS)
        self._add(self.seen, rows[told], begun_s[told], np.ones(np.count_nonzero(told)))

    def advance(self, now_s: float, cohorts: Cohorts, rates: Floats) -> None:
        """What waits in the cohorts is owed receipts at these rates (rows, BINS); ``now_s`` as in the ledger."""
        self._reach(int(np.floor(now_s / SLICE_S)))
        before_s, self.at_s = self.at_s, max(now_s - GRACE_S, self.at_s)
        used = len(rates)
        number = np.floor(cohorts.starts / SLICE_S).astype(np.int64)
        young = np.flatnonzero((cohorts.widths == SLICE_S) & (number > self.last - KEPT) & (number <= self.last))
        number = number[young]
        middle = (number + 0.5) * SLICE_S
        before, after = np.maximum(before_s - middle, 0.0), np.maximum(self.at_s - middle, 0.0)
        lapse = (spent(after) - spent(before))[:, :EARLY_BINS]
        self.part[number % KEPT, :used] += cohorts.counts[young, :used] * (lapse @ rates[:, :EARLY_BINS].T)
        passed = number[bin_of(after) > bin_of(before)] % KEPT
        self.due[passed] += self.part[passed]
        self.part[passed] = 0.0

    def forget(self, rows: Ints) -> None:
        """These rows begin anew."""
        self.seen[:, rows] = self.due[:, rows] = self.part[:, rows] = 0.0

    def add(self, other: "Fresh", rows: Ints, mine: Ints) -> None:
        """What another brain saw: its rows ``mine`` are ``rows`` here. The newest slices of both are kept."""
        self._reach(other.last)
        number = np.arange(max(self.last, other.last) - KEPT + 1, other.last + 1)
        for name in COLUMNS:
            counts: Floats = getattr(self, name)
            counts[np.ix_(number % KEPT, rows)] += getattr(other, name)[np.ix_(number % KEPT, mine)]

    def silence(self, rows: Ints, weight: Floats) -> Silence:
        """Of these rows together, each counted with its weight."""
        newest = np.arange(self.last, self.last - KEPT, -1)
        seen = np.cumsum(self.seen[np.ix_(newest % KEPT, rows)] @ weight)
        due = np.cumsum(self.due[np.ix_(newest % KEPT, rows)] @ weight)
        score = seen * np.log(SILENT_RATIO) + (1.0 - SILENT_RATIO) * due
        best = int(np.argmax(score))
        return Silence(float(score[best]), float(newest[best] * SLICE_S), float(seen[best]), float(due[best]))

    def _owe(self, rows: Ints, begun_s: Floats, seconds: Floats, rates: Floats) -> None:
        self._add(self.part, rows, begun_s, np.einsum("rb,rb->r", seconds[:, :EARLY_BINS], rates[:, :EARLY_BINS]))

    def _add(self, counts: Floats, rows: Ints, begun_s: Floats, values: Floats) -> None:
        number = np.floor(begun_s / SLICE_S).astype(np.int64)
        if len(number):
            self._reach(int(number.max()))
        young = number > self.last - KEPT
        np.add.at(counts, (number[young] % KEPT, rows[young]), values[young])

    def _reach(self, number: int) -> None:
        """Slices up to this one are there, the new ones empty."""
        fresh = np.arange(max(self.last + 1, number - KEPT + 1), number + 1) % KEPT
        for counts in (self.seen, self.due, self.part):
            counts[fresh] = 0.0
        self.last = max(self.last, number)
