r"""Habits of the time of day: a carrier that is slow every evening is expected to be slow this evening.

Of each carrier, for each 24th of the day (slot) and each of three ranges of age, a memory over days (half-life: a week) holds

    o  positive receipts that came          e  those that the carrier's long habit made of what waited expect

and makes of them a multiplier of rates, a rate ratio shrunk to one by a Gamma prior like those of ``shrink``, mean one over the day:

    m = ((o + k) / (e + k)) ** w        w = 1 / (1 + exp(d - [o * ln(o / e) - (o - e)]))

where w is the probability that there is a habit at all: the bracket is the log-likelihood ratio of a Poisson rate o / e against 1, of at most 200
receipts (more of them are no more independent: what a carrier sends where is not the same every hour), and d = 3 the odds against, for
most carriers are the same all day, and a guess at random in each slot costs more than habits bring.

The long habit is each row's own rate with the half-life of a week; what waited counts there as m times as long, so that a row that is used in
the evening only has a long habit of its own, not that of evenings (the offset of a Poisson regression; McCullagh and Nelder,
Generalized Linear Models, 1989, section 6.2). Between the middles of two slots both are told, and both speak, in proportion (linear splines).

The ledger's rates are those of its last half hour, and hold the season of that time already. What is expected at a time is therefore

    rate * m(then) / M        M = sum of t * m / sum of t over what the ledger's exposure t is made of, slot by slot

which is 1 where the season of the ledger's memory is that of the moment: in a half hour within a slot, or where there is none.

A change detector is told what is expected with the season and without, and alarms when the receipts fit neither. Before a day has been seen all
multipliers are exactly 1.
"""

from collections.abc import Iterable
from typing import Final

import numpy as np

from router.brain.ages import BINS, EARLY_BINS, EDGES_S, PRIOR_POSITIVE, Bools, Floats, Ints, sums
from router.brain.ledger import CARRIER, FALLEN_HALF_LIFE_S, HALF_LIFE_S, TINY, Ledger
from router.brain.shrink import Habits

DAY_S: Final = 86_400.0
SLOTS: Final = 24
RANGES_S: Final = (4.0, 15.0)  # ages where the ranges part
RANGES: Final = len(RANGES_S) + 1
RANGE_OF: Final[Ints] = np.searchsorted(np.array(RANGES_S), EDGES_S[:-1], side="right")  # by bin
DAYS: Final = 7.0  # half-life
LOOKS: Final = 1_000  # at most so many a day: each costs as much as a tick
COUNT: Final = 5.0  # k
MOST: Final = 200.0  # receipts that evidence is counted of
DOUBT: Final = 3.0  # d
LONG_COUNT: Final = 10.0  # receipts a bin after which a row's long habit is its own rather than its present one
FURTHEST: Final = 20.0  # no season changes a rate by more
_NONE: Final = 1e-9  # seconds

COLUMNS: Final = ("seen", "due", "made", "long_s", "long_t")
_WATCHED: Final = ("s", "t", "came", "lived", "born_s", "fallen")


