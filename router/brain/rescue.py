r"""Rescue: a message whose receipt does not come is sent once more, by another carrier, when the money says so.

A message submitted ``a`` seconds ago at carrier 1 has ``L`` seconds left of its class's deadline. With ``r`` and ``q`` of ``remains``
(what is still to come, and who is still pending, at an age), the chance that the first copy still makes it within ``u`` seconds, and that
a second one by carrier 2 does, given that the first has not come yet, are

    first(u)  = (r1(a) - r1(a + u)) / q1(a)
    second(u) = (r2(0) - r2(u)) * (1 - D / q1(a))          D = min(q1(120 s) / 2, 10 %)

D are those for whom a second copy does nothing: messages that arrived while their receipt got lost, and numbers that nobody reaches. How
many they are of those without a receipt in the end, ``q1(120 s)``, is not to be seen: half are taken, but never more than a tenth of all,
for where everything stays silent that is the carrier. Of those pending now they are ``D / q1(a)``: few at first, half once everybody else has
answered. What the copy brings is

    gain  = loss * second(L) * (1 - first(L))  +  time * integral from 0 to L of second(u) * (1 - first(u)) du
    money = gain - (price + shadow price) * segments * weight - cost of a duplicate

with loss and time of the class as the sender's policy counts them, ``weight`` and the order of carriers as the rules before the brain have
them. The second term is the time saved. A carrier qualifies with money > 0; the one with the most gets the copy, within an order the first that
qualifies. Never: a carrier that saw the message, one whose breaker is not closed or that has no room; a message past its deadline,
younger than ``earliest_s`` or older than ``latest_s``; one whose carrier's receipts are lost (``hearing``), because silence says nothing there.

``Budget`` holds copies below a share of the traffic. Copies train no ledger: they are second attempts.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from router.brain.ages import Bools, Floats, Ints
from router.brain.bounds import bounds
from router.brain.policies import DEFAULT, POLICIES, Policy
from router.brain.port import Board, Want
from router.brain.remains import COMING, LEAST_PENDING, PENDING, Remains, at
from router.model import MessageClass
from router.routes import NOT_COVERED, Deck
from router.settings import ClassRules

SETTLED: Final = 0.5  # of messages without a receipt in the end, those for whom a second copy does nothing,
MOST_SETTLED: Final = 0.1  # and of all messages at most
CLASSES: Final = frozenset({MessageClass.OTP, MessageClass.TRANSACTIONAL})  # their receipts make the curves
LEAST_LEFT_S: Final = 1.0  # of the deadline: no copy arrives sooner
LATER: Final = 1.3  # a message that is not rescued is looked at again when it is so many times as old
POINTS: Final = 6  # at which the integral is taken, Gauss-Legendre: exact for polynomials of degree 11
CONSIDERED: Final = 8  # carriers in the row that says why
BURST: Final = 100.0  # copies that may be saved up


class Terms(NamedTuple):
    """What an operator sets."""

    earliest_s: float = 5.0  # ages between which a message may be sent again
    latest_s: float = 35.0
    duplicate_micros: float = 10_000.0  # what a second copy on a handset costs its sender, besides its price
    share: float = 0.03  # of the traffic that may be sent again


class Stuck(NamedTuple):
    """A message that a carrier took and of which nothing came since."""

    want: Want  # ``tried``: whoever else has seen it
    carrier: str  # that has it
    submitted_s: float  # when it was written to the carrier
    deadline_s: float  # when its class's deadline is over; both by the clock of ``now``


class Copy(NamedTuple):
    """What becomes of a stuck message. carrier "": it is not sent again now."""

    carrier: str
    money: float  # micros that the best copy would bring; -inf: no carrier can have one
    again_s: float  # from now, when to look at it again; 0: never
    row: Mapping[str, Any]  # the sums as a decision row (``port.Plan``), for those sent again: "rescue" holds what it is about


class Budget:
    """Tokens earned by traffic: never more copies than ``share`` of the messages it was told of."""

    __slots__ = ("tokens",)

    def __init__(self) -> None:
        self.tokens = 0.0

    def earn(self, messages: int, share: float) -> None:
        """So many messages were sent for the first time."""
        self.tokens = min(self.tokens, BURST) + messages * share

    @property
    def copies(self) -> int:
        """How many may be sent now."""
        return int(self.tokens + 1e-9)

    def spend(self, copies: int) -> None:
        """So many were sent."""
        self.tokens -= copies


class _Case(NamedTuple):
    """The batch as columns; M messages."""

    age_s: Floats  # (M,)
    left_s: Floats
    loss: Floats
    time: Floats
    segments: Floats


def rescue(
    batch: Sequence[Stuck],
    board: Board | None,
    room: Mapping[str, int],
    now: float,
    *,
    deck: Deck,
    rules: Mapping[MessageClass, ClassRules],
    shadow: Mapping[str, float],
    copies: int,
    terms: Terms = Terms(),  # noqa: B008 (immutable)
    policies: Mapping[str, Policy] = POLICIES,
) -> list[Copy]:
    """Decide for each message, in order of ``batch``.

    ``room``: segments by carrier, never passed; ``shadow``: micros a segment by carrier; ``copies``: what the budget allows now, which goes
    to those that gain most. Nobody is rescued without a board, or with one that was published without curves.
    """
    if not batch:
        return []
    if board is None or not board.curves:
        return [_not_now(item, now, terms, -np.inf) for item in batch]
    case = _columns(batch, now, rules, policies)
    barred, tier, weight, price = _terms(batch, board, deck)
    first, second = _chances(batch, board, deck, case)
    cost = (price + np.array([shadow.get(name, 0.0) for name in deck.names])) * case.segments[:, None] * weight
    money = np.where(barred, -np.inf, _gain(first, second, case) - cost - terms.duplicate_micros)
    due = (case.age_s >= terms.earliest_s) & (case.age_s <= terms.latest_s) & (case.left_s >= LEAST_LEFT_S)
    due &= np.array([item.want.klass in CLASSES for item in batch])
    chosen = _chosen(money, tier, due, case.segments, [max(int(room.get(name, 0)), 0) for name in deck.names], copies)
    best = np.max(money, axis=1, initial=-np.inf).tolist()
    found = []
    for number, item in enumerate(batch):
        place = chosen.get(number)
        if place is None:
            found.append(_not_now(item, now, terms, best[number]))
            continue
        ends = first[number, -1], second[number, :, -1]
        row = _row(item, board, deck, case, number, *ends, price[number], cost[number], money[number])
        found.append(Copy(deck.names[place], float(money[number, place]), 0.0, row))
    return found


def _columns(
    batch: Sequence[Stuck], now: float, rules: Mapping[MessageClass, ClassRules], policies: Mapping[str, Policy]
) -> _Case:
    chosen = [policies.get(item.want.policy or DEFAULT) or policies[DEFAULT] for item in batch]
    values = [rules[item.want.klass] for item in batch]
    time = [
        max(value.time_micros_per_s * policy.time_factor, policy.least_time_micros_per_s)
        for value, policy in zip(values, chosen, strict=True)
    ]
    return _Case(
        np.maximum(now - np.array([item.submitted_s for item in batch]), 0.0),
        np.maximum(np.array([item.deadline_s for item in batch]) - now, 0.0),
        np.array([value.loss_micros * policy.loss_factor for value, policy in zip(values, chosen, strict=True)]),
        np.array(time),
        np.array([float(item.want.segments) for item in batch]),
    )


def _terms(batch: Sequence[Stuck], board: Board, deck: Deck) -> tuple[Bools, Ints, Floats, Ints]:
    """By message and carrier: who may not have it, the order, the weights, and the price of a segment."""
    wants = [item.want for item in batch]
    price = np.stack([deck.prices(want.network, want.country, deck.prefix(want.number)) for want in wants])
    barred = (price == NOT_COVERED) | ~deck.serves[[want.klass for want in wants]] | ~deck.enabled
    closed = [name not in board.carriers or board.carriers[name].breaker == "closed" for name in deck.names]
    barred |= ~np.array(closed, dtype=bool)
    for number, item in enumerate(batch):
        seen = {deck.index.get(name, -1) for name in (item.carrier, *item.want.tried)} - {-1}
        barred[number, list(seen)] = True
        view = board.carriers.get(item.carrier)
        if item.carrier not in deck.index or (view is not None and view.unheard) or item.want.ruling.denied:
            barred[number] = True
    ruled = bounds([want.ruling for want in wants], price, deck)
    if ruled is None:
        return barred, np.zeros(price.shape, dtype=np.int64), np.ones(price.shape), price
    return barred | ruled.barred, ruled.tier, ruled.weight, price


_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(POINTS)
_NODES, _WEIGHTS = (_NODES + 1.0) / 2.0, _WEIGHTS / 2.0  # on 0 to 1


def _chances(batch: Sequence[Stuck], board: Board, deck: Deck, case: _Case) -> tuple[Floats, Floats]:
    """``first`` (M, POINTS + 1) and ``second`` (M, carriers, POINTS + 1) at the points of the integral and, last, at L."""
    curves = Remains(deck.names, board).of([item.want.network for item in batch])
    mine = curves[np.arange(len(batch)), [deck.index.get(item.carrier, 0) for item in batch]]
    u = case.left_s[:, None] * np.append(_NODES, 1.0)
    age = case.age_s[:, None]
    pending = np.maximum(at(mine[:, PENDING], age), LEAST_PENDING)
    coming = mine[:, COMING]
    first = np.clip((at(coming, age) - at(coming, age + u)) / pending, 0.0, 1.0)
    theirs = curves[:, :, COMING]
    settled = np.minimum(SETTLED * mine[:, PENDING, -1:], MOST_SETTLED)
    reached = np.clip(1.0 - settled / pending, 0.0, 1.0)[:, None]
    second = np.clip(theirs[..., :1] - at(theirs, u[:, None]), 0.0, 1.0) * reached
    return first, second


def _gain(first: Floats, second: Floats, case: _Case) -> Floats:
    """Micros by message and carrier: the loss that the copy avoids, and the time it saves."""
    alone = second * (1.0 - first)[:, None]
    saved_s = (alone[..., :-1] * _WEIGHTS).sum(axis=-1) * case.left_s[:, None]
    return case.loss[:, None] * alone[..., -1] + case.time[:, None] * saved_s


def _chosen(money: Floats, tier: Ints, due: Bools, segments: Floats, left: list[int], copies: int) -> dict[int, int]:
    """Carrier by message: those that gain most first, as long as there is room and budget."""
    found: dict[int, int] = {}
    able = (money > 0.0) & due[:, None]
    best = np.max(np.where(able, money, -np.inf), axis=1, initial=-np.inf)
    for number in np.argsort(-best, kind="stable").tolist():
        if len(found) >= copies or best[number] <= 0.0:
            break
        need = int(segments[number])
        places = [place for place in np.flatnonzero(able[number]).tolist() if left[place] >= need]
        if places:
            place = min(places, key=lambda one, k=number: (tier[k, one], -money[k, one], one))  # type: ignore[misc]  # a default binds the loop's value
            found[number] = place
            left[place] -= need
    return found


def _not_now(item: Stuck, now: float, terms: Terms, money: float) -> Copy:
    """Not sent again at this look; whether there is another one."""
    age_s = max(now - item.submitted_s, 0.0)
    next_s = max(age_s * LATER, terms.earliest_s)
    possible = item.want.klass in CLASSES and next_s <= terms.latest_s and now - age_s + next_s + LEAST_LEFT_S <= item.deadline_s
    return Copy("", money, next_s - age_s if possible else 0.0, {})


def _row(
    item: Stuck,
    board: Board,
    deck: Deck,
    case: _Case,
    number: int,
    first: float,
    second: Floats,
    price: Ints,
    cost: Floats,
    money: Floats,
) -> dict[str, Any]:
    """The reasons as plain values, the best carrier first.

    ``considered`` as in ``port.Plan``: of each carrier the price, the chance that the copy makes it, the seconds it has, what it pays for room,
    and the total, here the money with its sign turned, so that the least is the best as everywhere.
    """
    segments = int(case.segments[number])
    ranked = [place for place in np.argsort(-money, kind="stable").tolist() if np.isfinite(money[place])][:CONSIDERED]
    left_s = round(float(case.left_s[number]), 2)
    considered = []
    for place in ranked:
        whole = int(price[place]) * segments
        extra = round(float(cost[place])) - whole
        considered.append([deck.names[place], whole, round(float(second[place]), 4), left_s, extra, -round(float(money[place]))])
    row: dict[str, Any] = {
        "board": board.version,
        "network": item.want.network,
        "class": item.want.klass.word,
        "considered": considered,
        "excluded": {item.carrier: "has it"} | {name: "tried" for name in item.want.tried if name != item.carrier},
        "policy": item.want.policy or DEFAULT,
        "rescue": [item.carrier, round(float(case.age_s[number]), 2), round(float(first), 4)],
    }
    if item.want.ruling.rules:
        row["rule"] = item.want.ruling.text
    return row
