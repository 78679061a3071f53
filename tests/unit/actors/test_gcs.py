"""When Ray's control store is started again because of the clock."""

from actors.gcs import STEP_BACK_S, StepsBack


def test_a_clock_that_goes_back_is_seen_once() -> None:
    steps = StepsBack(1_000.0)
    assert not steps.seen(1_000.0)
    assert steps.seen(1_000.0 - 3_600.0)
    assert not steps.seen(1_000.0 - 3_600.0)


def test_a_clock_that_goes_on_and_comes_back_is_seen_when_it_comes_back() -> None:
    steps = StepsBack(1_000.0)
    assert not steps.seen(4_600.0)
    assert steps.seen(1_000.0)


def test_what_a_time_server_corrects_is_let_be() -> None:
    steps = StepsBack(1_000.0)
    assert not any(steps.seen(1_000.0 - STEP_BACK_S * share) for share in (0.1, 0.5, 1.0))
    assert steps.seen(1_000.0 - STEP_BACK_S - 0.1)
