"""The ledger: what was seen of each carrier towards each network, by the age of the message when it was seen.

For a cell (carrier, network, class group) and an age bin b:

    s[b]  positive receipts that came at that age        f[b]  negative ones
    t[b]  message-seconds at risk in that bin            n     messages submitted

all discounted with a half-life of 30 minutes. A waiting message is exposure: every tick adds its seconds to ``t``, so it counts
neither as a success nor as a failure, and censoring needs no correction. A message that ends in a bin is put down for the whole bin,
as in a life table: ``s / t`` times the bin's width is then the share of those entering it that get a receipt there, wherever in the bin
receipts use to come (with seconds lived alone, a carrier that always takes 2.1 s would look like one that never fails).
``s / t`` and ``f / t`` are the rates of ``shrink``; ``curves`` makes hazards of them.

Cells appear when first observed and are kept as rows, so an empty pair of carrier and network costs nothing.
"""

from typing import Final

import numpy as np

from router.brain.ages import BINS, EARLY_BINS, EDGES_S, HORIZON_S, Bools, Floats, Ints, bin_of, spent
from router.brain.cohorts import Cohorts
from router.brain.networks import country_of

HALF_LIFE_S: Final = 1_800.0
RELAPSE_S: Final = 120.0
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
        self.rose_s = np.full(_FIRST_ROWS, -np.inf)  # when the row last came back
        # What fallen rows were: ``n`` is 0 where nothing is kept.
        shapes = {"s": self.s, "f": self.s, "t": self.s, "mu": self.s, "n": self.n}
        self.kept = {name: np.zeros_like(like) for name, like in shapes.items()}
        self.back = np.zeros(_FIRST_ROWS)  # since the last tick: log-likelihood ratio of the kept ``mu`` against the present one
        # Numbers by row: of its carrier, network, country, route, market, group.
        self.of = np.zeros((6, _FIRST_ROWS), dtype=np.int64)
        self.index: object = None  # what ``shrink`` keeps for the present rows
        self.cohorts = Cohorts(_FIRST_ROWS)

    def row(self, carrier: str, network: str, group: int, at_s: float) -> int:
        """The row of a cell, made if it is new."""
        key = (carrier, network, group)
        found = self.keys.get(key)
        if found is None:
            found = self.keys[key] = self.rows
            if self.rows == len(self.n):
                self._grow()
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
            self.first_s[found] = self.used_s[found] = at_s
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
            self._expose(rows[late], spent(self.at_s - at_s[late]))

    def ended(self, rows: Ints, at_s: Floats, age_s: Floats, positive: Bools) -> None:
        """Receipts. Those of messages older than the horizon or than the row's epoch teach nothing."""
        begun = at_s - age_s
        known = (begun >= self.born_s[rows]) & (age_s < HORIZON_S)
        rows, begun, age_s, positive = rows[known], begun[known], np.maximum(age_s[known], 0.0), positive[known]
        bins = bin_of(age_s)
        np.add.at(self.s, (rows[positive], bins[positive]), 1.0)
        np.add.at(self.f, (rows[~positive], bins[~positive]), 1.0)
        early = rows[positive & (bins < EARLY_BINS)]
        np.add.at(self.seen, early, 1.0)
        fallen = positive & (bins < EARLY_BINS) & (self.kept["n"][rows] > 0)
        if fallen.any():
            here = (rows[fallen], bins[fallen])
            np.add.at(self.back, rows[fallen], np.log(np.maximum(self.kept["mu"][here], TINY) / np.maximum(self.mu[here], TINY)))
        self.cohorts.add(begun, rows, -1.0)
        # From the last tick to the end of the bin; negative when the tick came later, which takes back what it counted too much.
        self._expose(rows, spent(EDGES_S[bins + 1]) - spent(np.maximum(self.at_s - begun, 0.0)))

    def advance(self, now_s: float) -> None:
        """Add the exposure of what is waiting, up to ``now_s``, and discount."""
        if now_s <= self.at_s:
            return
        used = self.rows
        seconds = self.cohorts.exposure(self.at_s, now_s)[:used]
        fade = 0.5 ** ((now_s - self.at_s) / HALF_LIFE_S)
        for counts in (self.s, self.f, self.t, self.n):
            counts[:used] *= fade
        self.t[:used] += seconds
        self._expect(np.arange(used), seconds)
        self.at_s = now_s
        self.cohorts.age(now_s)

    def fall(self, rows: Ints, ratio: float, missing: float, keep: float, now_s: float) -> None:
        """A new epoch of rows that got worse; what they were is kept for the day they recover.

        At most ``keep`` observations stay (over all rows together), successes rescaled by ``ratio``; what waits leaves the ledger.
        What is kept is made up for the ``missing`` receipts of the time between the change and its alarm, which are not its habit.
        A row that falls again soon after it rose was taken back for better than it is: that memory is dropped.
        """
        share = self._share(rows, keep)
        sound = (now_s - self.rose_s[rows] > RELAPSE_S) & (self.kept["n"][rows] == 0)
        relapsed = now_s - self.rose_s[rows] <= RELAPSE_S
        for name, values in self.kept.items():
            values[rows[sound]] = share * getattr(self, name)[rows[sound]]  # of ``mu`` see below: it is a rate
            values[rows[relapsed]] = 0.0
        early = float(self.s[rows, :EARLY_BINS].sum())
        mend = 1.0 + min(max(missing, 0.0) / max(early, 1.0), 1.0)
        self.kept["s"][rows[sound]] *= mend
        self.kept["mu"][rows[sound]] = self.mu[rows[sound]] * mend
        self._renew(rows, share, ratio, now_s)

    def rise(self, rows: Ints, ratio: float, keep: float, now_s: float) -> None:
        """A new epoch of rows that got better: what they were before they fell, or where nothing is kept, rescaled as in ``fall``."""
        self._renew(rows, self._share(rows, keep), ratio, now_s)
        known = rows[self.kept["n"][rows] > 0]
        for name, values in self.kept.items():
            getattr(self, name)[known] = values[known]  # ``mu`` too, until the next estimate
            values[known] = 0.0
        self.rose_s[known] = now_s

    def _share(self, rows: Ints, keep: float) -> float:
        total = float(self.n[rows].sum())
        return min(1.0, keep / total) if total > 0 else 1.0

    def _renew(self, rows: Ints, share: float, ratio: float, now_s: float) -> None:
        self.s[rows] *= share * ratio
        self.f[rows] *= share
        self.t[rows] *= share
        self.n[rows] *= share
        self.born_s[rows] = now_s
        self.cohorts.forget(rows)

    def _expose(self, rows: Ints, seconds: Floats) -> None:
        # Flat, because ``add.at`` is ten times slower with rows than with single values.
        np.add.at(self.t.reshape(-1), (rows[:, None] * BINS + np.arange(BINS)).ravel(), seconds.ravel())
        self._expect(rows, seconds)

    def _expect(self, rows: Ints, seconds: Floats) -> None:
        """What the present rates, and those of before the fall, make of this exposure."""
        early = seconds[:, :EARLY_BINS]
        due = np.einsum("rb,rb->r", early, self.mu[rows, :EARLY_BINS])
        np.add.at(self.expected, rows, due)
        fallen = np.flatnonzero(self.kept["n"][rows] > 0)
        if len(fallen):
            before = np.einsum("rb,rb->r", early[fallen], self.kept["mu"][rows[fallen], :EARLY_BINS])
            np.add.at(self.back, rows[fallen], due[fallen] - before)

    def _grow(self) -> None:
        """Twice the rows."""
        more = len(self.n)
        for name in ("s", "f", "t", "mu"):
            setattr(self, name, np.vstack((getattr(self, name), np.zeros((more, BINS)))))
        for name in ("n", "seen", "expected", "back", "born_s", "first_s", "used_s"):
            setattr(self, name, np.concatenate((getattr(self, name), np.zeros(more))))
        self.rose_s = np.concatenate((self.rose_s, np.full(more, -np.inf)))
        self.kept = {name: np.concatenate((values, np.zeros_like(values))) for name, values in self.kept.items()}
        self.of = np.hstack((self.of, np.zeros((6, more), dtype=np.int64)))
        self.cohorts.grow(2 * more)


# Rows of ``Ledger.of``.
CARRIER, NETWORK, COUNTRY, ROUTE, MARKET, GROUP = range(6)
