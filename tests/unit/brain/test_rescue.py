import numpy as np
import pytest
from msgspec.structs import replace

from router.brain.ages import PRIOR_NEGATIVE, PRIOR_POSITIVE
from router.brain.cells import Cell, Cells
from router.brain.policies import POLICIES
from router.brain.port import Board, CarrierView, Want
from router.brain.remains import pack_curves, remains
from router.brain.rescue import Budget, Stuck, Terms, rescue
from router.model import MessageClass
from router.routes import Deck
from router.rules import Ruling
from router.settings import CarrierProfile, Price, Settings

RULES = {klass: Settings().rules(klass) for klass in MessageClass}
OTP, TRANSACTIONAL, MARKETING = MessageClass
NAMES = ("dear", "good", "hole")
PRICES = {"dear": 45_000, "good": 30_000, "hole": 20_000}
USUAL = (PRIOR_POSITIVE, PRIOR_NEGATIVE)
SILENT = (PRIOR_POSITIVE * 0.01, PRIOR_NEGATIVE)
NOW = 100.0
ROOM = dict.fromkeys(NAMES, 100)


def deck(**prices):
    return Deck(
        [
            CarrierProfile(name=name, addresses=("h:1",), system_id="x", prices=(Price(to="*", micros=micros),))
            for name, micros in {**PRICES, **prices}.items()
        ]
    )


VIEW = CarrierView("", "closed", 0.0, "", suspect=False, submitted=1, delivered=1, undelivered=0, pending=0.0)


def view(name, **more):
    return replace(VIEW, name=name, **more)


def a_board(habits=None, **views):
    cells = Cells.of({f"{name}|*|0": Cell(0.9, 5.0, 100.0, 0.01) for name in NAMES})
    curves = [
        remains(*(rate[:, None] for rate in (habits or {}).get(key.partition("|")[0], USUAL)))[..., 0] for key in cells.places
    ]
    return Board(
        7, 0.0, {name: views.get(name, view(name)) for name in NAMES}, cells, curves=pack_curves(np.stack(curves, axis=-1))
    )


FALLEN = a_board({"hole": SILENT})


def stuck(klass=OTP, carrier="hole", age_s=8.0, left_s=None, **more):
    want = Want("23410", "GB", "447700900123", klass, 1)._replace(**more)
    left_s = RULES[klass].deadline_s - age_s if left_s is None else left_s
    return Stuck(want, carrier, NOW - age_s, NOW + left_s)


def made(batch, board=FALLEN, room=ROOM, **more):
    options = {"deck": deck(), "rules": RULES, "shadow": {}, "copies": 100} | more
    return rescue(batch, board, room, NOW, **options)


def carriers(found):
    return [copy.carrier for copy in found]


def test_a_message_that_a_fallen_carrier_sits_on_goes_by_the_cheaper_of_the_others():
    (found,) = made([stuck()])
    assert found.carrier == "good"
    assert found.money > 0
    assert found.again_s == 0.0


def test_the_row_holds_the_sums_and_the_least_total_is_the_best():
    (found,) = made([stuck()])
    row = found.row
    assert (row["board"], row["network"], row["class"], row["policy"]) == (7, "23410", "otp", "balanced")
    assert row["excluded"] == {"hole": "has it"}
    who, age_s, still = row["rescue"]
    assert (who, age_s) == ("hole", 8.0)
    assert 0 <= still < 0.2
    assert [entry[0] for entry in row["considered"]] == ["good", "dear"]
    assert [entry[1] for entry in row["considered"]] == [30_000, 45_000]
    assert row["considered"][0][5] == -round(found.money) < row["considered"][1][5]
    assert all(type(entry[money]) is int for entry in row["considered"] for money in (1, 4, 5))


def test_the_money_is_what_the_equation_says():
    """By hand: a carrier of constant habit, no time value, and a first copy that never comes."""
    rules = dict.fromkeys(MessageClass, replace(RULES[OTP], time_micros_per_s=0))
    silent = a_board({"hole": (PRIOR_POSITIVE * 0, PRIOR_NEGATIVE * 0)})
    (found,) = made([stuck(age_s=5.0, left_s=10.0)], silent, rules=rules, shadow={"good": 500.0}, terms=Terms())
    grown = 0.92 * (0.999 * (1 - np.exp(-10 / 4)) + 0.001 * 10 / 600)
    # Nobody's receipt ever comes, so one in ten is thought to be beyond help.
    assert found.money == pytest.approx(300_000 * grown * 0.9 - 30_000 - 500 - 10_000, rel=0.01)


def test_time_saved_is_worth_its_price():
    slow = dict(RULES) | {OTP: replace(RULES[OTP], loss_micros=0)}
    hurried = dict(RULES) | {OTP: replace(RULES[OTP], loss_micros=0, time_micros_per_s=20_000)}
    assert carriers(made([stuck()], rules=slow)) == [""]
    assert carriers(made([stuck()], rules=hurried)) == ["good"]


def test_nobody_is_rescued_for_less_than_it_costs():
    assert carriers(made([stuck()], deck=deck(good=400_000, dear=400_000))) == [""]
    assert carriers(made([stuck()], shadow={"good": 400_000.0})) == ["dear"]
    assert carriers(made([stuck()], terms=Terms(duplicate_micros=400_000))) == [""]
    assert carriers(made([stuck(segments=12)])) == [""]


