"""A carrier's lane: the contract, the complaints, the way back."""

from math import inf

import pytest

from carriers.lane import FORGIVEN_S, GUARD_S, HANDFUL_S, MAX_PAUSE_S, MAX_QUEUE_PAUSE_S, MIN_MEASURED, SECOND_S, UNLIMITED, Lane

OPEN_S = SECOND_S + GUARD_S


def spend(lane: Lane, start_s: float, end_s: float, step_s: float = 0.01) -> list[float]:
    """Write all that there is room for, looking every ``step_s``; when each segment was written."""
    written = []
    for tick in range(round((end_s - start_s) / step_s)):
        now_s = start_s + tick * step_s
        room = lane.room(now_s)
        if room:
            lane.take(room, now_s)
            written += [now_s] * room
    return written


def test_a_new_lane_waits_for_what_its_forerunner_may_have_written():
    lane = Lane(100, 50.0)
    assert lane.room(50.0) == 0
    assert lane.next_room_s(50.0) == pytest.approx(OPEN_S)
    assert lane.room(50.0 + OPEN_S) > 0


def test_a_lane_without_a_contract_has_no_limit_and_does_not_wait():
    lane = Lane(0, 0.0)
    assert lane.room(0.0) == UNLIMITED
    assert lane.speed(0.0) == inf
    assert lane.next_room_s(0.0) == 0.0


def test_the_contract_is_used_nearly_wholly_and_evenly():
    lane = Lane(100, 0.0)
    written = spend(lane, OPEN_S, OPEN_S + 10)
    assert 960 <= len(written) <= 1000
    tenths = [sum(1 for at in written if OPEN_S + n / 10 <= at < OPEN_S + (n + 1) / 10) for n in range(100)]
    assert max(tenths[1:]) <= 21


def test_one_segment_a_second_is_possible():
    lane = Lane(1, 0.0)
    assert len(spend(lane, OPEN_S, OPEN_S + 10)) == 10


@pytest.mark.parametrize("speed", [20, 130, 320, 1_000])
def test_waiting_for_a_handful_costs_no_speed_and_few_calls(speed):
    lane = Lane(speed, 0.0)
    now_s, written, calls = OPEN_S, 0, 0
    while now_s < OPEN_S + 20.0:
        wait_s = lane.next_others_s(now_s)
        if wait_s == 0.0:
            room = lane.others_room(now_s)
            lane.take(room, now_s)
            written += room
            calls += 1
        else:
            now_s += wait_s + 1e-9
    assert written >= 0.93 * 20 * speed
    assert calls <= 1.1 * written / lane.handful


def test_room_for_fewer_than_a_handful_waits_for_more_but_not_for_long():
    lane = Lane(320, 0.0)
    now_s = OPEN_S
    lane.take(320 - lane.spare(now_s) - 3, now_s)  # of this second: what is left are three
    now_s += 0.95  # and the pace allows more
    assert lane.room(now_s, lane.spare(now_s)) == 3
    assert lane.others_room(now_s) == 0
    wait_s = lane.next_others_s(now_s)
    assert wait_s == pytest.approx(HANDFUL_S)
    assert lane.others_room(now_s + wait_s / 2) == 0
    assert lane.others_room(now_s + wait_s + 1e-6) == 3
    assert lane.room(now_s) == 3 + lane.spare(now_s), "a code waits for nobody"


@pytest.mark.parametrize("speed", [0, 1, 19])
def test_a_lane_too_slow_or_without_a_limit_keeps_nothing(speed):
    assert Lane(speed, 0.0).spare(0.0) == 0


def test_a_full_second_tells_when_it_is_worth_asking_again():
    lane = Lane(10, 0.0)
    now_s = OPEN_S
    for _ in range(200):
        wait_s = lane.next_room_s(now_s)
        if wait_s == 0.0:
            lane.take(lane.room(now_s), now_s)
        else:
            assert lane.room(now_s + wait_s * 0.5) == 0 or wait_s < 0.01
            now_s += wait_s + 1e-9
    assert now_s < 25


def test_throttling_pauses_for_a_second_and_cuts_a_fifth():
    lane = Lane(100, 0.0)
    lane.throttled(10.0)
    assert lane.room(10.0) == 0
    assert lane.opens_s == pytest.approx(11.0)
    assert lane.next_room_s(10.0) == pytest.approx(1.0)
    assert lane.speed(11.0) == pytest.approx(80.0)
    assert lane.room(11.0) > 0


def test_a_whole_window_coming_back_throttled_is_one_complaint():
    lane = Lane(100, 0.0)
    for n in range(50):
        lane.throttled(10.0 + n / 1000, written_s=9.9)
    lane.throttled(11.5, written_s=9.95)
    assert lane.speed(11.0) == pytest.approx(80.0, abs=2)
    assert lane.opens_s <= 11.5


def test_repeated_throttling_doubles_the_pause_up_to_its_end():
    lane = Lane(100, 0.0)
    now_s, pauses = 10.0, []
    for _ in range(8):
        lane.throttled(now_s)
        pauses.append(lane.opens_s - now_s)
        now_s = lane.opens_s
    assert pauses == pytest.approx([1, 2, 4, 8, 16, MAX_PAUSE_S, MAX_PAUSE_S, MAX_PAUSE_S])


def test_a_full_queue_pauses_for_longer():
    lane = Lane(100, 0.0)
    now_s, pauses = 10.0, []
    for _ in range(7):
        lane.queue_full(now_s)
        pauses.append(lane.opens_s - now_s)
        now_s = lane.opens_s
    assert pauses == pytest.approx([5, 10, 20, 40, 80, 160, MAX_QUEUE_PAUSE_S])


def test_a_calm_time_forgives():
    lane = Lane(100, 0.0)
    lane.throttled(10.0)
    lane.throttled(11.0 + FORGIVEN_S)
    assert lane.opens_s == pytest.approx(12.0 + FORGIVEN_S)


def test_the_speed_climbs_back_to_the_contract_and_no_further():
    lane = Lane(100, 0.0)
    lane.throttled(10.0)
    assert lane.speed(16.0) == pytest.approx(90.0)
    assert lane.speed(60.0) == 100.0


def test_the_speed_never_falls_below_one():
    lane = Lane(2, 0.0)
    now_s = 10.0
    for _ in range(20):
        lane.throttled(now_s)
        now_s = lane.opens_s
    assert lane.speed(now_s) >= 1.0


def test_without_a_contract_the_first_complaint_measures_the_speed():
    lane = Lane(0, 0.0)
    for n in range(400):
        lane.take(1, 9.0 + n / 400)
    lane.throttled(10.0)
    assert lane.speed(10.0) == pytest.approx(320.0, rel=0.02)
    assert lane.room(10.5) == 0
    assert 0 < lane.room(11.0) <= 33
    assert lane.speed(200.0) > 400


def test_a_lane_throttled_while_idle_does_not_crawl():
    lane = Lane(0, 0.0)
    lane.take(1, 9.9)
    lane.throttled(10.0)
    assert lane.speed(10.0) == pytest.approx(MIN_MEASURED * 0.8)
