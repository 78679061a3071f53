"""The second ledger: conversions. What tenants tell of codes that were used is the one sign of delivery that no carrier can forge.

For a row (carrier, network, tenant), of otp messages and first attempts of tenants that report, by age bin b as in ``ledger``:

    t[b]  message-seconds since a positive receipt        v[b]  message-seconds since the submit
    o     conversions                                     u     those of them that came without a positive receipt

all discounted with a half-life of 30 minutes. A message is exposure for as long as a conversion may come, whether one came or not; it is
never a failure. With the world's curves g and h (the shares of conversions by seconds since receipt and since submit, learned from
conversions and a lognormal prior) the receipts of a row have promised

    promised = c * sum_b t[b] * g[b] / width[b]

conversions so far, c being the conversions a receipt of that tenant in that country is worth: o over the promise of receipts, over the carriers that
are trusted (one trusted by three quarters or less has no say: its honest past and its present lies are in one count); shrunk by Gamma priors in steps
(as in ``shrink``) from the world to the tenant (20) to its country (30). ``doubt`` weighs o against the promise, ``hearing`` weighs u against what
was sent.

Everything is a sum, so ledgers of two brains add up. Without any feedback nothing is kept and nothing is changed.
"""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from router.brain.ages import BINS, HORIZON_S, WIDTHS_S, Floats, Ints, bin_of, spent, sums
from router.brain.cohorts import Cohorts
from router.brain.lately import Lately
from router.brain.ledger import Names
from router.brain.networks import country_of
from router.brain.port import Observation, Outcome
from router.brain.reading import PRIOR_AFTER, PRIOR_AGE

HALF_LIFE_S: Final = 1_800.0
PROMPT_S: Final = 60.0  # a tenant that tells later than that cannot be weighed against what is under way
RETRY_S: Final = 3_600.0  # a tenant that was late or fell silent is not listened to for so long
# Conversions missed in a row outside of any one carrier, and the logarithm of those it told of: its reports stopped, not its messages. So many in a row
# are missed by chance once in exp(threshold) conversions, and who tells of ten a second must not be thought silent after a second without.
SILENT: Final = 4.0
MOST_REPORTERS: Final = 500
MOST_ROWS: Final = 20_000
TENANT_COUNT: Final = 20.0
COUNTRY_COUNT: Final = 30.0
WORLD_RATE: Final = 0.6  # conversions of a receipt before anything was seen, with the weight of two
CURVE_COUNT: Final = 20.0  # conversions that the priors of the curves weigh
_FIRST_ROWS: Final = 64
COLUMNS: Final = ("o", "u", "seen", "unheard", "quiet")
BINNED: Final = ("t", "v", "fresh_t", "fresh_v")


class Conversion(NamedTuple):
    """One that was told since the last tick, as ``hearing`` wants it."""

    row: int
    begun_s: float
    heard: bool


