import math

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from router.brain.cells import Cell, Cells
from router.brain.plan import Memo, plan
from router.brain.port import Board, CarrierView, Want
from router.model import MessageClass
from router.routes import Deck
from router.rules import FREE
from router.settings import CarrierProfile, Price, Settings

RULES = {klass: Settings().rules(klass) for klass in MessageClass}
NAMES = ("a", "b", "c", "d")
NETWORKS = ("23410", "26201")
shares = st.floats(0, 1)

cells = st.builds(Cell, p=shares, wait_s=st.floats(0, 600), weight=st.floats(0, 1e4), sd=st.floats(0, 0.3))
profiles = st.builds(
    lambda name, prices, covers, classes, enabled: CarrierProfile(
        name=name, addresses=("h:1",), system_id="x", prices=prices, covers=covers, classes=classes, enabled=enabled
    ),
    name=st.just(""),
    prices=st.lists(
        st.builds(Price, to=st.sampled_from(("*", "44", "4477", "GB", "net:23410")), micros=st.integers(0, 10**5)), max_size=4
    ).map(tuple),
    covers=st.sampled_from((("*",), ("GB",), ("44",), ("net:26201",))),
    classes=st.sampled_from((("otp", "transactional", "marketing"), ("marketing",), ("otp", "transactional"))),
    enabled=st.booleans(),
)
decks = st.lists(profiles, min_size=1, max_size=4).map(
    lambda found: [msgspec.structs.replace(profile, name=name) for name, profile in zip(NAMES, found, strict=False)]
)
views = st.builds(
    CarrierView,
    name=st.just(""),
    breaker=st.sampled_from(("closed", "closed", "open", "half_open")),
    breaker_until_s=st.sampled_from((0.0, 5.0, math.inf)),
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
    cells=st.dictionaries(
        st.sampled_from([f"{c}|{n}|{k}" for c in NAMES for n in ("*", "234", *NETWORKS) for k in range(3)]), cells
    ).map(Cells.of),
    probes=st.dictionaries(st.sampled_from([f"{c}|{n}" for c in NAMES for n in ("*", "234")]), st.sampled_from((1.0, 30.0))),
)
wants = st.builds(
    Want,
    network=st.sampled_from(NETWORKS),
    country=st.sampled_from(("GB", "DE", "")),
    number=st.sampled_from(("447700900123", "441234567890", "4915112345678")),
    klass=st.sampled_from(MessageClass),
    segments=st.integers(1, 4),
    tried=st.lists(st.sampled_from(NAMES), max_size=5).map(tuple),
    policy=st.sampled_from(("", "balanced", "cheapest", "fastest", "reliable", "odd")),
    ruling=st.just(FREE),
)
rooms = st.dictionaries(st.sampled_from(NAMES), st.integers(0, 12))


def made(batch, board, room, profiles, seed=0, now=1.0):
    rng = np.random.default_rng(seed)
    return plan(batch, board, room, now, rng, deck=Deck(profiles), rules=RULES, memo=Memo())


@settings(max_examples=80, deadline=None)
@given(st.lists(wants, max_size=30), boards, rooms, decks)
def test_every_want_has_a_choice_with_a_row_and_no_room_is_passed(batch, board, room, profiles):
    done = made(batch, board, room, profiles)
    assert len(done.choices) == len(batch)
    used = dict.fromkeys(NAMES, 0)
    deck = Deck(profiles)
    for want, choice in zip(batch, done.choices, strict=True):
        assert done.decisions[choice.row]["network"] == want.network
        if choice.carrier:
            used[choice.carrier] += want.segments
            assert not choice.hopeless
            assert deck.quote(choice.carrier, want.number, want.network, want.country, 1) is not None
            assert want.tried.count(choice.carrier) < 2
            view = None if board is None else board.carriers.get(choice.carrier)
            assert view is None or view.breaker != "open" or view.breaker_until_s <= 1.0
    assert all(used[name] <= room.get(name, 0) for name in NAMES)
    packed = msgspec.msgpack.encode(list(done.decisions))  # only plain values
    assert all(
        math.isfinite(number) for row in msgspec.msgpack.decode(packed) for entry in row["considered"] for number in entry[1:]
    )


@settings(max_examples=50, deadline=None)
@given(st.lists(wants, max_size=20), boards, rooms, decks, st.randoms(use_true_random=False))
def test_the_order_of_carriers_changes_nothing(batch, board, room, profiles, random):
    shuffled = random.sample(profiles, len(profiles))
    assert made(batch, board, room, profiles) == made(batch, board, room, shuffled)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(cells, min_size=3, max_size=3),
    st.lists(st.integers(0, 10**5), min_size=3, max_size=3),
    st.integers(1, 10**5),
    shares,
)
def test_cheaper_and_no_worse_never_loses_share(found, prices, cut, better):
    def share(cells, prices):
        board = Board(1, 0.0, {}, Cells.of({f"{name}|*|1": cell for name, cell in zip(NAMES, cells, strict=False)}))
        profiles = [
            CarrierProfile(name=name, addresses=("h:1",), system_id="x", prices=(Price(to="*", micros=micros),))
            for name, micros in zip(NAMES, prices, strict=False)
        ]
        batch = [Want("23410", "GB", "447700900123", MessageClass.TRANSACTIONAL, 1) for _ in range(20)]
        done = made(batch, board, {"a": 7, "b": 9, "c": 20}, profiles)
        return sum(choice.carrier == "a" for choice in done.choices if not choice.explored)

    first = found[0]
    improved = msgspec.structs.replace(first, p=first.p + (1 - first.p) * better, wait_s=first.wait_s * (1 - better), sd=0.0)
    still = [msgspec.structs.replace(cell, sd=0.0) for cell in found]  # nothing to explore: what is compared is the choice
    before = share(still, prices)
    assert share([improved, *still[1:]], [max(prices[0] - cut, 0), *prices[1:]]) >= before
