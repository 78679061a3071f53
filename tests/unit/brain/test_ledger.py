import numpy as np
import pytest

from router.brain.ages import BINS
from router.brain.ledger import HALF_LIFE_S, Ledger
from router.brain.shrink import habits


def ledger_with(count, at_s=0.0):
    ledger = Ledger(0.0)
    row = ledger.row("alpha", "23410", 0, at_s)
    ledger.submitted(np.full(count, row), np.full(count, at_s))
    return ledger, row


def ended(ledger, row, at_s, age_s, positive=True):
    ledger.ended(np.array([row]), np.array([at_s]), np.array([age_s]), np.array([positive]))


def test_a_pending_message_is_exposure_in_the_bins_of_its_age():
    ledger, row = ledger_with(1, 0.25)
    ledger.advance(7.25)
    fade = 0.5 ** (7.25 / HALF_LIFE_S)
    assert ledger.t[row, :6] == pytest.approx([1, 1, 1, 1, 2, 1], rel=0.01)
    assert ledger.s[row].sum() == ledger.f[row].sum() == 0
    assert ledger.n[row] == pytest.approx(fade)


def test_ticks_may_come_often_or_rarely():
    (often, row), (rarely, _) = ledger_with(0), ledger_with(0)
    at_s = np.arange(0, 20, 0.5)
    for ledger in (often, rarely):
        ledger.submitted(np.full(len(at_s), row), at_s)
    for second in range(1, 31):
        often.advance(float(second))
    rarely.advance(30.0)
    assert often.t[row] == pytest.approx(rarely.t[row], rel=0.03)


def test_a_receipt_ends_the_exposure():
    ledger, row = ledger_with(1, 0.25)
    ledger.advance(1.0)
    ended(ledger, row, 2.25, 2.0)
    ledger.advance(100.0)
    assert ledger.t[row].sum() == pytest.approx(3.0, abs=0.25)  # the bin from 2 to 3 s in full
    assert ledger.s[row, 2] == pytest.approx(1.0, rel=0.05)
    assert ledger.cohorts.pending()[row] == 0


def test_a_receipt_seen_after_the_tick_that_passed_it_takes_the_surplus_back():
    ledger, row = ledger_with(1, 0.25)
    ledger.advance(10.0)
    ended(ledger, row, 2.25, 2.0)
    assert ledger.t[row].sum() == pytest.approx(3.0, abs=0.25)  # the bin from 2 to 3 s in full


def test_a_receipt_seen_before_its_submit_leaves_nothing_behind():
    ledger = Ledger(0.0)
    row = ledger.row("alpha", "23410", 0, 0.0)
    ended(ledger, row, 2.0, 1.0)
    ledger.advance(3.0)
    ledger.submitted(np.array([row]), np.array([1.0]))
    ledger.advance(100.0)
    assert ledger.cohorts.pending()[row] == 0
    assert ledger.t[row].sum() == pytest.approx(2.0, abs=0.3)


def test_messages_older_than_the_horizon_leave():
    ledger, row = ledger_with(3)
    for second in range(0, 800, 5):
        ledger.advance(float(second))
    assert ledger.cohorts.pending()[row] == 0
    assert len(ledger.cohorts.starts) <= 2


def test_cohorts_stay_few():
    ledger = Ledger(0.0)
    row = ledger.row("alpha", "23410", 0, 0.0)
    for step in range(2_000):
        ledger.submitted(np.array([row]), np.array([step / 2]))
        ledger.advance(step / 2)
    assert len(ledger.cohorts.starts) < 100
    assert ledger.cohorts.pending()[row] == pytest.approx(1_200, abs=125)