def test_silence_after_everybody_else_has_answered_hints_at_a_lost_receipt():
    """Of those still pending when all others have answered, half are beyond help: the copy is worth half as much."""
    free = {"deck": deck(good=0, dear=10**6), "terms": Terms(duplicate_micros=0)}
    fallen = made([stuck(TRANSACTIONAL, age_s=30.0)], FALLEN, **free)[0].money
    prompt = made([stuck(TRANSACTIONAL, age_s=30.0)], a_board(), **free)[0].money
    assert prompt == pytest.approx(fallen * 0.55 / 0.9, rel=0.1)


@pytest.mark.parametrize(
    "item",
    [
        stuck(age_s=4.9),
        stuck(TRANSACTIONAL, age_s=35.1),
        stuck(left_s=0.9),
        stuck(left_s=-5.0),
        stuck(MARKETING, left_s=500.0),
        stuck(carrier="gone"),
    ],
    ids=["young", "old", "no time left", "late", "marketing", "carrier not known"],
)
def test_who_is_not_rescued(item):
    assert carriers(made([item])) == [""]


def test_never_without_a_board_or_curves():
    assert carriers(made([stuck()], None)) == [""]
    assert carriers(made([stuck()], replace(FALLEN, curves=b""))) == [""]
    assert made([], FALLEN) == []


def test_a_carrier_that_saw_it_is_not_asked_again():
    assert carriers(made([stuck(tried=("good",))])) == ["dear"]
    assert carriers(made([stuck(tried=("good", "dear"))])) == [""]


def test_carriers_with_an_open_breaker_or_no_room_are_passed_over():
    board = a_board({"hole": SILENT}, good=view("good", breaker="open", breaker_until_s=1e9))
    assert carriers(made([stuck()], board)) == ["dear"]
    assert carriers(made([stuck()], room={"dear": 1})) == ["dear"]
    assert carriers(made([stuck()] * 3, room={"good": 1, "dear": 1})).count("") == 1


def test_silence_says_nothing_where_receipts_are_lost():
    assert carriers(made([stuck()], a_board({"hole": SILENT}, hole=view("hole", unheard="*")))) == [""]


def test_rules_hold_for_copies():
    barred = Ruling(rules=("r",), barred={"good": "r"})
    assert carriers(made([stuck(ruling=barred)])) == ["dear"]
    capped = Ruling(rules=("r",), most_micros=25_000, most_rule="r")
    assert carriers(made([stuck(ruling=capped)])) == [""]
    ordered = Ruling(rules=("r",), tiers={"dear": 0, "good": 1})
    (found,) = made([stuck(ruling=ordered)])
    assert (found.carrier, found.row["rule"]) == ("dear", "r")
    weighed = Ruling(rules=("r",), weights={"good": 5.0})
    assert carriers(made([stuck(ruling=weighed)])) == ["dear"]
    assert carriers(made([stuck(ruling=Ruling(rules=("r",), denied="r"))])) == [""]


def test_the_budget_goes_to_those_that_gain_most():
    poor, rich = stuck(TRANSACTIONAL, age_s=12.0), stuck(age_s=6.0)
    assert carriers(made([poor, rich, poor], copies=1)) == ["", "good", ""]
    assert carriers(made([poor, rich, poor], copies=2)).count("good") == 2
    assert carriers(made([rich], copies=0)) == [""]


def test_policies_weigh_the_loss():
    assert set(POLICIES) >= {"reliable", "fastest"}
    costly = deck(good=350_000, dear=350_000)
    assert carriers(made([stuck(policy="balanced"), stuck(policy="reliable")], deck=costly)) == ["", "dear"]


def test_the_next_look_comes_at_growing_distances_and_ends():
    calm = a_board()
    looks, age_s = [], 5.0
    while True:
        (found,) = made([stuck(TRANSACTIONAL, age_s=age_s)], calm, deck=deck(good=10**6, dear=10**6, hole=10**6))
        if not found.again_s:
            break
        age_s += found.again_s
        looks.append(round(age_s, 1))
    assert looks == [6.5, 8.5, 11.0, 14.3, 18.6, 24.1, 31.4]
    assert made([stuck(TRANSACTIONAL, age_s=2.0)])[0].again_s == pytest.approx(3.0)
    assert made([stuck(age_s=12.0)], deck=deck(good=10**6, dear=10**6))[0].again_s == 0.0
    assert made([stuck(MARKETING, left_s=500.0)])[0].again_s == 0.0


def test_a_budget_never_passes_its_share_and_does_not_hoard():
    budget, spent, told = Budget(), 0, 0
    rng = np.random.default_rng(1)
    for _ in range(2_000):
        sent = int(rng.integers(0, 50))
        told += sent
        budget.earn(sent, 0.03)
        now = min(budget.copies, int(rng.integers(0, 4)))
        budget.spend(now)
        spent += now
        assert spent <= 0.03 * told + 1e-6
    for _ in range(1_000):
        budget.earn(100, 0.03)
    assert budget.copies <= 103
