import numpy as np
import pytest

from sims.twin.competitors.base import priorities
from sims.twin.competitors.conversion_weights import ConversionWeights
from sims.twin.competitors.epsilon_greedy import EpsilonGreedy
from sims.twin.competitors.least_cost import LeastCost
from sims.twin.competitors.oracle import shadow_prices
from sims.twin.competitors.peak_ewma import PeakEwma
from sims.twin.competitors.round_robin import RoundRobin, WeightedRoundRobin
from sims.twin.competitors.static import StaticPriority
from sims.twin.competitors.success_window import BUCKET, SuccessWindow, SuccessWindowCost
from sims.twin.competitors.thompson import DiscountedThompson
from sims.twin.policy import NOWHERE, Event, Item, Room, Seen

ALPHA, BETA, GAMMA = range(3)
GB, GB2, DE = range(3)
OTP, TRANSACTIONAL, MARKETING = range(3)
GOOD, BAD = Seen.DELIVERED, Seen.UNDELIVERED


class Dice:
    """A generator that always throws the same."""

    def __init__(self, uniform, number=0):
        self.uniform, self.number = uniform, number

    def random(self):
        return self.uniform

    def integers(self, end):
        return self.number % end


def dice(seed=1):
    return np.random.default_rng(seed)


def test_static_takes_the_first_of_its_list_and_fails_over(brief, choose):
    assert priorities(brief) == [ALPHA, GAMMA, BETA]
    policy = StaticPriority(brief, dice())
    assert choose(policy, (GB, OTP), (DE, MARKETING)) == [ALPHA, ALPHA]
    assert choose(policy, (GB, OTP), (DE, OTP), tried=(ALPHA,)) == [GAMMA, BETA]
    assert choose(policy, (DE, OTP), tried=(ALPHA, BETA)) == [ALPHA]  # nobody else is left


def test_least_cost_follows_the_price_list(brief, choose):
    policy = LeastCost(brief, dice())
    assert choose(policy, (GB, OTP), (DE, MARKETING)) == [BETA, BETA]
    policy.prices(brief.price * np.array([[1.0], [3.0], [0.5]]))
    assert choose(policy, (GB, OTP), (DE, OTP)) == [GAMMA, ALPHA]


def test_round_robin_takes_turns_among_those_that_cover(brief, choose):
    policy = RoundRobin(brief, dice())
    assert choose(policy, *[(GB, OTP)] * 4, *[(DE, OTP)] * 3) == [ALPHA, BETA, GAMMA, ALPHA, ALPHA, BETA, ALPHA]


def test_weighted_turns_are_spread_smoothly(brief, choose):
    found = choose(WeightedRoundRobin(brief, dice()), *[(GB, OTP)] * 11)
    # Weights 1, 1/2 and 1/3 in the order alpha, gamma, beta: of eleven 6, 3 and 2.
    assert [found.count(place) for place in (ALPHA, GAMMA, BETA)] == [6, 3, 2]
    assert found[:2] == [ALPHA, GAMMA]


def test_window_takes_the_best_rate_of_the_country_and_class(brief, choose, tell):
    policy = SuccessWindow(brief, Dice(0.9))
    tell(policy, [(ALPHA, GB, OTP, BAD, 1.0)] * 3 + [(BETA, GB, OTP, BAD, 1.0)] * 2 + [(GAMMA, GB, OTP, GOOD, 1.0)] * 5)
    assert choose(policy, (GB, OTP), (GB2, OTP)) == [GAMMA, GAMMA]  # one country
    assert policy.rate(ALPHA, Thing(GB, OTP)) == 1.0 - 3 / BUCKET
    assert policy.rate(ALPHA, Thing(GB, MARKETING)) == policy.rate(ALPHA, Thing(DE, OTP)) == 1.0


class Thing:
    def __init__(self, network, klass):
        self.network, self.klass = network, klass


def test_window_hedges_one_in_twenty_to_another(brief, choose):
    assert choose(SuccessWindow(brief, Dice(0.049, 1)), (DE, OTP)) == [
        ALPHA
    ]  # by lot it would be beta: hedging goes to the other
    assert choose(SuccessWindow(brief, Dice(0.051, 1)), (DE, OTP)) == [BETA]
    policy, items = SuccessWindow(brief, dice()), [(GB, OTP)] * 4_000
    for place in (ALPHA, BETA):
        policy.good[place, 0, OTP] = 100
    found = choose(policy, *items)
    assert 0.035 < 1.0 - found.count(GAMMA) / len(found) < 0.065


def test_window_forgets_after_125_outcomes(brief, tell):
    policy = SuccessWindow(brief, dice())
    tell(policy, [(ALPHA, GB, OTP, BAD, 1.0)] * 10 + [(ALPHA, GB, OTP, GOOD, 1.0)] * (BUCKET - 5))
    assert policy.rate(ALPHA, Thing(GB, OTP)) == 1.0 - 5 / BUCKET


def test_silence_until_the_deadline_is_a_failure_and_a_later_receipt_nothing(brief, tell):
    policy = SuccessWindow(brief, dice())
    tell(policy, [(ALPHA, GB, OTP, None, 0.0)], at_s=10.0, until_s=24.9)
    assert policy.rate(ALPHA, Thing(GB, OTP)) == 1.0
    policy.observe([], 25.0)
    assert policy.rate(ALPHA, Thing(GB, OTP)) == 1.0 - 1 / BUCKET
    policy.observe([Event(26.0, GOOD, ALPHA, 0, GB, OTP, 16.0)], 26.0)
    assert policy.rate(ALPHA, Thing(GB, OTP)) == 1.0 - 1 / BUCKET


