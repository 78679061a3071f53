"""The ledger: what was seen of each carrier towards each network, by the age of the message when it was seen.

For a cell (carrier, network, class group) and an age bin b:

    s[b]  positive receipts that came at that age        f[b]  negative ones
    t[b]  message-seconds at risk in that bin            n     messages submitted

all discounted with a half-life of 30 minutes. A waiting message is exposure: every tick adds its seconds to ``t``, so it counts
neither as a success nor as a failure, and censoring needs no correction. A message that ends in a bin is put down for the whole bin,
as in a life table: ``s / t`` times the bin's width is then the share of those entering it that get a receipt there, wherever in the bin
receipts use to come (with seconds lived alone, a carrier that always takes 2.1 s would look like one that never fails).
``s / t`` and ``f / t`` are the rates of ``shrink``; ``curves`` makes hazards of them.

This is a cell's habit. While a cell is *fallen* (a change detector's verdict) its habit is left alone, and what is seen goes to

    came[b]  positive receipts             lived[b]  message-seconds at risk

with a half-life of two minutes, from which ``shrink`` learns how far below its habit it is. The day it recovers the habit stands as it
was: what a fault looked like never has to be unlearned, and no rate is ever scaled up from a few receipts.

Cells appear when first observed and are kept as rows, so an empty pair of carrier and network costs nothing.
"""

from typing import Final

import numpy as np

from router.brain.ages import BINS, EARLY_BINS, EDGES_S, HORIZON_S, WIDTHS_S, Bools, Floats, Ints, bin_of, spent
from router.brain.cohorts import SLICES, Cohorts
from router.brain.fresh import Fresh
from router.brain.networks import country_of

HALF_LIFE_S: Final = 1_800.0
FALLEN_HALF_LIFE_S: Final = 120.0
AGAINST: Final = 0.5
MOST_ENDED: Final = 0.98
TINY: Final = 1e-6  # receipts a second: no rate is thought to be less when two are compared
_FIRST_ROWS: Final = 64


class Names:
    """Names in order of appearance, with their numbers."""

    __slots__ = ("index", "names")

    def __init__(self) -> None:
        self.names: list[tuple[str, ...]] = []
        self.index: dict[tuple[str, ...], int] = {}

    def number(self, *name: str) -> int:
        """The number of a name, given now if it is new."""
        found = self.index.get(name)
        if found is None:
            found = self.index[name] = len(self.names)
            self.names.append(name)
        return found

    def __len__(self) -> int:
        return len(self.names)


