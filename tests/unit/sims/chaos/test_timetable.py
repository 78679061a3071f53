"""Kinds of faults and the timetable made of them."""

import pytest

from sims.chaos.kinds import DEADLY, EVERYTHING, FAMILIES, KINDS, touch
from sims.chaos.timetable import InvalidPlan, make_plan

PROCESSES = ("front", "esme", "limiter", "brain", "dispatcher", "carrier", "courier", "supervisor", "journal", "raylet", "gcs")


def test_every_process_can_be_killed():
    assert {f"kill.{name}" for name in PROCESSES} <= set(KINDS)
    assert {f"kill.{name}" for name in PROCESSES} <= DEADLY
    assert FAMILIES == ("kill", "stop", "zombie", "smpp", "redis", "webhook", "store", "clock")


def test_only_what_concerns_carriers_may_double_anything():
    doubling = {kind.name for kind in KINDS.values() if kind.windows}
    assert all("carrier" in KINDS[name].scope or name == "kill.raylet" for name in doubling)


def test_the_journal_is_in_everybodys_way():
    assert KINDS["kill.journal"].scope == EVERYTHING
    assert touch(EVERYTHING, "front")
    assert touch("carrier supervisor", "supervisor")
    assert not touch("carrier", "front")


def test_ten_minutes_hold_a_hundred_kills():
    for seed in range(2):
        plan = make_plan(seed, 600.0, tuple(KINDS))
        assert sum(planned.kind in DEADLY for planned in plan) >= 100


def test_holds_can_be_told():
    plan = make_plan(3, 60.0, ("zombie.carrier", "kill.front"), holds={"zombie.carrier": 8.0})
    assert {planned.hold_s for planned in plan if planned.kind == "zombie.carrier"} == {8.0}


@pytest.mark.parametrize("kinds", [(), ("kill.nobody",)])
def test_unknown_kinds_are_refused(kinds):
    with pytest.raises(InvalidPlan):
        make_plan(1, 60.0, kinds)
