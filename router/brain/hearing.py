"""Black hole, or are only the receipts lost? What conversions say of a place whose receipts stopped.

A place under suspicion (``change``) gets a hearing. Of messages submitted since its receipts became fewer, ``u`` were used that have no receipt
and ``k`` that have one, where sending as many used to bring ``e`` conversions. For Poisson counts the log-likelihood ratio of
"only its receipts are lost" against "it delivers nothing, or little and says so" is

    score += u * ln(1 / B) - (1 - B) * e + k * ln(B / A)        score >= 0

with B = 0.03, the conversions without a receipt that there are when all is well, and A = 0.2, those with one when a fifth arrives. At +5, two codes used or so,
its receipts count as lost: it is in service again with its habit times

    (u + k + 5) / (e + 5), at most 1, with a half-life of 2 minutes,

and every code that is not used counts: a Poisson CUSUM of "a quarter" against "all" as in ``doubt`` takes the verdict back at 6.
"""

from typing import Final

import numpy as np

B: Final = 0.03
A: Final = 0.2
LOST: Final = 5.0
REVOKED: Final = 6.0
SHARE: Final = 0.25
COUNT: Final = 5.0
HALF_LIFE_S: Final = 120.0
RATE_COUNT: Final = 20.0  # submits that the rate of a place takes from the world's
_FIELDS: Final = ("since_s", "rate", "score", "lost", "against", "used", "due")


class Hearing:
    """Of one place. ``rate``: conversions that a submit there is worth, as long as all was well."""

    __slots__ = _FIELDS

    def __init__(self, since_s: float, rate: float) -> None:
        self.since_s = since_s
        self.rate = rate
        self.score = 0.0
        self.lost = False
        self.against = 0.0  # since it is lost: evidence that nothing arrives after all
        self.used = 0.0
        self.due = 0.0

    def step(self, unheard: int, heard: int, promised: float, lapse_s: float) -> None:
        """Take in what came since the last step; ``promised``: conversions that submits since then would have brought by now, one each."""
        expected = self.rate * promised
        fade = 0.5 ** (lapse_s / HALF_LIFE_S)
        self.used = self.used * fade + unheard + heard
        self.due = self.due * fade + expected
        if self.lost:
            self.against = max(self.against + (unheard + heard) * float(np.log(SHARE)) + (1.0 - SHARE) * expected, 0.0)
            if self.against >= REVOKED:
                self.lost, self.against, self.score = False, 0.0, 0.0
            return
        gain = unheard * float(np.log(1.0 / B)) - (1.0 - B) * expected + heard * float(np.log(B / A))
        self.score = max(self.score + gain, 0.0)
        self.lost = self.score >= LOST

    def factor(self) -> float:
        """What its habit is multiplied by while its receipts are lost."""
        return min((self.used + COUNT) / (self.due + COUNT), 1.0)

    def pack(self) -> list[float]:
        """As plain values, in the order of the fields."""
        return [getattr(self, name) for name in _FIELDS]

    @classmethod
    def unpack(cls, values: list[float]) -> "Hearing":
        """From ``pack``."""
        found = cls(values[0], values[1])
        for name, value in zip(_FIELDS, values, strict=False):
            setattr(found, name, value)
        found.lost = bool(found.lost)
        return found
