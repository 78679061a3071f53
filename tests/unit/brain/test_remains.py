import numpy as np
import pytest

from router.brain.ages import BINS, EDGES_S, PRIOR_NEGATIVE, PRIOR_POSITIVE, WIDTHS_S
from router.brain.board import board, board_from_bytes, board_to_bytes
from router.brain.cells import Cell, Cells
from router.brain.curves import curve, hazards
from router.brain.port import Board, Observation, Outcome
from router.brain.remains import AGES, AGES_S, COMING, PENDING, Remains, at, pack_curves, remains
from router.brain.state import BrainState, observe, tick
from router.model import MessageClass

CELL = Cell(0.9, 5.0, 1.0, 0.1)


def constant(mu, nu):
    """Rates whose hazards are the same at every age."""
    ended = -np.expm1(-(mu + nu) * WIDTHS_S) / WIDTHS_S
    return (ended * mu / (mu + nu))[:, None], (ended * nu / (mu + nu))[:, None]


def test_constant_hazards_have_a_closed_form():
    mu, nu = 0.01, 0.002
    found = remains(*constant(mu, nu))[..., 0]
    total = mu + nu
    assert found[PENDING] == pytest.approx(np.exp(-total * AGES_S))
    whole = np.exp(-total * AGES_S) - np.exp(-total * EDGES_S[-1])
    assert found[COMING] == pytest.approx(mu / total * whole)


def test_what_is_left_of_a_new_message_is_the_cell_that_the_board_tells():
    curves = remains(PRIOR_POSITIVE[:, None], PRIOR_NEGATIVE[:, None])[..., 0]
    for deadline_s in (15.0, 60.0):
        p, _ = curve(*hazards(PRIOR_POSITIVE, PRIOR_NEGATIVE), deadline_s)
        coming = curves[COMING]
        assert coming[0] - at(coming, np.array([deadline_s]))[0] == pytest.approx(p, abs=1e-9)


def test_receipts_worth_half_promise_half_and_end_the_wait_as_before():
    rates = PRIOR_POSITIVE[:, None], PRIOR_NEGATIVE[:, None]
    whole, half = remains(*rates)[..., 0], remains(*rates, np.array([0.5]))[..., 0]
    assert half[COMING] == pytest.approx(whole[COMING] / 2)
    assert half[PENDING] == pytest.approx(whole[PENDING])


def test_between_the_ages_a_line_is_drawn_and_beyond_them_nothing_changes():
    curves = np.linspace(1.0, 0.0, AGES)
    assert at(curves, np.array([0.0, 0.5, 1.0])) == pytest.approx([1.0, 1.0 - 0.5 / (AGES - 1), 1.0 - 1.0 / (AGES - 1)])
    assert at(curves, np.array([AGES_S[-1], 1e9])) == pytest.approx([0.0, 0.0])


def test_a_curve_that_is_absent_falls_back_to_the_country_the_carrier_and_the_prior():
    cells = Cells.of(dict.fromkeys(("a|23410|0", "a|234|0", "a|*|0"), CELL))
    order = list(cells.places)
    shares = {"a|23410": 0.1, "a|234": 0.2, "a|*": 0.3}
    packed = pack_curves(np.stack([np.full((2, AGES), shares[key]) for key in order], axis=-1))
    of = Remains(("a", "b"), Board(1, 0.0, {}, cells, curves=packed)).of
    found = of(["23410", "23415", "26201"])
    assert found[:, 0, 0, 0] == pytest.approx([0.1, 0.2, 0.3], abs=1e-3)
    assert found[0, 1] == pytest.approx(remains(PRIOR_POSITIVE[:, None], PRIOR_NEGATIVE[:, None])[..., 0])


def test_octets_that_do_not_fit_the_pairs_say_nothing():
    cells = Cells.of({"a|*|0": CELL})
    prior = Remains(("a",), Board(1, 0.0, {}, cells)).of(["23410"])
    other = Remains(("a",), Board(1, 0.0, {}, cells, curves=b"\0" * 2)).of(["23410"])
    assert (prior == other).all()


def learned():
    state = BrainState(0.0, (15.0, 60.0, 600.0))
    batch = []
    for number in range(400):
        sent_s = number * 0.5
        for carrier, age_s in (("quick", 2.0), ("slow", 30.0)):
            batch.append(Observation(sent_s, carrier, "23410", MessageClass.OTP, Outcome.SUBMITTED))
            batch.append(Observation(sent_s + age_s, carrier, "23410", MessageClass.OTP, Outcome.DELIVERED, age_s))
    batch.sort(key=lambda item: item.at_s)
    for step in range(1, 250):
        now = float(step)
        mine = [item for item in batch if now - 1.0 < item.at_s <= now]
        observe(state, mine, now)
        tick(state, now)
    return state


def test_the_board_publishes_them_when_asked_and_they_survive_their_octets():
    state = learned()
    assert board(state, 250.0).curves == b""
    newest = board_from_bytes(board_to_bytes(board(state, 250.0, with_curves=True)))
    quick, slow = Remains(("quick", "slow"), newest).of(["23410"])[0]
    assert quick[PENDING][AGES_S.tolist().index(15.0)] < 0.1
    assert slow[PENDING][AGES_S.tolist().index(15.0)] > 0.8
    for name, curves in (("quick", quick), ("slow", slow)):
        cell = newest.cells[f"{name}|23410|0"]
        assert curves[COMING][0] - at(curves[COMING], np.array([15.0]))[0] == pytest.approx(cell.p, abs=2e-3)
    assert board(BrainState(0.0, (15.0, 60.0, 600.0)), 0.0, with_curves=True).curves == b""
    assert BINS > AGES
