"""Rate limits in integers: GCRA for the shard that owns a tenant's allowance, leased tokens for the fronts that spend it.

A front never asks before it answers a request: it spends tokens that a shard has leased to it. The shard counts a token as
spent when it is leased, so over any window a tenant passes its limit by at most what was leased and not yet spent, plus
what fronts without a lease lent themselves (``LeasedTokens``), and that debt is paid from the next lease.
Times are integer microseconds of one clock per object.
"""

from typing import Final, NamedTuple

US_PER_S: Final = 1_000_000


class Admitted(NamedTuple):
    """Go ahead. The figures are for X-RateLimit headers."""

    limit: int  # messages a second
    remaining: int  # messages that could follow at once
    reset_s: int  # seconds until the whole burst is free again


class Refused(NamedTuple):
    """Not now. Nothing was spent."""

    limit: int
    remaining: int
    reset_s: int
    retry_after_s: int  # at least 1
    rule: str  # "rate", "spend" (the daily cap), "tenant" (unknown)
    micros_left: int = 0  # with "spend": what of the day's cap is left
