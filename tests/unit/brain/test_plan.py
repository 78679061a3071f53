import numpy as np
import pytest
from msgspec.structs import replace

from router.brain.cells import Cell, Cells
from router.brain.plan import Memo, plan
from router.brain.port import Board, CarrierView, Choice, Plan, Want
from router.brain.probes import DOUBT_PROBE_S
from router.model import MessageClass
from router.routes import Deck
from router.settings import CarrierProfile, Price, Settings

RULES = {klass: Settings().rules(klass) for klass in MessageClass}
OTP, TRANSACTIONAL, MARKETING = MessageClass
ROOM = {"cheap": 1_000, "good": 1_000, "quick": 1_000}


def carrier(name, micros, **more):
    return CarrierProfile(name=name, addresses=("h:1",), system_id="x", prices=(Price(to="*", micros=micros),), **more)


DECK = Deck([carrier("cheap", 1_000), carrier("good", 20_000), carrier("quick", 60_000)])
CELLS = {"cheap": Cell(0.7, 8.0, 100.0, 0.01), "good": Cell(0.95, 4.0, 100.0, 0.01), "quick": Cell(0.93, 1.0, 100.0, 0.01)}


def view(name, breaker="closed", until_s=0.0, reason=""):
    return CarrierView(name, breaker, until_s, reason, False, 1, 1, 0, 0.0)


def a_board(**breakers):
    cells = {f"{name}|*|{int(klass)}": cell for name, cell in CELLS.items() for klass in MessageClass}
    return Board(7, 0.0, {name: breakers.get(name, view(name)) for name in CELLS}, Cells.of(cells))


def want(klass=OTP, *, segments=1, tried=(), policy="", network="23410"):
    return Want(network, "GB", "447700900123", klass, segments, tried, policy)


def made(batch, board, room=ROOM, deck=DECK, now=0.0, seed=0, memo=None):
    return plan(batch, board, room, now, np.random.default_rng(seed), deck=deck, rules=RULES, memo=memo or Memo())


def carriers(done):
    return [choice.carrier for choice in done.choices]


def test_the_least_cost_wins_and_the_row_says_why():
    done = made([want()], a_board())
    assert carriers(done) == ["good"]
    row = done.decisions[done.choices[0].row]
    assert row["considered"][0] == ["good", 20_000, 0.95, 4.0, 0, 20_000 + 15_000 + 16_000, 0.01]
    assert [entry[0] for entry in row["considered"]] == ["good", "quick", "cheap"]
    assert all(type(entry[money]) is int for entry in row["considered"] for money in (1, 4, 5))
    assert (row["board"], row["network"], row["class"], row["policy"], row["excluded"]) == (7, "23410", "otp", "balanced", {})


def test_like_messages_share_a_row():
    done = made([want(), want(MARKETING), want()], a_board())
    assert len(done.decisions) == 2
    assert done.choices[0] == done.choices[2]


@pytest.mark.parametrize(
    ("policy", "chosen"), [("cheapest", "good"), ("fastest", "quick"), ("reliable", "good"), ("balanced", "good")]
)
def test_policies_choose_their_way(policy, chosen):
    assert carriers(made([want(policy=policy)], a_board())) == [chosen]


def test_cheapest_takes_the_least_price_that_reaches_the_floor():
    board = a_board()
    board = replace(board, cells=Cells.of({**board.cells, "cheap|*|0": Cell(0.77, 8.0, 100.0, 0.01)}))
    assert carriers(made([want(policy="cheapest")], board)) == ["cheap"]


def test_an_unknown_policy_is_balanced_and_noted():
    done = made([want(policy="odd")], a_board())
    assert carriers(done) == ["good"]
    assert done.decisions[0]["note"] == "the policy odd is not known (any more): balanced was used"


def test_without_a_board_the_price_decides():
    done = made([want()], None)
    assert carriers(done) == ["cheap"]
    assert done.decisions[0]["note"] == "there was no scoreboard: the cheapest carrier whose breaker is closed was taken"


def test_an_open_breaker_excludes_with_its_reason():
    done = made([want()], a_board(good=view("good", "open", 9.0, "refused three in a row")))
    assert carriers(done) == ["quick"]
    assert done.decisions[0]["excluded"] == {"good": "breaker open: refused three in a row"}


def test_a_half_open_carrier_gets_one_message_and_the_least_valuable():
    board, memo = a_board(good=view("good", "half_open", 5.0)), Memo()
    done = made([want(), want(MARKETING), want()], board, now=6.0, memo=memo)
    assert carriers(done)[1] == "good"
    assert done.choices[1].explored
    assert "good" not in carriers(done)[::2]
    assert "good" not in carriers(made([want(), want(MARKETING)], board, now=6.1, memo=memo))
    later = a_board(good=view("good", "half_open", 8.0))
    assert "good" in carriers(made([want()], later, now=8.1, memo=memo))


def test_an_open_breaker_whose_time_has_come_is_asked_although_the_board_is_old():
    assert carriers(made([want()], a_board(good=view("good", "open", 9.0)), now=9.0)) == ["good"]


