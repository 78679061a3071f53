"""Why a plan sends a message elsewhere than to the best carrier, and what it expects to lose by that."""

import msgpack
import numpy as np
import pytest

from router.brain.cells import Cell, Cells
from router.brain.explore import DOUBT, DRAW, HALF_OPEN, NEW, SUSPECT, UNUSED
from router.brain.plan import Memo, plan
from router.brain.port import ROOM, Board, CarrierView, Want
from router.brain.probes import DOUBT_PROBE_S, NEW_PROBE_S, PROBE_LATER_S, PROBE_S, RETURNING_PROBE_S, STALE_PROBE_S
from router.history import explanation
from router.model import MessageClass
from router.routes import Deck
from router.rules import FREE, Ruling
from router.settings import CarrierProfile, Price, Settings

OTP, _, MARKETING = MessageClass
RULES = {klass: Settings().rules(klass) for klass in MessageClass}
PRICES = {"good": 20_000, "other": 21_000}
DECK = Deck(
    [
        CarrierProfile(name=name, addresses=("h:1",), system_id="x", prices=(Price(to="*", micros=micros),))
        for name, micros in PRICES.items()
    ]
)
PLENTY = dict.fromkeys(PRICES, 100_000)


def a_board(*, breaker="closed", sd=0.01, probes=None, suspect=False):
    cells = {f"{name}|*|{int(klass)}": Cell(0.9, 2.0, 100.0, sd) for name in PRICES for klass in MessageClass}
    views = {
        "good": CarrierView("good", "closed", 0.0, "", False, 1, 1, 0, 0.0),
        "other": CarrierView("other", breaker, 5.0, "", suspect, 1, 1, 0, 0.0),
    }
    return Board(7, 0.0, views, Cells.of(cells), {}, probes or {})


def made(klass, count, board, room=PLENTY, now=6.0, ruling=FREE):
    batch = [Want("23410", "GB", "447700900123", klass, 1, (), "", ruling) for _ in range(count)]
    return plan(batch, board, room, now, np.random.default_rng(1), deck=DECK, rules=RULES, memo=Memo())


@pytest.mark.parametrize(
    ("key", "every_s", "why"),
    [
        ("other|*", PROBE_S, SUSPECT),
        ("other|23410", PROBE_LATER_S, SUSPECT),
        ("other|*", NEW_PROBE_S, NEW),
        ("other|234", STALE_PROBE_S, UNUSED),
        ("other|*|0", DOUBT_PROBE_S, DOUBT),
        ("other|*|0", RETURNING_PROBE_S, DOUBT),
    ],
)
def test_a_probe_says_what_for(key, every_s, why):
    done = made(OTP, 100, a_board(sd=0.0, probes={key: every_s}, suspect=why == SUSPECT))
    explored = [choice for choice in done.choices if choice.explored]
    assert [(choice.carrier, choice.why) for choice in explored] == [("other", why)]
    assert done.regret == {why: pytest.approx(1_000)}
    assert {choice.why for choice in done.choices if not choice.explored} == {""}


def test_what_has_not_been_used_is_told_by_its_pace():
    assert STALE_PROBE_S not in {PROBE_S, PROBE_LATER_S, NEW_PROBE_S}


def test_a_half_open_carrier_is_asked_whether_it_takes_messages():
    done = made(OTP, 3, a_board(breaker="half_open"))
    assert [choice.why for choice in done.choices if choice.explored] == [HALF_OPEN]
    assert done.regret == {HALF_OPEN: pytest.approx(1_000)}


def test_draws_are_told_from_probes():
    done = made(MARKETING, 2_000, a_board(sd=0.1))
    draws = [choice for choice in done.choices if choice.why == DRAW]
    assert draws
    assert all(choice.explored and choice.carrier == "other" for choice in draws)
    assert done.regret == {DRAW: pytest.approx(1_000 * len(draws))}


def test_what_want_of_room_costs_is_told_apart():
    done = made(OTP, 10, a_board(sd=0.0), {"good": 4, "other": 100})
    assert done.regret == {ROOM: pytest.approx(6_000)}
    assert made(OTP, 10, a_board(sd=0.0)).regret == {}
    ordered = Ruling(rules=("order",), tiers={"good": 0, "other": 1})
    done = made(OTP, 10, a_board(sd=0.0), {"good": 4, "other": 100}, ruling=ordered)
    assert [choice.carrier for choice in done.choices].count("other") == 6
    assert done.regret == {}, "an order is no matter of money"


