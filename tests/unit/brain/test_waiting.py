"""Waiting for a better carrier's room, shadow prices from turn to turn, and the purse of exploration."""

import numpy as np
import pytest

from router.brain.bids import HOLD_S, Bids
from router.brain.cells import Cell, Cells
from router.brain.explore import PURSE_LIMIT
from router.brain.plan import Memo, plan, shadow_prices
from router.brain.port import Board, Waits, Want
from router.brain.waiting import LIMIT_S, lateness, limit_s
from router.model import MessageClass
from router.routes import Deck
from router.settings import CarrierProfile, Price, Settings

RULES = {klass: Settings().rules(klass) for klass in MessageClass}
OTP, TRANSACTIONAL, MARKETING = MessageClass


def carrier(name, micros):
    return CarrierProfile(name=name, addresses=("h:1",), system_id="x", prices=(Price(to="*", micros=micros),))


DECK = Deck([carrier("cheap", 10_000), carrier("dear", 30_000)])
CELLS = {f"{name}|*|{int(klass)}": Cell(0.95, 2.0, 1e6, 0.0) for name in DECK.names for klass in MessageClass}
BOARD = Board(1, 0.0, {}, Cells.of(CELLS))


def made(count, room, *, klass=TRANSACTIONAL, speed=100.0, waited_s=0.0, memo=None, now=0.0, segments=1):
    batch = [Want("23410", "GB", "447700900123", klass, segments) for _ in range(count)]
    waits = Waits({"cheap": speed}, [waited_s] * count, 1_000)
    return plan(batch, BOARD, room, now, np.random.default_rng(0), deck=DECK, rules=RULES, memo=memo or Memo(), waits=waits)


def counts(done):
    names = [choice.carrier or ("rests" if choice.resting else "stays") for choice in done.choices]
    return {name: names.count(name) for name in sorted(set(names))}


def test_an_ordinary_message_waits_a_moment_rather_than_pay_three_times_as_much():
    assert counts(made(60, {"cheap": 20, "dear": 500})) == {"cheap": 20, "rests": 40}


def test_those_first_in_line_go_first():
    done = made(30, {"cheap": 20, "dear": 500})
    assert [choice.carrier for choice in done.choices] == ["cheap"] * 20 + [""] * 10


def test_no_more_wait_than_the_carrier_takes_in_time():
    assert counts(made(400, {"cheap": 20, "dear": 500})) == {"cheap": 20, "dear": 180, "rests": 200}


def test_a_slow_carrier_is_not_waited_for_by_a_one_time_code():
    assert counts(made(10, {"dear": 500}, klass=OTP, speed=1.0)) == {"dear": 10}


def test_what_waiting_costs_more_than_the_difference_of_prices_is_not_waited_for():
    near = Deck([carrier("cheap", 10_000), carrier("dear", 10_200)])
    batch = [Want("23410", "GB", "447700900123", OTP, 1) for _ in range(10)]
    waits = Waits({"cheap": 100.0}, [0.0] * 10, 1_000)
    done = plan(batch, BOARD, {"dear": 50}, 0.0, np.random.default_rng(0), deck=near, rules=RULES, memo=Memo(), waits=waits)
    assert counts(done) == {"dear": 10}


@pytest.mark.parametrize("klass", MessageClass)
def test_who_has_waited_long_enough_goes_where_there_is_room(klass):
    waited_s = limit_s(RULES[klass].deadline_s)
    assert counts(made(40, {"cheap": 20, "dear": 500}, klass=klass, waited_s=waited_s)) == {"cheap": 20, "dear": 20}


def test_nobody_waits_by_choice_who_has_no_choice():
    assert counts(made(40, {"cheap": 20})) == {"cheap": 20, "stays": 20}


def test_nobody_waits_for_a_carrier_whose_speed_is_not_known():
    assert counts(made(40, {"cheap": 20, "dear": 500}, speed=0.0)) == {"cheap": 20, "dear": 20}


