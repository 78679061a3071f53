"""The decision for a batch: which carrier each message goes to, and why."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from router.brain.ages import Floats
from router.brain.assign import Placement, assign
from router.brain.bids import Bids
from router.brain.explore import (
    BUDGET,
    PROBE_ALLOWANCE,
    PURSE_LIMIT,
    THOMPSON_SHARE,
    Probe,
    allowance_of,
    half_open,
    probe,
    probes_by_scope,
    telling,
    thompson,
)
from router.brain.policies import POLICIES, Policy
from router.brain.port import ROOM, Board, Choice, Plan, Waits, Want
from router.brain.rows import Decisions
from router.brain.score import CLOSED, HALF_OPEN, OPEN, Kind, appraise
from router.brain.scores import Scores
from router.brain.waiting import Patience, limit_s
from router.model import MessageClass
from router.routes import Deck
from router.settings import ClassRules

AHEAD: Final = 256  # kinds appraised before they are met: 0.3 ms
KINDS_LIMIT: Final = 65_536  # kinds kept from board to board
_MOST_THOMPSON: Final = max(THOMPSON_SHARE)
_STATUS: Final = {"closed": CLOSED, "open": OPEN, "half_open": HALF_OPEN}


class Memo:
    """What one planner keeps between calls: kinds and what the newest board says of them, when it probed, and what it paid.

    Probes' times, allowance, purse and bids outlive a board. They are what makes ``plan`` more than a function of its arguments: with a
    fresh memo (a restart, a test) a probe may be made once too often, a draw not at all, and nothing else changes.
    """

    __slots__ = (
        "allowance",
        "bids",
        "board",
        "deck",
        "epoch",
        "former",
        "kinds",
        "known",
        "met",
        "openings",
        "policies",
        "probed",
        "probes",
        "purse",
        "scores",
        "status",
        "terms",
    )

    def __init__(self) -> None:
        self.deck: Deck | None = None
        self.board: Board | None = None
        self.known = False  # whether the fields below were filled in for ``board``
        self.status: tuple[int, ...] = ()
        self.terms: tuple[tuple[float, ...], ...] = ()
        self.policies: Mapping[str, Policy] = {}
        self.scores: Scores
        self.probes: dict[str, list[Probe]] = {}
        self.kinds: tuple[dict[tuple[Any, ...], Kind], ...] = tuple({} for _ in MessageClass)
        self.epoch: object = None  # kinds of another are appraised again when they are met
        self.met: list[Kind] = []  # those met since it began,
        self.former: list[Kind] = []  # and some of those met in the one before, not appraised yet
        self.probed: dict[str, float] = {}
        self.openings: dict[int, float] = {}
        self.allowance = 1.0
        self.purse = 0.0  # micros that draws may still lose in expectation
        self.bids: dict[int, Bids] = {}  # by the mix of classes, whose rooms differ


def plan(
    batch: Sequence[Want],
    board: Board | None,
    room: Mapping[str, int],
    now: float,
    rng: np.random.Generator,
    *,
    deck: Deck,
    rules: Mapping[MessageClass, ClassRules],
    policies: Mapping[str, Policy] = POLICIES,
    memo: Memo | None = None,
    waits: Waits | None = None,
) -> Plan:
    """Assign a batch.

    ``room``: segments that each carrier can take now (absent: none), never passed. ``board`` None: by price alone.
    A message goes to the carrier of least cost = price + loss * (1 - p) + time * wait (micros) that is closed, covers it, has
    room and has not seen it; one that has seen it once only where no other is usable. ``Choice.carrier`` is "" when nothing is
    usable now, ``hopeless`` when waiting will not change that. ``policies`` must contain "balanced".
    ``memo``: the planner's memory, by default the deck's own. ``waits``: for a caller whose messages may wait for a better carrier's
    room, as long as ``waiting.limit_s`` lets them.
    """
    memo = memo or _memo_of(deck)
    _refresh(memo, board, now, deck, rules, policies)
    of_member, kinds, fresh = _group(batch, memo, deck)
    if fresh:
        memo.met += fresh
        if memo.former:
            fresh += _met_again(memo)
        appraise(fresh, [kind.prices for kind in fresh], memo.scores, deck, memo.status, rules, policies)
    left = [max(int(room.get(name, 0)), 0) for name in deck.names]
    most = max((kind.segments for kind in kinds), default=0)
    tight = [places < most for places in left]
    before = tuple(left)
    bids = _bids(memo, kinds, len(left), now)
    placements: list[Placement] = []
    if board is not None:
        memo.allowance = min(memo.allowance + allowance_of(kinds), PROBE_ALLOWANCE)
        placements += half_open(kinds, _openings(memo, board, deck), memo.openings, left)
        if memo.probes and memo.allowance >= 1.0:
            free = [kind for kind in kinds if not kind.ruling.tiers]  # who has set an order wants no probes
            probes, memo.allowance = probe(free, memo.probes, memo.probed, memo.allowance, left, now, telling(batch, board))
            placements += probes
    if board is not None and not board.note:  # else nobody would learn from it
        memo.purse = min(memo.purse + BUDGET * sum(kind.loss * len(kind.members) for kind in kinds), PURSE_LIMIT)
        draws, memo.purse = thompson(_picked(of_member, rng), left, rng, bids.last, memo.purse)
        placements += draws
    placed, paid = assign(kinds, left, bids.last, _patience(waits, bids.mean(now), memo, deck))
    bids.note(paid, now)
    placements += placed
    return _write(len(batch), kinds, placements, paid.tolist(), before if any(tight) else None, memo, deck, policies)


def shadow_prices(memo: Memo | None, deck: Deck, now: float) -> dict[str, float]:
    """By carrier what one more segment a second of room would have saved of late, in micros a second; the highest of all classes'."""
    found = np.zeros(len(deck.names))
    for bids in (memo or _memo_of(deck)).bids.values():
        found = np.maximum(found, bids.mean(now))
    return dict(zip(deck.names, found.tolist(), strict=True))