class Trust:
    """Rows as in ``ledger.Ledger``; ``places``: names of carriers, markets and routes, ``of`` their numbers by row, then those of tenants and mixes."""

    def __init__(self, now_s: float) -> None:
        self.at_s = now_s
        self.reporters: dict[str, float] = {}  # tenants that report, and since when: messages submitted before do not count
        self.silenced: dict[str, float] = {}  # tenants that are not listened to, and until when
        self.rows = 0
        self.keys: dict[tuple[str, str, str], int] = {}
        self.places = (Names(), Names(), Names())
        self.tenants, self.mixes = Names(), Names()  # (tenant,) and (tenant, country)
        self.of = np.zeros((5, _FIRST_ROWS), dtype=np.int64)
        self.o, self.u = np.zeros(_FIRST_ROWS), np.zeros(_FIRST_ROWS)
        self.seen, self.unheard = np.zeros(_FIRST_ROWS), np.zeros(_FIRST_ROWS)  # conversions since the last tick
        self.quiet = np.zeros(_FIRST_ROWS)  # expected since the tenant's last conversion
        self.t, self.v = np.zeros((_FIRST_ROWS, BINS)), np.zeros((_FIRST_ROWS, BINS))
        self.fresh_t, self.fresh_v = np.zeros((_FIRST_ROWS, BINS)), np.zeros((_FIRST_ROWS, BINS))  # since the last tick
        self.given, self.sent = Cohorts(_FIRST_ROWS), Cohorts(_FIRST_ROWS)  # by receipt and by submit; nothing leaves but by age
        self.lately = Lately(now_s, _FIRST_ROWS)
        self.after, self.ages = np.zeros(BINS), np.zeros(BINS)  # conversions by seconds since receipt and since submit
        self.told: list[Conversion] = []
        self._owners: list[Ints] = [np.zeros(0, dtype=np.int64) for _ in self.places]

    def row(self, carrier: str, network: str, tenant: str, limit: int = MOST_ROWS) -> int:
        """The row, made if it is new; -1: there are too many."""
        key = (carrier, network, tenant)
        found = self.keys.get(key)
        if found is None:
            if self.rows >= limit:
                return -1
            found = self.keys[key] = self.rows
            if self.rows == len(self.o):
                self._grow()
            country = country_of(network)
            self.of[:, found] = (
                self.places[0].number(carrier),
                self.places[1].number(carrier, country),
                self.places[2].number(carrier, network),
                self.tenants.number(tenant),
                self.mixes.number(tenant, country),
            )
            self.rows += 1
        return found

    def observe(self, batch: Sequence[Observation], now_s: float) -> None:
        """Submits and positive receipts of tenants that report, and what these tell."""
        submits: list[tuple[int, float]] = []
        receipts: list[tuple[int, float]] = []
        for item in batch:
            begun_s = item.at_s - item.age_s
            if item.outcome >= Outcome.CONVERTED:
                self._hear(item, begun_s, now_s)
            elif begun_s >= self.reporters.get(item.tenant, math.inf):
                row = self.row(item.carrier, item.network, item.tenant)
                if row >= 0:
                    (submits if item.outcome == Outcome.SUBMITTED else receipts).append(
                        (row, begun_s if item.outcome == Outcome.SUBMITTED else item.at_s)
                    )
        if submits:
            self._enter(self.sent, self.fresh_v, submits)
        if receipts:
            self._enter(self.given, self.fresh_t, receipts)
            rows, at_s = zip(*receipts, strict=True)
            self.lately.add(self.lately.given, np.array(rows), np.array(at_s))

    def advance(self, now_s: float) -> None:
        """Add what waited since the last tick to ``fresh_t`` and ``fresh_v``, which ``settle`` folds in."""
        if now_s <= self.at_s:
            return
        used = self.rows
        if used:
            self.fresh_t[:used] += self.given.exposure(self.at_s, now_s, rows=used)
            self.fresh_v[:used] += self.sent.exposure(self.at_s, now_s, rows=used)
            fade = 0.5 ** ((now_s - self.at_s) / HALF_LIFE_S)
            for counts in (self.o, self.u, self.t, self.v):
                counts[:used] *= fade
            self.after *= fade
            self.ages *= fade
        self.given.age(now_s)  # on the common grid, with nothing in them too
        self.sent.age(now_s)
        self.at_s = now_s

    def waited(self, rows: Ints, since_s: float, now_s: float) -> Floats:
        """Seconds by age since the last tick of messages of these rows submitted since then, as far as slices tell: (BINS,)."""
        late = np.flatnonzero(self.sent.starts >= since_s)
        middle = self.sent.starts[late] + self.sent.widths[late] / 2
        lapse = spent(np.maximum(now_s - middle, 0.0)) - spent(np.maximum(self.at_s - middle, 0.0))
        total: Floats = self.sent.counts[late[:, None], rows].sum(axis=1) @ lapse
        return total

    def owners(self, step: int) -> Ints:
        """The carrier of each place of a level."""
        known, names = self._owners[step], self.places[step].names
        if len(known) < len(names):
            more = [self.places[0].index[name[:1]] for name in names[len(known) :]]
            known = self._owners[step] = np.concatenate((known, np.array(more, dtype=np.int64)))
        return known

    def settle(self) -> None:
        """What is fresh has been weighed, and becomes history."""
        used = self.rows
        self.o[:used] += self.seen[:used]
        self.u[:used] += self.unheard[:used]
        self.t[:used] += self.fresh_t[:used]
        self.v[:used] += self.fresh_v[:used]
        for fresh in (self.seen, self.unheard, self.fresh_t, self.fresh_v):
            fresh[:used] = 0.0
        self.told.clear()

    def curves(self) -> tuple[Floats, Floats]:
        """Conversions that a message-second is worth by age, of messages that convert: since receipt, and since submit."""
        after = (self.after + CURVE_COUNT * PRIOR_AFTER) / (self.after.sum() + CURVE_COUNT) / WIDTHS_S
        ages = (self.ages + CURVE_COUNT * PRIOR_AGE) / (self.ages.sum() + CURVE_COUNT) / WIDTHS_S
        return after, ages

    def worth(self, trusted: Floats, after: Floats) -> Floats:
        """Conversions that a receipt of each row is worth. ``trusted``: how far its carrier's receipts are, by row."""
        used = self.rows
        heard = np.clip(4.0 * trusted - 3.0, 0.0, 1.0)
        seen, promised = self.o[:used] * heard, np.maximum(self.t[:used] @ after, 0.0) * heard
        world = (seen.sum() + 2.0 * WORLD_RATE) / (promised.sum() + 2.0)
        tenant, mix = self.of[3, :used], self.of[4, :used]
        by_tenant = _shrunk(tenant, seen, promised, len(self.tenants), np.array(world), TENANT_COUNT)
        above = np.full(len(self.mixes), world)
        above[mix] = by_tenant[tenant]
        worth: Floats = _shrunk(mix, seen, promised, len(self.mixes), above, COUNTRY_COUNT)[mix]
        return np.minimum(worth, 1.0)

    def gone_silent(self, expected: Floats) -> list[str]:
        """Tenants of which nothing is heard anywhere, though ``expected`` conversions (by row, since the last tick) were due."""
        used = self.rows
        self.quiet[:used] += expected
        for one in self.told:
            self.quiet[:used][self.of[3, :used] == self.of[3, one.row]] = 0.0
        found = []
        total = sums(self.of[3, :used], self.quiet[:used], len(self.tenants))
        least = SILENT + np.log1p(sums(self.of[3, :used], self.o[:used], len(self.tenants)))
        for place in np.flatnonzero(total >= least).tolist():
            mine = np.flatnonzero(self.of[3, :used] == place)
            by_carrier = np.bincount(self.of[0, mine], weights=self.quiet[mine])
            if total[place] - by_carrier.max() >= least[place]:
                found.append(self.tenants.names[place][0])
        return found

    def silence(self, tenant: str, until_s: float) -> Ints:
        """Forget a tenant, and listen to it again later; returns its rows."""
        self.reporters.pop(tenant, None)
        self.silenced[tenant] = until_s
        number = self.tenants.index.get((tenant,), -1)
        rows = np.flatnonzero(self.of[3, : self.rows] == number)
        for name in (*COLUMNS, *BINNED):
            getattr(self, name)[rows] = 0.0
        self.given.forget(rows)
        self.sent.forget(rows)
        self.lately.forget(rows)
        gone = set(rows.tolist())
        self.told = [one for one in self.told if one.row not in gone]
        return rows

    def _hear(self, item: Observation, begun_s: float, now_s: float) -> None:
        """A tenant tells."""
        tenant = item.tenant
        if not tenant or now_s < self.silenced.get(tenant, -math.inf):
            return
        if now_s - item.at_s > PROMPT_S:
            self.silence(tenant, now_s + RETRY_S)
            return
        since_s = self.reporters.get(tenant)
        if since_s is None:
            if len(self.reporters) < MOST_REPORTERS:
                self.reporters[tenant] = item.at_s
                self.silenced.pop(tenant, None)
            return
        if not item.first or begun_s < since_s or item.age_s >= HORIZON_S:
            return
        row = self.row(item.carrier, item.network, tenant)
        if row < 0:
            return
        heard = item.after_s >= 0.0
        after_s = min(item.after_s, item.age_s)  # no receipt comes before its submit
        where = np.array([row]), np.array([item.at_s - after_s if heard else item.at_s])
        if item.outcome == Outcome.CONVERTED:
            self.seen[row] += 1.0
            self.unheard[row] += not heard
            self.ages[bin_of(np.array(item.age_s))] += 1.0
            if heard:
                self.after[bin_of(np.array(after_s))] += 1.0
            self.told.append(Conversion(row, begun_s, heard))
            self.lately.add(self.lately.used, *where)
            return
        # It will not come: all of its exposure is due now.
        self._close(self.sent, self.fresh_v, row, begun_s)
        if heard:
            self._close(self.given, self.fresh_t, row, item.at_s - after_s)
            self.lately.add(self.lately.closed, *where)

    def _enter(self, cohorts: Cohorts, fresh: Floats, entries: Sequence[tuple[int, float]]) -> None:
        """Messages whose conversions may come from now on; those told late catch up with the last tick."""
        rows, at_s = np.array([row for row, _ in entries]), np.array([at_s for _, at_s in entries])
        alive = at_s > self.at_s - HORIZON_S
        rows, at_s = rows[alive], np.round(at_s[alive], 6)
        cohorts.add(at_s, rows, 1.0)
        _add(fresh, rows, spent(np.maximum(self.at_s - at_s, 0.0)))

    def _close(self, cohorts: Cohorts, fresh: Floats, row: int, at_s: float) -> None:
        at_s = round(at_s, 6)
        if at_s <= self.at_s - HORIZON_S:
            return
        cohorts.add(np.array([at_s]), np.array([row]), -1.0)
        fresh[row] += WIDTHS_S - spent(np.array(max(self.at_s - at_s, 0.0)))

    def _grow(self) -> None:
        more = len(self.o)
        for name in COLUMNS:
            setattr(self, name, np.concatenate((getattr(self, name), np.zeros(more))))
        for name in BINNED:
            setattr(self, name, np.vstack((getattr(self, name), np.zeros((more, BINS)))))
        self.of = np.hstack((self.of, np.zeros((5, more), dtype=np.int64)))
        self.given.grow(2 * more)
        self.sent.grow(2 * more)
        self.lately.grow(2 * more)


def _shrunk(number: Ints, seen: Floats, promised: Floats, size: int, above: Floats, count: float) -> Floats:
    """(seen + k * the rate above) / (promised + k), by number."""
    result: Floats = (sums(number, seen, size) + count * above) / (sums(number, promised, size) + count)
    return result


def _add(counts: Floats, rows: Ints, seconds: Floats) -> None:
    np.add.at(counts.reshape(-1), (rows[:, None] * BINS + np.arange(BINS)).ravel(), seconds.ravel())
