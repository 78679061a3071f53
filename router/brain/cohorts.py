"""Messages waiting for their receipts, counted by when they were submitted.

A cohort is all messages of one slice of time: half a second while they are young, merged into 5 s and then 60 s slices as they age,
always on one absolute grid, so that two brains cut time alike and their cohorts add up. A cohort's age is that of its middle.

Counts are linear: a receipt takes one away from the slice its submit belongs to, even before that submit was seen, so counts can
be negative for a moment and the sum is right.
"""

from typing import Final

import numpy as np

from router.brain.ages import HORIZON_S, Floats, Ints, spent

SLICES: Final = ((0.5, 0.0), (5.0, 20.0), (60.0, 120.0))  # (width, age from which slices are merged into it), seconds
_GROW: Final = 16


class Cohorts:
    """``counts[slice, row]``; ``starts`` and ``widths`` in seconds by slice, in no special order."""

    __slots__ = ("_places", "counts", "merged_s", "starts", "widths")

    def __init__(self, rows: int = 0) -> None:
        self.starts: Floats = np.zeros(0)
        self.widths: Floats = np.zeros(0)
        self.counts: Floats = np.zeros((0, rows))
        self.merged_s = -np.inf
        self._places: dict[float, int] = {}  # start of each finest slice to its place

    def grow(self, rows: int) -> None:
        """Make room for more rows."""
        wider = np.zeros((len(self.counts), rows))
        wider[:, : self.counts.shape[1]] = self.counts
        self.counts = wider

    def add(self, at_s: Floats, rows: Ints, weight: float) -> None:
        """Count messages submitted at these times: +1 when submitted, -1 when their receipt came."""
        if not len(rows):
            return
        width = SLICES[0][0]
        starts, inverse = np.unique(np.floor(at_s / width) * width, return_inverse=True)
        places = np.array([self._place(float(start)) for start in starts], dtype=np.int64)
        np.add.at(self.counts, (places[inverse], rows), weight)

    def exposure(self, since_s: float, now_s: float, submitted_s: Floats | None = None, rows: int | None = None) -> Floats:
        """Seconds that the pending messages of each row spent in each age bin between the two times: (rows, BINS).

        ``submitted_s``, by row (the first ones suffice): only messages submitted since then, as far as slices tell. ``rows``: of the first so many.
        """
        middle = self.starts + self.widths / 2
        lapse = spent(np.maximum(now_s - middle, 0.0)) - spent(np.maximum(since_s - middle, 0.0))
        counts = self.counts[: len(self.starts), :rows]
        if submitted_s is not None:
            counts = np.where(self.starts[:, None] >= submitted_s, counts[:, : len(submitted_s)], 0.0)
        # In half a second a slice is in one bin or two, and slices of one bin lie together: a tenth of the whole product.
        result = np.zeros((lapse.shape[1], counts.shape[1]))
        for place in np.flatnonzero(lapse.any(axis=0)).tolist():
            some = np.flatnonzero(lapse[:, place])
            begin, end = int(some[0]), int(some[-1]) + 1
            result[place] = lapse[begin:end, place] @ counts[begin:end]
        return np.ascontiguousarray(result.T)  # once: written bin by bin, every row would be fetched for each of them

    def pending(self) -> Floats:
        """How many are waiting, by row."""
        total: Floats = self.counts[: len(self.starts)].sum(axis=0)
        return total

    def forget(self, rows: Ints) -> None:
        """The waiting messages of these rows leave."""
        self.counts[:, rows] = 0.0

    def age(self, now_s: float) -> None:
        """Merge the slices that have become old, and drop those past the horizon."""
        width, after_s = SLICES[1]
        if np.floor((now_s - after_s) / width) == np.floor((self.merged_s - after_s) / width):
            return  # no new slice of the second kind is complete
        self.merged_s = now_s
        starts, widths = self.starts.copy(), self.widths.copy()
        for width, after_s in SLICES[1:]:
            begin = np.floor(starts / width) * width
            old = (begin + width <= now_s - after_s) & (widths < width)
            starts[old], widths[old] = begin[old], width
        alive = starts + widths > now_s - HORIZON_S
        pairs, inverse = np.unique(np.stack((starts[alive], widths[alive])), axis=1, return_inverse=True)
        counts = np.zeros((pairs.shape[1] + _GROW, self.counts.shape[1]))
        for place, slice_ in zip(inverse.reshape(-1).tolist(), np.flatnonzero(alive).tolist(), strict=True):
            counts[place] += self.counts[slice_]  # ``add.at`` with rows takes four times as long
        self.starts, self.widths, self.counts = pairs[0].copy(), pairs[1].copy(), counts
        self._index()

    def replace(self, starts: Floats, widths: Floats, counts: Floats) -> None:
        """Take these slices instead, as read from a snapshot or merged."""
        self.starts, self.widths, self.counts = starts, widths, counts
        self._index()

    def _place(self, start_s: float) -> int:
        """The slice that holds the half second from ``start_s``, made where there is none."""
        place = self._places.get(start_s)
        if place is None:
            inside = np.flatnonzero((self.starts <= start_s) & (start_s < self.starts + self.widths))
            if len(inside):
                place = int(inside[0])
            else:
                place = len(self.starts)
                begin_s, width_s = self._slice(start_s)
                self.starts = np.append(self.starts, begin_s)
                self.widths = np.append(self.widths, width_s)
                if width_s != SLICES[0][0]:
                    return self._room(place)
            self._places[start_s] = self._room(place)
        return place

    def _slice(self, start_s: float) -> tuple[float, float]:
        """The slice that the half second belongs to since the last merging: a submit told late joins the others of its time."""
        for width_s, after_s in reversed(SLICES[1:]):
            begin_s = float(np.floor(start_s / width_s) * width_s)
            if begin_s + width_s <= self.merged_s - after_s:
                return begin_s, width_s
        return start_s, SLICES[0][0]

    def _room(self, place: int) -> int:
        """See that there is a row of counts for this slice."""
        if place >= len(self.counts):
            self.counts = np.vstack((self.counts, np.zeros((_GROW, self.counts.shape[1]))))
        return place

    def _index(self) -> None:
        finest = SLICES[0][0]
        self._places = {
            float(start): place
            for place, (start, width) in enumerate(zip(self.starts, self.widths, strict=True))
            if width == finest
        }
