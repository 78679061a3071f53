"""Are receipts worth what they promise? A sequential likelihood ratio for carriers and for carriers in a country.

For a place that saw ``o`` conversions where its receipts promised ``e`` (``trust``), the log-likelihood ratio of "only a share r = 0.25 of what it
reports is delivered" against "all is" is, for Poisson counts,

    score += o * ln r + (1 - r) * e            -s <= score <= CEILING - s

(Wald 1945; with the floor Page's CUSUM, as in ``change``), s being what ``spotless`` has against the carrier. It is read as log-odds: with
prior odds of exp(s - ODDS) the chance that the place lies is q = 1 / (1 + exp(ODDS - s - score)), and its receipts are worth

    quick = 1 - q * (1 - (o + r) / (e + 1))    o, e since the score left its floor, with a half-life of 5 minutes

so that trust falls as evidence comes, not at an alarm, and a doubt that was wrong has cost a moment of the second best. Codes that were
delivered before a lie began go on being used and speak for the liar here; what the newest receipts say by themselves (``lately``) takes the
score's place where it is more. The ceiling is what conversions must make up for when they return. Lies smaller than this test tells apart
weigh by the long count: (o + k) / (e + k), the place above being the prior (k = 10), plus three of its standard deviations, at most 1: little
data is never held against anybody.
"""

from typing import Final, NamedTuple

import numpy as np

from router.brain.ages import Floats, Ints

LIE: Final = 0.25
ODDS: Final = 6.5
CEILING: Final = 9.0
NEGLIGIBLE: Final = 0.01  # a chance of lying below that is none
WATCHED: Final = 0.95  # a place worth less than that is probed, for conversions to clear it
ONE_COUNTRY: Final = 2.0  # that a country's own doubt adds to its carrier's: next to nothing
RETURN_S: Final = 20.0  # and often for so long after each conversion
RUN_HALF_LIFE_S: Final = 300.0
COUNT: Final = 10.0
SLACK: Final = 3.0  # standard deviations
COLUMNS: Final = ("score", "lately", "seen", "promised", "suspicion", "age_s")


class Recent(NamedTuple):
    """What speaks for a lie that began lately (``lately``), by place."""

    score: Floats  # suspicion included
    likeliest: Floats  # of conversions alone, though there are many begins to choose from
    seen: Floats  # conversions since it began
    promised: Floats


class Doubt:
    """Of the places of one level: arrays by place."""

    __slots__ = COLUMNS

    def __init__(self) -> None:
        self.score = np.zeros(0)
        self.lately = np.zeros(0)  # what the newest receipts say by themselves
        self.seen = np.zeros(0)
        self.promised = np.zeros(0)
        self.suspicion = np.zeros(0)
        self.age_s = np.zeros(0)  # since the last conversion

    def grow(self, places: int) -> None:
        """Make room."""
        more = places - len(self.score)
        if more > 0:
            for name in COLUMNS:
                setattr(self, name, np.concatenate((getattr(self, name), np.zeros(more))))

    def step(self, seen: Floats, promised: Floats, suspicion: Floats, lapse_s: float, recent: Recent | None = None) -> None:
        """Take in what came since the last step; ``recent`` is what the newest receipts say, of which some came before."""
        fade = 0.5 ** (lapse_s / RUN_HALF_LIFE_S)
        self.suspicion = suspicion
        self.age_s = np.where(seen > 0, 0.0, self.age_s + lapse_s)
        self.score = np.clip(self.score + seen * np.log(LIE) + (1.0 - LIE) * promised, -suspicion, CEILING - suspicion)
        running = self.score > -suspicion
        self.seen = np.where(running, self.seen * fade + seen, 0.0)
        self.promised = np.where(running, self.promised * fade + promised, 0.0)
        if recent is not None:
            self.lately = recent.likeliest
            score = np.minimum(recent.score, CEILING) - suspicion
            more = score > self.score
            self.score = np.where(more, score, self.score)
            self.seen, self.promised = np.where(more, recent.seen, self.seen), np.where(more, recent.promised, self.promised)

    def quick(self, most: Floats | None = None) -> Floats:
        """The factor of the sequential test. ``most``: by place, what its score may count at the most."""
        score = self.score if most is None else np.minimum(self.score, most)
        lies = 1.0 / (1.0 + np.exp(ODDS - self.suspicion - score))
        # Of a liar caught early little is known but that it lies.
        ratio = np.minimum((self.seen + LIE) / (self.promised + 1.0), 1.0)
        return np.where(lies > NEGLIGIBLE, 1.0 - lies * (1.0 - ratio), 1.0)

    def restart(self, places: Ints) -> None:
        """Nothing is held against these."""
        for name in COLUMNS:
            getattr(self, name)[places] = 0.0


def slow(seen: Floats, promised: Floats, above: Floats) -> tuple[Floats, Floats]:
    """The factor of the long count, and its mean for the places below; ``above``: the mean of the place above."""
    mean = np.minimum((seen + COUNT * above) / (promised + COUNT), 1.0)
    slack = SLACK * np.sqrt(mean / (promised + COUNT))
    return np.minimum(mean + slack, 1.0), mean