def lived(arrivals, step_s=0.1):
    """Turns in which so many arrive for 20 places; by turn how many rest, and how many were sent by the dear carrier."""
    memo, since, rested, spilled = Memo(), [], [], []
    for turn, count in enumerate(arrivals):
        now = turn * step_s
        since += [now] * count
        batch = [Want("23410", "GB", "447700900123", TRANSACTIONAL, 1) for _ in since]
        waits = Waits({"cheap": 20 / step_s}, [now - begun for begun in since], 1_000)
        room = {"cheap": 20, "dear": 500}
        done = plan(batch, BOARD, room, now, np.random.default_rng(0), deck=DECK, rules=RULES, memo=memo, waits=waits)
        since = [begun for begun, choice in zip(since, done.choices, strict=True) if not choice.carrier]
        assert all(now - begun < limit_s(60.0) for begun in since)
        rested.append(len(since))
        spilled.append(sum(choice.carrier == "dear" for choice in done.choices))
    return rested, spilled


def test_a_short_burst_is_waited_out():
    rested, spilled = lived([200, 200] + [0] * 20)
    assert rested[0] > 0
    assert rested[-1] == 0
    assert sum(spilled) == 0


def test_a_long_overload_is_not_waited_out():
    rested, spilled = lived([60] * 400)
    assert max(rested) > 300
    assert max(rested[-50:]) < 100
    assert np.mean(spilled[-50:]) == pytest.approx(40, abs=4)


def test_the_shadow_price_is_shown_and_fades():
    memo = Memo()
    done = made(40, {"cheap": 20, "dear": 500}, memo=memo, speed=0.0)
    assert done.shadow == {"cheap": 20_000.0}
    assert done.decisions[0]["considered"][0][4] == 20_000
    at_first = shadow_prices(memo, DECK, HOLD_S)
    assert 0 < at_first["cheap"] < 20_000
    assert at_first["dear"] == 0
    assert shadow_prices(memo, DECK, 60.0)["cheap"] < 1
    assert made(1, {"cheap": 20, "dear": 500}, memo=memo, now=1.0).shadow == {}


def test_the_mean_price_takes_seconds_to_follow_and_a_clock_that_goes_back_changes_nothing():
    bids = Bids(1, 0.0)
    for turn in range(100):
        bids.note(np.array([1_000.0]), turn / 10)
    assert 800 < bids.mean(10.0)[0] < 900
    assert bids.mean(5.0)[0] == pytest.approx(bids.mean(9.9)[0])


def test_a_second_makes_late_what_would_have_come_just_in_time():
    p, wait_s = np.array([[0.9]]), np.array([[0.9 * 4.0 + 0.1 * 15.0]])
    density = float(lateness(p, wait_s, np.array([[15.0]]))[0, 0])
    assert density == pytest.approx(0.9 * np.exp(-15 / 4) / 4)
    assert np.isfinite(lateness(np.zeros((1, 1)), np.zeros((1, 1)), np.array([[0.0]]))).all()


def test_limits_are_shares_of_the_deadline_and_have_an_end():
    assert [limit_s(RULES[klass].deadline_s) for klass in MessageClass] == [0.5, 2.0, LIMIT_S]


def test_exploration_costs_no_more_than_its_part_of_what_is_at_stake():
    cells = {key: Cell(0.9, 4.0, 5.0, 0.3) for key in CELLS}
    memo, rng = Memo(), np.random.default_rng(1)
    board, lost, stake = Board(1, 0.0, {}, Cells.of(cells)), 0.0, 0.0
    room = {"cheap": 10_000, "dear": 10_000}
    for turn in range(50):
        batch = [Want("23410", "GB", "447700900123", MARKETING, 1) for _ in range(200)]
        done = plan(batch, board, room, turn / 10, rng, deck=DECK, rules=RULES, memo=memo)
        explored = [choice.carrier for choice in done.choices if choice.explored]
        lost += 20_000 * explored.count("dear")
        stake += 200 * RULES[MARKETING].loss_micros
        assert 0.0 <= memo.purse <= PURSE_LIMIT
    assert 0 < lost <= 0.004 * stake
