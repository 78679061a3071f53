"""Over any window a tenant passes its limit by at most the leases outstanding."""

from hypothesis import given, settings
from hypothesis import strategies as st

from router.leases import LeasedTokens
from router.limits import LEASE_US, US_PER_DAY, US_PER_S, Admitted, Allowance, Gcra

T0 = 20_000 * US_PER_DAY
steps = st.lists(st.tuples(st.integers(0, 300_000), st.integers(1, 30)), max_size=60)


def worst_excess(admitted: list[tuple[int, int]], rate: int, burst: int) -> float:
    """By how much the busiest window passed burst + rate x length."""
    worst = 0.0
    for first in range(len(admitted)):
        total = 0
        for at_us, messages in admitted[first:]:
            total += messages
            worst = max(worst, total - burst - rate * (at_us - admitted[first][0]) / US_PER_S)
    return worst


@given(st.integers(1, 500), st.integers(1, 100), steps)
def test_the_meter_never_passes_burst_and_rate(rate, burst, steps):
    meter, now, admitted = Gcra(rate, burst), T0, []
    for gap_us, messages in steps:
        now += gap_us
        if meter.take(messages, now):
            admitted.append((now, messages))
    assert worst_excess(admitted, rate, burst) <= 0


@given(st.integers(1, 500), st.integers(1, 100), steps)
def test_waiting_as_long_as_told_is_long_enough(rate, burst, steps):
    meter, now = Gcra(rate, burst), T0
    for gap_us, messages in steps:
        now += gap_us
        wanted = min(messages, burst)
        wait_us = meter.wait_us(wanted, now)
        assert (wait_us == 0) == meter.take(wanted, now)
        if wait_us:
            now += wait_us
            assert meter.take(wanted, now)


moves = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 200_000), st.integers(1, 20), st.booleans(), st.booleans()), max_size=60
)


@settings(max_examples=60)
@given(st.integers(1, 200), st.integers(3, 100), moves)
def test_with_answers_lost_the_excess_is_the_burst_lent_and_the_rate_gone_on_with(rate, burst, moves):
    """Three fronts, one shard, calls that are never made or whose answers are lost. Each front lends itself its share at
    most once a lease's length; a silent shard's rate goes on, shared."""
    shard, now, admitted = Allowance(rate, burst), T0, []
    fronts = [LeasedTokens(str(n), rate, burst, sharers=3) for n in range(3)]
    for which, gap_us, messages, asks, lost in moves:
        now += gap_us
        tokens = fronts[which]
        if isinstance(tokens.spend(messages, 0, now), Admitted):
            admitted.append((now, messages))
        ask = tokens.ask(now) if asks else None
        if ask is not None:
            lease = shard.lease(ask, now)
            if lost:
                tokens.failed()
            else:
                tokens.leased(lease, now)
    elapsed_us = now - T0
    share = max(1, burst // 3)
    lent = 3 * share * (elapsed_us // LEASE_US + 1)
    gone_on = rate * elapsed_us / US_PER_S
    assert worst_excess(admitted, rate, burst) <= burst + lent + gone_on


@settings(max_examples=60)
@given(st.integers(1, 200), st.integers(3, 100), moves)
def test_with_a_shard_that_answers_the_excess_is_one_share_each(rate, burst, moves):
    shard, now, admitted = Allowance(rate, burst), T0, []
    fronts = [LeasedTokens(str(n), rate, burst, sharers=3) for n in range(3)]
    for which, gap_us, messages, _, _ in moves:
        now += min(gap_us, LEASE_US // 20)
        for n, tokens in enumerate(fronts):
            if n == which and isinstance(tokens.spend(messages, 0, now), Admitted):
                admitted.append((now, messages))
            if (ask := tokens.ask(now)) is not None:
                tokens.leased(shard.lease(ask, now), now)
    assert worst_excess(admitted, rate, burst) <= 3 * max(1, burst // 3) + burst
