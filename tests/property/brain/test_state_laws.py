import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from router.brain.board import board, board_from_bytes, board_to_bytes
from router.brain.merge import merge
from router.brain.port import Observation, Outcome
from router.brain.snapshot import pack_state, unpack_state
from router.brain.state import BrainState, estimate, observe, tick
from router.model import MessageClass

NAMES = ("a", "b", "c")
observations = st.builds(
    Observation,
    at_s=st.floats(0, 400),
    carrier=st.sampled_from(NAMES),
    network=st.sampled_from(("23410", "23415", "GB")),
    klass=st.sampled_from(MessageClass),
    outcome=st.sampled_from(Outcome),
    age_s=st.floats(0, 700),
    first=st.booleans(),
)
receipts_and_submits = observations.map(
    lambda item: item._replace(outcome=Outcome.SUBMITTED if item.outcome > Outcome.UNDELIVERED else item.outcome)
)
ticks = st.lists(st.floats(0.1, 60), min_size=1, max_size=6)


def lived(batches, pauses):
    state, now = BrainState(0.0), 0.0
    for batch, pause in zip(batches, pauses, strict=False):
        now += pause
        observe(state, batch, now)
        tick(state, now)
    return state, now


def histories(items):
    return st.lists(st.lists(items, max_size=8), min_size=6, max_size=6)


@settings(max_examples=40, deadline=None)
@given(histories(observations), ticks)
def test_no_history_makes_a_board_of_nonsense(batches, pauses):
    state, now = lived(batches, pauses)
    item = board(state, now)
    for cell in item.cells.values():
        assert 0 <= cell.p <= 1
        assert cell.sd > 0
        assert cell.wait_s >= 0
        assert all(math.isfinite(number) for number in (cell.p, cell.wait_s, cell.weight, cell.sd))
    assert board_from_bytes(board_to_bytes(item)) == item


@settings(max_examples=30, deadline=None)
@given(histories(observations), ticks)
def test_a_snapshot_is_the_state(batches, pauses):
    state, now = lived(batches, pauses)
    again = unpack_state(pack_state(state))
    for item in (state, again):
        observe(item, batches[0], now)
        tick(item, now + 5)
    assert board(again, now + 5) == board(state, now + 5)


@settings(max_examples=30, deadline=None)
@given(histories(receipts_and_submits), ticks, st.randoms(use_true_random=False))
def test_two_halves_of_a_history_merge_into_the_whole(batches, pauses, random):
    sides = [[random.random() < 0.5 for _ in batch] for batch in batches]
    left = [[item for item, side in zip(batch, mask, strict=True) if side] for batch, mask in zip(batches, sides, strict=True)]
    right = [
        [item for item, side in zip(batch, mask, strict=True) if not side] for batch, mask in zip(batches, sides, strict=True)
    ]
    whole, now = lived(batches, pauses)
    both = merge(lived(left, pauses)[0], lived(right, pauses)[0])
    for key, row in whole.ledger.keys.items():
        mine = both.ledger.keys[key]
        for name in ("s", "f", "t", "n"):
            assert np.allclose(getattr(both.ledger, name)[mine], getattr(whole.ledger, name)[row], atol=1e-6)
        assert np.isclose(both.ledger.cohorts.pending()[mine], whole.ledger.cohorts.pending()[row])
    estimate(whole, anew=True)  # as those of both were
    whole_cells, cells = board(whole, now).cells, board(both, now).cells
    assert cells.keys() == whole_cells.keys()
    assert all(np.isclose(cells[key].p, whole_cells[key].p, atol=1e-6) for key in cells)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 50), st.floats(0.5, 500))
def test_a_pending_message_is_neither_a_success_nor_a_failure(count, wait_s):
    state = BrainState(0.0)
    observe(state, [Observation(0.0, "a", "23410", MessageClass.OTP, Outcome.SUBMITTED)] * count, 0.0)
    tick(state, wait_s)
    assert state.ledger.s.sum() == 0
    assert state.ledger.f.sum() == 0
    assert np.isclose(state.ledger.cohorts.pending().sum(), count)
    assert state.ledger.t.sum() > 0 or wait_s < 0.5


@settings(max_examples=40, deadline=None)
@given(histories(receipts_and_submits), ticks, st.permutations(NAMES))
def test_the_names_of_carriers_mean_nothing(batches, pauses, names):
    other = dict(zip(NAMES, names, strict=True))
    state, now = lived(batches, pauses)
    renamed, _ = lived([[item._replace(carrier=other[item.carrier]) for item in batch] for batch in batches], pauses)
    cells = board(renamed, now).cells
    for key, cell in board(state, now).cells.items():
        carrier, rest = key.split("|", 1)
        assert np.isclose(cells[f"{other[carrier]}|{rest}"].p, cell.p, atol=1e-9)
