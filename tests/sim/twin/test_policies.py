"""Short runs of the twin. Floors lie below what was measured by more than seeds differ; the long runs are `trunkline sim brain`."""

import pytest

from sims.twin.engine import make_setup, simulate
from sims.twin.policies import make_policy
from sims.twin.result import judge

RATE_MPS, BURN_IN_MINUTES = 40.0, 1.0


def shares(scenario, seed, *policies, minutes=3.0):
    """The value kept as a share of the oracle's, and the results."""
    setup = make_setup(scenario, seed, minutes=minutes, rate_mps=RATE_MPS, burn_in_minutes=BURN_IN_MINUTES)
    found = {name: judge(setup, name, simulate(setup, make_policy(name, setup))) for name in ("oracle", *policies)}
    return {name: result.value_micros / found["oracle"].value_micros for name, result in found.items()}, found


@pytest.mark.parametrize(
    ("scenario", "floor"),
    [("outage", 0.94), ("price", 0.94)],
)
def test_the_brain_keeps_most_of_what_perfect_knowledge_keeps(scenario, floor):
    kept, found = shares(scenario, 3, "brain")
    assert floor < kept["brain"] < 1.0
    assert found["brain"].never_sent == 0
    assert found["brain"].explored < 0.05


def test_blind_policies_fall_into_a_black_hole_and_the_brain_leaves_it():
    kept, found = shares("blackhole", 3, "static", "round_robin", "brain", minutes=5.0)
    assert kept["static"] < kept["brain"] - 0.1
    assert kept["round_robin"] < kept["brain"] - 0.1
    assert found["static"].left_after_s is None
    assert found["brain"].left_after_s < 20.0
    assert found["brain"].hurt < 0.3 * found["static"].hurt


def test_receipts_that_lie_deceive_whoever_believes_them():
    kept, found = shares("fake_receipts", 3, "window_cost", "thompson")
    assert max(kept["window_cost"], kept["thompson"]) < 0.95
    assert min(found[name].hurt for name in ("window_cost", "thompson")) > 100


def test_rescue_saves_messages_from_a_black_hole_within_its_budget():
    kept, found = shares("blackhole", 3, "brain", "brain+rescue", minutes=5.0)
    alone, rescued = found["brain"], found["brain+rescue"]
    assert kept["brain+rescue"] > kept["brain"]
    assert rescued.hurt < 0.8 * alone.hurt
    assert rescued.otp_in_time > alone.otp_in_time
    assert 0 < rescued.copied < 0.035
    assert rescued.doubles < rescued.copied * rescued.messages
    assert (alone.copied, alone.doubles) == (0.0, 0)
