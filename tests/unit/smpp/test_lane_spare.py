"""What a lane keeps back for one-time codes."""

from math import inf
from random import Random

import pytest

from carriers.lane import Lane
from carriers.lane_spare import FROM_MPS, GAP_S, LEAST_SHARE, MOST_SHARE, LaneSpare

SPEED = 130.0


def _seen(codes_mps: float, seconds: int, speed_mps: float = SPEED) -> LaneSpare:
    spare = LaneSpare(0.0)
    for second in range(1, seconds + 1):
        spare.came(round(codes_mps))
        spare.segments(speed_mps, float(second))
    return spare


def test_without_codes_it_is_the_least_share():
    spare = LaneSpare(0.0)
    assert spare.segments(SPEED, 0.0) == 3
    assert spare.segments(SPEED, 100.0) == 3
    assert spare.segments(1_000.0, 100.0) == 1_000 * LEAST_SHARE


@pytest.mark.parametrize("speed_mps", [0.0, 1.0, FROM_MPS - 0.1, inf])
def test_a_lane_too_slow_or_without_a_limit_keeps_nothing_whatever_comes(speed_mps):
    assert _seen(13, 60, speed_mps).segments(speed_mps, 61.0) == 0


def test_it_grows_with_the_codes_up_to_a_tenth_of_the_lane():
    kept = [_seen(codes_mps, 60).segments(SPEED, 60.5) for codes_mps in (0, 5, 13, 30, 60, 120)]
    assert kept == sorted(kept)
    assert kept[0] == 3 < kept[2]
    assert kept[-1] == SPEED * MOST_SHARE


def test_when_codes_cease_it_is_given_back():
    spare = _seen(30, 60)
    before = spare.segments(SPEED, 60.5)
    assert spare.segments(SPEED, 90.0) < before
    assert spare.segments(SPEED, 300.0) == 3


def test_one_look_in_a_long_while_tells_the_same_as_many():
    often, seldom = LaneSpare(0.0), LaneSpare(0.0)
    for tick in range(1, 1201):
        often.came(1)
        seldom.came(1)
        often.segments(SPEED, tick * 0.05)
    assert abs(often.segments(SPEED, 60.1) - seldom.segments(SPEED, 60.1)) <= 1


def test_beside_a_campaign_that_fills_the_lane_codes_find_room_at_once():
    """Codes at random, 13 a second: hardly one in a hundred waits, and none for as long as the lane's pauses last."""
    dice = Random(5)
    lane = Lane(int(SPEED), 0.0)
    codes: list[float] = []
    at_s = 2.0
    while at_s < 120.0:
        at_s += dice.expovariate(13.0)
        codes.append(at_s)
    waits = []
    waiting: list[float] = []
    for tick in range(2_000, 120_000):
        now_s = tick / 1_000
        while codes and codes[0] <= now_s:
            waiting.append(codes.pop(0))
        count = min(len(waiting), lane.room(now_s))
        if count:
            lane.codes_came(count)
            lane.take(count, now_s)
            waits += [now_s - since_s for since_s in waiting[:count]]
            del waiting[:count]
        elif (room := lane.others_room(now_s)) and not waiting:
            lane.take(room, now_s)
    learnt = sorted(waits[len(waits) // 5 :])
    assert learnt[int(len(learnt) * 0.99)] <= 0.002
    assert learnt[-1] <= GAP_S / 2