def _bids(memo: Memo, kinds: Sequence[Kind], carriers: int, now: float) -> Bids:
    """The bids of this mix of classes."""
    mix = 0
    for kind in kinds:
        mix |= 1 << kind.klass
    found = memo.bids.get(mix)
    if found is None:
        found = memo.bids[mix] = Bids(carriers, now)
    return found


def _patience(waits: Waits | None, later: Floats, memo: Memo, deck: Deck) -> Patience | None:
    """The waits as the assignment needs them."""
    if waits is None:
        return None
    speed = np.array([waits.speed.get(name, 0.0) for name in deck.names])
    return Patience(speed, later, waits.waited_s, [limit_s(deadline_s) for deadline_s, *_ in memo.terms], waits.most)


def _memo_of(deck: Deck) -> Memo:
    """The memory kept with the deck."""
    if deck.memo is None:
        deck.memo = Memo()
    found: Memo = deck.memo
    return found


def _refresh(
    memo: Memo,
    board: Board | None,
    now: float,
    deck: Deck,
    rules: Mapping[MessageClass, ClassRules],
    policies: Mapping[str, Policy],
) -> None:
    """Begin a new epoch when what kinds are appraised from has changed. Deck and board are compared by identity, so they are kept."""
    if memo.deck is not deck:  # carriers have other places
        memo.deck, memo.known, memo.bids, memo.openings = deck, False, {}, {}
        memo.kinds, memo.met = tuple({} for _ in MessageClass), []
    status = _status(board, now, deck)
    terms = tuple((r.deadline_s, r.loss_micros, r.time_micros_per_s) for r in (rules[klass] for klass in MessageClass))
    if sum(map(len, memo.kinds)) > KINDS_LIMIT:
        memo.kinds = tuple({} for _ in MessageClass)
    if memo.known and memo.board is board and memo.status == status and memo.terms == terms and memo.policies is policies:
        return
    if not memo.known or memo.board is not board:
        memo.probes = {} if board is None else probes_by_scope(board.probes, deck.index, board.carriers)
        memo.probed = {key: at for key, at in memo.probed.items() if board is not None and key in board.probes}
    if not memo.known or memo.board is not board or memo.terms != terms:
        memo.scores = Scores(deck, board, [term[0] for term in terms], getattr(memo, "scores", None))
    memo.board, memo.status, memo.terms, memo.policies, memo.known = board, status, terms, policies, True
    memo.epoch = object()
    memo.met, memo.former = [], memo.met[:AHEAD]


