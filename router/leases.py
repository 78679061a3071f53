"""The front's side of a tenant's allowance: tokens that were leased, spent without asking anybody.

Three pots of tokens: ``leased`` by the shard; ``lent`` by the front to itself while it has no lease (reported as debt, so that no
request ever waits for a call); and what has ``accrued`` at the last known rate while the shard is silent (static stability).
"""

from typing import Final

from router.limits import LEASE_US, LOW_WATER, SILENT_US, SPEND_SHARE, US_PER_DAY, US_PER_S, Admitted, Ask, Lease, Refused

HURRY_S: Final = 0.1
_RETRY_S: Final = 1  # the shortest Retry-After there is


class LeasedTokens:
    """One tenant at one front. ``share`` is the part of the burst that this front may lend itself and hold on lease."""

    __slots__ = (
        "_accrued",
        "_accrued_at_us",
        "_asked_us",
        "_capped",
        "_day",
        "_debt",
        "_debt_asked",
        "_doors",
        "_front",
        "_leased",
        "_lent",
        "_micros",
        "_micros_debt",
        "_micros_debt_asked",
        "_micros_left",
        "_micros_share",
        "_missed",
        "_next_ask_us",
        "_share",
        "_sharers",
        "_silent_us",
        "_until_us",
        "_wait_us",
        "burst",
        "rate_mps",
    )

    def __init__(self, front: str, rate_mps: int, burst: int, daily_spend_micros: int = 0, *, sharers: int = 1) -> None:
        self._front = front
        self._leased = 0
        self._lent = 0
        self._debt = 0
        self._debt_asked = 0
        self._until_us = 0
        self._asked_us = 0  # 0: no ask is under way
        self._silent_us = 0  # when the first unanswered ask was made; 0: the shard answers
        self._accrued = 0  # millionths of a message
        self._accrued_at_us = 0
        self._missed = 0  # messages refused since the last lease: what to ask for beside the share
        self._wait_us = 0
        self._next_ask_us = 0  # before that the shard has nothing to give
        self._day = 0
        self._micros = 0
        self._micros_debt = 0
        self._micros_debt_asked = 0
        self._micros_left = 0
        self.retune(rate_mps, burst, daily_spend_micros, sharers=sharers)

    def retune(self, rate_mps: int, burst: int, daily_spend_micros: int, *, sharers: int) -> None:
        """The settings have changed; what is leased stays leased.

        ``sharers``: doors that the settings give the tenant. One of them does not take the whole burst while the others are
        quiet: their first messages would be refused until its lease is over.
        """
        self._doors = self._sharers = max(1, sharers)
        self.rate_mps = rate_mps
        self.burst = burst
        self._share = max(1, burst // self._sharers)
        self._capped = daily_spend_micros > 0
        self._micros_share = max(1, daily_spend_micros // SPEND_SHARE)

    # -- spending -------------------------------------------------------------------------------------------------
    def spend(self, messages: int, micros: int, now_us: int) -> Admitted | Refused:
        """Spend tokens for so many messages that cost so much together, all or nothing. 0 messages: only the figures."""
        if not now_us < self._until_us <= now_us + LEASE_US:  # over, or of a time before the clock was set back
            self._lapse(now_us)
        if self._silent_us and now_us - self._silent_us >= SILENT_US:
            self._accrue(now_us)
        accrued = self._accrued // US_PER_S
        left = self._leased + self._lent + accrued - messages
        if left < 0:
            self._missed = max(self._missed, messages)
            return self._refused("rate", left + messages, messages)
        if self._capped and messages:
            if now_us // US_PER_DAY != self._day:
                self._new_day(now_us)
            if micros > self._micros:
                return self._refused("spend", left + messages, messages)
            self._micros -= micros
        from_lease = min(messages, self._leased)
        self._leased -= from_lease
        rest = messages - from_lease
        if rest:
            from_accrued = min(rest, accrued)
            self._accrued -= from_accrued * US_PER_S
            self._lent -= rest - from_accrued
            self._debt += rest - from_accrued
        return Admitted(self.rate_mps, left, self._reset_s(left))

    def _reset_s(self, left: int) -> int:
        return -(-max(0, self.burst - left) // self.rate_mps)

    def _refused(self, rule: str, left: int, messages: int) -> Refused:
        retry_s = _RETRY_S
        if rule == "rate":  # tokens for the rest come at the rate; a batch above the burst is told the burst's time
            retry_s = max(retry_s, -(-(min(messages, self.burst) - left) // self.rate_mps), -(-self._wait_us // US_PER_S))
        else:
            retry_s = 3_600  # caps count by the day: looking again each hour is soon enough, and a raised cap is seen
        return Refused(self.rate_mps, left, self._reset_s(left), retry_s, rule, self._micros)

    def _lapse(self, now_us: int) -> None:
        """The lease is over (or there never was one): the tenant rested, so this front lends itself its share anew."""
        self._until_us = now_us + LEASE_US
        self._leased = 0
        self._wait_us = 0
        self._next_ask_us = 0
        if not self._silent_us:  # with a silent shard the rate goes on instead, or each lapse would be a burst
            self._lent = self._share if not self._debt else 0

    def _accrue(self, now_us: int) -> None:
        since_us = max(self._accrued_at_us, self._silent_us)
        if now_us > since_us:
            gained = (now_us - since_us) * self.rate_mps // self._sharers
            self._accrued = min(self._share * US_PER_S, self._accrued + gained)
            self._accrued_at_us = now_us
        if self._capped and self._micros_left:  # what the day had left when the shard was last heard, shared by all
            more = self._micros_left // self._sharers
            self._micros_left = 0
            self._micros += more
            self._micros_debt += more

    def _new_day(self, now_us: int) -> None:
        """Leases of money end with the day; the first share of a day is lent."""
        self._day = now_us // US_PER_DAY
        self._micros = self._micros_share
        self._micros_debt = self._micros_share
        self._micros_debt_asked = 0
        self._micros_left = 0

    # -- asking for more --------------------------------------------------------------------------------------------
    def ask(self, now_us: int) -> Ask | None:
        """What to ask the shard for now; None: enough in hand, or an ask is under way. Follow with ``leased`` or ``failed``."""
        if self._asked_us:
            if now_us - self._asked_us < SILENT_US:
                return None
            self.failed()
        low = self._leased * LOW_WATER < self._share and now_us >= self._next_ask_us
        poor = self._capped and self._micros * LOW_WATER < self._micros_share
        if not (low or poor or self._debt) or (now_us >= self._until_us and not self._debt):
            return None
        self._asked_us = now_us
        self._debt_asked = self._debt
        self._micros_debt_asked = self._micros_debt
        return Ask(
            front=self._front,
            held=self._leased,
            debt=self._debt,
            wanted=max(0, min(self.burst, max(self._share, self._missed)) - self._leased),
            micros_debt=self._micros_debt,
            micros_wanted=max(0, self._micros_share - self._micros) if self._capped else 0,
        )

    def leased(self, lease: Lease, now_us: int) -> None:
        """The shard has answered."""
        self._until_us = (self._asked_us or now_us) + LEASE_US  # from the asking: it lapses here before it lapses there
        self._asked_us = 0
        self._silent_us = 0
        self._accrued = 0
        self._lent = 0
        self._missed = 0
        self._debt -= self._debt_asked
        self._debt_asked = 0
        self._leased += lease.tokens
        self._sharers = max(self._doors, lease.sharers)
        self._wait_us = lease.wait_us
        self._next_ask_us = now_us + lease.wait_us
        self.rate_mps, self.burst = lease.rate_mps, lease.burst
        self._share = max(1, lease.burst // self._sharers)
        if now_us // US_PER_DAY == self._day:
            self._micros += lease.micros
            self._micros_debt -= self._micros_debt_asked
            self._micros_left = lease.micros_left
        self._micros_debt_asked = 0

    def failed(self) -> None:
        """The ask came to nothing; ``ask`` gives the next one at once, debts included."""
        self._silent_us = self._silent_us or self._asked_us
        self._asked_us = 0

    @property
    def hurried(self) -> bool:
        """Whether more is needed soon: the half of a burst is gone, or what is in hand lasts no longer than ``HURRY_S`` at the rate."""
        held = self.outstanding
        return held * LOW_WATER < self._share or held < self.rate_mps * HURRY_S

    @property
    def outstanding(self) -> int:
        """Tokens in hand: what the tenant's limit may be passed by."""
        return self._leased + self._lent