def test_a_fall_leaves_the_habit_alone_and_takes_back_what_waited_in_vain():
    ledger, row = ledger_with(1_000, 0.25)
    for _ in range(900):
        ended(ledger, row, 2.25, 2.0)
    ledger.advance(3.25)
    habit, lived = ledger.s[row].copy(), ledger.t[row].copy()
    ledger.submitted(np.full(200, row), np.full(200, 3.25))
    ledger.mu[row] = 0.5
    ledger.advance(8.25)
    ledger.fall(np.array([row]), 0.0, 3.25, 8.25)
    assert ledger.t[row] == pytest.approx(lived, rel=0.01)
    assert ledger.cohorts.pending()[row] == 0
    ended(ledger, row, 9.0, 5.0)  # submitted before the fall
    ledger.submitted(np.full(10, row), np.full(10, 9.0))
    ended(ledger, row, 11.5, 2.5)
    ledger.advance(13.0)
    assert ledger.s[row] == pytest.approx(habit, rel=0.01)
    assert ledger.t[row] == pytest.approx(lived, rel=0.01)
    assert ledger.came[row, 2] == pytest.approx(1.0, rel=0.03)
    assert ledger.lived[row].sum() == pytest.approx(9 * 3.75 + 3, rel=0.03)


def test_a_rise_brings_the_habit_back_with_fewer_observations():
    ledger, row = ledger_with(1_000)
    for _ in range(900):
        ended(ledger, row, 2.0, 2.0)
    ledger.advance(3.0)
    before = ledger.s[row] / ledger.t[row, 2]
    ledger.fall(np.array([row]), 1.0, 0.0, 3.0)
    ledger.rise(np.array([row]), 150.0, 60.0)
    assert ledger.n[row] == pytest.approx(150, rel=0.01)
    assert ledger.s[row] / ledger.t[row, 2] == pytest.approx(before)
    assert not ledger.fallen[row]
    assert ledger.came[row].sum() == ledger.lived[row].sum() == 0


def test_what_a_black_hole_swallowed_does_not_count_when_the_question_is_put_anew():
    ledger, row = ledger_with(1)
    ledger.mu[row] = 0.5
    ledger.fall(np.array([row]), 1.0, 0.0, 1.0)
    ledger.mu[row] = 0.01
    ledger.submitted(np.full(5, row), np.full(5, 1.5))
    ledger.advance(4.0)
    assert ledger.back[row] == pytest.approx(5 * 2.25 * (0.01 - 0.5), rel=0.01)
    ledger.watch(np.array([row]), 4.0)
    ledger.advance(9.0)
    assert ledger.back[row] == 0.0
    ledger.submitted(np.array([row]), np.array([9.1]))
    ended(ledger, row, 10.1, 1.0)
    assert ledger.back[row] == pytest.approx(np.log(0.5 / 0.01) - 2 * 0.49)


def test_a_habit_scaled_up_by_a_few_receipts_never_makes_a_bin_certain():
    ledger, row = ledger_with(100)
    for _ in range(60):
        ended(ledger, row, 0.5, 0.5)
    ledger.advance(3.0)
    ledger.settle(np.array([row]), np.array(5.0), 150.0, 3.0)
    assert ledger.s[row, 0] <= 0.98 * ledger.t[row, 0]


def test_little_data_stays_near_the_level_above_and_much_data_leaves_it():
    ledger = Ledger(0.0)
    for network, count in (("23410", 4), ("23415", 4_000)):
        good, bad = (ledger.row(name, network, 0, 0.0) for name in ("good", "bad"))
        for row, share in ((good, 0.9), (bad, 0.3)):
            ledger.submitted(np.full(count, row), np.zeros(count))
            took = int(count * share)
            ledger.ended(np.full(took, row), np.full(took, 2.5), np.full(took, 2.5), np.ones(took, dtype=bool))
    ledger.row("fresh", "23410", 0, 0.0)
    ledger.advance(30.0)
    found = habits(ledger).positive
    assert found.rate.shape == (5, BINS)
    bad_rate, good_rate, fresh = (
        found.rate[ledger.keys[key]] for key in [("bad", "23410", 0), ("good", "23410", 0), ("fresh", "23410", 0)]
    )
    assert bad_rate[2] < 0.6 * good_rate[2]  # the carrier's habit elsewhere carries over
    assert fresh == pytest.approx(found.world[0] * found.network[0])  # a new carrier has its world's and its network's habit
