"""What is asked of the brain, counted from results of runs."""

import msgspec
import pytest

from benchmarks.targets import Kept, targets
from sims.twin.policies import BRAIN, ORACLE
from sims.twin.result import Result
from sims.twin.run import Job
from sims.twin.scenarios import REFERENCE


def result(scenario, policy, seed, value, **figures):
    usual = {
        "messages": 1, "otp_in_time": 1.0, "in_time": 1.0, "price_in_time_micros": 1.0, "explored": 0.0, "never_sent": 0, "carrier": "a",
        "usual_share": 0.3, "hurt": 0, "sent": 0, "sent_before_left": None, "hurt_before_left": None, "left_after_s": None,
        "back_after_s": None, "shares": [], "values_micros": [],
    }  # fmt: skip
    return Result(**usual | {"scenario": scenario, "policy": policy, "seed": seed, "value_micros": value} | figures)


def played(**figures):
    return [
        one
        for scenario in REFERENCE
        for seed, share in ((1, 0.99), (2, 0.996))
        for one in (result(scenario, ORACLE, seed, 100.0), result(scenario, BRAIN, seed, 100.0 * share, **figures))
    ]


def test_a_target_is_the_mean_of_its_seeds():
    found = {target.name: target for target in targets(played(hurt=280, back_after_s=130.0), [])}
    assert found["utility, network"].found == pytest.approx(0.993)
    assert found["utility, network"].met
    assert found["hurt by fake receipts"].met
    assert not found["seconds until back, blackhole"].met


def test_what_was_not_measured_is_not_met():
    found = {target.name: target for target in targets(played(), [])}
    assert found["false alarms in 24 calm hours"].found is None
    assert not found["false alarms in 24 calm hours"].met
    assert not found["sent before the black hole is left"].met


def test_false_alarms_are_those_of_all_calm_runs():
    calm = [result("stationary", BRAIN, seed, 1.0, alarms=1) for seed in (1, 2, 3)]
    found = {target.name: target for target in targets(played(), calm)}
    assert found["false alarms in 24 calm hours"].found == 3.0
    assert not found["false alarms in 24 calm hours"].met


def test_a_run_is_kept_whole():

    kept = Kept(Job("blackhole", BRAIN, 1), result("blackhole", BRAIN, 1, 5.0, alarms=1))
    assert msgspec.json.decode(msgspec.json.encode(kept), type=Kept) == kept
