"""What holds of conversions whatever is told."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from router.brain.board import board
from router.brain.merge import merge
from router.brain.port import Observation, Outcome
from router.brain.snapshot import pack_state, unpack_state
from router.brain.state import BrainState, observe, tick
from router.model import MessageClass

NAMES = ("a", "b", "c")
TENANTS = ("shop", "bank")
FEEDBACK = (Outcome.CONVERTED, Outcome.NOT_CONVERTED)
ages = st.floats(0, 60).map(lambda age_s: round(age_s, 3))
observations = st.builds(
    Observation,
    at_s=st.floats(0, 300).map(lambda at_s: round(at_s, 3)),
    carrier=st.sampled_from(NAMES),
    network=st.sampled_from(("23410", "23415", "26201")),
    klass=st.just(MessageClass.OTP),
    outcome=st.sampled_from((Outcome.SUBMITTED, Outcome.SUBMITTED, Outcome.DELIVERED, Outcome.UNDELIVERED, *FEEDBACK)),
    age_s=ages,
    first=st.booleans(),
    tenant=st.sampled_from((*TENANTS, "")),
    after_s=st.one_of(st.just(-1.0), ages),
)
histories = st.lists(st.lists(observations, max_size=10), min_size=6, max_size=6)
pauses = st.lists(st.floats(0.1, 40), min_size=6, max_size=6)


def told(batch, now):
    """As it would be told at that time: nothing of the future, and feedback promptly."""
    return [item._replace(at_s=now - min(item.at_s / 10, item.age_s)) for item in batch]


def lived(batches, waits, carrier="a"):
    """A brain whose tenants have reported before."""
    state, now = BrainState(0.0), 0.0
    first = [Observation(-400.0, carrier, "23410", MessageClass.OTP, Outcome.CONVERTED, 1.0, True, tenant) for tenant in TENANTS]
    observe(state, first, -400.0)
    for batch, wait in zip(batches, waits, strict=True):
        now += wait
        observe(state, told(batch, now), now)
        tick(state, now)
    return state, now


@settings(max_examples=40, deadline=None)
@given(histories, pauses)
def test_no_feedback_makes_a_board_of_nonsense(batches, waits):
    state, now = lived(batches, waits)
    item = board(state, now)
    for cell in item.cells.values():
        assert 0 <= cell.p <= 1
        assert cell.wait_s >= 0
        assert math.isfinite(cell.wait_s)
    assert all(0 <= view.trust <= 1 for view in item.carriers.values())


@settings(max_examples=40, deadline=None)
@given(histories, pauses)
def test_a_snapshot_is_the_state(batches, waits):
    state, now = lived(batches, waits)
    again = unpack_state(pack_state(state))
    for item in (state, again):
        observe(item, told(batches[0], now + 1), now + 1)
        tick(item, now + 5)
    assert board(again, now + 5) == board(state, now + 5)


@settings(max_examples=30, deadline=None)
@given(histories, pauses, st.randoms(use_true_random=False))
def test_two_halves_of_a_history_merge_into_the_whole(batches, waits, random):
    sides = [[random.random() < 0.5 for _ in batch] for batch in batches]
    halves = [
        [[item for item, at in zip(batch, mask, strict=True) if at is side] for batch, mask in zip(batches, sides, strict=True)]
        for side in (True, False)
    ]
    whole = lived(batches, waits)[0].evidence.trust
    both = merge(*(lived(half, waits)[0] for half in halves)).evidence.trust
    assert both.keys.keys() == whole.keys.keys()
    assert both.reporters == whole.reporters
    for key, row in whole.keys.items():
        mine = both.keys[key]
        for name in ("o", "u", "t", "v"):
            assert np.allclose(getattr(both, name)[mine], getattr(whole, name)[row], atol=1e-6)
        for name in ("given", "sent"):
            assert np.isclose(getattr(both, name).pending()[mine], getattr(whole, name).pending()[row])
    assert np.allclose(both.after, whole.after)
    assert np.allclose(both.ages, whole.ages)


@settings(max_examples=30, deadline=None)
@given(histories, pauses, st.permutations(NAMES))
def test_the_names_of_carriers_mean_nothing(batches, waits, names):
    other = dict(zip(NAMES, names, strict=True))
    state, now = lived(batches, waits)
    renamed, _ = lived([[item._replace(carrier=other[item.carrier]) for item in batch] for batch in batches], waits, other["a"])
    views = board(renamed, now).carriers
    for name, view in board(state, now).carriers.items():
        assert np.isclose(views[other[name]].trust, view.trust, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(histories, pauses)
def test_without_any_feedback_nothing_changes_at_all(batches, waits):
    silent = [[item for item in batch if item.outcome not in FEEDBACK] for batch in batches]
    boards = []
    for name in ("shop", ""):
        state, now = BrainState(0.0), 0.0
        for batch, wait in zip(silent, waits, strict=True):
            now += wait
            observe(state, told([item._replace(tenant=name) for item in batch], now), now)
            tick(state, now)
        boards.append(board(state, now))
        assert state.evidence.idle
    assert boards[0] == boards[1]
    assert all(view.trust == 1.0 for view in boards[0].carriers.values())


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.floats(0, 2))
def test_a_code_just_delivered_counts_neither_way(count, wait_s):
    state = BrainState(0.0)
    observe(state, [Observation(0.0, "a", "23410", MessageClass.OTP, Outcome.CONVERTED, 1.0, True, "shop")], 0.0)
    sent = Observation(1.0, "a", "23410", MessageClass.OTP, Outcome.SUBMITTED, 0.0, True, "shop")
    observe(state, [sent, sent._replace(at_s=1.5, age_s=0.5, outcome=Outcome.DELIVERED)] * count, 1.5)
    tick(state, 1.5 + wait_s)
    assert board(state, 1.5 + wait_s).carriers["a"].trust == 1.0
    assert state.evidence.trust.o.sum() == 0
    assert np.isclose(state.evidence.trust.given.pending().sum(), count)
