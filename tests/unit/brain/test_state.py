import numpy as np
import pytest

from router.brain.board import UnreadableBoard, board, board_from_bytes, board_to_bytes
from router.brain.merge import merge
from router.brain.port import Observation, Outcome
from router.brain.snapshot import UnreadableSnapshot, pack_state, resume, unpack_state
from router.brain.state import BrainState, observe, tick
from router.model import MessageClass

OTP = MessageClass.OTP


def seen(outcome, at_s, age_s=0.0, carrier="alpha", first=True):
    return Observation(at_s, carrier, "23410", OTP, outcome, age_s, first)


def taught(seconds=60, p=0.9, carrier="alpha"):
    state, rng = BrainState(0.0), np.random.default_rng(1)
    for second in range(seconds):
        batch = [seen(Outcome.SUBMITTED, float(second), carrier=carrier) for _ in range(10)]
        batch += [seen(Outcome.DELIVERED, float(second), 2.0, carrier) for _ in range(10) if second > 2 and rng.random() < p]
        observe(state, batch, float(second))
        tick(state, float(second))
    return state


def test_an_empty_brain_has_an_empty_board():
    first, second = (board(state := BrainState(0.0), 0.0), board(state, 1.0))
    assert (first.version, second.version) == (1, 2)
    assert not first.cells
    assert not first.carriers


def test_the_board_tells_what_was_seen():
    item = board(taught(), 60.0)
    view, cell = item.carriers["alpha"], item.cells["alpha|23410|0"]
    assert (view.submitted, view.breaker, view.suspect) == (600, "closed", False)
    assert cell.p == pytest.approx(0.9, abs=0.05)
    assert cell.wait_s == pytest.approx(0.9 * 2.3 + 0.1 * 15, abs=0.9)
    assert item.cells["alpha|*|0"].p == pytest.approx(cell.p, abs=0.05)
    assert {"alpha|234|0", "alpha|23410|1", "alpha|*|0"} <= set(item.cells)


def test_second_attempts_count_and_do_not_teach():
    state = BrainState(0.0)
    observe(state, [seen(Outcome.SUBMITTED, 0.0, first=False), seen(Outcome.UNDELIVERED, 1.0, 1.0, first=False)], 1.0)
    assert state.tallies["alpha"].undelivered == 1
    assert state.ledger.rows == 0


def test_refusals_open_the_breaker_and_the_board_says_why():
    state = BrainState(0.0)
    observe(state, [seen(Outcome.REFUSED, 0.0)] * 3, 0.0)
    view = board(state, 0.0).carriers["alpha"]
    assert (view.breaker, view.breaker_until_s) == ("open", 1.0)
    assert "refused" in view.reason
    tick(state, 1.0)
    assert board(state, 1.0).carriers["alpha"].breaker == "half_open"
    observe(state, [seen(Outcome.REFUSED_OTHER, 1.1)], 1.1)
    assert board(state, 1.1).carriers["alpha"].breaker == "closed"


def test_a_link_down_is_on_the_board():
    state = BrainState(0.0)
    observe(state, [seen(Outcome.LINK_DOWN, 0.0)], 0.0)
    assert board(state, 0.0).carriers["alpha"].breaker == "open"
    observe(state, [seen(Outcome.LINK_UP, 1.0)], 1.0)
    assert board(state, 1.0).carriers["alpha"].breaker == "closed"


def test_a_carrier_gone_silent_becomes_a_suspect_that_is_probed():
    state = taught()
    for second in range(60, 75):
        observe(state, [seen(Outcome.SUBMITTED, float(second)) for _ in range(10)], float(second))
        tick(state, float(second))
    item = board(state, 75.0)
    assert item.carriers["alpha"].suspect
    assert item.probes["alpha|*"] <= 5.0
    assert item.cells["alpha|23410|0"].p < 0.5


def test_what_was_not_used_for_two_minutes_is_probed_in_its_country():
    state = taught(10)
    tick(state, 200.0)
    assert board(state, 200.0).probes["alpha|234"] == 30.0


def test_board_octets_round_trip_and_others_are_refused():
    item = board(taught(10), 10.0)
    assert board_from_bytes(board_to_bytes(item)) == item
    for octets in (b"", b"\x92\x01\x80", b"junk"):
        with pytest.raises(UnreadableBoard):
            board_from_bytes(octets)


def test_a_snapshot_gives_the_same_board():
    state = taught()
    again = unpack_state(pack_state(state))
    assert board(again, 60.0) == board(state, 60.0)
    assert pack_state(unpack_state(pack_state(state))) == pack_state(state)


def test_unreadable_snapshots_say_so():
    for octets in (b"", b"\x80", b"\x81\xa7version\x02", b"\x81\xa7version\x01", b"junk"):
        with pytest.raises(UnreadableSnapshot):
            unpack_state(octets)


def test_a_restart_forgets_what_waited_and_keeps_what_was_learned():
    state = unpack_state(pack_state(taught()))
    resume(state, 1_000.0)
    assert state.ledger.cohorts.pending().sum() == 0
    observe(state, [seen(Outcome.DELIVERED, 1_001.0, 950.0), seen(Outcome.DELIVERED, 1_001.0, 20.0)], 1_001.0)
    assert state.ledger.cohorts.pending().sum() == 0
    assert board(state, 1_001.0).cells["alpha|23410|0"].p == pytest.approx(0.9, abs=0.06)


def test_merging_brings_carriers_suspicions_and_breakers_together():
    a, b = taught(carrier="alpha"), taught(carrier="beta")
    observe(b, [seen(Outcome.REFUSED, 60.0, carrier="alpha")] * 3, 60.0)
    b.detectors[0].suspect(0, 0.1, 50.0)
    item = board(merge(a, b), 60.0)
    assert set(item.carriers) == {"alpha", "beta"}
    assert item.carriers["alpha"].breaker == "open"
    assert item.carriers["beta"].suspect
    assert not item.carriers["alpha"].suspect
