"""Goals, and what is said of runs that reach or miss them."""

import pytest

from benchmarks.goals import CARRIED, GOALS, OWN_CPU, Goal, judge
from benchmarks.plans import PLANS, USUAL
from benchmarks.result import Row, Run


def test_every_goal_has_its_benchmark_and_they_are_what_is_measured_when_nothing_is_named():
    assert set(USUAL) == {*GOALS, "stages"}
    assert set(USUAL) <= set(PLANS)


def test_every_aim_is_beyond_what_is_asked():
    for goals in GOALS.values():
        for goal in goals:
            assert goal.met(goal.least)
            assert goal.aimed(goal.aim)
            assert not goal.aimed(goal.least)
            assert goal.met(goal.aim)


@pytest.mark.parametrize(("found", "word"), [(15_001, "aim reached"), (10_000, "met"), (9_999, "missed")])
def test_the_median_decides(found, word):
    runs = [{CARRIED: 1.0, OWN_CPU: 79.0}, {CARRIED: found, OWN_CPU: 80.0}, {CARRIED: 1e6, OWN_CPU: 121.0}]
    carried, cpu = judge("batch-json", runs)
    assert (carried.median, carried.least, carried.most, carried.word) == (found, 1.0, 1e6, word)
    assert cpu.word == "aim reached"


def test_what_no_run_told_is_not_measured():
    (verdict,) = judge("smpp", [{}])
    assert (verdict.median, verdict.met, verdict.word) == (None, False, "not measured")


def test_what_has_no_goal_is_not_judged():
    row = Row(name="lone", runs=[Run()]).judged()
    assert (row.verdicts, row.reached) == ([], True)


def test_a_goal_says_what_it_asks():
    assert Goal("x", 10_000, 15_000, more=True).asked == "≥ 10,000 (aim 15,000)"
    assert Goal("x", 2.0, 1.3).asked == "≤ 2 (aim 1.3)"
