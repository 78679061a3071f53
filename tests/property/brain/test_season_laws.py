"""Laws of the habits of the time of day."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from router.brain.board import board
from router.brain.change import Detector
from router.brain.merge import merge
from router.brain.port import Observation, Outcome
from router.brain.snapshot import pack_state, unpack_state
from router.brain.state import BrainState, observe, tick
from router.model import MessageClass

DAY_S = 60.0
observations = st.builds(
    Observation,
    at_s=st.floats(0, 400),
    carrier=st.sampled_from(("a", "b")),
    network=st.sampled_from(("23410", "23415")),
    klass=st.sampled_from(MessageClass),
    outcome=st.sampled_from((Outcome.SUBMITTED, Outcome.DELIVERED, Outcome.UNDELIVERED)),
    age_s=st.floats(0, 100),
)
histories = st.lists(st.lists(observations, max_size=12), min_size=6, max_size=6)
pauses = st.lists(st.floats(0.5, 50), min_size=6, max_size=6)


def lived(batches, lapses):
    state, now = BrainState(0.0, day_s=DAY_S), 0.0
    for batch, lapse in zip(batches, lapses, strict=True):
        now += lapse
        observe(state, batch, now)
        tick(state, now)
    return state, now


@settings(max_examples=40, deadline=None)
@given(histories, pauses)
def test_no_history_makes_a_season_of_nonsense(batches, lapses):
    state, now = lived(batches, lapses)
    ratio = state.season.ratio(now)
    if now < DAY_S:
        assert ratio is None
    if ratio is not None:
        assert np.isfinite(ratio).all()
        assert (ratio > 0).all()
    assert all(0 <= cell.p <= 1 for cell in board(state, now).cells.values())


@settings(max_examples=30, deadline=None)
@given(histories, pauses)
def test_a_snapshot_is_the_season(batches, lapses):
    state, now = lived(batches, lapses)
    again = unpack_state(pack_state(state))
    mine, theirs = state.season.ahead(now + 7.0), again.season.ahead(now + 7.0)
    assert (mine is None) == (theirs is None)
    assert mine is None or np.array_equal(mine, theirs)


@settings(max_examples=30, deadline=None)
@given(histories, pauses, st.randoms(use_true_random=False))
def test_what_two_saw_adds_up(batches, lapses, random):
    sides = [[random.random() < 0.5 for _ in batch] for batch in batches]
    halves = [
        lived(
            [
                [item for item, side in zip(batch, mask, strict=True) if side == mine]
                for batch, mask in zip(batches, sides, strict=True)
            ],
            lapses,
        )[0]
        for mine in (False, True)
    ]
    both = merge(*halves)
    for name in ("seen", "due", "made", "long_s", "long_t"):
        total = sum(getattr(half.season, name).sum() for half in halves)
        assert np.isclose(getattr(both.season, name).sum(), total)
    assert both.season.began_s == 0.0


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.floats(0, 20), st.floats(0.1, 10)), min_size=1, max_size=40))
def test_what_is_expected_besides_never_brings_an_alarm_nearer(steps):
    plain, doubtful = Detector(), Detector()
    for detector in (plain, doubtful):
        detector.grow(1)
    for seen, expected, factor in steps:
        both = np.sort(np.array([expected, expected * factor]))[:, None]
        plain.step(np.array([float(seen)]), np.array([expected]), np.array([100.0]), 1.0)
        doubtful.step(np.array([float(seen)]), both, np.array([100.0]), 1.0)
        assert (doubtful.score <= plain.score + 1e-9).all() or (plain.score >= 2 * 12.0).any()
