"""Limits: the meter, the shard, the front's leases."""

from router.leases import LeasedTokens
from router.limits import LEASE_US, SILENT_US, US_PER_DAY, US_PER_S, Admitted, Allowance, Ask, Gcra, Refused

T0 = 20_000 * US_PER_DAY


def test_a_burst_then_the_rate():
    meter = Gcra(10, 5)
    assert meter.take(5, T0)
    assert not meter.take(1, T0)
    assert meter.wait_us(1, T0) == 100_000
    assert not meter.take(1, T0 + 99_999)
    assert meter.take(1, T0 + 100_000)


def test_no_rate_is_rounded():
    meter = Gcra(3, 1)
    taken = sum(meter.take(1, T0 + at_us) for at_us in range(0, 100 * US_PER_S, 1_000))
    assert taken == 300


def test_all_or_nothing_and_some():
    meter = Gcra(10, 5)
    assert not meter.take(6, T0)
    assert meter.take_some(6, T0) == 5
    assert meter.take_some(6, T0) == 0


def test_the_clock_stepping_back_gives_nothing():
    meter = Gcra(10, 5, T0)
    meter.take(5, T0)
    assert meter.free(T0 - US_PER_S) == 0
    assert meter.free(T0 + US_PER_S) == 5


def test_debt_is_paid_before_anything_is_free():
    meter = Gcra(10, 5)
    meter.owe(10, T0)
    assert meter.free(T0 + 500_000) == 0
    assert meter.free(T0 + 600_000) == 1


def test_a_new_limit_keeps_what_is_used():
    meter = Gcra(10, 5)
    meter.take(5, T0)
    meter.retune(100, 8, T0)
    assert meter.free(T0) == 3


def test_the_first_request_waits_for_nobody_and_is_reported_as_debt():
    tokens = LeasedTokens("f", 10, 5)
    assert tokens.ask(T0) is None
    assert tokens.spend(2, 0, T0) == Admitted(10, 3, 1)
    assert tokens.ask(T0) == Ask("f", held=0, debt=2, wanted=5)
    assert tokens.ask(T0) is None  # under way


def test_a_front_spends_its_lease_and_no_more():
    tokens, shard = LeasedTokens("f", 10, 5), Allowance(10, 5)
    tokens.spend(2, 0, T0)
    tokens.leased(shard.lease(tokens.ask(T0), T0), T0)
    assert tokens.outstanding == 3
    assert isinstance(tokens.spend(3, 0, T0), Admitted)
    refused = tokens.spend(1, 0, T0)
    assert isinstance(refused, Refused)
    assert (refused.rule, refused.remaining, refused.retry_after_s) == ("rate", 0, 1)


def test_a_front_asks_no_shard_that_has_nothing_before_it_has():
    tokens, shard = LeasedTokens("f", 10, 5), Allowance(10, 5)
    tokens.spend(5, 0, T0)
    tokens.leased(shard.lease(tokens.ask(T0), T0), T0)
    assert tokens.ask(T0 + 50_000) is None
    assert tokens.ask(T0 + 100_000) is not None


def test_a_rested_tenant_has_its_burst_again():
    tokens, shard = LeasedTokens("f", 10, 5), Allowance(10, 5)
    tokens.spend(5, 0, T0)
    tokens.leased(shard.lease(tokens.ask(T0), T0), T0)
    assert isinstance(tokens.spend(5, 0, T0 + LEASE_US + US_PER_S), Admitted)


def test_a_silent_shard_leaves_the_rate_in_force():
    tokens, shard = LeasedTokens("f", 10, 5), Allowance(10, 5)
    tokens.spend(5, 0, T0)
    tokens.leased(shard.lease(tokens.ask(T0), T0), T0)
    asked = T0 + 100_000
    assert tokens.ask(asked) is not None  # and no answer ever comes
    spent = 0
    for tick in range(1, 1_001):
        now = asked + tick * 10_000
        spent += isinstance(tokens.spend(1, 0, now), Admitted)
        tokens.ask(now)
    assert 90 <= spent <= 105  # ten seconds at ten a second, and no burst beyond


