"""What conversions say of carriers, put together: the ledger of ``trust``, the doubts of ``doubt``, the hearings of ``hearing``."""

from collections.abc import Collection, Sequence
from typing import Final

import numpy as np

from router.brain.ages import Bools, Floats, sums
from router.brain.doubt import ONE_COUNTRY, RETURN_S, WATCHED, Doubt, slow
from router.brain.hearing import RATE_COUNT, Hearing
from router.brain.ledger import HALF_LIFE_S, Ledger, Names
from router.brain.port import Observation
from router.brain.shrink import Habits
from router.brain.spotless import Spotless
from router.brain.trust import RETRY_S, Trust

LEVELS: Final = 2  # receipts are doubted by carrier, and by carrier and country
KNOWN: Final = 3.0  # conversions promised in a country for it to speak for its carrier
BARELY: Final = 0.55  # conversions of a submit where nothing is known, with the weight of one
Place = tuple[int, tuple[str, ...]]  # a step of ``fallen.LEVELS``, and the name there


class Evidence:
    """Changes nothing as long as nobody reports conversions."""

    __slots__ = ("_begun", "_several", "doubts", "factors", "hearings", "spotless", "trust")

    def __init__(self, now_s: float) -> None:
        self.trust = Trust(now_s)
        self.spotless = Spotless()
        self.doubts = tuple(Doubt() for _ in range(LEVELS))
        self.hearings: dict[Place, Hearing] = {}
        self.factors: tuple[Floats, ...] = (np.ones(0), np.ones(0))  # what receipts are worth, by place of the trust's levels
        self._several: Bools = np.zeros(
            0, dtype=bool
        )  # carriers of which conversions were to be expected in more than one country
        self._begun: dict[Place, float] = {}  # since when places that fell lately have been falling

    @property
    def idle(self) -> bool:
        """Whether there is nothing to go by."""
        return not self.trust.rows

    def observe(self, batch: Sequence[Observation], now_s: float) -> None:
        """Take in submits and positive receipts of otp, and feedback."""
        self.trust.observe(batch, now_s)

    def fell(self, place: Place, since_s: float) -> None:
        """A change detector says that this place has got worse, from about then on."""
        if not self.idle:
            self._begun[place] = since_s

    def lost(self, step: int, name: tuple[str, ...]) -> bool:
        """Whether only the receipts of a place are lost."""
        hearing = self.hearings.get((step, name))
        return hearing is not None and hearing.lost

    def tick(self, now_s: float, suspects: Collection[Place], ledger: Ledger, habits: Habits | None) -> None:
        """Let time pass. ``suspects``: the places that the change detectors suspect now; ``habits``: of the last tick."""
        trust = self.trust
        before_s = trust.at_s
        lapse_s = now_s - before_s
        if lapse_s <= 0:
            return
        if self.idle:
            trust.advance(now_s)
            return
        self.spotless.look(ledger, habits, HALF_LIFE_S)
        after, ages = trust.curves()
        self._hear(now_s, suspects, ages)
        trust.advance(now_s)
        used = trust.rows
        worth = trust.worth(self._by_row(), after)
        expected = worth * np.maximum(trust.fresh_t[:used] @ after, 0.0)
        by_carrier, since_s = self._suspicion()
        for step, doubt in enumerate(self.doubts):
            doubt.grow(len(trust.places[step]))
            number, places = trust.of[step, :used], len(trust.places[step])
            suspicion = by_carrier[trust.owners(step)]
            newest = trust.lately.sums(worth, after, now_s, number, places)
            recent = trust.lately.recent(*newest, suspicion, since_s[trust.owners(step)])
            doubt.step(sums(number, trust.seen[:used], places), sums(number, expected, places), suspicion, lapse_s, recent)
        for tenant in trust.gone_silent(expected):
            self.silence(tenant, now_s + RETRY_S)
        trust.settle()
        self._weigh(worth, after)

    def _quick(self, step: int) -> Floats:
        """The factors of the sequential tests.

        Of the score of a carrier that is known in several countries what one of them alone has brought up does not count: it speaks for that country.
        """
        if step:
            return self.doubts[step].quick()
        whole, part = self.doubts
        alone, owner = np.maximum(np.maximum(part.score, part.lately), 0.0), self.trust.owners(1)[: len(part.score)]
        most = np.zeros(len(whole.score))
        np.maximum.at(most, owner, alone)
        several = np.zeros(len(most), dtype=bool)
        several[: len(self._several)] = self._several  # as of the last weighing
        return whole.quick(np.where(several, sums(owner, alone, len(most)) - most + ONE_COUNTRY, np.inf))

    def _untold(self, step: int, seen: Floats, promised: Floats) -> tuple[Floats, Floats]:
        """Counts by row without those of countries in doubt, for carriers that are not: what is known of a country is not held against the others."""
        if step:
            return seen, promised
        carrier, market = (self.trust.of[level, : self.trust.rows] for level in range(LEVELS))
        told = (self._quick(1) < WATCHED)[market] & (self._quick(0) >= WATCHED)[carrier]
        return np.where(told, 0.0, seen), np.where(told, 0.0, promised)

    def silence(self, tenant: str, until_s: float) -> None:
        """Forget what a tenant told, and do not listen to it until then."""
        rows = self.trust.silence(tenant, until_s)
        for step, doubt in enumerate(self.doubts):
            doubt.restart(np.unique(self.trust.of[step, rows]))

    def weigh(self) -> None:
        """Compute the factors anew."""
        after, _ = self.trust.curves()
        self._weigh(self.trust.worth(self._by_row(), after), after)

    def excuse(self, fallen: Sequence[Floats], places: Sequence[Names]) -> None:
        """Write into the multipliers of fallen places (``fallen.multipliers``) those whose receipts are lost: conversions speak for them."""
        for (step, name), hearing in self.hearings.items():
            place = places[step].index.get(name)
            if hearing.lost and place is not None:
                fallen[step][place] = hearing.factor()

    def worths(self, names: Names, step: int) -> Floats:
        """What the receipts of each place of another ledger are worth, and 1 at the end, for those in no place."""
        index, factor = self.trust.places[step].index, self.factors[step]
        found = [float(factor[index[name]]) if index.get(name, len(factor)) < len(factor) else 1.0 for name in names.names]
        return np.array([*found, 1.0])

    def least(self) -> dict[str, float]:
        """Each carrier's factor, the least over its countries."""
        found: dict[str, float] = {}
        for names, factor in zip(self.trust.places[:LEVELS], self.factors, strict=True):
            for (carrier, *_), value in zip(names.names, factor.tolist(), strict=False):
                found[carrier] = min(found.get(carrier, 1.0), value)
        return found

    def doubted(self) -> list[tuple[tuple[str, ...], bool]]:
        """Places whose receipts are in doubt, and whether conversions come back there; countries of such carriers are left out."""
        found: list[tuple[tuple[str, ...], bool]] = []
        for step, (names, doubt) in enumerate(zip(self.trust.places[:LEVELS], self.doubts, strict=True)):
            carriers = {name[0] for name, _ in found}
            watched = np.flatnonzero(self._quick(step) < WATCHED).tolist()
            found += [
                (names.names[place], bool(doubt.age_s[place] < RETURN_S))
                for place in watched
                if names.names[place][0] not in carriers
            ]
        return found

    def _suspicion(self) -> tuple[Floats, Floats]:
        """By carrier of the trust, what speaks for a lie before any code is used, and since when it does."""
        names = [name for (name,) in self.trust.places[0].names]
        suspicion = np.array([self.spotless.suspicion(name) for name in names])
        return suspicion, np.array([self.spotless.since(name) for name in names])

    def _by_row(self) -> Floats:
        """What the receipts of each row were worth at the last tick."""
        used = self.trust.rows
        found = np.ones(used)
        for step, factor in enumerate(self.factors):
            number = self.trust.of[step, :used]
            known = number < len(factor)
            found[known] = np.minimum(found[known], factor[number[known]])
        return found

    def _weigh(self, worth: Floats, after: Floats) -> None:
        """The factors of all places."""
        trust, used = self.trust, self.trust.rows
        promised = worth * np.maximum(trust.t[:used] @ after, 0.0)
        known = sums(trust.of[1, :used], promised, len(trust.places[1])) >= KNOWN
        self._several = sums(trust.owners(1), known.astype(np.float64), len(trust.places[0])) > 1.0
        above: Floats = np.ones(len(trust.places[0]))
        factors: list[Floats] = []
        for step in range(LEVELS):
            number, places, owner = trust.of[step, :used], len(trust.places[step]), trust.owners(step)
            told, due = self._untold(step, trust.o[:used], promised)
            bound, mean = slow(sums(number, told, places), sums(number, due, places), above[owner])
            factor = np.minimum(self._quick(step), bound)
            factors.append(np.minimum(factor, factors[0][owner]) if step else factor)
            above = mean
        self.factors = tuple(factors)

    def _hear(self, now_s: float, suspects: Collection[Place], ages: Floats) -> None:
        """Give each suspect its hearing; called before the ledger advances, with what was told since the last tick."""
        trust = self.trust
        self.hearings = {place: hearing for place, hearing in self.hearings.items() if place in suspects}
        for place in suspects:
            if place not in self.hearings:
                self.hearings[place] = Hearing(self._begun.get(place, now_s), self._rate(place, ages))
        self._begun.clear()
        for (step, name), hearing in self.hearings.items():
            number = trust.places[step].index.get(name, -1)
            mine = trust.of[step, : trust.rows] == number
            if not mine.any():
                continue
            told = [one for one in trust.told if mine[one.row] and one.begun_s >= hearing.since_s]
            heard = sum(one.heard for one in told)
            promised = float(trust.waited(np.flatnonzero(mine), hearing.since_s, now_s) @ ages)
            hearing.step(len(told) - heard, heard, max(promised, 0.0), now_s - trust.at_s)

    def _rate(self, place: Place, ages: Floats) -> float:
        """Conversions of a submit there up to now."""
        trust, used = self.trust, self.trust.rows
        step, name = place
        sent = np.maximum(trust.v[:used] @ ages, 0.0)
        world = (trust.o[:used].sum() + BARELY) / (sent.sum() + 1.0)
        mine = trust.of[step, :used] == trust.places[step].index.get(name, -1)
        rate = (trust.o[:used][mine].sum() + RATE_COUNT * world) / (sent[mine].sum() + RATE_COUNT)
        return min(float(rate), 1.0)
