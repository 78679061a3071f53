"""Shadow prices: by how much a carrier's room must be priced until what is asked of it fits.

The dual of the transportation problem, smoothed: at temperature *T* a row splits over the columns as ``exp(-(c + price) / T)`` (a soft
minimum). A step of Sinkhorn's iteration sets every price so that, the others as they are, its column is asked for no more than it
has: ``price += T * log(asked / room)``, not below 0 (Cuturi, Sinkhorn Distances, 2013; with inequalities Benamou et al., Iterative
Bregman Projections, 2015). That is slow where all prices must rise together, because too little room is left everywhere; there steps of
Newton help, with the Hessian ``(diag(asked) - P' diag(d) P) / T`` (Brauer et al., A Sinkhorn-Newton Method, 2017). Cooling brings the
smooth optimum to the true one (Schmitzer, Stabilized Sparse Scaling Algorithms, 2019).

Measured for 480 rows and 21 columns, with 65 to 75 % of what is asked for too much at no price, cooled to 1/1,000: exact paths still needed
afterwards are 21 to 92 with Sinkhorn's steps alone, and 11 to 22 with Newton's.
"""

from typing import Final

import numpy as np

from router.brain.ages import Floats, Ints

COOLING: Final = (1 / 5, 1 / 30, 1 / 200, 1 / 1_000, 1 / 4_000)  # temperatures, as shares of the spread of the costs
WARM: Final = 2  # so many of the last of them do when the prices of the last turn are at hand
SINKHORN: Final = 4  # steps at each temperature
NEWTON: Final = 2
REACH: Final = 10.0  # the longest step of Newton, in temperatures: farther away the smooth problem looks different
RIDGE: Final = 1e-3  # segments: a column that nobody wants at these prices has no slope
LEAST: Final = 1e-250  # what is left of a share beyond the exponent's range
EXPONENT: Final = 570.0  # and the exponent there


def ascend(cost: Floats, demand: Ints, room: Ints, prices: Floats | None) -> Floats:
    """Prices by column, micros a segment, near the optimal ones; inf where there is no room at all.

    ``cost``: (rows, columns), inf where a row cannot go; each row has a column with room that it can go to. ``prices``: those of the
    last turn, from which it begins; None: from nothing, and hotter.
    """
    open_ = np.flatnonzero(room > 0)
    width = cost[:, open_]
    asked = demand.astype(np.float64)
    there = room[open_].astype(np.float64)
    found = np.zeros(len(open_)) if prices is None else np.nan_to_num(prices[open_], posinf=0.0)
    spread = float(np.max(width, where=np.isfinite(width), initial=0.0) - width.min())
    for share in COOLING if prices is None else COOLING[-WARM:]:
        heat = max(spread * share, 1.0)
        found = _sinkhorn(width, asked, there, found, heat)
        for _ in range(NEWTON):
            found = _newton(width, asked, there, found, heat)
    result = np.full(len(room), np.inf)
    result[open_] = found
    return result


def _pull(cost: Floats, prices: Floats, heat: float) -> Floats:
    """``exp(-(c + price) / T)``, 1 at each row's best."""
    pull = cost + prices
    pull -= np.minimum.reduce(pull, axis=1)[:, None]
    pull /= -heat
    np.exp(pull, out=pull)
    return pull


def _sinkhorn(cost: Floats, asked: Floats, there: Floats, prices: Floats, heat: float) -> Floats:
    """Some steps, on factors ``exp(-change of price / T)`` so that they need no logarithms."""
    pull = _pull(cost, prices, heat)
    across = np.ascontiguousarray(pull.T)
    factor = np.ones(len(prices))
    most = np.exp(np.minimum(prices / heat, EXPONENT))  # where the price is 0
    for _ in range(SINKHORN):
        wanted = across @ (asked / np.maximum(pull @ factor, LEAST))
        factor = np.minimum(there / np.maximum(wanted, LEAST), most)
    result: Floats = np.maximum(prices - heat * np.log(np.maximum(factor, LEAST)), 0.0)
    return result


def _newton(cost: Floats, asked: Floats, there: Floats, prices: Floats, heat: float) -> Floats:
    """One step on the prices that are above 0 or should be."""
    share = _pull(cost, prices, heat)
    share /= share.sum(axis=1, keepdims=True)
    part = share * asked[:, None]
    load = part.sum(axis=0)
    much = load - there
    live = np.flatnonzero((prices > 0.0) | (much > 0.0))
    if not len(live):
        return prices
    slope = (-(share.T @ part))[live[:, None], live]
    slope.flat[:: len(live) + 1] += load[live] + RIDGE
    step = heat * np.linalg.solve(slope, much[live])
    longest = float(np.abs(step).max())
    if longest > REACH * heat:
        step *= REACH * heat / longest
    result = prices.copy()
    result[live] = np.maximum(prices[live] + step, 0.0)
    return result
