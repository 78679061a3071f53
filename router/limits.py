"""Rate limits in integers: GCRA for the shard that owns a tenant's allowance, leased tokens for the fronts that spend it.

A front never asks before it answers a request: it spends tokens that a shard has leased to it. The shard counts a token as
used from its lease until it is spent and has drained, so over any window a tenant passes its limit by at most the leases
outstanding and what fronts without a lease lent themselves at their start; that debt is paid from the shard's next lease.
Times are integer microseconds of the wall clock (a step back counts as no time at all).
"""

from typing import Final, NamedTuple

US_PER_S: Final = 1_000_000
US_PER_DAY: Final = 86_400 * US_PER_S
LEASE_US: Final = 2 * US_PER_S  # an unused lease lapses after this; a busy front renews it many times before
LOW_WATER: Final = 2  # ask for more when less than 1/2 of the share is left: a call takes 1–2 ms, a share lasts longer
SILENT_US: Final = US_PER_S // 2  # a shard that has not answered for so long is taken for down
SPEND_SHARE: Final = 20  # a lease of money is 1/20 of the day's cap: small enough for many fronts, rare enough to ask


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
    micros_left: int = 0  # with "spend": what of the day's cap this front may still spend


class Gcra:
    """The generic cell rate algorithm as a meter: each message adds to a level that drains at the rate, up to the burst.

    Kept in millionths of a message, so that a microsecond drains exactly ``rate_mps`` of them and no rate is ever rounded.
    """

    __slots__ = ("_at_us", "_burst", "_level", "_rate_mps")

    def __init__(self, rate_mps: int, burst: int, now_us: int = 0) -> None:
        self._rate_mps = rate_mps
        self._burst = burst * US_PER_S
        self._level = 0
        self._at_us = now_us

    def _drain(self, now_us: int) -> None:
        if now_us > self._at_us:
            self._level = max(0, self._level - (now_us - self._at_us) * self._rate_mps)
        self._at_us = now_us  # of a clock that was set back, too, or nothing would drain until it is where it was

    def retune(self, rate_mps: int, burst: int, now_us: int) -> None:
        """Change the limit; what is used stays used."""
        self._drain(now_us)
        self._rate_mps = rate_mps
        self._burst = burst * US_PER_S

    def free(self, now_us: int) -> int:
        """Messages that could be taken at once."""
        self._drain(now_us)
        return max(0, (self._burst - self._level) // US_PER_S)

    def take(self, messages: int, now_us: int) -> bool:
        """Take so many, all or nothing."""
        self._drain(now_us)
        level = self._level + messages * US_PER_S
        if level > self._burst:
            return False
        self._level = level
        return True

    def take_some(self, messages: int, now_us: int) -> int:
        """Take up to so many; how many were taken."""
        taken = min(messages, self.free(now_us))
        self._level += taken * US_PER_S
        return taken

    def owe(self, messages: int, now_us: int) -> None:
        """Count messages that went without asking: the level may pass the burst, and later ones wait for it."""
        self._drain(now_us)
        self._level += messages * US_PER_S

    def hold(self, messages: int, now_us: int) -> None:
        """Tokens out on lease do not drain: the level is at least what is held."""
        self._drain(now_us)
        self._level = max(self._level, messages * US_PER_S)

    def wait_us(self, messages: int, now_us: int) -> int:
        """Time until ``take`` of so many would succeed (for more than the burst: until the burst is free)."""
        self._drain(now_us)
        over = self._level + min(messages * US_PER_S, self._burst) - self._burst
        return max(0, -(-over // self._rate_mps))


class Ask(NamedTuple):
    """A front asks its tenant's shard for more."""

    front: str
    held: int  # leased tokens not spent yet
    debt: int  # messages admitted without a lease since the last answered ask
    wanted: int
    micros_debt: int = 0  # money spent without a lease since the last answered ask
    micros_wanted: int = 0


class Lease(NamedTuple):
    """What the shard grants, on top of what the front holds."""

    tokens: int
    until_us: int
    rate_mps: int
    burst: int
    sharers: int  # fronts that hold leases of this tenant now: what a rate is divided by when the shard goes silent
    micros: int = 0
    micros_left: int = 0  # of the day's cap after this grant
    capped: bool = False  # whether there is a cap at all
    free: int = 0  # messages still free at the shard after this grant
    wait_us: int = 0  # until the shard could grant one message more


class Allowance:
    """The shard's side: one tenant's rate and daily spend, and who holds leases of it. May forget one burst on a restart."""

    __slots__ = ("_cap", "_day", "_held", "_rate", "_spent", "burst", "rate_mps")

    def __init__(self, rate_mps: int, burst: int, daily_spend_micros: int = 0) -> None:
        self.rate_mps = rate_mps
        self.burst = burst
        self._cap = daily_spend_micros
        self._rate = Gcra(rate_mps, burst)
        self._held: dict[str, tuple[int, int]] = {}  # front → (tokens it may hold, until)
        self._day = 0
        self._spent = 0

    @property
    def spent_micros(self) -> int:
        """What the tenant has spent or leased of the day's cap; for the shard's snapshot."""
        return self._spent

    def retune(self, rate_mps: int, burst: int, daily_spend_micros: int, now_us: int) -> None:
        """The settings have changed."""
        self.rate_mps, self.burst, self._cap = rate_mps, burst, daily_spend_micros
        self._rate.retune(rate_mps, burst, now_us)

    def lease(self, ask: Ask, now_us: int) -> Lease:
        """Answer a front."""
        self._held[ask.front] = (ask.held, now_us + LEASE_US)
        if any(until_us <= now_us for _, until_us in self._held.values()):
            self._held = {front: entry for front, entry in self._held.items() if entry[1] > now_us}
        self._rate.owe(ask.debt, now_us)
        self._rate.hold(sum(held for held, _ in self._held.values()), now_us)
        tokens = self._rate.take_some(ask.wanted, now_us)
        until_us = now_us + LEASE_US
        self._held[ask.front] = (ask.held + tokens, until_us)
        micros, left = self._lease_micros(ask, now_us)
        return Lease(
            tokens=tokens,
            until_us=until_us,
            rate_mps=self.rate_mps,
            burst=self.burst,
            sharers=len(self._held),
            micros=micros,
            micros_left=left,
            capped=self._cap > 0,
            free=self._rate.free(now_us),
            wait_us=self._rate.wait_us(1, now_us),
        )

    def _lease_micros(self, ask: Ask, now_us: int) -> tuple[int, int]:
        day = now_us // US_PER_DAY
        if day > self._day:
            self._day, self._spent = day, 0
        self._spent += ask.micros_debt
        if not self._cap:
            return 0, 0
        micros = max(0, min(ask.micros_wanted, self._cap - self._spent))
        self._spent += micros
        return micros, max(0, self._cap - self._spent)
