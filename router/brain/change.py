"""Has a carrier changed? Poisson CUSUMs on early receipts, against what the curves expect of the messages that wait.

For a place (a carrier, a carrier in a country, a carrier in a network) that saw ``o`` early receipts where ``e`` were expected, the
log-likelihood ratio of "the rate is r times the expected" is ``o * ln r + (1 - r) * e`` (Lucas, Technometrics 27, 1985). Summed and
kept above zero, it alarms at a threshold: downwards with r = 0.5, upwards with r = 2.5.

- The threshold is 12 + ln(1 + e per second): the time to a false alarm grows as exp(threshold) in *receipts* (Siegmund 1985), so
  that the logarithm keeps it the same in hours whatever the traffic.
- It must hold for 2 s: hazards are constant within an age bin only on average, and a burst of messages runs ahead of or behind
  its expectation for as long as a bin is wide.
- Who stops delivering altogether is found sooner by what became of the messages sent last (``fresh``), with the same threshold and at once
  where others' receipts go on coming; where nobody's do, or there is nobody else, it may be ours that are late, and it must hold as well.
- A place that fell is under suspicion, and the question is whether its habit is back: a sequential probability ratio test (Wald
  1945) of the habit against what is seen since the fall, or half of the habit where that is less. At +6 it is back, for a carrier
  taken back too soon is found out again and one left out too long is money lost; at -3 the test begins anew with the messages
  submitted from then on, so that what a black hole swallowed does not count against its recovery. Each relapse doubles the +6.
- A place speaks up when it has 50 observations and is 30 s old; rows younger than that count as far as they are known.
"""

from typing import Final, NamedTuple

import numpy as np

from router.brain.ages import Bools, Floats, Ints
from router.brain.fresh import Silence

DOWN_RATIO: Final = 0.5
UP_RATIO: Final = 2.5
THRESHOLD: Final = 12.0
RETURN_THRESHOLD: Final = 6.0
ANEW: Final = -3.0
RELAPSE_S: Final = 120.0  # a fall so soon after a return is a relapse
PATIENT: Final = 16.0  # the most that relapses multiply the threshold by
LONGEST_S: Final = 60.0  # a change is not thought to be older when it is found
HOLD_S: Final = 2.0
UNEASY: Final = 2.0  # a score of the CUSUM
LATE_S: Final = 1.5  # over which it is asked whether the others still hear something
OTHERS_LEAST: Final = 3.0  # expected receipts
OTHERS_ALIVE: Final = 0.5  # of them
LEAST_SEEN: Final = 50.0
WARM_UP_S: Final = 30.0
RATE_S: Final = 60.0  # over which the expected rate is averaged
KNOWN: Final = 30.0  # observations at which a row's word counts half
RATIO_RANGE: Final = (0.02, 5.0)

DOWN: Final = 0
UP: Final = 1


class Alarm(NamedTuple):
    """A place whose receipts no longer fit."""

    place: int
    way: int  # DOWN or UP
    ratio: float  # observed over expected since the change
    since_s: float  # how many seconds ago it began


_BY_WAY: Final = ("score", "seen", "expected", "rising_s", "over_s")
_BY_PLACE: Final = {
    "rate": 0.0,
    "suspect_s": np.inf,
    "phi": 1.0,
    "back": 0.0,
    "rose_s": -np.inf,
    "trials": 1.0,
    "silent_s": 0.0,
}


