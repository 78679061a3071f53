"""Of the receipts that came lately: how many promised a code's use, and which of them were kept? By when the receipt came.

Codes are used for a minute after their receipts: when a carrier begins to lie, what it delivered before goes on being used, and a count by the clock
(``doubt``) sees half a minute of honesty before it sees the lie. Counted by when the receipts came, the two are apart. For receipts since ``k``

    S(k) = o(k) * ln r + (1 - r) * e(k),        e(k) = sum over them of c * G(their age)

is the log-likelihood ratio of "a share r = ``LIE`` of them is true" against "all are" (``doubt``; c the conversions that a receipt is worth and G the share
of them that has come at an age, ``trust``). Its greatest value over k is that for a change at an unknown time (Siegmund and Venkatraman, Annals of
Statistics 23, 1995), as in ``fresh``. Where failures have been missing since a time (``spotless``), that is a k with a prior of its own.

A code that is used without a receipt counts as one of the newest: it speaks for the carrier whenever the lie is thought to have begun. One that a tenant
says will not be used is due at once.
"""

from typing import Final

import numpy as np

from router.brain.ages import Floats, Ints, spent, wider
from router.brain.doubt import LIE, Recent

SLICE_S: Final = 1.0
KEPT: Final = 60  # slices; who lies for longer is known to the count by the clock
MANY: Final = 1.5  # what the likeliest of many begins must be likelier by
COLUMNS: Final = ("given", "used", "closed")


class Lately:
    """Arrays by slice of receipt, a ring of the last ``KEPT``, and row of the trust."""

    __slots__ = ("last", *COLUMNS)

    def __init__(self, now_s: float, rows: int) -> None:
        self.last = int(np.floor(now_s / SLICE_S))  # the newest slice's number
        self.given, self.used, self.closed = (np.zeros((KEPT, rows)) for _ in COLUMNS)

    def grow(self, rows: int) -> None:
        """Make room for more rows."""
        for name in COLUMNS:
            setattr(self, name, wider(getattr(self, name), rows))

    def add(self, counts: Floats, rows: Ints, at_s: Floats) -> None:
        """One more in a column for each receipt that came at these times; those too old are left out."""
        number = np.floor(at_s / SLICE_S).astype(np.int64)
        if len(number):
            self.reach(int(number.max()))
        young = number > self.last - KEPT
        np.add.at(counts, (number[young] % KEPT, rows[young]), 1.0)

    def reach(self, number: int) -> None:
        """Slices up to this one are there, the new ones empty."""
        fresh = np.arange(max(self.last + 1, number - KEPT + 1), number + 1) % KEPT
        for name in COLUMNS:
            getattr(self, name)[fresh] = 0.0
        self.last = max(self.last, number)

    def forget(self, rows: Ints) -> None:
        """These rows begin anew."""
        for name in COLUMNS:
            getattr(self, name)[:, rows] = 0.0

    def join(self, other: "Lately", rows: Ints) -> None:
        """What another brain counted: its rows are ``rows`` here. The newest slices of both are kept."""
        self.reach(other.last)
        number = np.arange(max(self.last, other.last) - KEPT + 1, other.last + 1)
        for name in COLUMNS:
            counts: Floats = getattr(self, name)
            counts[np.ix_(number % KEPT, rows)] += getattr(other, name)[number % KEPT, : len(rows)]

    def sums(self, worth: Floats, after: Floats, now_s: float, number: Ints, places: int) -> tuple[Floats, Floats]:
        """Conversions seen and promised of receipts since each slice, the newest first: (KEPT, places).

        ``worth``: conversions of a receipt by row, ``after``: what a message-second is worth by age, ``number``: the place of each row.
        """
        self.reach(int(np.floor(now_s / SLICE_S)))
        newest = np.arange(self.last, self.last - KEPT, -1)
        order = newest % KEPT
        age_s = np.maximum(now_s - (newest + 0.5) * SLICE_S, 0.0)
        told = np.flatnonzero((self.given + self.used + self.closed)[:, : len(worth)].any(axis=0))
        rows = np.ix_(order, told)
        due = ((self.given[rows] - self.closed[rows]) * (spent(age_s) @ after)[:, None] + self.closed[rows]) * worth[told]
        found = []
        for counts in (self.used[rows], due):
            total = np.zeros((places, KEPT))
            np.add.at(total, number[told], counts.T)
            found.append(np.cumsum(total.T, axis=0))
        return found[0], np.maximum(found[1], 0.0)

    def recent(self, seen: Floats, promised: Floats, suspicion: Floats, since_s: Floats) -> Recent:
        """The likeliest begin of a lie. ``seen`` and ``promised``: from ``sums``; ``suspicion`` by place, and since when there is any."""
        score = seen * np.log(LIE) + (1.0 - LIE) * promised
        place = np.arange(score.shape[1])
        begun = np.clip(self.last - np.floor(np.maximum(since_s, 0.0) / SLICE_S), 0, KEPT - 1).astype(np.int64)
        best = np.argmax(score, axis=0)
        # An older suspicion has been weighed by the clock, and what cleared the carrier may not be in these slices any more.
        known = self.last - np.floor(since_s / SLICE_S) < KEPT
        warned = known & (score[begun, place] + suspicion > score[best, place] - MANY)
        chosen = np.where(warned, begun, best)
        total = score[chosen, place] + np.where(warned, suspicion, -MANY)
        return Recent(total, score[best, place], seen[chosen, place], promised[chosen, place])
