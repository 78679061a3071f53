"""What a board and a deck say of each kind of message: the candidates, best first, and why the others are out.

A *kind* is everything about a message that the decision depends on. Messages of a kind share one ``Kind``; kinds are kept until
the board, a breaker's state or the rules change, so a message of a known kind costs one look into a dictionary.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from router.brain.ages import Bools, Floats, Ints
from router.brain.bounds import bounds, tiered
from router.brain.cells import Cells
from router.brain.curves import prior
from router.brain.networks import WORLD, country_of
from router.brain.policies import DEFAULT, Policy
from router.brain.port import Board
from router.brain.waiting import lateness
from router.model import MessageClass
from router.routes import NOT_COVERED, Deck
from router.rules import FREE, Ruling
from router.settings import ClassRules

CLOSED: Final = 0
OPEN: Final = 1
HALF_OPEN: Final = 2
RETRIES: Final = 2  # times a carrier may see one message
PRIOR_SD: Final = 0.06  # sqrt(0.9 * 0.1 / 30): the spread of p behind a prior worth 30 messages
TIE: Final = 1e-3  # of the balanced cost: orders equals of ``cheapest`` without ever outweighing a thousandth of it


class Kind:
    """Messages that the decision cannot tell apart. ``members``: their places in the batch at hand."""

    __slots__ = (
        "cost",
        "costs",
        "excluded",
        "facts",
        "hopeless",
        "hurry",
        "klass",
        "loss",
        "members",
        "network",
        "order",
        "p",
        "policy_word",
        "prices",
        "retry",
        "row",
        "ruling",
        "sd",
        "segments",
        "stamp",
        "tried",
        "unit",
        "word",
    )

    def __init__(
        self,
        network: str,
        klass: MessageClass,
        segments: int,
        tried: tuple[str, ...],
        policy: str,
        ruling: Ruling = FREE,
    ) -> None:
        self.network = network
        self.klass = klass
        self.word = klass.word
        self.segments = segments
        self.tried = tried
        self.policy_word = policy
        self.ruling = ruling
        self.members: list[int] = []
        self.stamp: object = None
        self.row: dict[str, Any] | None = None
        # By carrier: micros a segment, chance, its spread, cost as the policy counts it.
        self.prices: Ints
        self.p: Floats
        self.sd: Floats
        self.cost: Floats
        self.unit: Floats  # micros a segment as the policy counts them, inf where it cannot go
        self.hurry: Floats  # micros a second of waiting for each carrier
        self.order: list[int] = []  # candidates, best first
        self.costs: list[float] = []  # theirs, in that order
        self.facts: Floats  # price, p, wait, cost and spread of p as rows show them: (5, 1, carriers)
        self.excluded: dict[str, str] | None = None  # why the others are no candidates, once somebody asked
        self.retry: list[int] = []  # half-open carriers that may take it
        self.hopeless = False
        self.loss = 0.0


class Ladder:
    """The scopes of a board as the networks of messages see them: their own, their country's, the world's."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.scopes = names
        self._number = {name: number for number, name in enumerate(names)}
        self._rungs: dict[str, tuple[int, int, int]] = {}

    def rungs(self, networks: Sequence[str]) -> Ints:
        """(networks, 3): the numbers of the scopes to ask, narrowest first; one past the last for what the board does not know."""
        known = self._rungs
        return np.array([known.get(network) or self._climb(network) for network in networks], dtype=np.int64)

    def _climb(self, network: str) -> tuple[int, int, int]:
        number, nowhere = self._number.get, len(self.scopes)
        found = number(network, nowhere), number(country_of(network), nowhere), number(WORLD, nowhere)
        self._rungs[network] = found
        return found


class Scores:
    """The cells of one board by carrier of a deck."""

    def __init__(self, deck: Deck, board: Board | None, deadlines_s: Sequence[float], before: "Scores | None" = None) -> None:
        """``before``: those of the last board, whose places of networks hold as long as the scopes are the same."""
        cells = Cells() if board is None else board.cells
        carrier, scope, figures = cells.columns
        unknown = np.array([(*prior(deadline_s), PRIOR_SD) for deadline_s in deadlines_s]).T
        self._figures = np.concatenate((figures[[0, 1, 3]], unknown[:, :, None]), axis=2)  # p, wait and sd; the last is of nobody
        self.ladder: Ladder = (
            before.ladder if before is not None and before.ladder.scopes == cells.scopes else Ladder(cells.scopes)
        )
        # The pair of each class, scope and carrier, -1 where there is none; the last scope is one that the board does not know.
        place = np.array([deck.index.get(name, -1) for name in cells.carriers], dtype=np.int64)
        known = np.flatnonzero(place[carrier] >= 0) if len(carrier) else np.zeros(0, dtype=np.int64)
        self._pair = np.full((len(figures[0]), len(cells.scopes) + 1, len(deck.names)), -1)
        absent = np.isnan(figures[0])
        self._pair[:, scope[known], place[carrier[known]]] = np.where(absent, -1, np.arange(len(carrier)))[:, known]

    def columns(self, networks: Sequence[str], klass: Ints) -> tuple[Floats, Floats, Floats]:
        """``p``, ``wait_s`` and ``sd`` by (network, class) and carrier.

        A cell that is absent falls back to its country's, then to the carrier's own.
        """
        where = self.ladder.rungs(networks)
        pair = self._pair[klass, where[:, 0]]
        for wider in (1, 2):
            if pair.min() >= 0:
                break
            pair = np.where(pair < 0, self._pair[klass, where[:, wider]], pair)
        p, wait_s, sd = self._figures[:, klass[:, None], pair]
        return p, wait_s, sd