class Ledger:
    """Rows of cells. Arrays have spare rows at the end; ``rows`` says how many are in use."""

    def __init__(self, now_s: float) -> None:
        self.at_s = now_s  # exposure is counted up to here
        self.since_s = now_s  # messages submitted before are not known here, and their receipts teach nothing
        self.rows = 0
        self.keys: dict[tuple[str, str, int], int] = {}
        self.carriers, self.networks, self.countries = Names(), Names(), Names()
        self.routes, self.markets = Names(), Names()  # (carrier, network) and (carrier, country)
        self.s = np.zeros((_FIRST_ROWS, BINS))
        self.f = np.zeros((_FIRST_ROWS, BINS))
        self.t = np.zeros((_FIRST_ROWS, BINS))
        self.n = np.zeros(_FIRST_ROWS)
        self.mu = np.zeros((_FIRST_ROWS, BINS))  # the rate of positive receipts that ``shrink`` gave the row last
        self.seen = np.zeros(_FIRST_ROWS)  # early positive receipts since the last tick
        self.expected = np.zeros(_FIRST_ROWS)  # what ``mu`` expected of them
        self.born_s = np.zeros(_FIRST_ROWS)  # the row's epoch: what was submitted before it is not counted
        self.first_s = np.zeros(_FIRST_ROWS)
        self.used_s = np.zeros(_FIRST_ROWS)
        self.came = np.zeros((_FIRST_ROWS, BINS))
        self.lived = np.zeros((_FIRST_ROWS, BINS))
        self.fallen = np.zeros(_FIRST_ROWS, dtype=bool)
        self.former = np.zeros((_FIRST_ROWS, BINS))  # of fallen rows: the rate of their habit
        self.watch_s = np.zeros(_FIRST_ROWS)  # of fallen rows: messages submitted since then tell whether it is back
        self.back = np.zeros(_FIRST_ROWS)  # since the last tick: log-likelihood ratio of the habit against the fallen rates
        # Numbers by row: of its carrier, network, country, route, market, group.
        self.of = np.zeros((6, _FIRST_ROWS), dtype=np.int64)
        self.index: object = None  # what ``shrink`` keeps for the present rows,
        self.pairs: object = None  # and what ``expected`` does
        self.cohorts = Cohorts(_FIRST_ROWS)
        self.fresh = Fresh(now_s, _FIRST_ROWS)

    def row(self, carrier: str, network: str, group: int, at_s: float) -> int:
        """The row of a cell, made if it is new."""
        key = (carrier, network, group)
        found = self.keys.get(key)
        if found is None:
            found = self.keys[key] = self.rows
            if self.rows == len(self.n):
                self.grow()
            country = country_of(network)
            self.of[:, found] = (
                self.carriers.number(carrier),
                self.networks.number(network),
                self.countries.number(country),
                self.routes.number(carrier, network),
                self.markets.number(carrier, country),
                group,
            )
            self.born_s[found] = self.since_s
            self.first_s[found] = self.used_s[found] = self.watch_s[found] = at_s
            self.rows += 1
        return found

    def submitted(self, rows: Ints, at_s: Floats) -> None:
        """Messages whose wait begins."""
        fresh = (at_s >= self.born_s[rows]) & (at_s > self.at_s - HORIZON_S)
        rows, at_s = rows[fresh], at_s[fresh]
        np.add.at(self.n, rows, 1.0)
        np.maximum.at(self.used_s, rows, at_s)
        self.cohorts.add(at_s, rows, 1.0)
        # Submitted before the last tick: the wait until that tick is caught up with here.
        late = at_s < self.at_s
        if late.any():
            rows, at_s = rows[late], at_s[late]
            self._expose(rows, spent(self.at_s - at_s), at_s)
            sound = ~self.fallen[rows]
            self.fresh.submitted(rows[sound], at_s[sound], self.mu[rows[sound]])

    def ended(self, rows: Ints, at_s: Floats, age_s: Floats, positive: Bools) -> None:
        """Receipts. Those of messages older than the horizon or than the row's epoch teach nothing."""
        begun = np.round(at_s - age_s, 6)  # as it was told: a float's last digit must not move it into the slice before
        known = (begun >= self.born_s[rows]) & (age_s < HORIZON_S)
        rows, begun, age_s, positive = rows[known], begun[known], np.maximum(age_s[known], 0.0), positive[known]
        bins = bin_of(age_s)
        down = self.fallen[rows]
        sound = positive & ~down
        np.add.at(self.s, (rows[sound], bins[sound]), 1.0)
        sound = ~positive & ~down
        np.add.at(self.f, (rows[sound], bins[sound]), 1.0)
        early = positive & (bins < EARLY_BINS)
        np.add.at(self.seen, rows[early & ~down], 1.0)
        self.fresh.ended(rows[~down], begun[~down], bins[~down], self.mu[rows[~down]], positive[~down])
        if down.any():
            came = positive & down
            np.add.at(self.came, (rows[came], bins[came]), 1.0)
            told = early & down & (begun >= self.watch_s[rows])
            here = (rows[told], bins[told])
            np.add.at(self.back, rows[told], np.log(np.maximum(self.former[here], TINY) / np.maximum(self._present(*here), TINY)))
        self.cohorts.add(begun, rows, -1.0)
        # From the last tick to the end of the bin; negative when the tick came later, which takes back what it counted too much.
        self._expose(rows, spent(EDGES_S[bins + 1]) - spent(np.maximum(self.at_s - begun, 0.0)), begun)

    def advance(self, now_s: float) -> None:
        """Add the exposure of what is waiting, up to ``now_s``, and discount."""
        if now_s <= self.at_s:
            return
        used = self.rows
        seconds = self.cohorts.exposure(self.at_s, now_s, rows=used)
        fade = 0.5 ** ((now_s - self.at_s) / HALF_LIFE_S)
        for counts in (self.s, self.f, self.t, self.n):
            counts[:used] *= fade
        sound, mu = ~self.fallen[:used], self.mu[:used]
        down = np.flatnonzero(~sound)
        if len(down):
            self.t[:used][sound] += seconds[sound]
            mu = np.where(sound[:, None], mu, 0.0)
        else:
            self.t[:used] += seconds
        self.expected[:used] += self._due(seconds, mu)
        self.fresh.advance(now_s, self.cohorts, mu)
        if len(down):
            fade = 0.5 ** ((now_s - self.at_s) / FALLEN_HALF_LIFE_S)
            self.came[down] *= fade
            self.lived[down] = self.lived[down] * fade + seconds[down]
            watched = self.cohorts.exposure(self.at_s, now_s, self.watch_s[:used])[down]
            self.back[down] += self._due(watched, self._present(down)) - self._due(watched, self.former[down])
        self.at_s = now_s
        self.cohorts.age(now_s)

    def fall(self, rows: Ints, ratio: float, since_s: float, now_s: float) -> None:
        """These rows got worse at about ``since_s``: what is seen from now on is not their habit.

        Nor is what waited since then: all of its exposure that was in vain, ``ratio`` being observed over expected, is taken back, in
        young rows too, which had no say in the alarm. What waits leaves the ledger.
        """
        sound = rows[~self.fallen[rows]]
        waited = np.maximum(self.cohorts.exposure(since_s, self.at_s)[sound], 0.0)
        self.t[sound] = np.maximum(self.t[sound] - max(1.0 - ratio, 0.0) * waited, 0.0)
        self.former[sound] = self.mu[sound]
        self.fallen[rows] = True
        self._begin(rows, now_s)

    def rise(self, rows: Ints, keep: float, now_s: float) -> None:
        """These rows are what they used to be. Of their habit at most ``keep`` observations stay (over all of them): it may have changed."""
        self.fallen[rows] = False
        self.mu[rows] = np.where(self.former[rows] > 0, self.former[rows], self.mu[rows])  # until the next estimate
        self._thin(rows, keep)
        self._begin(rows, now_s)

    def settle(self, rows: Ints, factor: Floats, keep: float, now_s: float) -> None:
        """A new habit: the old one times ``factor`` by age, or the present one where rows are fallen no more and none will come back.

        No share of those that enter a bin exceeds ``MOST_ENDED``: a rate is scaled by what a few receipts said, which may be much.
        """
        self.fallen[rows] = False
        self.s[rows] *= factor
        self.s[rows] = np.minimum(self.s[rows], MOST_ENDED * self.t[rows] / WIDTHS_S)
        self._thin(rows, keep)
        self._begin(rows, now_s)

    def watch(self, rows: Ints, now_s: float) -> None:
        """Whether these rows are back is asked anew, of what is submitted from the next slice of time on."""
        self.watch_s[rows] = np.ceil(now_s / SLICES[0][0]) * SLICES[0][0]
        self.back[rows] = 0.0

    def _thin(self, rows: Ints, keep: float) -> None:
        total = float(self.n[rows].sum())
        share = min(1.0, keep / total) if total > 0 else 1.0
        for counts in (self.s, self.f, self.t, self.n):
            counts[rows] *= share

    def _begin(self, rows: Ints, now_s: float) -> None:
        """A new epoch."""
        self.came[rows] = self.lived[rows] = 0.0
        self.seen[rows] = self.expected[rows] = 0.0
        self.born_s[rows] = now_s
        self.watch(rows, now_s)
        self.cohorts.forget(rows)
        self.fresh.forget(rows)

    def _expose(self, rows: Ints, seconds: Floats, begun_s: Floats) -> None:
        down = self.fallen[rows]
        if down.any():
            told, spent_s = rows[down], seconds[down]
            _add(self.lived, told, spent_s)
            watched = begun_s[down] >= self.watch_s[told]
            told, spent_s = told[watched], spent_s[watched]
            np.add.at(self.back, told, self._due(spent_s, self._present(told)) - self._due(spent_s, self.former[told]))
            rows, seconds = rows[~down], seconds[~down]
        _add(self.t, rows, seconds)
        np.add.at(self.expected, rows, self._due(seconds, self.mu[rows]))

    def _present(self, *where: Ints) -> Floats:
        """The rates of fallen rows that a recovery is held against: at most half of the habit, wherever they are below it."""
        former, now = self.former[where], self.mu[where]
        result: Floats = np.where(now < former, np.minimum(now, AGAINST * former), now)
        return result

    @staticmethod
    def _due(seconds: Floats, rate: Floats) -> Floats:
        """Early receipts that these rates make of this exposure."""
        result: Floats = np.einsum("rb,rb->r", seconds[:, :EARLY_BINS], rate[:, :EARLY_BINS])
        return result

    def grow(self) -> None:
        """Room for twice the rows."""
        more = len(self.n)
        for name in ("s", "f", "t", "mu", "came", "lived", "former"):
            setattr(self, name, np.vstack((getattr(self, name), np.zeros((more, BINS)))))
        for name in ("n", "seen", "expected", "back", "born_s", "first_s", "used_s", "watch_s", "fallen"):
            column = getattr(self, name)
            setattr(self, name, np.concatenate((column, np.zeros(more, dtype=column.dtype))))
        self.of = np.hstack((self.of, np.zeros((6, more), dtype=np.int64)))
        self.cohorts.grow(2 * more)
        self.fresh.grow(2 * more)


def _add(counts: Floats, rows: Ints, seconds: Floats) -> None:
    """Add to rows that may repeat. Flat, because ``add.at`` is ten times slower with rows than with single values."""
    np.add.at(counts.reshape(-1), (rows[:, None] * BINS + np.arange(BINS)).ravel(), seconds.ravel())


# Rows of ``Ledger.of``.
CARRIER, NETWORK, COUNTRY, ROUTE, MARKET, GROUP = range(6)