def test_room_is_kept_to_and_the_shadow_price_is_the_regret_of_who_went_without():
    done = made([want() for _ in range(10)], a_board(), {"good": 4, "quick": 100})
    assert [carriers(done).count(name) for name in ("good", "quick", "cheap")] == [4, 6, 0]
    considered = {entry[0]: entry for entry in done.decisions[0]["considered"]}
    assert considered["good"][4] == considered["quick"][5] - 51_000
    assert done.decisions[0]["excluded"] == {"cheap": "no room"}


def test_the_class_that_is_first_in_line_gets_the_scarce_room():
    done = made([want(MARKETING), want(OTP)], a_board(), {"good": 1})
    assert carriers(done) == ["", "good"]
    assert not done.choices[0].hopeless


def test_segments_are_counted():
    assert carriers(made([want(segments=3), want(segments=3)], a_board(), {"good": 5})) == ["good", ""]


def test_a_carrier_is_tried_again_only_where_no_other_is_left_and_only_once():
    assert carriers(made([want(tried=("good",))], a_board())) == ["quick"]
    everybody = ("cheap", "good", "quick")
    assert carriers(made([want(tried=everybody)], a_board())) == ["good"]
    done = made([want(tried=everybody * 2)], a_board())
    assert done.choices[0].hopeless
    assert done.decisions[0]["excluded"] == dict.fromkeys(everybody, "tried")


def test_nobody_covers_it_is_hopeless_and_everybody_down_is_not():
    away = Deck(
        [carrier("cheap", 1, covers=("DE",)), carrier("off", 1, enabled=False), carrier("bulk", 1, classes=("marketing",))]
    )
    done = made([want()], None, deck=away)
    assert done.choices[0].hopeless
    assert done.decisions[0]["excluded"] == {"bulk": "does not take otp", "cheap": "no cover", "off": "disabled"}
    down = a_board(**{name: view(name, "open", 9.0) for name in CELLS})
    assert made([want()], down).choices[0] == Choice("", 0, explored=False)


def test_a_suspect_is_probed_at_its_pace_with_the_least_valuable():
    board, memo = replace(a_board(), probes={"cheap|*": 1.0}), Memo()
    counts = []
    for step in range(40):
        done = made([want(OTP), *(want(TRANSACTIONAL) for _ in range(9))], board, now=step / 10, memo=memo, seed=step)
        probed = [choice for choice in done.choices if choice.carrier == "cheap" and choice.explored]
        counts.append(len(probed))
        assert done.choices[0].carrier != "cheap"
    assert 3 <= sum(counts) <= 6


def test_a_probe_needs_no_message_where_the_carrier_is_the_best():
    board = replace(a_board(), probes={"good|*": 1.0})
    assert not any(choice.explored for choice in made([want() for _ in range(5)], board).choices)


def test_receipts_in_doubt_are_probed_with_codes_that_somebody_tells_of():
    board = replace(a_board(), probes={"quick|*|0": 30.0}, reporters=("shop",))
    names = ["", "shop", "mill", "shop", "mill"]
    done = made([want()._replace(tenant=name) for name in names], board)
    assert [place for place, choice in enumerate(done.choices) if choice.explored] == [3]
    assert not any(choice.explored for choice in made([want()._replace(tenant="mill")] * 5, board).choices)
    anyone = replace(board, probes={"quick|*": 30.0})
    assert sum(choice.explored for choice in made([want()._replace(tenant="mill")] * 5, anyone).choices) == 1


def test_receipts_in_doubt_are_probed_however_little_they_are_worth():
    cells = {f"{name}|*|0": Cell(0.2, 8.0, 100.0, 0.01) if name == "quick" else cell for name, cell in CELLS.items()}
    board = replace(a_board(), cells=Cells.of(cells), probes={"quick|*|0": DOUBT_PROBE_S}, reporters=("shop",))
    assert sum(choice.explored for choice in made([want()._replace(tenant="shop")] * 5, board).choices) == 1


def test_exploration_stays_within_its_share_and_its_regret():
    board = a_board()
    other = {"quick|*|2": Cell(0.95, 4.0, 5.0, 0.3), "cheap|*|2": Cell(0.2, 9.0, 5.0, 0.3)}
    near = replace(board, cells=Cells.of({**board.cells, **other}))
    memo, deck = Memo(), Deck([carrier("cheap", 1_000), carrier("good", 20_000), carrier("quick", 25_000)])
    done = [made([want(MARKETING) for _ in range(500)], near, deck=deck, seed=seed, memo=memo) for seed in range(20)]
    explored = [choice.carrier for item in done for choice in item.choices if choice.explored]
    assert 0 < len(explored) <= 0.03 * 10_000 * 1.3
    assert "cheap" not in explored  # it would expect to lose more than 35 % of the loss


def test_an_empty_batch_is_an_empty_plan():
    assert made([], a_board()) == Plan([], [])


def test_the_memo_follows_the_board_and_the_rules():
    memo = Memo()
    assert carriers(made([want()], a_board(), memo=memo)) == ["good"]
    assert carriers(made([want()], a_board(good=view("good", "open", 9.0)), memo=memo)) == ["quick"]
    assert carriers(made([want()], None, memo=memo)) == ["cheap"]
