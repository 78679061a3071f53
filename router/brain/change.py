"""Has a carrier changed? Poisson CUSUMs on early receipts, against what the curves expect of the messages that wait.

For a place (a carrier, a carrier in a country, a carrier in a network) that saw ``o`` early receipts where ``e`` were expected, the
log-likelihood ratio of "the rate is r times the expected" is ``o * ln r + (1 - r) * e`` (Lucas, Technometrics 27, 1985). Summed and
kept above zero, it alarms at a threshold: downwards with r = 0.5, upwards with r = 2.5.

- The threshold is 12 + ln(1 + e per second): the time to a false alarm grows as exp(threshold) in *receipts* (Siegmund 1985), so
  that the logarithm keeps it the same in hours whatever the traffic.
- It must hold for 2 s: hazards are constant within an age bin only on average, and a burst of messages runs ahead of or behind
  its expectation for as long as a bin is wide.
- Of a suspect whose former rates are kept the question is whether they are back: upwards the score sums the log-likelihood ratio
  of the former rates against the present ones, bin by bin, and the threshold is 6, for a carrier taken back too soon is found out
  again, and one left out too long is money lost.
- A place speaks up when it has 50 observations and is 30 s old; rows younger than that count as far as they are known.
"""

from typing import Final, NamedTuple

import numpy as np

from router.brain.ages import Bools, Floats, Ints

DOWN_RATIO: Final = 0.5
UP_RATIO: Final = 2.5
THRESHOLD: Final = 12.0
RETURN_THRESHOLD: Final = 6.0
HOLD_S: Final = 2.0
LEAST_SEEN: Final = 50.0
WARM_UP_S: Final = 30.0
RATE_S: Final = 60.0  # over which the expected rate is averaged
KNOWN: Final = 30.0  # observations at which a row's word counts half
RATIO_RANGE: Final = (0.02, 50.0)

DOWN: Final = 0
UP: Final = 1


class Alarm(NamedTuple):
    """A place whose receipts no longer fit."""

    place: int
    way: int  # DOWN or UP
    ratio: float  # observed over expected since the change
    missing: float  # expected less observed


class Detector:
    """The CUSUMs of one level. Columns are places; they grow with the ledger."""

    __slots__ = ("expected", "over_s", "rate", "score", "seen", "suspect_s")

    def __init__(self) -> None:
        self.score: Floats = np.zeros((2, 0))  # by way and place
        self.seen: Floats = np.zeros((2, 0))  # receipts since the score last left zero
        self.expected: Floats = np.zeros((2, 0))
        self.over_s: Floats = np.zeros((2, 0))  # how long the score has been above the threshold
        self.rate: Floats = np.zeros(0)  # early receipts expected per second
        self.suspect_s: Floats = np.zeros(0)  # since when the place is under suspicion; inf: it is not

    def grow(self, places: int) -> None:
        """Make room for places that appeared."""
        more = places - len(self.rate)
        if more > 0:
            self.score, self.seen, self.expected, self.over_s = (
                np.hstack((column, np.zeros((2, more)))) for column in (self.score, self.seen, self.expected, self.over_s)
            )
            self.rate = np.concatenate((self.rate, np.zeros(more)))
            self.suspect_s = np.concatenate((self.suspect_s, np.full(more, np.inf)))

    def step(self, seen: Floats, expected: Floats, known: Floats, back: Floats, lapse_s: float) -> list[Alarm]:
        """Add what was seen and expected in ``lapse_s`` seconds; the alarms it raises, at most one a place.

        ``back``: the log-likelihood ratio of a suspect's former rates; NaN where none are kept.
        ``known``: observations behind each place. A place under suspicion is listened to whatever is known of it.
        """
        fade = np.exp(-lapse_s / RATE_S)
        self.rate = self.rate * fade + (1.0 - fade) * expected / max(lapse_s, 1e-6)
        suspect: Bools = np.isfinite(self.suspect_s)
        active: Bools = (known >= LEAST_SEEN) | suspect
        threshold = np.tile(THRESHOLD + np.log1p(self.rate), (2, 1))
        returning = suspect & ~np.isnan(back)
        threshold[UP, returning] = RETURN_THRESHOLD
        ratios = np.array((DOWN_RATIO, UP_RATIO))[:, None]
        gain = seen * np.log(ratios) + (1.0 - ratios) * expected
        gain[UP, returning] = back[returning]
        # Capped, so that a burst that was late is forgiven as soon as its receipts come.
        score = np.minimum(self.score + gain, 2.0 * threshold)
        alive = (score > 0) & active
        self.score = np.where(alive, score, 0.0)
        self.seen = np.where(alive, self.seen + seen, 0.0)
        self.expected = np.where(alive, self.expected + expected, 0.0)
        self.over_s = np.where(self.score > threshold, self.over_s + lapse_s, 0.0)
        alarms = []
        for place in np.flatnonzero((self.over_s > HOLD_S).any(axis=0)).tolist():
            way = DOWN if self.over_s[DOWN, place] > HOLD_S else UP
            ratio = (self.seen[way, place] + 1.0) / (self.expected[way, place] + 1.0)
            missing = float(self.expected[way, place] - self.seen[way, place])
            alarms.append(Alarm(place, way, float(np.clip(ratio, *RATIO_RANGE)), missing))
        return alarms

    def suspect(self, place: int, now_s: float) -> None:
        """Put a place under suspicion. A suspect that falls again stays one."""
        self.suspect_s[place] = min(self.suspect_s[place], now_s)

    def acquit(self, places: Ints) -> None:
        """Suspicion ends."""
        self.suspect_s[places] = np.inf

    def restart(self, places: Ints) -> None:
        """These places start counting again; their suspicion stays."""
        for column in (self.score, self.seen, self.expected, self.over_s):
            column[:, places] = 0.0


def knownness(n: Floats, first_s: Floats, now_s: float) -> Floats:
    """How much a row's departure from its expectation means: 0 while it is new, 1 when it is well known."""
    return np.where(now_s - first_s >= WARM_UP_S, n / (n + KNOWN), 0.0)
