"""What a board and a deck say of each kind of message: the candidates, best first, and why the others are out.

A *kind* is everything about a message that the decision depends on. Messages of a kind share one ``Kind``; kinds are kept until
the board, a breaker's state or the rules change, so a message of a known kind costs one look into a dictionary.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final

import numpy as np

from router.brain.ages import Bools, Floats, Ints
from router.brain.bounds import bounds, tiered
from router.brain.policies import DEFAULT, Policy
from router.brain.scores import Scores
from router.brain.waiting import lateness
from router.model import MessageClass
from router.routes import NOT_COVERED, Deck
from router.rules import FREE, Ruling
from router.settings import ClassRules

CLOSED: Final = 0
OPEN: Final = 1
HALF_OPEN: Final = 2
RETRIES: Final = 2  # times a carrier may see one message
TIE: Final = 1e-3  # of the balanced cost: orders equals of ``cheapest`` without ever outweighing a thousandth of it


class Sheet:
    """What was found of some kinds at once: arrays by (kind, carrier), which nobody changes."""

    whole: Ints  # micros a message
    p: Floats
    wait_s: Floats
    sd: Floats
    cost: Floats  # J, as the policy counts it
    unit: Floats  # the same for a segment, inf where it cannot go

    def __init__(self, time: Floats, loss: Floats, deadline_s: Floats) -> None:
        """What a second costs and what a loss, and how long there is, by kind."""
        self._terms = time[:, None], loss[:, None], deadline_s[:, None]
        self.reached: Floats  # the cost, inf where it cannot go
        self.counts: list[int]  # how many carriers are candidates
        self.rows: dict[int, dict[str, Any]] = {}  # what ``rows`` said of each where room did not matter
        self.excluded: dict[int, dict[str, str]] = {}  # why the others are no candidates, of those somebody asked for

    @cached_property
    def ranked(self) -> Ints:
        """Carriers, candidates first, best first. The whole of it is asked for by explanations alone, and takes as long as the costs."""
        return np.argsort(self.reached, axis=1, kind="stable")

    @cached_property
    def hurry(self) -> Floats:
        """Micros a second of waiting for each carrier."""
        time, loss, deadline_s = self._terms
        result: Floats = time + loss * lateness(self.p, self.wait_s, deadline_s)
        return result

    def order(self, place: int) -> list[int]:
        """The candidates of a kind, best first."""
        found: list[int] = np.argsort(self.reached[place], kind="stable")[: self.counts[place]].tolist()
        return found


class Kind:
    """Messages that the decision cannot tell apart. ``members``: their places in the batch at hand.

    ``sheet`` and ``place`` say where it was appraised. Of most kinds no more is asked for than the best carrier, so what is said by
    carrier is taken from there when it is: filling it in for 480 kinds took a millisecond.
    """

    __slots__ = (
        "asked",
        "best",
        "cost",
        "epoch",
        "excluded",
        "hopeless",
        "hurry",
        "klass",
        "loss",
        "members",
        "network",
        "number",
        "order",
        "p",
        "place",
        "policy_word",
        "prices",
        "retry",
        "ruling",
        "sd",
        "segments",
        "sheet",
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
        self.stamp: object = None  # of the batch that it was met in last,
        self.number = 0  # and its place among the kinds there
        self.epoch: object = None  # of the board that it was appraised by
        self.sheet: Sheet | None = None
        self.place = 0
        self.asked: tuple[str, ...] = ()  # which of the following have been taken from the sheet
        self.prices: Ints  # micros a segment by carrier
        self.p: Floats
        self.sd: Floats
        self.cost: Floats
        self.unit: Floats
        self.hurry: Floats
        self.order: list[int]  # candidates, best first
        self.best: int  # the first of them, -1: there is none
        self.retry: Sequence[int] = ()  # half-open carriers that may take it
        self.excluded: dict[str, str] | None = None  # why the others are none with all breakers closed, once somebody asked
        self.hopeless = False
        self.loss = 0.0

    def __getattr__(self, name: str) -> Any:
        """A slot that is empty yet."""
        if name == "best":
            found: Any = self.order[0] if self.order else -1
        elif name in _LATER and self.sheet:
            found = self.sheet.order(self.place) if name == "order" else getattr(self.sheet, name)[self.place]
        else:
            raise AttributeError(name)
        setattr(self, name, found)
        self.asked += (name,)
        return found

    def file(self, sheet: Sheet, place: int) -> None:
        """It was appraised anew."""
        self.sheet, self.place = sheet, place
        if self.asked:
            for name in self.asked:
                delattr(self, name)
            self.asked = ()


_LATER: Final = frozenset({"cost", "hurry", "order", "p", "sd", "unit"})


def by_carrier(kinds: Sequence[Kind], name: str) -> Floats:
    """A column of the kinds' sheets: (kinds, carriers)."""
    sheet = kinds[0].sheet
    if sheet is not None and all(kind.sheet is sheet for kind in kinds):
        found: Floats = getattr(sheet, name)[[kind.place for kind in kinds]]
        return found
    return np.concatenate([getattr(kind, name) for kind in kinds]).reshape(len(kinds), -1)


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
    price = np.concatenate(prices).reshape(len(kinds), -1)
    klass = np.fromiter([kind.klass for kind in kinds], np.int64, len(kinds))  # of enums it makes numbers in half of the time
    segments = np.array([kind.segments for kind in kinds], dtype=np.int64)
    p, wait_s, sd = scores.columns([kind.network for kind in kinds], klass)
    loss, time, floor = _terms(kinds, klass, rules, policies)

    able = (price != NOT_COVERED) & deck.serves[klass] & deck.enabled
    if any(kind.tried for kind in kinds):
        seen = _times_tried(kinds, deck)
        able &= seen < RETRIES
    else:
        seen = None
    ruled = bounds([kind.ruling for kind in kinds], price, deck)
    allowed = able if ruled is None else able & ~ruled.barred
    candidate = allowed & (np.asarray(status) == CLOSED)
    if seen is not None:
        untried = candidate & (seen == 0)
        candidate = np.where(untried.any(axis=1)[:, None], untried, candidate)

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
    sheet = Sheet(time, loss, np.array([rules[word].deadline_s for word in MessageClass])[klass])
    sheet.whole, sheet.p, sheet.wait_s, sheet.sd, sheet.cost, sheet.unit = whole, p, wait_s, sd, cost, reached / segments[:, None]
    sheet.reached, counts = reached, np.count_nonzero(candidate, axis=1)
    sheet.counts = counts.tolist()
    best = np.where(counts > 0, reached.argmin(axis=1), -1).tolist()
    hopeless = (~allowed.any(axis=1)).tolist()
    halves = [place for place, state in enumerate(status) if state == HALF_OPEN]
    losses = loss.tolist()
    for k, kind in enumerate(kinds):
        kind.file(sheet, k)
        kind.prices, kind.best, kind.hopeless, kind.loss = prices[k], best[k], hopeless[k], losses[k]
        if halves:
            kind.retry = [place for place in halves if allowed[k, place]]
            if ruled is not None and kind.best >= 0:  # an order is not left for the sake of a half-open carrier further down
                kind.retry = [place for place in kind.retry if ruled.tier[k, place] <= ruled.tier[k, kind.best]]
        else:
            kind.retry = ()


def _terms(
    kinds: Sequence[Kind], klass: Ints, rules: Mapping[MessageClass, ClassRules], policies: Mapping[str, Policy]
) -> tuple[Floats, Floats, Floats]:
    """By kind: micros that a lost message costs, micros a second of waiting, and the floor of its policy."""
    terms = [rules[word] for word in MessageClass]
    loss = np.array([term.loss_micros for term in terms], dtype=np.float64)[klass]
    time = np.array([term.time_micros_per_s for term in terms], dtype=np.float64)[klass]
    usual = policies[DEFAULT]
    words = [kind.policy_word for kind in kinds]
    known = {word: number for number, word in enumerate(dict.fromkeys(words))}
    chosen = [policies.get(word) or usual for word in known]
    factors = np.array([(one.loss_factor, one.time_factor, one.least_time_micros_per_s, one.floor) for one in chosen])
    factors = factors[[known[word] for word in words] if len(known) > 1 else [0]]
    return loss * factors[:, 0], np.maximum(time * factors[:, 1], factors[:, 2]), factors[:, 3]


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