class Detector:
    """The CUSUMs of one level. Columns are places; they grow with the ledger."""

    __slots__ = ("late", *_BY_WAY, *_BY_PLACE)

    def __init__(self) -> None:
        self.score: Floats = np.zeros((2, 0))  # by way and place
        self.seen: Floats = np.zeros((2, 0))  # receipts since the score last left zero
        self.expected: Floats = np.zeros((2, 0))
        self.rising_s: Floats = np.zeros((2, 0))  # how long ago that was
        self.over_s: Floats = np.zeros((2, 0))  # how long the score has been above the threshold
        self.late: Floats = np.zeros((2, 0))  # receipts seen and expected of late
        self.silent_s: Floats = np.zeros(0)  # for how long hardly anything of what was sent last arrives
        self.rate: Floats = np.zeros(0)  # early receipts expected per second
        self.suspect_s: Floats = np.zeros(0)  # since when the place is under suspicion; inf: it is not
        self.phi: Floats = np.zeros(0)  # of suspects: observed over expected when they fell
        self.back: Floats = np.zeros(0)  # of suspects: evidence that they are back
        self.rose_s: Floats = np.zeros(0)  # when the place was last taken back
        self.trials: Floats = np.zeros(0)  # of suspects: what relapses multiply the threshold by

    def grow(self, places: int) -> None:
        """Make room for places that appeared."""
        more = places - len(self.rate)
        if more > 0:
            for name in ("late", *_BY_WAY):
                setattr(self, name, np.hstack((getattr(self, name), np.zeros((2, more)))))
            for name, empty in _BY_PLACE.items():
                setattr(self, name, np.concatenate((getattr(self, name), np.full(more, empty))))

    def step(self, seen: Floats, expected: Floats, known: Floats, lapse_s: float) -> list[Alarm]:
        """Add what was seen and expected in ``lapse_s`` seconds; the alarms of places not under suspicion, at most one a place.

        ``expected`` by place, or by way and place: who does not know what to expect alarms when nothing of it fits. ``known``: observations
        behind each place.
        """
        fade = np.exp(-lapse_s / RATE_S)
        least = np.atleast_2d(expected)[DOWN]
        self.rate = self.rate * fade + (1.0 - fade) * least / max(lapse_s, 1e-6)
        self.late = self.late * np.exp(-lapse_s / LATE_S) + np.stack((seen, least))
        active: Bools = (known >= LEAST_SEEN) & ~np.isfinite(self.suspect_s)
        threshold = THRESHOLD + np.log1p(self.rate)
        ratios = np.array((DOWN_RATIO, UP_RATIO))[:, None]
        gain = seen * np.log(ratios) + (1.0 - ratios) * expected
        # Capped, so that a burst that was late is forgiven as soon as its receipts come.
        score = np.minimum(self.score + gain, 2.0 * threshold)
        alive = (score > 0) & active
        self.score = np.where(alive, score, 0.0)
        self.seen = np.where(alive, self.seen + seen, 0.0)
        self.expected = np.where(alive, self.expected + expected, 0.0)
        self.rising_s = np.where(alive, self.rising_s + lapse_s, 0.0)
        self.over_s = np.where(self.score > threshold, self.over_s + lapse_s, 0.0)
        alarms = []
        for place in np.flatnonzero((self.over_s > HOLD_S).any(axis=0)).tolist():
            way = DOWN if self.over_s[DOWN, place] > HOLD_S else UP
            ratio = (self.seen[way, place] + 1.0) / (self.expected[way, place] + 1.0)
            since_s = min(float(self.rising_s[way, place]), LONGEST_S)
            alarms.append(Alarm(place, way, float(np.clip(ratio, *RATIO_RANGE)), since_s))
        return alarms

    def uneasy(self, known: Floats) -> Ints:
        """Places not under suspicion that receive less than expected, if only a little less; ``known`` as in ``step``."""
        active: Bools = (known >= LEAST_SEEN) & ~np.isfinite(self.suspect_s)
        found: Bools = active & (self.score[DOWN] > UNEASY)
        self.silent_s = np.where(found, self.silent_s, 0.0)
        return np.flatnonzero(found)

    def silent(self, place: int, silence: Silence, now_s: float, lapse_s: float) -> Alarm | None:
        """Whether hardly anything of what was sent last arrives, here and not everywhere, or for some time."""
        over = silence.score > THRESHOLD + np.log1p(self.rate[place])
        self.silent_s[place] = self.silent_s[place] + lapse_s if over else 0.0
        others = self.late.sum(axis=1) - self.late[:, place]
        alive = others[1] >= OTHERS_LEAST and others[0] >= OTHERS_ALIVE * others[1]
        if not over or not (alive or self.silent_s[place] > HOLD_S):
            return None
        ratio = (silence.seen + 1.0) / (silence.expected + 1.0)
        return Alarm(place, DOWN, float(np.clip(ratio, *RATIO_RANGE)), min(now_s - silence.since_s, LONGEST_S))

    def judge(self, back: Floats) -> tuple[Ints, Ints]:
        """Add log-likelihood ratios of the suspects; returns the places that are back, and those to be watched anew."""
        suspect = np.isfinite(self.suspect_s)
        self.back = np.where(suspect, self.back + back, 0.0)
        anew = np.flatnonzero(self.back <= ANEW)
        self.back[anew] = 0.0
        return np.flatnonzero(self.back >= RETURN_THRESHOLD * self.trials), anew

    def suspect(self, place: int, ratio: float, now_s: float) -> None:
        """Put a place under suspicion."""
        relapse = now_s - self.rose_s[place] <= RELAPSE_S
        self.trials[place] = min(2.0 * self.trials[place], PATIENT) if relapse else 1.0
        self.suspect_s[place], self.phi[place], self.back[place] = now_s, ratio, 0.0

    def acquit(self, places: Ints) -> None:
        """Suspicion ends."""
        self.suspect_s[places] = np.inf
        self.phi[places] = 1.0
        self.back[places] = 0.0

    def restart(self, places: Ints) -> None:
        """These places start counting again; their suspicion stays."""
        for name in _BY_WAY:
            getattr(self, name)[:, places] = 0.0


def knownness(n: Floats, first_s: Floats, now_s: float) -> Floats:
    """How much a row's departure from its expectation means: 0 while it is new, 1 when it is well known."""
    return np.where(now_s - first_s >= WARM_UP_S, n / (n + KNOWN), 0.0)
