import brain_world as world
import pytest

FAULT_FROM_S, FAULT_TO_S = 45.0, 90.0


def three(fault, begin_s=FAULT_FROM_S, end_s=FAULT_TO_S):
    """The best by J is alpha: cheapest, and nearly as good as the dearest."""
    faults = [(begin_s, end_s, fault)]
    return [
        world.Carrier("alpha", 8_000, 0.95, 2.0, faults=faults),
        world.Carrier("beta", 12_000, 0.94, 2.5),
        world.Carrier("gamma", 30_000, 0.96, 1.5),
    ]


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    ("fault", "left_within_s", "back_within_s"), [("black_hole", 8.0, 45.0), ("brownout", 8.0, 60.0), ("outage", 2.0, 45.0)]
)
def test_a_carrier_gone_bad_is_left_and_taken_back(fault, left_within_s, back_within_s, seed):
    run = world.Run(three(fault), seed=seed).until(FAULT_TO_S + back_within_s + 20)
    assert run.share("alpha", 20, FAULT_FROM_S) > 0.9
    assert run.share("alpha", FAULT_FROM_S + left_within_s, FAULT_TO_S) < 0.05
    assert run.share("alpha", FAULT_TO_S + back_within_s, FAULT_TO_S + back_within_s + 20) > 0.9


def test_otp_alone_recovers_as_well():
    run = world.Run(three("black_hole"), rate=50, mix=(1.0, 0.0, 0.0), seed=3).until(FAULT_TO_S + 80)
    assert run.share("alpha", FAULT_FROM_S + 8, FAULT_TO_S) < 0.05
    # To otp the dear and quick gamma is within a sixth of alpha's cost, so a point of p in an estimate still moves some traffic.
    assert run.share("alpha", FAULT_TO_S + 60, FAULT_TO_S + 80) > 0.8


def test_a_cold_start_is_no_disaster():
    run = world.Run(three("none"), seed=4).until(30)
    assert run.share("alpha", 0, 30) > 0.8
    assert 0 < run.share("beta", 0, 30) < 0.2


def test_a_bad_cheap_carrier_is_found_out_and_a_good_dear_one_used():
    carriers = [world.Carrier("cheap", 5_000, 0.4, 3.0), world.Carrier("good", 11_000, 0.95, 2.0)]
    run = world.Run(carriers, seed=5).until(90)
    assert run.share("good", 40, 90) > 0.9


def test_capacity_spills_to_the_next_best():
    run = world.Run(three("none"), seed=6, room=3).until(30)
    assert run.share("alpha", 10, 30) > 0.4
    assert run.share("beta", 10, 30) > run.share("gamma", 10, 30) > 0.0