def appraise(
    kinds: Sequence[Kind],
    prices: Sequence[Ints],
    scores: Scores,
    deck: Deck,
    status: Sequence[int],
    rules: Mapping[MessageClass, ClassRules],
    policies: Mapping[str, Policy],
) -> None:
    """Fill in the kinds: J = price + loss * (1 - p) + time * wait for each carrier, the candidates and their order.

    ``prices``: micros a segment by carrier for each kind; ``status``: the breakers by carrier.
    """
    price = np.stack(prices)
    klass = np.array([kind.klass for kind in kinds])
    segments = np.array([kind.segments for kind in kinds], dtype=np.int64)
    p, wait_s, sd = scores.columns([kind.network for kind in kinds], klass)
    chosen = [policies.get(kind.policy_word or DEFAULT) or policies[DEFAULT] for kind in kinds]
    loss = np.array([rules[kind.klass].loss_micros * policy.loss_factor for kind, policy in zip(kinds, chosen, strict=True)])
    time = np.array(
        [
            max(rules[kind.klass].time_micros_per_s * policy.time_factor, policy.least_time_micros_per_s)
            for kind, policy in zip(kinds, chosen, strict=True)
        ]
    )
    floor = np.array([policy.floor for policy in chosen])
    deadline_s = np.array([rules[kind.klass].deadline_s for kind in kinds])

    able = (price != NOT_COVERED) & deck.serves[klass] & deck.enabled
    seen = _times_tried(kinds, deck)
    allowed = able & (seen < RETRIES)
    ruled = bounds([kind.ruling for kind in kinds], price, deck)
    if ruled is not None:
        allowed &= ~ruled.barred
    usable = allowed & (np.asarray(status) == CLOSED)
    untried = usable & (seen == 0)
    candidate = np.where(untried.any(axis=1)[:, None], untried, usable)

    whole = price * segments[:, None]
    cost = whole + loss[:, None] * (1.0 - p) + time[:, None] * wait_s
    charged: Ints | Floats = whole
    if ruled is not None:
        cost, charged = cost * ruled.weight, whole * ruled.weight
    if floor.any():
        cost = _price_first(cost, charged, p, loss, floor, candidate)
    if ruled is not None:
        cost = tiered(cost, ruled.tier, candidate, loss)
    reached = np.where(candidate, cost, np.inf)
    ranked = np.argsort(reached, axis=1, kind="stable")
    counts = candidate.sum(axis=1).tolist()
    hopeless = (~allowed.any(axis=1)).tolist()
    unit = reached / segments[:, None]
    hurry = time[:, None] + loss[:, None] * lateness(p, wait_s, deadline_s[:, None])
    orders = ranked.tolist()
    costs = np.take_along_axis(cost, ranked, axis=1)
    facts = np.stack((whole, np.round(p, 4), np.round(wait_s, 2), cost, np.round(sd, 4)))
    in_order = costs.tolist()
    halves = [place for place, state in enumerate(status) if state == HALF_OPEN]
    for k, kind in enumerate(kinds):
        kind.order = orders[k][: counts[k]]
        kind.costs = in_order[k]
        kind.facts = facts[:, k : k + 1]
        kind.hopeless = hopeless[k]
        kind.cost, kind.prices, kind.p, kind.sd = cost[k], prices[k], p[k], sd[k]
        kind.unit, kind.hurry = unit[k], hurry[k]
        kind.loss = float(loss[k])
        kind.retry = [place for place in halves if allowed[k, place]]
        if ruled is not None and kind.order:  # an order is not left for the sake of a half-open carrier further down
            kind.retry = [place for place in kind.retry if ruled.tier[k, place] <= ruled.tier[k, kind.order[0]]]


def _times_tried(kinds: Sequence[Kind], deck: Deck) -> Ints:
    """How often each carrier has seen the messages of each kind."""
    seen = np.zeros((len(kinds), len(deck.names)), dtype=np.int64)
    for k, kind in enumerate(kinds):
        for name in kind.tried:
            place = deck.index.get(name)
            if place is not None:
                seen[k, place] += 1
    return seen


def _price_first(cost: Floats, whole: Ints | Floats, p: Floats, loss: Floats, floor: Floats, candidate: Bools) -> Floats:
    """For kinds with a floor: the price, plus more than any price and loss for carriers below the floor."""
    best = np.max(np.where(candidate, p, 0.0), axis=1)
    dearest = np.max(np.where(candidate, whole, 0), axis=1)
    penalty = np.where(p < (floor * best)[:, None], (loss + dearest)[:, None], 0.0)
    return np.where((floor > 0)[:, None], whole + penalty + TIE * cost, cost)
