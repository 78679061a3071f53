import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from router.brain.ages import BINS
from router.brain.cells import Cell, Cells
from router.brain.port import Board, CarrierView, Want
from router.brain.remains import pack_curves, remains
from router.brain.rescue import LEAST_LEFT_S, Stuck, Terms, rescue
from router.model import MessageClass
from router.routes import Deck
from router.rules import FREE
from router.settings import CarrierProfile, Price, Settings

RULES = {klass: Settings().rules(klass) for klass in MessageClass}
NAMES = ("a", "b", "c", "d")
NETWORKS = ("23410", "26201")
NOW = 1_000.0
TERMS = Terms()
rates = st.lists(st.floats(0, 1), min_size=2 * BINS, max_size=2 * BINS).map(lambda found: np.reshape(found, (2, BINS)))
habits = st.lists(rates, min_size=1, max_size=5)
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
    unheard=st.sampled_from(("", "", "", "*", "234")),
)


@st.composite
def boards(draw):
    keys = draw(st.lists(st.sampled_from([f"{c}|{n}|0" for c in NAMES for n in ("*", "234", *NETWORKS)]), unique=True))
    cells = Cells.of(dict.fromkeys(keys, Cell(0.9, 5.0, 1.0, 0.1)))
    shapes = draw(habits)
    curves = [remains(*shapes[place % len(shapes)][..., None])[..., 0] for place in range(len(keys))]
    packed = pack_curves(np.stack(curves, axis=-1)) if curves else b""
    return Board(3, 0.0, draw(st.dictionaries(st.sampled_from(NAMES), views)), cells, curves=packed)


wants = st.builds(
    Want,
    network=st.sampled_from(NETWORKS),
    country=st.sampled_from(("GB", "DE")),
    number=st.just("447700900123"),
    klass=st.sampled_from(MessageClass),
    segments=st.integers(1, 3),
    tried=st.lists(st.sampled_from(NAMES), max_size=2).map(tuple),
    policy=st.sampled_from(("", "cheapest", "fastest", "reliable", "odd")),
    ruling=st.just(FREE),
)
stucks = st.builds(
    Stuck,
    want=wants,
    carrier=st.sampled_from((*NAMES, "gone")),
    submitted_s=st.floats(NOW - 60, NOW + 1),
    deadline_s=st.floats(NOW - 60, NOW + 60),
)
batches = st.lists(stucks, max_size=12)
prices = st.lists(st.integers(0, 10**5), min_size=4, max_size=4)
rooms = st.dictionaries(st.sampled_from(NAMES), st.integers(0, 5))
shadows = st.dictionaries(st.sampled_from(NAMES), st.floats(0, 1e5))


def profiles(micros):
    return [
        CarrierProfile(name=name, addresses=("h:1",), system_id="x", prices=(Price(to="*", micros=one),))
        for name, one in zip(NAMES, micros, strict=True)
    ]


def made(batch, board, room, micros, shadow, copies, deck=None):
    return rescue(
        batch, board, room, NOW, deck=deck or Deck(profiles(micros)), rules=RULES, shadow=shadow, copies=copies, terms=TERMS
    )


@settings(max_examples=150, deadline=None)
@given(batches, boards(), rooms, prices, shadows, st.integers(0, 6))
def test_who_gets_a_copy_and_who_never_does(batch, board, room, micros, shadow, copies):
    found = made(batch, board, room, micros, shadow, copies)
    assert len(found) == len(batch)
    sent = [(item, copy) for item, copy in zip(batch, found, strict=True) if copy.carrier]
    assert len(sent) <= copies
    used = dict.fromkeys(NAMES, 0)
    for item, copy in sent:
        used[copy.carrier] += item.want.segments
        assert copy.carrier not in {item.carrier, *item.want.tried}
        assert copy.money > 0
        assert math.isfinite(copy.money)
        assert item.deadline_s - NOW >= LEAST_LEFT_S
        assert TERMS.earliest_s <= NOW - item.submitted_s <= TERMS.latest_s
        assert item.want.klass is not MessageClass.MARKETING
        view = board.carriers.get(copy.carrier)
        assert view is None or view.breaker == "closed"
        assert copy.row["considered"]
    assert all(count <= room.get(name, 0) for name, count in used.items())
    for item, copy in zip(batch, found, strict=True):
        assert not math.isnan(copy.money)
        again_s = copy.again_s
        assert again_s >= 0
        if again_s:
            assert not copy.carrier
            assert NOW + again_s <= item.deadline_s


@settings(max_examples=60, deadline=None)
@given(batches, boards(), rooms, prices, shadows, st.permutations(range(4)))
def test_the_order_of_carriers_changes_nothing(batch, board, room, micros, shadow, order):
    shuffled = Deck([profiles(micros)[place] for place in order])
    turned = replace(board, carriers=dict(reversed(board.carriers.items())))
    assert made(batch, board, room, micros, shadow, 6) == made(batch, turned, room, micros, shadow, 6, shuffled)


@settings(max_examples=60, deadline=None)
@given(batches, boards(), prices, st.sampled_from(NAMES), st.integers(1, 10**5))
def test_a_carrier_that_becomes_cheaper_gets_no_less(batch, board, micros, who, less):
    room = dict.fromkeys(NAMES, 1_000)
    cheaper = [max(one - less, 0) if name == who else one for name, one in zip(NAMES, micros, strict=True)]
    before = [copy.carrier for copy in made(batch, board, room, micros, {}, 1_000)]
    after = [copy.carrier for copy in made(batch, board, room, cheaper, {}, 1_000)]
    assert all(new == who for old, new in zip(before, after, strict=True) if old == who)


@settings(max_examples=100, deadline=None)
@given(rates, st.floats(0, 1))
def test_curves_only_fall_and_what_comes_was_pending(shape, worth):
    coming, pending = remains(*shape[..., None], np.array([worth]))[..., 0]
    assert np.isfinite(coming).all()
    assert (np.diff(coming) <= 1e-12).all()
    assert (np.diff(pending) <= 1e-12).all()
    assert (coming <= pending + 1e-9).all()