class Season:
    """By carrier, slot and range or bin; the long habits by row of the ledger."""

    __slots__ = ("_at_s", "_last", "began_s", "day_s", "due", "factor", "long_s", "long_t", "made", "seen", "slot")

    def __init__(self, now_s: float, day_s: float = DAY_S) -> None:
        self.day_s = day_s
        self.began_s = now_s
        self.seen: Floats = np.zeros((0, SLOTS, RANGES))
        self.due: Floats = np.zeros((0, SLOTS, RANGES))
        self.made: Floats = np.zeros((0, SLOTS, BINS))  # the exposure in the ledger, by when it was
        self.long_s: Floats = np.zeros((0, BINS))
        self.long_t: Floats = np.zeros((0, BINS))
        self.factor: Floats | None = None  # m, (carriers, SLOTS, RANGES); None: 1 everywhere
        self._at_s = now_s
        self.slot = self._slot_of(now_s)  # the one that memories have faded up to
        self._last: dict[str, Floats] = {}  # the ledger at the last look

    def begin(self, ledger: Ledger) -> None:
        """The ledger as it stands is what the next look compares with."""
        self._last = {name: getattr(ledger, name)[: ledger.rows].copy() for name in _WATCHED}
        self._at_s = ledger.at_s

    def look(self, ledger: Ledger, habits: Habits | None) -> None:
        """Learn from what the ledger took in since the last look. Called when it was advanced, before rows begin anew."""
        if ledger.at_s - self._at_s < self.day_s / LOOKS:
            return
        self.grow(ledger)
        used = ledger.rows
        gained, spent = self._since(ledger)
        owner = ledger.of[CARRIER, :used]
        flat = (owner[:, None] * BINS + np.arange(BINS)).ravel()
        carriers = len(ledger.carriers)

        def by_carrier(values: Floats) -> Floats:
            return sums(flat, values.ravel(), carriers * BINS).reshape(carriers, BINS)

        at_s = (self._at_s + ledger.at_s) / 2.0
        long = self._long(habits, owner)
        seen, due = _by_range(by_carrier(gained)), _by_range(by_carrier(spent * long))
        fresh = np.maximum(by_carrier(np.where(ledger.fallen[:used, None], 0.0, spent)), 0.0)
        total = np.maximum(by_carrier(ledger.t[:used]), 0.0)
        # Whatever became of the older exposure (it fades, and alarms thin it out), it is what the fresh one leaves.
        self.made *= (np.maximum(total - fresh, 0.0) / np.maximum(self.made.sum(axis=1), _NONE))[:, None]
        for slot, share in self._slots(at_s):
            self.seen[:, slot] += share * seen
            self.due[:, slot] += share * due
            self.made[:, slot] += share * fresh
        self.long_s += gained
        self.long_t += spent if self.factor is None else spent * self._then(np.full(BINS, at_s), self.factor)[owner]
        self.begin(ledger)
        self._turn(ledger.at_s)

    def ratio(self, at_s: float | Floats) -> Floats | None:
        """What rates of the ledger are multiplied by at a time, or at a time for each bin: (carriers, BINS); None: by 1."""
        if self.factor is None:
            return None
        then = self._then(np.broadcast_to(np.asarray(at_s, dtype=np.float64), (BINS,)), self.factor)
        known = self.factor[:, :, RANGE_OF]
        total = self.made.sum(axis=1)
        memory = np.where(total > _NONE, (self.made * known).sum(axis=1) / np.maximum(total, _NONE), 1.0)
        return np.clip(then / memory, 1.0 / FURTHEST, FURTHEST)

    def ahead(self, now_s: float) -> Floats | None:
        """``ratio`` for a message submitted now: each bin at the time at which the message comes to it."""
        return self.ratio(now_s + EDGES_S[:-1])

    def estimate(self, now_s: float) -> None:
        """The multipliers of what is remembered."""
        self.factor = None
        if now_s - self.began_s >= self.day_s and len(self.seen):
            seen, due = np.maximum(self.seen, 0.0), np.maximum(self.due, 0.0)
            found = ((seen + COUNT) / (due + COUNT)) ** _belief(seen, due)
            weight = due + COUNT
            self.factor = found * (weight.sum(axis=1) / (found * weight).sum(axis=1))[:, None]

    def add(self, other: "Season", carriers: Ints, rows: Ints) -> None:
        """Add what another one remembers, whose carriers and rows have these numbers here; there must be room for them."""
        for name in ("seen", "due", "made"):
            theirs = getattr(other, name)
            getattr(self, name)[carriers[: len(theirs)]] += theirs
        for name in ("long_s", "long_t"):
            theirs = getattr(other, name)
            getattr(self, name)[rows[: len(theirs)]] += theirs
        self.began_s = min(self.began_s, other.began_s)

    def _since(self, ledger: Ledger) -> tuple[Floats, Floats]:
        """Positive receipts and seconds at risk since the last look, of rows that are in the same epoch: twice (rows, BINS)."""
        used, lapse_s = ledger.rows, ledger.at_s - self._at_s
        down: Bools = ledger.fallen[:used]
        fade = np.where(down, 0.5 ** (lapse_s / FALLEN_HALF_LIFE_S), 0.5 ** (lapse_s / HALF_LIFE_S))[:, None]
        known = len(self._last["born_s"]) if self._last else 0
        same = np.ones(used, dtype=bool)
        if known:
            same[:known] = (ledger.born_s[:known] == self._last["born_s"]) & (down[:known] == self._last["fallen"])
        found = []
        for sound, fallen in (("s", "came"), ("t", "lived")):
            now = np.where(down[:, None], getattr(ledger, fallen)[:used], getattr(ledger, sound)[:used])
            if known:
                before = np.where(down[:known, None], self._last[fallen], self._last[sound])
                now[:known] -= before * fade[:known]
            found.append(np.where(same[:, None], now, 0.0))
        return found[0], found[1]

    def _long(self, habits: Habits | None, owner: Ints) -> Floats:
        """The long habit of each row: (rows, BINS)."""
        start = np.tile(PRIOR_POSITIVE, (len(owner), 1))
        if habits is not None:
            known = min(len(habits.positive.rate), len(owner))
            start[:known] = habits.positive.rate[:known]
        found: Floats = (self.long_s + LONG_COUNT) / np.maximum(self.long_t + LONG_COUNT / start, _NONE)
        return found

    def _turn(self, now_s: float) -> None:
        """With each slot that has passed memories fade, and the multipliers are made anew."""
        slot = self._slot_of(now_s)
        if slot > self.slot:
            fade = 0.5 ** ((slot - self.slot) / (SLOTS * DAYS))
            for name in ("seen", "due", "long_s", "long_t"):
                np.multiply(getattr(self, name), fade, out=getattr(self, name))
            self.slot = slot
            self.estimate(now_s)

    def _slot_of(self, at_s: float) -> int:
        """Slots since the clock began."""
        return int(at_s / self.day_s * SLOTS)

    def _slots(self, at_s: float) -> Iterable[tuple[int, float]]:
        """The two slots that a time lies between the middles of, and the share of each."""
        place = at_s / self.day_s * SLOTS - 0.5
        first = int(np.floor(place))
        return ((first % SLOTS, 1.0 - (place - first)), ((first + 1) % SLOTS, place - first))

    def _then(self, at_s: Floats, factor: Floats) -> Floats:
        """The multipliers at a time for each bin: (carriers, BINS)."""
        place = at_s / self.day_s * SLOTS - 0.5
        first = np.floor(place).astype(np.int64)
        share = place - first
        found: Floats = (1.0 - share) * factor[:, first % SLOTS, RANGE_OF] + share * factor[:, (first + 1) % SLOTS, RANGE_OF]
        return found

    def grow(self, ledger: Ledger) -> None:
        """Make room for carriers and rows that appeared."""
        more = len(ledger.carriers) - len(self.seen)
        if more > 0:
            for name in ("seen", "due", "made"):
                setattr(self, name, _longer(getattr(self, name), more, 0.0))
            if self.factor is not None:
                self.factor = _longer(self.factor, more, 1.0)
        more = ledger.rows - len(self.long_s)
        if more > 0:
            self.long_s, self.long_t = _longer(self.long_s, more, 0.0), _longer(self.long_t, more, 0.0)


