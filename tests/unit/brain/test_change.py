import numpy as np

from router.brain.change import DOWN, UP, Detector, knownness


def fed(detector, seen, expected, seconds, known=1_000.0):
    for second in range(seconds):
        alarms = detector.step(np.array([seen]), np.array([expected]), np.array([known]), 1.0)
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


def suspect(at_s=0.0):
    made = detector()
    made.suspect(0, 0.1, at_s)
    return made


def told(made, back):
    return tuple(places.tolist() for places in made.judge(np.array([back])))


def test_a_suspect_raises_no_alarms():
    assert fed(suspect(), 0.0, 10.0, 60) == (None, None)


def test_a_suspect_is_back_when_the_evidence_says_so():
    made = suspect()
    assert told(made, 4.0) == ([], [])
    assert told(made, 2.0) == ([0], [])


def test_evidence_against_a_suspect_is_dropped_and_the_question_put_anew():
    made = suspect()
    assert told(made, -3.0) == ([], [0])
    assert told(made, 6.0) == ([0], [])


def test_a_place_without_suspicion_is_not_judged():
    assert told(detector(), 100.0) == ([], [])


def test_each_relapse_doubles_the_evidence_that_a_return_needs():
    made = suspect()
    for trial, needed in enumerate((6.0, 12.0, 24.0, 48.0, 96.0, 96.0)):
        assert told(made, needed - 0.1) == ([], [])
        assert told(made, 0.2) == ([0], [])
        made.acquit(np.array([0]))
        made.rose_s[0] = 100.0 * trial
        made.suspect(0, 0.1, 100.0 * trial + 50.0)
    made.suspect(0, 0.1, 10_000.0)
    assert told(made, 6.1) == ([0], [])


def test_a_restart_forgets_the_count_and_keeps_the_suspicion():
    made = suspect(7.0)
    made.restart(np.array([0]))
    assert made.score.sum() == 0
    assert made.suspect_s[0] == 7.0


def test_rows_count_as_far_as_they_are_known():
    known = knownness(np.array([30.0, 30.0, 3_000.0]), np.array([0.0, 95.0, 0.0]), 100.0)
    assert known[0] == 0.5
    assert known[1] == 0.0
    assert known[2] > 0.98
