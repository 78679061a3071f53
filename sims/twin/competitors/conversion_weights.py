"""Weights from a window of success and of conversions, as sellers of "adaptive routing" describe it.

Sources: Vonage Adaptive Routing (routes are re-weighted by conversion feedback), Twilio's and Infobip's descriptions of theirs, and GOV.UK
Notify's code for weights that move by steps (app/dao/provider_details_dao). None gives parameters; these are: a window of five minutes by
carrier and country, weights renewed every 60 s. Success by receipts is positive receipts in time over outcomes; success by conversions is
the country's usual success times the carrier's codes used over codes sent, relative to the country's. The smaller one gives the
expected cost, and a carrier's weight is exp(-(cost - least cost) / 5 % of the loss), at least 1 %, so that it is heard of again.
"""

import math
from collections import deque
from collections.abc import Sequence
from typing import Final

import numpy as np

from sims.twin.competitors.outcomes import Known, Learner
from sims.twin.policy import Brief, Event, Item, Pick, Seen
from sims.twin.values import LOSS, Floats

WINDOW_S: Final = 300.0
RENEW_S: Final = 60.0
SHARPNESS: Final = 0.05  # of the loss
LEAST: Final = 0.01
PRIOR: Final = (9.0, 10.0)  # successes and outcomes that a carrier starts with


class ConversionWeights(Learner):
    """Chance by weight."""

    def __init__(self, brief: Brief, rng: np.random.Generator) -> None:
        super().__init__(brief, rng)
        shape = (len(brief.carriers), max(self.country) + 1)
        self.good, self.ended = np.zeros(shape), np.zeros(shape)
        self.used, self.codes = np.zeros(shape), np.zeros(shape)
        self._past: deque[tuple[float, Floats, int, int, float]] = deque()
        self.score = np.full(shape, PRIOR[0] / PRIOR[1])
        self.renew_s = 0.0

    def observe(self, events: Sequence[Event], now: float) -> None:
        """Count, forget what is older than the window, renew the score."""
        self.now = now
        for event in events:
            if event.seen == Seen.SUBMITTED and event.klass == 0:
                self._count(self.codes, event.place, event.network, 1.0)
        super().observe(events, now)
        while self._past and self._past[0][0] <= now - WINDOW_S:
            _, table, place, country, value = self._past.popleft()
            table[place, country] -= value
        if now >= self.renew_s:
            self.renew_s = now + RENEW_S
            self.renew()

    def learn(self, known: Known) -> None:
        """An outcome."""
        self._count(self.ended, known.place, known.network, 1.0)
        self._count(self.good, known.place, known.network, float(known.good))

    def converted(self, event: Event) -> None:
        """A code that was used."""
        self._count(self.used, event.place, event.network, 1.0)

    def renew(self) -> None:
        """The smaller of success by receipts, and of success by conversions: what is usual in the country, times conversions over usual."""
        success = (self.good + PRIOR[0]) / (self.ended + PRIOR[1])
        usual = (self.good.sum(axis=0) + PRIOR[0]) / (self.ended.sum(axis=0) + PRIOR[1])
        converted = (self.used.sum(axis=0) + 0.1) / (self.codes.sum(axis=0) + 1.0)
        rate = (self.used + PRIOR[1] * converted) / (self.codes + PRIOR[1])
        self.score = np.minimum(success, usual * rate / converted)

    def weights(self, item: Item, able: list[int]) -> list[float]:
        """Of the able carriers."""
        country, loss = self.country[item.network], LOSS[item.klass]
        cost = [self.price[place][item.network] + loss * (1.0 - float(self.score[place, country])) for place in able]
        least = min(cost)
        return [max(math.exp((least - one) / (SHARPNESS * loss)), LEAST) for one in cost]

    def pick(self, item: Item, able: list[int]) -> Pick:
        """By lot."""
        weights = self.weights(item, able)
        mark = self.rng.random() * sum(weights)
        for place, weight in zip(able, weights, strict=True):
            mark -= weight
            if mark < 0.0:
                return Pick(place)
        return Pick(able[-1])

    def _count(self, table: Floats, place: int, network: int, value: float) -> None:
        country = self.country[network]
        table[place, country] += value
        self._past.append((self.now, table, place, country, value))