def test_window_with_cost_takes_the_best_expected_value(brief, choose, tell):
    policy = SuccessWindowCost(brief, Dice(0.9))
    assert choose(policy, (GB, OTP)) == [BETA]  # all begin with successes: the cheapest
    # Beta is 10,000 micros cheaper than alpha: worth 1/12 of a transactional message's loss of 120,000.
    tell(policy, [(BETA, GB, TRANSACTIONAL, BAD, 1.0)] * 10)
    assert choose(policy, (GB, TRANSACTIONAL)) == [BETA]
    tell(policy, [(BETA, GB, TRANSACTIONAL, BAD, 1.0)])
    assert choose(policy, (GB, TRANSACTIONAL)) == [ALPHA]


def test_peak_ewma_jumps_to_a_peak_and_decays(brief):
    policy = PeakEwma(brief, dice())
    policy.saw(ALPHA, 2.0, 0.0)
    policy.saw(ALPHA, 8.0, 1.0)
    assert policy.cost[ALPHA] == 8.0
    policy.saw(ALPHA, 2.0, 11.0)  # ten seconds later: weight e^-1
    assert policy.cost[ALPHA] == pytest.approx(2.0 + 6.0 * np.exp(-1.0))


def test_peak_ewma_takes_the_less_loaded_of_two(brief, choose, tell):
    policy = PeakEwma(brief, Dice(0.0))  # always alpha against beta
    tell(policy, [(ALPHA, GB, OTP, GOOD, 4.0), (BETA, GB, OTP, GOOD, 3.0)])
    assert choose(policy, (GB, OTP), now=4.0) == [BETA]
    tell(policy, [(BETA, GB, OTP, None, 0.0)], at_s=4.0)  # 3 s with one pending is more than 4 s with none
    assert choose(policy, (GB, OTP), now=4.0) == [ALPHA]
    assert policy.pending == [0, 1, 0]
    policy.observe([], 19.0)
    assert policy.pending == [0, 0, 0]  # timed out


def test_a_carrier_never_heard_of_with_messages_pending_is_avoided(brief, choose, tell):
    policy = PeakEwma(brief, Dice(0.0))
    tell(policy, [(ALPHA, GB, OTP, None, 0.0)])
    assert choose(policy, (GB, OTP), now=0.0) == [BETA]


def test_epsilon_greedy_moves_its_estimate_a_twentieth(brief, choose, tell):
    policy = EpsilonGreedy(brief, Dice(0.9))
    assert choose(policy, (GB, OTP)) == [BETA]
    tell(policy, [(BETA, GB, OTP, BAD, 1.0)])  # lost, after waiting for its 15 s
    assert policy.damage[BETA][GB][OTP] == pytest.approx(0.05 * (300_000 + 15 * 4_000))
    assert choose(policy, (GB, OTP), (GB2, OTP), (GB, MARKETING)) == [ALPHA, BETA, BETA]
    explorer = EpsilonGreedy(brief, Dice(0.04, 2))
    assert choose(explorer, (GB, OTP)) == [GAMMA]


def test_conversions_unmask_receipts_that_lie(brief, choose, tell):
    policy = ConversionWeights(brief, dice())
    for place, used in ((ALPHA, 100), (BETA, 5), (GAMMA, 100)):
        tell(policy, [(place, GB, OTP, GOOD, 1.0)] * 200, at_s=30.0)
        policy.observe([Event(40.0, Seen.CONVERTED, place, 0, GB, OTP, 10.0)] * used, 40.0)
    policy.observe([], 91.0)
    assert policy.score[BETA, 0] < 0.3
    assert policy.score[ALPHA, 0] > 0.9
    found = choose(policy, *[(GB, OTP)] * 500, now=91.0)
    assert found.count(BETA) < 25 < found.count(GAMMA)
    policy.observe([], 341.0)
    assert policy.score[BETA, 0] == pytest.approx(0.9)  # the window has passed


def test_thompson_draws_from_what_it_saw_and_forgets_by_half_in_ten_minutes(brief, choose, tell):
    policy = DiscountedThompson(brief, dice())
    tell(policy, [(BETA, GB, OTP, None, 0.0)] * 200 + [(ALPHA, GB, OTP, GOOD, 2.0)] * 200, until_s=20.0)
    assert choose(policy, *[(GB, OTP)] * 50, now=20.0).count(BETA) == 0
    policy.now = 620.0
    good, bad, _, _ = policy.faded(BETA, 0, OTP)
    assert (good, bad) == (0.0, pytest.approx(200 * 0.5 ** (605 / 600), rel=0.01))


def test_without_room_a_message_overflows_or_waits(brief):
    policy, room = LeastCost(brief, dice()), Room([50.0] * 3)
    places = [pick.place for pick in policy.choose([Item(n, 0.0, DE, OTP, False) for n in range(60)], room, 0.0)]
    assert (places.count(BETA), places.count(ALPHA), places.count(NOWHERE)) == (25, 25, 10)


def test_shadow_prices_clear_the_market():
    # Two kinds; the second carrier costs the first kind 10,000 more and the second kind 2,000 more: the second kind gives way.
    cost = np.array([[10_000.0, 10_000.0], [20_000.0, 12_000.0]])
    shadow = shadow_prices(cost, np.array([10.0, 10.0]), np.array([10.5, 100.0]))
    assert shadow[1] == 0.0
    assert 2_000.0 * 0.8 < shadow[0] < 10_000.0
    assert shadow_prices(cost, np.array([5.0, 5.0]), np.array([10.5, 100.0])).tolist() == [0.0, 0.0]
