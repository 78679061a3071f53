"""Sharing out the room of carriers: the transportation problem, solved exactly.

Rows have so many segments to place (their demand), columns room for so many, and a segment of row *k* in column *j* costs
``c[k, j]``. Minimise the sum subject to the room. Columns are few and rows many, so the residual network is folded onto the columns:
an arc from *a* to *b* weighs the least that moving one segment there costs, ``min over k in a of c[k, b] - c[k, a]``, and the
successive shortest path method (Ahuja, Magnanti and Orlin, Network Flows, 1993, 9.7) runs on a handful of nodes. It begins at
``argmin c + price``: the nearer the prices are to the optimal ones, the fewer paths are left to be found.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from router.brain.ages import Bools, Floats, Ints

EPSILON: Final = 1e-6  # micros: a gain below it is rounding


class Flow:
    """``share``: segments by (column, row). ``cost``: (rows, columns), inf where a row cannot go.

    One column must be open to every row and have room for all of them, so that there is always a solution.
    """

    def __init__(self, cost: Floats, demand: Ints, room: Ints, prices: Floats) -> None:
        rows, columns = cost.shape
        self._cost = cost
        self._room = room
        self._all = np.arange(columns)
        self._sums: Floats = np.empty((columns, columns))
        self.share: Ints = np.zeros((columns, rows), dtype=np.int64)
        self.share[np.argmin(cost + prices, axis=1), np.arange(rows)] = demand
        self.load: Ints = self.share.sum(axis=1)
        self._arc: Floats = np.full((columns, columns), np.inf)
        self._mover: Ints = np.zeros((columns, columns), dtype=np.int64)
        for column in np.flatnonzero(self.load).tolist():
            self._look(column)

    def solve(self, steps: int) -> bool:
        """Find the optimum; after ``steps`` paths what is still too much somewhere takes the nearest room instead, and it is false."""
        for _ in range(steps):
            over = self.load > self._room
            if not over.any():
                break
            self._send(np.where(over, 0.0, np.inf), over)
        else:
            self._spill()
            return False
        # Columns that had a price and have room left: whoever gains most by moving in does.
        everywhere = np.zeros(len(self.load))
        return any(not self._send(everywhere, None) for _ in range(steps))

    def prices(self) -> Floats:
        """What one more segment of room in each column would save: the dual solution, 0 where there is room left.

        Exact at the optimum, chains of moves included; after an early end it means nothing.
        """
        saving: Floats = np.maximum(-self._reach(np.zeros(len(self.load)))[-1], 0.0)
        return np.where(self.load < self._room, 0.0, saving)

    def _send(self, start: Floats, over: Bools | None) -> bool:
        """Move as much as can be along the cheapest path to a column with room; false: no path, or none that pays."""
        rounds = self._reach(start)
        reach = rounds[-1]
        ends = np.where(self.load < self._room, reach, np.inf)
        target = int(ends.argmin())
        if not np.isfinite(ends[target]) or (over is None and ends[target] > -EPSILON):
            return False
        path = self._path(rounds, target)
        arcs = [(a, b, int(self._mover[a, b])) for a, b in pairwise(path)]
        amount = min(int(self.share[a, row]) for a, _, row in arcs)
        amount = min(amount, int(self._room[target] - self.load[target]))
        if over is not None:
            amount = min(amount, int(self.load[path[0]] - self._room[path[0]]))
        for a, b, row in arcs:
            self.share[a, row] -= amount
            self.share[b, row] += amount
        self.load[path[0]] -= amount
        self.load[target] += amount
        left = {a for a, _, row in arcs if not self.share[a, row]}
        for column in left:
            self._look(column)
        for _, b, row in arcs:
            if b not in left and self.share[b, row]:
                self._enter(b, row)
        return True

    def _reach(self, start: Floats) -> list[Floats]:
        """The least cost of a path to each column, of no arcs, of one, of two, … until more do not help (Bellman and Ford)."""
        rounds = [start]
        sums = self._sums
        for _ in range(len(start)):
            np.add(start[:, None], self._arc, out=sums)
            nearer = np.minimum(start, np.minimum.reduce(sums))
            if not np.count_nonzero(nearer < start - EPSILON):
                break
            rounds.append(nearer)
            start = nearer
        return rounds

    def _path(self, rounds: Sequence[Floats], target: int) -> list[int]:
        """The columns of the cheapest path. Rounds are walked back, not costs: a row in two columns makes a circle of cost 0."""
        path = [target]
        for before, after in zip(rounds[-2::-1], rounds[:0:-1], strict=True):
            if after[path[-1]] < before[path[-1]]:
                path.append(int((before + self._arc[:, path[-1]]).argmin()))
        return path[::-1]

    def _spill(self) -> None:
        """Straight from each column that has too much to the nearest with room."""
        for column in np.flatnonzero(self.load > self._room).tolist():
            while (much := int(self.load[column] - self._room[column])) > 0:
                left = self._room - self.load
                target = int(np.where(left > 0, self._arc[column], np.inf).argmin())
                row = int(self._mover[column, target])
                amount = min(much, int(left[target]), int(self.share[column, row]))
                self.share[column, row] -= amount
                self.share[target, row] += amount
                self.load[column] -= amount
                self.load[target] += amount
                self._look(column)
                self._look(target)

    def _enter(self, column: int, row: int) -> None:
        """Renew the arcs that leave a column which a row has come to: as ``_look`` would, of equals the first row moves."""
        step = self._cost[row] - self._cost[row, column]
        arc, mover = self._arc[column], self._mover[column]
        nearer = (step < arc) | ((step == arc) & (row < mover))
        arc[nearer], mover[nearer] = step[nearer], row

    def _look(self, column: int) -> None:
        """Renew the arcs that leave a column."""
        rows = np.flatnonzero(self.share[column])
        if not len(rows):
            self._arc[column] = np.inf
            return
        step = self._cost[rows]
        step -= step[:, column, None]
        movers = step.argmin(axis=0)
        self._mover[column] = rows[movers]
        self._arc[column] = step[movers, self._all]
        self._arc[column, column] = 0.0