def test_a_half_open_carrier_that_was_better_is_no_regret():
    done = made(OTP, 1, a_board(breaker="half_open"), {"good": 100, "other": 100}, now=6.0)
    assert done.choices[0].why == HALF_OPEN
    board = a_board(sd=0.0)
    views = {"good": CarrierView("good", "half_open", 5.0, "", False, 1, 1, 0, 0.0), "other": board.carriers["other"]}
    done = made(OTP, 2, Board(7, 0.0, views, board.cells))
    assert [choice.carrier for choice in done.choices if choice.explored] == ["good"]
    assert done.regret == {HALF_OPEN: 0.0}


def test_a_carrier_that_was_chosen_though_not_among_the_best_stands_beside_them():
    names = [f"c{number:02}" for number in range(20)]
    deck = Deck(
        [
            CarrierProfile(name=name, addresses=("h:1",), system_id="x", prices=(Price(to="*", micros=1_000 * n),))
            for n, name in enumerate(names)
        ]
    )
    cells = {f"{name}|*|0": Cell(0.9, 2.0, 100.0, 0.01) for name in names}
    views = {name: CarrierView(name, "closed", 0.0, "", False, 1, 1, 0, 0.0) for name in names}
    views["c15"] = CarrierView("c15", "closed", 0.0, "", True, 1, 1, 0, 0.0)
    views["c03"] = CarrierView("c03", "half_open", 5.0, "refused three in a row", False, 1, 1, 0, 0.0)
    board = Board(7, 0.0, views, Cells.of(cells), {}, {"c15|*": PROBE_S})
    batch = [Want("23410", "GB", "447700900123", OTP, 2) for _ in range(60)]
    memo, room = Memo(), dict.fromkeys(names, 1_000)

    def row_of():
        done = plan(batch, board, room, 6.0, np.random.default_rng(1), deck=deck, rules=RULES, memo=memo)
        assert {choice.why: choice.carrier for choice in done.choices if choice.explored} == explored
        return done.decisions[0]

    explored = {HALF_OPEN: "c03", SUSPECT: "c15"}
    row = row_of()
    assert "c03" not in {one[0] for one in row["considered"]}
    assert row["excluded"] == {"c03": "breaker half-open: refused three in a row"}
    cost = 30_000 + 8_000
    assert row["beside"] == [["c03", 6_000, 0.9, 2.0, 0, 6_000 + cost, 0.01], ["c15", 30_000, 0.9, 2.0, 0, 30_000 + cost, 0.01]]
    told = explanation(msgpack.unpackb(msgpack.packb(row)), "c15")
    assert [one.carrier for one in told.considered][-1] == "c15"
    assert len(told.considered) == len(row["considered"]) + 1
    assert len(explanation(row, "c00").considered) == len(row["considered"])
    explored = {}
    assert "beside" not in row_of(), "what is kept of a kind says nothing of one plan"


def test_who_is_sent_far_for_want_of_room_is_told_where():
    names = [f"c{number:02}" for number in range(12)]
    deck = Deck(
        [
            CarrierProfile(name=name, addresses=("h:1",), system_id="x", prices=(Price(to="*", micros=1_000 * n),))
            for n, name in enumerate(names)
        ]
    )
    views = {name: CarrierView(name, "closed", 0.0, "", False, 1, 1, 0, 0.0) for name in names}
    board = Board(7, 0.0, views, Cells.of({f"{name}|*|0": Cell(0.9, 2.0, 100.0, 0.0) for name in names}))
    batch = [Want("23410", "GB", "447700900123", OTP, 1) for _ in range(24)]
    done = plan(batch, board, dict.fromkeys(names, 2), 6.0, np.random.default_rng(1), deck=deck, rules=RULES, memo=Memo())
    row = done.decisions[0]
    told = {one[0] for one in row["considered"]} | {one[0] for one in row.get("beside", ())}
    assert {choice.carrier for choice in done.choices} == set(names) == told