def _status(board: Board | None, now: float, deck: Deck) -> tuple[int, ...]:
    """Closed, open or half-open by carrier; an open breaker whose time has come is half-open, however old the board."""
    if board is None:
        return (CLOSED,) * len(deck.names)
    states = []
    for name in deck.names:
        view = board.carriers.get(name)
        state = CLOSED if view is None else _STATUS.get(view.breaker, CLOSED)
        if state == OPEN and view is not None and now >= view.breaker_until_s:
            state = HALF_OPEN
        states.append(state)
    return tuple(states)


def _openings(memo: Memo, board: Board, deck: Deck) -> dict[int, float]:
    """The half-open carriers and what tells this opening from the last one."""
    return {
        place: board.carriers[deck.names[place]].breaker_until_s for place, state in enumerate(memo.status) if state == HALF_OPEN
    }


def _group(batch: Sequence[Want], memo: Memo, deck: Deck) -> tuple[list[Kind], list[Kind], list[Kind]]:
    """The kind of each message, the kinds in the batch with their members, and those of them not met before on this board."""
    of_member: list[Kind] = []
    kinds: list[Kind] = []
    fresh: list[Kind] = []
    stamp = object()  # tells kinds met in this batch from kinds met before, without a set
    tables, epoch = memo.kinds, memo.epoch
    prefix_of = deck.prefix
    for member, (network, country, number, klass, segments, tried, policy, ruling, _) in enumerate(batch):
        prefix = prefix_of(number)
        # The class picks the table instead of being in the key: an enum's hash runs Python code (measured 0.15 us).
        key = (network, country, prefix, segments, tried, policy, ruling)
        kind = tables[klass].get(key)
        if kind is None:
            kind = tables[klass][key] = Kind(network, klass, segments, tried, policy, ruling)
            kind.prices = deck.prices(network, country, prefix)
        of_member.append(kind)
        if kind.stamp is stamp:
            kind.members.append(member)
        else:
            kind.stamp = stamp
            kind.number = len(kinds)
            kind.members = [member]
            kinds.append(kind)
            if kind.epoch is not epoch:
                kind.epoch = epoch
                fresh.append(kind)
    return of_member, kinds, fresh


def _met_again(memo: Memo) -> list[Kind]:
    """Kinds that were met on the last board and are likely to be met on this one: appraised with the first of them, for a call has its price."""
    found = [kind for kind in memo.former if kind.epoch is not memo.epoch]
    for kind in found:
        kind.epoch = memo.epoch
    memo.met += found
    memo.former = []
    return found


def _picked(of_member: Sequence[Kind], rng: np.random.Generator) -> dict[int, Kind]:
    """The messages that draw from the posterior: a share by class."""
    luck = rng.random(len(of_member))
    lucky = np.flatnonzero(luck < _MOST_THOMPSON).tolist()
    return {member: of_member[member] for member in lucky if luck[member] < THOMPSON_SHARE[of_member[member].klass]}


def _write(
    size: int,
    kinds: Sequence[Kind],
    placements: Sequence[Placement],
    shadow: Sequence[float],
    room: Sequence[int] | None,
    memo: Memo,
    deck: Deck,
    policies: Mapping[str, Policy],
) -> Plan:
    """Placements as choices, one decision row a kind. ``room``: what there was at the start; None: enough for any message."""
    choices: list[Any] = [None] * size
    regret: dict[str, float] = {}
    others: dict[int, set[int]] = {}
    names = (*deck.names, "")  # nowhere is -1
    for kind, place, members, explored, resting, why in placements:
        if not members:
            continue
        choice = Choice(names[place], kind.number, explored, place < 0 and kind.hopeless, resting, why)
        if place >= 0 and place != kind.best:
            others.setdefault(kind.number, set()).add(place)
            if kind.sheet and kind.best >= 0 and not kind.ruling.tiers:  # with an order set, costs are no money
                cost, row = kind.sheet.cost.item, kind.place  # asked for by most kinds: not worth a column of their own
                lost = (cost(row, place) - cost(row, kind.best)) * len(members)
                regret[why or ROOM] = regret.get(why or ROOM, 0.0) + max(lost, 0.0)
        for member in members:
            choices[member] = choice
    decisions = Decisions(kinds, deck, memo.board, memo.status, shadow, room, policies, others) if kinds else []
    return Plan(choices, decisions, {name: price for name, price in zip(deck.names, shadow, strict=True) if price}, regret)