def test_a_failed_ask_is_made_again_with_its_debt():
    tokens = LeasedTokens("f", 10, 5)
    tokens.spend(2, 0, T0)
    first = tokens.ask(T0)
    tokens.failed()
    tokens.spend(1, 0, T0 + 1)
    assert tokens.ask(T0 + 1) == first._replace(debt=3)


def test_an_unanswered_ask_is_made_again():
    tokens = LeasedTokens("f", 10, 5)
    tokens.spend(1, 0, T0)
    assert tokens.ask(T0) is not None
    assert tokens.ask(T0 + SILENT_US - 1) is None
    assert tokens.ask(T0 + SILENT_US) is not None


def test_two_fronts_share_one_limit():
    shard = Allowance(10, 100)
    fronts = [LeasedTokens(name, 10, 100, sharers=2) for name in "ab"]
    admitted = 0
    for tick in range(400):
        now = T0 + tick * 5_000
        for tokens in fronts:
            admitted += isinstance(tokens.spend(1, 0, now), Admitted)
            if (ask := tokens.ask(now)) is not None:
                tokens.leased(shard.lease(ask, now), now)
    assert 115 <= admitted <= 121  # the burst and two seconds of the rate


def test_a_door_that_was_quiet_finds_room_beside_a_busy_one():
    shard = Allowance(20_000, 50_000)
    busy, quiet = (LeasedTokens(name, 20_000, 50_000, sharers=2) for name in "ab")
    for tick in range(50):  # a quarter of a second in which only one of them is used
        now = T0 + tick * 5_000
        assert isinstance(busy.spend(1, 0, now), Admitted)
        if (ask := busy.ask(now)) is not None:
            busy.leased(shard.lease(ask, now), now)
    for tick in range(50, 150):
        now = T0 + tick * 5_000
        assert isinstance(quiet.spend(1, 0, now), Admitted)
        for tokens in (busy, quiet):
            if (ask := tokens.ask(now)) is not None:
                tokens.leased(shard.lease(ask, now), now)


def test_the_days_spend_is_capped_and_begins_anew():
    tokens, shard = LeasedTokens("f", 1_000, 1_000, 2_000), Allowance(1_000, 1_000, 2_000)
    spent = 0
    for tick in range(300):
        now = T0 + tick * 10_000
        if isinstance(tokens.spend(1, 10, now), Admitted):
            spent += 10
        if (ask := tokens.ask(now)) is not None:
            tokens.leased(shard.lease(ask, now), now)
    assert spent == 2_000
    refused = tokens.spend(1, 10, T0 + 4 * US_PER_S)
    assert isinstance(refused, Refused)
    assert refused.rule == "spend"
    assert isinstance(tokens.spend(1, 10, T0 + US_PER_DAY), Admitted)


def test_with_no_messages_only_the_figures_are_told():
    tokens = LeasedTokens("f", 10, 5)
    assert tokens.spend(0, 0, T0) == Admitted(10, 5, 0)
    assert tokens.spend(0, 0, T0) == Admitted(10, 5, 0)


def test_a_clock_that_goes_ahead_and_comes_back_stops_nobody():
    hour_us = 3_600 * US_PER_S
    tokens, shard = LeasedTokens("f", 100, 100), Allowance(100, 100)
    admitted = 0
    for step in range(60):  # two seconds an hour ahead, then four as before, at half of the rate
        now_us = US_PER_DAY + step * US_PER_S // 10 + (hour_us if step < 20 else 0)
        admitted += isinstance(tokens.spend(5, 0, now_us), Admitted)
        ask = tokens.ask(now_us)
        if ask is not None:
            tokens.leased(shard.lease(ask, now_us), now_us)
    assert admitted >= 59  # the one at the step may find nothing leased
