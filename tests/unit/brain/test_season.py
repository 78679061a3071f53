"""Habits of the time of day."""

import numpy as np
import pytest

from router.brain.ages import BINS
from router.brain.board import board
from router.brain.change import DOWN, UP, Detector
from router.brain.merge import merge
from router.brain.season import COUNT, DAY_S, RANGE_OF, SLOTS, Season
from router.brain.snapshot import pack_state, resume, unpack_state
from router.brain.state import BrainState, tick

SHORT_S = 2_400.0  # a day of these tests: slots of 100 s
STEP_S = 20.0
EACH = 24  # messages a step


def share_of(at_s, evening):
    """Delivered of all: from 65 % to 95 % of the day down to a share, and back."""
    phase = at_s / SHORT_S % 1.0
    return 0.99 - (0.99 - evening) * (np.sin(np.pi * (phase - 0.65) / 0.3) ** 2 if 0.65 < phase < 0.95 else 0.0)


def step(state, begin_s, owed, shares):
    """One step of each carrier: the receipts of what is delivered come after two seconds. ``owed``: messages and fractions to deliver yet."""
    at_s = begin_s + np.arange(EACH) * 0.7  # all receipts come within the step
    for row, share in enumerate(shares):
        owed[row] += share * EACH
        came = np.arange(EACH) < min(int(owed[row]), EACH)
        many = int(came.sum())
        owed[row] -= many
        state.ledger.submitted(np.full(EACH, row), at_s)
        state.ledger.ended(np.full(many, row), at_s[came] + 2.0, np.full(many, 2.0), np.ones(many, bool))
    tick(state, begin_s + STEP_S)


def lived(days, *, day_s=SHORT_S, evening=0.4, from_day=0, state=None, until_day=99):
    """A carrier with an evening, and one without; the days on which alarms fell."""
    if state is None:
        state = BrainState(0.0, day_s=day_s)
        for name in ("alpha", "beta"):
            state.ledger.row(name, "23410", 0, 0.0)
    owed, falls, start_s = [0.0, 0.0], [], state.ledger.at_s
    for number in range(round(days * SHORT_S / STEP_S)):
        begin_s = start_s + number * STEP_S
        has = from_day <= begin_s / SHORT_S < until_day
        before = state.counters["alarms_down"]
        step(state, begin_s, owed, (share_of(begin_s + STEP_S / 2, evening) if has else 0.99, 0.99))
        falls += [begin_s / SHORT_S] * (state.counters["alarms_down"] - before)
    return state, falls


@pytest.fixture(scope="module")
def three_days():
    return lived(3.0)


def factor_of(state):
    assert state.season.factor is not None
    return state.season.factor[0, :, RANGE_OF[2]], state.season.factor[1, :, RANGE_OF[2]]


def test_the_evening_is_learned_of_the_carrier_that_has_one(three_days):
    alpha, beta = factor_of(three_days[0])
    evening = alpha[18:21] / alpha[:16].mean()
    assert (evening > 0.2).all()
    assert (evening < 0.7).all()
    assert alpha[:16] == pytest.approx(alpha[:16].mean(), rel=0.1)
    assert beta == pytest.approx(1.0, abs=0.02)


def test_the_evening_is_expected_before_it_comes(three_days):
    state, _ = three_days
    noon_s, evening_s = 3.5 * SHORT_S, 3.8 * SHORT_S
    ratio = {at_s: state.season.ratio(at_s)[:, 2] for at_s in (noon_s, evening_s)}
    assert ratio[noon_s][1] == pytest.approx(1.0, abs=0.05)
    assert ratio[evening_s][1] == pytest.approx(1.0, abs=0.05)
    assert 0.2 < ratio[evening_s][0] / ratio[noon_s][0] < 0.6


def test_a_usual_evening_is_no_alarm(three_days):
    _, falls = three_days
    assert [int(day) for day in falls] == [0]
    _, falls = lived(3.0, day_s=1e9)
    assert {int(day) for day in falls} == {0, 1, 2}


def test_an_evening_that_never_was_before_is_an_alarm():
    _, falls = lived(3.0, from_day=2)
    assert falls
    assert all(2.7 < day < 2.9 for day in falls)


