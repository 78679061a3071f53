"""How long to wait before the next bind: pure arithmetic on what became of the last one."""

from random import Random
from typing import Final

from carriers.smpp.commands import RALYBND, RBINDFAIL, RINVPASWD, RINVSYSID

LIVED_S: Final = 60.0  # a bind that lived this long was a good one: the next failure is a first one
CREDENTIALS: Final = frozenset((RINVPASWD, RINVSYSID))
CREDENTIALS_MIN_S: Final = 60.0  # carriers ban addresses that keep trying a wrong password
CREDENTIALS_MAX_S: Final = 900.0
STILL_BOUND: Final = frozenset((RALYBND, RBINDFAIL))
STILL_BOUND_S: Final = (10.0, 30.0)  # right after a drop: the carrier has not cleaned the old session up yet
JITTER: Final = 0.2  # either way, so that all sessions of all customers do not come back together


class Backoff:
    """The delays of one session that is kept bound."""

    def __init__(self, min_s: float, max_s: float, rng: Random) -> None:
        """``min_s`` doubling up to ``max_s``."""
        self._min_s = min_s
        self._max_s = max(min_s, max_s)
        self._rng = rng
        self._delay_s = min_s
        self._credentials_s = CREDENTIALS_MIN_S
        self._was_bound = False

    def ended(self, lived_s: float) -> float:
        """Seconds to wait after a bind that held for ``lived_s``."""
        if lived_s >= LIVED_S:
            self._delay_s = self._min_s
        self._credentials_s = CREDENTIALS_MIN_S
        self._was_bound = True
        return self._step()

    def failed(self, status: int | None) -> float:
        """Seconds to wait after a bind refused with ``status``, or a connection that came to nothing (None)."""
        if status in CREDENTIALS:
            delay_s = self._credentials_s
            self._credentials_s = min(CREDENTIALS_MAX_S, delay_s * 2)
            return self._jittered(delay_s)
        if status in STILL_BOUND and self._was_bound:
            self._was_bound = False
            return self._rng.uniform(*STILL_BOUND_S)
        return self._step()

    def _step(self) -> float:
        delay_s = self._delay_s
        self._delay_s = min(self._max_s, delay_s * 2)
        return self._jittered(delay_s)

    def _jittered(self, delay_s: float) -> float:
        return delay_s * self._rng.uniform(1 - JITTER, 1 + JITTER)
