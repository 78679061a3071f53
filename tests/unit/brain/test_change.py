import numpy as np

from router.brain.change import DOWN, UP, Detector, knownness


def fed(detector, seen, expected, seconds, known=1_000.0, back=np.nan):
    for second in range(seconds):
        alarms = detector.step(np.array([seen]), np.array([expected]), np.array([known]), np.array([back]), 1.0)
        if alarms:
            return second + 1, alarms[0]
    return None, None


def detector():
    made = Detector()
    made.grow(1)
    return made


def test_what_is_expected_and_comes_is_no_alarm():
    assert fed(detector(), 10.0, 10.0, 1_000) == (None, None)


def test_silence_is_an_alarm_within_seconds():
    seconds, alarm = fed(detector(), 0.0, 10.0, 60)
    assert seconds <= 7
    assert (alarm.way, alarm.ratio < 0.05) == (DOWN, True)


def test_three_times_the_expected_is_an_alarm_upwards():
    _, alarm = fed(detector(), 30.0, 10.0, 60)
    assert (alarm.way, alarm.ratio > 2) == (UP, True)


def test_a_place_hardly_known_keeps_silent():
    assert fed(detector(), 0.0, 10.0, 60, known=49.0) == (None, None)


def test_a_burst_that_is_late_by_a_second_is_forgiven():
    made = detector()
    assert fed(made, 0.0, 300.0, 1) == (None, None)
    assert fed(made, 300.0, 0.0, 1) == (None, None)
    assert made.score[DOWN, 0] == 0.0


def test_a_suspect_is_back_after_a_handful_of_receipts():
    made = detector()
    made.suspect(0, 0.0)
    seconds, alarm = fed(made, 1.0, 0.05, 60, known=5.0, back=1.5)
    assert seconds <= 8
    assert alarm.way == UP


def test_a_suspect_that_stays_dead_falls_further_and_is_never_taken_back():
    made = detector()
    made.suspect(0, 0.0)
    assert fed(made, 0.0, 0.1, 600, known=5.0)[1].way == DOWN
    assert made.suspect_s[0] == 0.0


def test_a_restart_forgets_the_count_and_keeps_the_suspicion():
    made = detector()
    made.suspect(0, 7.0)
    fed(made, 1.0, 0.05, 1, known=5.0)
    made.restart(np.array([0]))
    assert made.score.sum() == 0
    assert made.suspect_s[0] == 7.0


def test_rows_count_as_far_as_they_are_known():
    known = knownness(np.array([30.0, 30.0, 3_000.0]), np.array([0.0, 95.0, 0.0]), 100.0)
    assert known[0] == 0.5
    assert known[1] == 0.0
    assert known[2] > 0.98