def test_an_evening_that_does_not_come_is_no_alarm():
    state, falls = lived(3.0, until_day=2)
    assert all(day < 2 for day in falls)
    assert state.counters["alarms_up"] == len(falls)


def test_it_is_exactly_one_until_a_day_was_seen():
    state, _ = lived(0.99)
    assert state.season.factor is None
    assert state.season.ratio(state.ledger.at_s) is None
    assert state.unseasoned is None
    never, _ = lived(0.99, day_s=1e9)
    assert board(state, state.ledger.at_s) == board(never, never.ledger.at_s)


def test_the_ledger_already_holds_the_season_of_its_own_time():
    season = Season(0.0)
    season.factor = np.ones((1, SLOTS, 3))
    season.factor[0, 18] = 0.25
    season.made = np.zeros((1, SLOTS, BINS))
    season.made[0, 18] = 7.0  # seconds, all of them of the nineteenth hour
    middle_s = 18.5 / 24 * DAY_S
    assert season.ratio(middle_s) == pytest.approx(1.0)
    assert season.ratio(middle_s + 7_200.0) == pytest.approx(4.0)
    season.made[0, 12] = 7.0
    assert season.ratio(middle_s) == pytest.approx(0.25 / 0.625)
    assert season.ratio(middle_s - 1_800.0) == pytest.approx((0.25 + 1.0) / 2 / 0.625)
    # A message that is sent ten minutes before the next hour's middle comes to its last bin five minutes before it.
    assert season.ahead(middle_s + 3_000.0)[0, -1] == pytest.approx(season.ratio(middle_s + 3_300.0)[0, -1])


@pytest.mark.parametrize(
    ("seen", "due", "least", "most"), [(0, 0, 1, 1), (90, 100, 0.99, 1), (3, 100, 0.07, 0.08), (2, 6, 0.7, 0.95)]
)
def test_what_may_be_chance_is_no_habit(seen, due, least, most):
    season = Season(0.0)
    season.seen, season.due = np.full((1, SLOTS, 3), 1e6), np.full((1, SLOTS, 3), 1e6)
    season.seen[0, 5], season.due[0, 5] = seen, due
    season.estimate(DAY_S)
    assert least - 1e-4 <= season.factor[0, 5, 0] <= most + 1e-4
    assert season.factor[0, 6] == pytest.approx(1.0, abs=1e-3)
    assert (seen + COUNT) / (due + COUNT) <= season.factor[0, 5, 0] + 1e-4


def test_it_survives_a_restart(three_days):
    state, _ = three_days
    again = unpack_state(pack_state(state))
    for one, other in zip(factor_of(again), factor_of(state), strict=True):
        assert np.array_equal(one, other)
    evening_s = 3.8 * SHORT_S
    assert again.season.ratio(evening_s) == pytest.approx(state.season.ratio(evening_s))
    resume(again, again.ledger.at_s + 60.0)
    assert again.season.ratio(evening_s)[0, 2] == pytest.approx(state.season.ratio(evening_s)[0, 2], rel=0.05)


def test_two_who_saw_the_same_day_know_it_better():
    one, _ = lived(2.0)
    other, _ = lived(2.0)
    both = merge(one, other)
    for name in ("seen", "due", "made", "long_s", "long_t"):
        assert np.allclose(getattr(both.season, name), 2.0 * getattr(one.season, name))
    assert factor_of(both)[0][19] < factor_of(one)[0][19]


def test_the_detector_alarms_when_the_receipts_fit_neither_expectation():
    def alarms(seen, *expected):
        detector = Detector()
        detector.grow(1)
        found = []
        for _ in range(60):
            due = np.array(expected) if len(expected) == 1 else np.array(expected)[:, None]
            found += detector.step(np.array([seen]), due, np.array([100.0]), 1.0)
        return [alarm.way for alarm in found]

    assert set(alarms(1.0, 4.0)) == {DOWN}
    assert not alarms(1.0, 1.0, 4.0)
    assert set(alarms(1.0, 3.0, 4.0)) == {DOWN}
    assert set(alarms(9.0, 2.0)) == {UP}
    assert not alarms(9.0, 2.0, 9.0)
