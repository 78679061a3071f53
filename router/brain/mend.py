"""Whole messages from shared segments: those that came to lie across two columns find a place, and one other may move for each of them.

The linear program may cut a message of several segments in two. There are at most as many of these as columns (Shmoys and Tardos, An
Approximation Algorithm for the Generalized Assignment Problem, 1993), so each can afford a look at the carriers that suit it best and
at whom it would have to push aside there.
"""

from typing import Final

import numpy as np

from router.brain.ages import Floats, Ints

LOOKS: Final = 4  # carriers that a message tries to push somebody aside at; a choice


def whole(cost: Floats, segments: Ints, share: Ints, left: Ints, prices: Floats) -> Ints:
    """Messages by (column, row), none lost and no column passed.

    ``cost``: micros a segment, (rows, columns), the last column open to all. ``share``: segments by (column, row). ``left``: room that
    nobody has by column. ``prices``: the shadow prices, which tell where to look first.
    """
    counts: Ints = share // segments
    rest = share - counts * segments
    owed = rest.sum(axis=0) // segments
    left = left + rest.sum(axis=1)
    message = cost * segments[:, None]
    for row in np.repeat(np.arange(len(segments)), owed).tolist():
        _seat(row, message, segments, counts, left, prices)
    return counts


def _seat(row: int, message: Floats, segments: Ints, counts: Ints, left: Ints, prices: Floats) -> None:
    """Place one message where it costs least, the move of another included."""
    size = int(segments[row])
    free = np.where(left >= size, message[row], np.inf)
    free[-1] = message[row, -1]
    target = int(free.argmin())
    least, moved, to = float(free[target]), -1, -1
    for column in np.argsort(message[row, :-1] + prices[:-1] * size, kind="stable")[:LOOKS].tolist():
        gap = size - int(left[column])
        if gap <= 0 or not np.isfinite(message[row, column]):
            continue
        there = np.flatnonzero((counts[column] > 0) & (segments >= gap))
        if not len(there):
            continue
        step = message[there] - message[there, column, None]
        step[left[None, :] < segments[there, None]] = np.inf
        step[:, -1] = message[there, -1] - message[there, column]
        step[:, column] = np.inf
        at = int(step.argmin())
        paid = float(message[row, column]) + float(step.flat[at])
        if paid < least:
            least, target, moved, to = paid, column, int(there[at // step.shape[1]]), at % step.shape[1]
    if moved >= 0:
        counts[target, moved] -= 1
        counts[to, moved] += 1
        left[target] += segments[moved]
        left[to] -= segments[moved]
    counts[target, row] += 1
    left[target] -= size
