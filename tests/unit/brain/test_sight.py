"""Planning while the brain is silent."""

import numpy as np
import pytest
from msgspec.structs import replace

from router.brain.breaker import NEVER_S, REFUSING
from router.brain.cells import Cell, Cells
from router.brain.explore import HALF_OPEN
from router.brain.plan import Memo, plan
from router.brain.port import Board, CarrierView, Want
from router.brain.rows import NO_BOARD
from router.brain.sight import OLD_BOARD, OLD_S, Fuse, Sight
from router.model import MessageClass
from router.routes import Deck
from router.settings import CarrierProfile, Price, Settings

RULES = {klass: Settings().rules(klass) for klass in MessageClass}
PRICES = {"dear": 60_000, "fair": 20_000, "cheap": 1_000}
DECK = Deck(
    [
        CarrierProfile(name=name, addresses=("h:1",), system_id="x", prices=(Price(to="*", micros=micros),))
        for name, micros in PRICES.items()
    ]
)
CLOSED = dict.fromkeys(PRICES, Fuse())
REFUSES = Fuse("open", 50.0, REFUSING)


def a_board(at_s=0.0):
    cells = {
        f"{name}|*|{int(klass)}": Cell(p, 2.0, 100.0, 0.01)
        for name, p in (("dear", 0.9), ("fair", 0.9), ("cheap", 0.2))
        for klass in MessageClass
    }
    return Board(7, at_s, {name: CarrierView(name, "closed", 0.0, "", False, 5, 4, 1, 0.0) for name in PRICES}, Cells.of(cells))


def made(board, now_s, count=1, memo=None, klass=MessageClass.MARKETING):
    batch = [Want("23410", "GB", "447700900123", klass, 1) for _ in range(count)]
    room = dict.fromkeys(PRICES, 100_000)
    return plan(batch, board, room, now_s, np.random.default_rng(1), deck=DECK, rules=RULES, memo=memo or Memo())


def test_without_a_board_price_decides_among_those_that_take_messages():
    sight = Sight()
    done = made(sight.board(None, CLOSED, 0.0), 0.0)
    row = done.decisions[0]
    assert [one[0] for one in row["considered"]] == ["cheap", "fair", "dear"]
    assert (done.choices[0].carrier, row["board"], row["note"], row["excluded"]) == ("cheap", 0, NO_BOARD, {})
    done = made(sight.board(None, CLOSED | {"cheap": REFUSES}, 1.0), 1.0)
    assert done.choices[0].carrier == "fair"
    assert done.decisions[0]["excluded"] == {"cheap": f"breaker open: {REFUSING}"}
    done = made(sight.board(None, CLOSED | {"cheap": Fuse("open", NEVER_S, "no session")}, 1e12), 1e12)
    assert done.decisions[0]["excluded"] == {"cheap": "breaker open: no session"}


def test_without_a_board_a_carrier_that_refused_is_asked_again_with_one_message():
    board = Sight().board(None, CLOSED | {"cheap": REFUSES}, 1.0)
    memo = Memo()
    done = made(board, 51.0, 5, memo)
    assert [choice.carrier for choice in done.choices].count("cheap") == 1
    assert [choice.why for choice in done.choices if choice.explored] == [HALF_OPEN]
    assert "cheap" not in {choice.carrier for choice in made(board, 51.1, 5, memo).choices}


@pytest.mark.parametrize("klass", MessageClass)
def test_without_a_board_nothing_is_left_to_chance(klass):
    done = made(Sight().board(None, CLOSED, 0.0), 0.0, 3_000, klass=klass)
    assert {(choice.carrier, choice.explored) for choice in done.choices} == {("cheap", False)}


def test_a_new_board_is_taken_as_it_is():
    sight, board = Sight(), a_board()
    assert sight.board(board, CLOSED | {"fair": REFUSES}, OLD_S - 0.1) is board


def test_of_an_old_board_all_holds_but_its_breakers():
    sight, board = Sight(), a_board()
    done = made(sight.board(board, CLOSED, OLD_S), OLD_S, klass=MessageClass.OTP)
    row = done.decisions[0]
    assert (done.choices[0].carrier, row["board"], row["note"]) == ("fair", 7, OLD_BOARD)
    done = made(sight.board(board, CLOSED | {"fair": REFUSES}, OLD_S), OLD_S, klass=MessageClass.OTP)
    assert done.choices[0].carrier == "dear"
    assert done.decisions[0]["excluded"] == {"fair": f"breaker open: {REFUSING}"}
    assert sight.board(a_board(20.0), CLOSED, 21.0).note == ""


@pytest.mark.parametrize("klass", MessageClass)
def test_while_nobody_learns_nothing_is_explored(klass):
    board = replace(a_board(), probes={"dear|*": 1.0})
    cells = {f"{name}|*|{int(klass)}": Cell(0.9, 2.0, 100.0, 0.1) for name in PRICES}
    board = replace(board, cells=Cells.of(cells))
    assert any(choice.explored for choice in made(board, 1.0, 3_000, klass=klass).choices)
    done = made(Sight().board(board, CLOSED, OLD_S), OLD_S, 3_000, klass=klass)
    assert {(choice.carrier, choice.explored) for choice in done.choices} == {("cheap", False)}


def test_a_substitute_is_the_same_until_something_changes():
    sight, board = Sight(), a_board()
    first = sight.board(board, dict(CLOSED), OLD_S)
    assert sight.board(board, dict(CLOSED), OLD_S + 5) is first
    other = sight.board(board, CLOSED | {"fair": REFUSES}, OLD_S + 6)
    assert other is not first
    assert sight.board(None, CLOSED | {"fair": REFUSES}, OLD_S + 6) is not other
