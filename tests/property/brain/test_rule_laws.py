"""What rules forbid does not happen, and what they order is kept, whatever the board says."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from router.brain.cells import Cell, Cells
from router.brain.plan import Memo, plan
from router.brain.port import Board, CarrierView, Want
from router.model import MessageClass
from router.routes import NOT_COVERED, Deck
from router.rule_settings import Rule
from router.rules import RuleBook
from router.settings import CarrierProfile, Price, Settings

RULES = {klass: Settings().rules(klass) for klass in MessageClass}
NAMES = ("a", "b", "c", "d")
GROUPS = {"ab": ("a", "b"), "cd": ("c", "d")}
PLENTY = 1_000

named = st.sampled_from((*NAMES, *GROUPS))
several = st.lists(named, max_size=2, unique=True).map(tuple)
rules = st.lists(
    st.builds(
        Rule,
        name=st.just("r"),
        to=st.sampled_from(((), ("GB",), ("4477",), ("net:23410",), ("DE",))),
        classes=st.sampled_from(((), ("otp",), ("marketing",))),
        allow=several,
        exclude=several,
        order=several,
        weights=st.dictionaries(named, st.sampled_from((0.1, 1.0, 10.0)), max_size=2),
        max_price_micros=st.none() | st.integers(0, 40_000),
        policy=st.sampled_from(("", "cheapest", "fastest")),
    ),
    max_size=4,
)
cells = st.builds(Cell, p=st.floats(0, 1), wait_s=st.floats(0, 600), weight=st.just(100.0), sd=st.floats(0, 0.3))
views = st.builds(
    CarrierView,
    name=st.just(""),
    breaker=st.sampled_from(("closed", "closed", "closed", "open", "half_open")),
    breaker_until_s=st.sampled_from((0.0, math.inf)),
    reason=st.just("why"),
    suspect=st.booleans(),
    submitted=st.just(0),
    delivered=st.just(0),
    undelivered=st.just(0),
    pending=st.just(0.0),
)
boards = st.none() | st.builds(
    Board,
    version=st.just(1),
    at_s=st.just(0.0),
    carriers=st.dictionaries(st.sampled_from(NAMES), views),
    cells=st.dictionaries(st.sampled_from([f"{c}|*|{k}" for c in NAMES for k in range(3)]), cells).map(Cells.of),
    probes=st.dictionaries(st.sampled_from([f"{c}|{n}" for c in NAMES for n in ("*", "234")]), st.sampled_from((1.0, 30.0))),
)
prices = st.lists(st.none() | st.integers(0, 50_000), min_size=4, max_size=4)
messages = st.lists(
    st.tuples(st.sampled_from(MessageClass), st.integers(1, 3), st.lists(st.sampled_from(NAMES), max_size=2).map(tuple)),
    min_size=1,
)


def planned(written, found, board, costs, seed, room):
    """Wants with their rulings, the plan, the deck."""
    profiles = [
        CarrierProfile(name=name, addresses=("h:1",), system_id="x", prices=(Price(to="GB" if cost is not None else "FR", micros=cost or 0),))
        for name, cost in zip(NAMES, costs, strict=True)
    ]  # fmt: skip
    book = RuleBook([*written], GROUPS, NAMES)
    batch = []
    for klass, segments, tried in found:
        ruling = book.ruling("shop", klass, "ACME", "23410", "GB", "447700900123", (), 0)
        batch.append(Want("23410", "GB", "447700900123", klass, segments, tried, ruling.policy, ruling))
    deck = Deck(profiles)
    done = plan(batch, board, dict.fromkeys(NAMES, room), 1.0, np.random.default_rng(seed), deck=deck, rules=RULES, memo=Memo())
    return batch, done, deck


@given(rules, messages, boards, prices, st.integers(0, 99), st.integers(0, 20))
def test_what_a_rule_forbids_does_not_happen(written, found, board, costs, seed, room):
    batch, done, deck = planned(written, found, board, costs, seed, room)
    row = deck.prices("23410", "GB", "")
    for want, choice in zip(batch, done.choices, strict=True):
        explained = done.decisions[choice.row]
        left = [
            name
            for name in deck.names
            if row[deck.index[name]] != NOT_COVERED and not want.ruling.bars(name, int(row[deck.index[name]]))
        ]
        for name in (choice.carrier, *(entry[0] for entry in explained["considered"])):
            assert not name or name in left
        for name in deck.names:
            if row[deck.index[name]] != NOT_COVERED and name not in left:
                assert explained["excluded"][name].startswith("rule r")
        assert choice.hopeless is (all(want.tried.count(name) >= 2 for name in left) and not choice.carrier)
        assert explained.get("rule", "") == want.ruling.text


@given(rules, messages, boards, prices, st.integers(0, 99))
def test_an_order_is_kept_while_there_is_room(written, found, board, costs, seed):
    batch, done, deck = planned(written, found, board, costs, seed, PLENTY)
    row = deck.prices("23410", "GB", "")
    for want, choice in zip(batch, done.choices, strict=True):
        tiers = want.ruling.tiers
        if not tiers or not choice.carrier:
            continue
        usable = [
            name
            for name in deck.names
            if row[deck.index[name]] != NOT_COVERED
            and not want.ruling.bars(name, int(row[deck.index[name]]))
            and want.tried.count(name) < 2
            and (board is None or name not in board.carriers or board.carriers[name].breaker == "closed")
        ]
        usable = [name for name in usable if name not in want.tried] or usable
        if usable:
            assert tiers.get(choice.carrier, 9) <= min(tiers.get(name, 9) for name in usable)