def _belief(seen: Floats, due: Floats) -> Floats:
    """The probability that there is a habit at all."""
    share = np.minimum(1.0, MOST / np.maximum(due, _NONE))
    o, e = share * seen, share * due
    evidence = o * np.log(np.maximum(o, _NONE) / np.maximum(e, _NONE)) - (o - e)
    found: Floats = 1.0 / (1.0 + np.exp(np.minimum(DOUBT - evidence, 50.0)))
    return found


def _longer(values: Floats, more: int, empty: float) -> Floats:
    return np.concatenate((values, np.full((more, *values.shape[1:]), empty)))


def _by_range(values: Floats) -> Floats:
    """Sums over the bins of each range: (carriers, RANGES)."""
    return np.stack([values[:, number == RANGE_OF].sum(axis=1) for number in range(RANGES)], axis=1)


def seasoned(season: Season, ledger: Ledger, rate: Floats) -> tuple[Floats, Floats | None]:
    """What the habit of the time of day makes of the rates of the rows, (rows, BINS).

    And by row the early receipts expected without the season, for each one expected with it; None: there is none.
    """
    ratio = season.ratio(ledger.at_s)
    if ratio is None:
        return rate, None
    owner = ledger.of[CARRIER, : ledger.rows]
    found: Floats = rate.copy()
    known = owner < len(ratio)  # others appeared since the season's last look
    found[known] *= ratio[owner[known]]
    waited = np.maximum(ledger.t[: ledger.rows, :EARLY_BINS], 0.0)
    without, due = (np.einsum("rb,rb->r", waited, one[:, :EARLY_BINS]) for one in (rate, found))
    return found, np.where(due > 0, without / np.maximum(due, TINY), 1.0)
