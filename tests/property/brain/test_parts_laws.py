"""What holds of a memory in parts: whoever holds which carrier, the board of all is the board of one who saw everything."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.brain.board import board
from router.brain.merge import merge
from router.brain.parts import Tenants, heed, stand_still, tenants, together
from router.brain.port import Observation, Outcome
from router.brain.snapshot import pack_state, resume, unpack_state
from router.brain.state import BrainState, observe, tick
from router.model import MessageClass

NAMES = ("a", "b", "c", "d")
QUIET = (Outcome.SUBMITTED, Outcome.SUBMITTED, Outcome.DELIVERED, Outcome.UNDELIVERED)
TENANTS = ("shop", "bank")
observations = st.builds(
    Observation,
    at_s=st.floats(0, 60).map(lambda at_s: round(at_s, 3)),
    carrier=st.sampled_from(NAMES),
    network=st.sampled_from(("23410", "23415", "26201")),
    klass=st.sampled_from(MessageClass),
    outcome=st.sampled_from((*QUIET, Outcome.REFUSED, Outcome.UNANSWERED, Outcome.LINK_DOWN, Outcome.LINK_UP)),
    age_s=st.floats(0, 30).map(lambda age_s: round(age_s, 3)),
)
histories = st.lists(st.lists(observations, max_size=12), min_size=5, max_size=5)
owners = st.fixed_dictionaries({name: st.integers(0, 2) for name in NAMES})


def lived(batches):
    """A brain that saw these; its time is the same whatever it saw."""
    state, now = BrainState(0.0), 0.0
    for batch in batches:
        now += 13.0
        observe(state, [item._replace(at_s=now - min(item.at_s / 10, item.age_s)) for item in batch], now)
        tick(state, now)
    return state, now


def same_boards(one, other):
    assert one.carriers.keys() == other.carriers.keys()
    for name, view in one.carriers.items():
        mine = other.carriers[name]
        assert (mine.breaker, mine.breaker_until_s, mine.reason) == (view.breaker, view.breaker_until_s, view.reason)
        assert (mine.submitted, mine.delivered, mine.undelivered) == (view.submitted, view.delivered, view.undelivered)
        assert mine.pending == pytest.approx(view.pending, abs=1e-6)
        assert mine.trust == pytest.approx(view.trust, abs=1e-6)
    assert one.cells.keys() == other.cells.keys()
    for key in one.cells:
        assert other.cells[key].p == pytest.approx(one.cells[key].p, abs=1e-6)
        assert other.cells[key].wait_s == pytest.approx(one.cells[key].wait_s, abs=1e-5)
    assert one.counters == other.counters


@settings(max_examples=40, deadline=None)
@given(histories, owners)
def test_brains_that_hold_a_part_of_the_carriers_each_make_the_board_of_one(batches, owner):
    whole, now = lived(batches)
    parts = {
        part: lived([[item for item in batch if owner[item.carrier] == part] for batch in batches])[0]
        for part in set(owner.values())
    }
    same_boards(board(whole, now), board(together(parts, owner.__getitem__, now), now))


@settings(max_examples=25, deadline=None)
@given(histories, st.randoms(use_true_random=False), st.integers(2, 4))
def test_ledgers_of_any_split_into_several_add_up(batches, random, many):
    batches = [[item for item in batch if item.outcome in QUIET] for batch in batches]
    sides = [[random.randrange(many) for _ in batch] for batch in batches]
    whole = lived(batches)[0].ledger
    merged = None
    for part in range(many):
        state, _ = lived(
            [[item for item, side in zip(b, s, strict=True) if side == part] for b, s in zip(batches, sides, strict=True)]
        )
        merged = state if merged is None else merge(merged, state)
    assert merged is not None
    for key, row in whole.keys.items():
        mine = merged.ledger.keys[key]
        for name in ("s", "f", "t", "n"):
            assert np.allclose(getattr(merged.ledger, name)[mine], getattr(whole, name)[row], atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(histories, owners, st.floats(1, 3_600))
def test_a_part_that_is_silent_stands_still_and_fades(batches, owner, silent_s):
    state, now = lived(batches)
    before = unpack_state(pack_state(state))
    stand_still(state, now + silent_s)
    fade = 0.5 ** (silent_s / 1_800.0)
    assert np.allclose(state.ledger.s, before.ledger.s * fade)
    assert np.allclose(state.ledger.t, before.ledger.t * fade)
    assert np.allclose(state.ledger.cohorts.pending(), before.ledger.cohorts.pending())
    both = together({0: state, 1: BrainState(now + silent_s)}, owner.__getitem__, now + silent_s)
    assert both.counters["alarms_down"] == before.counters["alarms_down"]


@settings(max_examples=25, deadline=None)
@given(histories, owners)
def test_what_a_part_tells_again_counts_once(batches, owner):
    """Parts replace what was told before: a restored one, told as often as you like, is the part it was."""
    parts = {part: lived([[item for item in batch if owner[item.carrier] == part] for batch in batches])[0] for part in (0, 1, 2)}
    now = parts[0].ledger.at_s
    first = board(together(parts, owner.__getitem__, now), now)
    parts[1] = unpack_state(pack_state(parts[1]))
    resume(parts[1], now)
    again = board(together(parts, owner.__getitem__, now), now)
    for name, view in first.carriers.items():
        mine = again.carriers[name]
        assert (mine.submitted, mine.delivered, mine.undelivered) == (view.submitted, view.delivered, view.undelivered)
    for key, cell in first.cells.items():
        assert again.cells[key].p == pytest.approx(cell.p, abs=1e-6)


def test_a_carrier_that_moved_is_known_by_both_and_its_breaker_by_its_owner():
    old, new = BrainState(0.0), BrainState(50.0)
    seen = [Observation(float(at), "a", "23410", MessageClass.OTP, Outcome.SUBMITTED) for at in range(40)]
    observe(old, [*seen, Observation(40.0, "a", "*", MessageClass.OTP, Outcome.LINK_DOWN)], 40.0)
    tick(old, 50.0)
    resume(old, 60.0)  # it holds the carrier no more
    observe(new, [Observation(60.0, "a", "*", MessageClass.OTP, Outcome.LINK_UP)], 60.0)
    observe(new, [item._replace(at_s=61.0) for item in seen[:7]], 61.0)
    tick(new, 61.0)
    whole = together({0: old, 1: new}, lambda _: 1, 61.0)
    assert whole.breakers["a"].state == "closed"
    assert whole.tallies["a"].submitted == 47
    row = whole.ledger.keys["a", "23410", 0]
    assert whole.ledger.n[row] == pytest.approx(47, rel=0.03)


def feedback(state, carrier, tenant, at_s, outcome=Outcome.CONVERTED):
    """A code was sent a while ago, and used."""
    observe(state, [Observation(at_s, carrier, "23410", MessageClass.OTP, outcome, 8.0, True, tenant, 5.0)], at_s)


def test_a_tenant_that_reports_to_one_brain_reports_to_all():
    hears, does_not = BrainState(0.0), BrainState(0.0)
    feedback(hears, "a", "shop", 10.0)
    whole = together({0: hears, 1: does_not}, lambda _: 0, 10.0)
    heed(does_not.evidence, tenants(whole.evidence), 10.0)
    assert does_not.evidence.trust.reporters == {"shop": 10.0}
    heed(does_not.evidence, Tenants({}, {"shop": 500.0}), 11.0)
    assert does_not.evidence.trust.reporters == {}
    heed(does_not.evidence, Tenants({"shop": 10.0}, {}), 12.0)  # told before the silence was known there
    assert does_not.evidence.trust.reporters == {}


@pytest.mark.parametrize("stops", [True, False])
def test_a_tenant_is_silent_when_no_brain_hears_of_it(stops):
    """One carrier each: only together can they tell a tenant that stopped from a carrier that lies."""
    parts = {0: BrainState(0.0), 1: BrainState(0.0)}
    for name, state in zip("ab", parts.values(), strict=True):
        feedback(state, name, "shop", 0.0)
        for at in range(1, 400):
            klass = MessageClass.OTP
            sent = Observation(float(at), name, "23410", klass, Outcome.SUBMITTED, 0.0, True, "shop")
            observe(state, [sent, sent._replace(outcome=Outcome.DELIVERED, age_s=0.9)], float(at))
            if at < 300 or (name == "a" and not stops):
                feedback(state, name, "shop", float(at))
            tick(state, float(at))
    whole = together(parts, "ab".index, 399.0)
    assert ("shop" in tenants(whole.evidence).silenced) is stops
