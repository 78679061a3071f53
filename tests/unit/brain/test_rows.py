import numpy as np

from router.brain.cells import Cell, Cells
from router.brain.plan import Memo, plan
from router.brain.port import Board, CarrierView, Want
from router.model import MessageClass
from router.routes import Deck
from router.settings import CarrierProfile, Price, Settings

RULES = {klass: Settings().rules(klass) for klass in MessageClass}
ROOM = {"cheap": 100, "good": 100}
DECK = Deck(
    [
        CarrierProfile(name=name, addresses=("h:1",), system_id="x", prices=(Price(to="*", micros=micros),))
        for name, micros in (("cheap", 1_000), ("good", 9_000))
    ]
)


def a_board(version, p, breaker="closed"):
    cells = {f"{name}|*|{int(klass)}": Cell(p, 2.0, 100.0, 0.01) for name in DECK.names for klass in MessageClass}
    view = CarrierView("cheap", breaker, 9.0, f"reason {version}", False, 1, 1, 0, 0.0)
    return Board(version, 0.0, {"cheap": view}, Cells.of(cells))


def made(memo, board, room, segments=(1,), klass=MessageClass.OTP):
    batch = [Want("23410", "GB", "447700900123", klass, each) for each in segments]
    return plan(batch, board, room, 0.0, np.random.default_rng(0), deck=DECK, rules=RULES, memo=memo)


def test_rows_looked_at_late_are_those_of_their_plan():
    memo = Memo()
    boards = [a_board(1, 0.9), a_board(2, 0.5), a_board(3, 0.7, "open")]
    eager = [list(made(Memo(), board, {"cheap": 2, "good": 1}, (1, 1, 2)).decisions) for board in boards]
    late = [made(memo, board, {"cheap": 2, "good": 1}, (1, 1, 2)).decisions for board in boards]
    assert [list(rows) for rows in late] == eager
    assert late[2][0]["excluded"]["cheap"] == "breaker open: reason 3"
    assert late == eager
    assert late[0] != late[1]
    assert "considered" in repr(late[0])


def test_a_kind_met_before_is_appraised_again_with_a_new_board():
    memo = Memo()
    first, second = (made(memo, a_board(version, p), ROOM) for version, p in ((1, 0.9), (2, 0.5)))
    assert [row["considered"][0][2] for row in (*first.decisions, *second.decisions)] == [0.9, 0.5]
    assert sum(map(len, memo.kinds)) == 1


def test_rows_are_shared_for_as_long_as_their_board():
    memo, board = Memo(), a_board(1, 0.9)
    first, second = made(memo, board, ROOM).decisions, made(memo, board, ROOM).decisions
    assert first[0] is second[0]
    assert first[0:1] == [first[0]]
    assert made(memo, a_board(2, 0.9), ROOM).decisions[0] is not first[0]


def test_why_others_are_out_is_told_anew_when_a_breaker_opens_and_closes():
    memo = Memo()
    boards = [a_board(1, 0.9), a_board(2, 0.9, "open"), a_board(3, 0.9, "open"), a_board(4, 0.9)]
    excluded = [made(memo, board, ROOM).decisions[0]["excluded"] for board in boards]
    assert excluded == [{}, {"cheap": "breaker open: reason 2"}, {"cheap": "breaker open: reason 3"}, {}]


def test_what_was_met_on_the_last_board_is_appraised_with_the_first_that_is_met_on_the_next():
    memo = Memo()
    made(memo, a_board(1, 0.9), ROOM)
    made(memo, a_board(1, 0.9), ROOM, klass=MessageClass.MARKETING)
    made(memo, a_board(2, 0.5), ROOM)
    kinds = [kind for table in memo.kinds for kind in table.values()]
    assert len(kinds) == 2
    assert kinds[0].sheet is kinds[1].sheet
    late = made(memo, memo.board, ROOM, klass=MessageClass.MARKETING)
    assert late.decisions[0]["considered"][0][2] == 0.5
    fewer = Deck([CarrierProfile(name="good", addresses=("h:1",), system_id="x")])
    (choice,) = plan([Want("23410", "GB", "1", MessageClass.OTP, 1)], memo.board, ROOM, 0.0, np.random.default_rng(0), deck=fewer, rules=RULES, memo=memo).choices  # fmt: skip
    assert choice.carrier == "good"
