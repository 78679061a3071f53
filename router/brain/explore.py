"""Messages that go elsewhere than to the best carrier, in order to learn: Thompson draws, probes, and half-open breakers.

Exploration is bounded by class, by regret and by a budget; probes are bounded by an allowance that grows with the traffic, so
that a quiet night is not spent on probing.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from types import MappingProxyType
from typing import Final

import numpy as np

from router.brain.ages import Floats
from router.brain.assign import Placement
from router.brain.networks import scopes
from router.brain.port import Board, CarrierView, Want
from router.brain.probes import STALE_PROBE_S
from router.brain.score import Kind
from router.model import MessageClass

THOMPSON_SHARE: Final = (0.004, 0.015, 0.03)  # of otp, transactional, marketing
REGRET_LIMIT: Final = 0.35  # of the loss: no draw sends a message where it expects to lose more
BUDGET: Final = 0.004  # of the value at stake, in expectation
PURSE_LIMIT: Final = (
    500_000.0  # micros saved up at the most: five draws of otp at the limit of regret, when little is at stake for long
)
PROBE_SHARE: Final = (0.02, 0.025, 0.03)  # probes a message, by class: what a fault may cost until it has passed
PROBE_ALLOWANCE: Final = 4.0  # most probes saved up
PROBE_RETRY_S: Final = 20.0  # a probe rarer than this, of any class, is for a carrier not used lately, and minds the regret limit

# Why a message is sent elsewhere than to the best carrier. The words stand in messages' histories.
DRAW: Final = "draw"  # its chance, drawn at random from what is known of it, was the best
HALF_OPEN: Final = "half_open"  # whether it takes messages again
SUSPECT: Final = "suspect"  # whether its receipts have come back
DOUBT: Final = "doubt"  # whether codes that it says to have delivered are used
NEW: Final = "new"  # it is hardly known
UNUSED: Final = "unused"  # nothing has gone to it in this country of late


class Probe:
    """A carrier that the board wants probed somewhere, every ``every_s`` seconds; ``klass``: with messages of this class only."""

    __slots__ = ("every_s", "key", "klass", "place", "why")

    def __init__(self, key: str, place: int, every_s: float, klass: int | None = None, why: str = NEW) -> None:
        self.key = key
        self.klass = klass
        self.place = place
        self.every_s = every_s
        self.why = why


def probes_by_scope(
    wanted: Mapping[str, float], index: Mapping[str, int], views: Mapping[str, CarrierView] = MappingProxyType({})
) -> dict[str, list[Probe]]:
    """``Board.probes`` ("carrier|scope" or "carrier|scope|class": seconds) by scope, the most urgent first; carriers not in the deck are left out.

    ``views``: the board's carriers, which tell what a probe is for.
    """
    found: dict[str, list[Probe]] = {}
    for key in sorted(wanted):
        carrier, scope, *klass = key.split("|")
        place = index.get(carrier)
        if place is not None:
            why = _why(wanted[key], views.get(carrier), of_class=bool(klass))
            found.setdefault(scope, []).append(Probe(key, place, wanted[key], int(klass[0]) if klass else None, why))
    for probes in found.values():
        probes.sort(key=lambda probe: probe.every_s)
    return found


def suspicions(wanted: Mapping[str, float], views: Mapping[str, CarrierView]) -> dict[str, list[str]]:
    """Where each carrier is under suspicion, as ``Board.probes`` tells: networks, countries or the whole world."""
    found: dict[str, list[str]] = {}
    for key in sorted(wanted):
        carrier, scope, *klass = key.split("|")
        if _why(wanted[key], views.get(carrier), of_class=bool(klass)) == SUSPECT:
            found.setdefault(carrier, []).append(scope)
    return found


def _why(every_s: float, view: CarrierView | None, *, of_class: bool) -> str:
    """What a probe is for. One hardly known cannot be under suspicion: that takes more observations."""
    if of_class:
        return DOUBT
    if every_s == STALE_PROBE_S:
        return UNUSED
    return SUSPECT if view is not None and view.suspect else NEW


def half_open(kinds: Sequence[Kind], waiting: Mapping[int, float], used: dict[int, float], room: list[int]) -> list[Placement]:
    """One message for each half-open carrier that had none in this opening: the least valuable at hand that it may take.

    ``waiting``: carrier to the time its half-open state began, ``used``: the openings that have had their message.
    """
    placements: list[Placement] = []
    for place, opening in waiting.items():
        if used.get(place) == opening:
            continue
        victim = _least(kind for kind in kinds if place in kind.retry and kind.members and kind.segments <= room[place])
        if victim is not None:
            used[place] = opening
            placements.append(_take(victim, place, room, HALF_OPEN))
    return placements


def telling(batch: Sequence[Want], board: Board) -> frozenset[int] | None:
    """The messages of tenants that tell of conversions; None: nobody's receipts are in doubt."""
    if not board.reporters:
        return None
    reporters = frozenset(board.reporters)
    return frozenset(member for member, want in enumerate(batch) if want.tenant in reporters)


def probe(
    kinds: Sequence[Kind],
    wanted: Mapping[str, list[Probe]],
    last: dict[str, float],
    allowance: float,
    room: list[int],
    now: float,
    told_of: AbstractSet[int] | None = None,
) -> tuple[list[Placement], float]:
    """Probes that are due, with the least valuable messages at hand; returns them and the allowance left.

    ``last``: when each probe was made, written here. ``told_of``: the messages of whose conversions somebody will tell, None: that is not
    known; receipts in doubt are probed with these alone, for of another nothing would be learned but the receipt. A carrier that is the best choice there needs no probe: it has its traffic.
    """
    by_scope: dict[str, list[Kind]] = {}
    for kind in kinds:
        for scope in scopes(kind.network):
            if scope in wanted:
                by_scope.setdefault(scope, []).append(kind)
    placements: list[Placement] = []
    for scope in sorted(by_scope):
        for item in wanted[scope]:
            if allowance < 1.0:
                return placements, allowance
            if now - last.get(item.key, -np.inf) < item.every_s:
                continue
            asked = None if item.klass is None else told_of
            victim = _least(kind for kind in by_scope[scope] if _probed_by(kind, item, room, asked))
            if victim is not None:
                last[item.key] = now
                allowance -= 1.0
                placements.append(_take(victim, item.place, room, item.why, asked))
    return placements, allowance


def thompson(
    kinds_of: Mapping[int, Kind], room: list[int], rng: np.random.Generator, prices: Floats | None, purse: float
) -> tuple[list[Placement], float]:
    """Draws from the posterior of J for the messages picked (place in the batch to kind); returns them and what is left in the purse.

    ``prices``: the shadow prices of the last turn, so that what is learned is not learned where room is short. ``purse``: what the
    draws may lose in expectation; who is picked when it does not hold enough goes the usual way.
    """
    placements: list[Placement] = []
    for member, kind in kinds_of.items():
        if len(kind.order) < 2 or member not in kind.members:
            continue
        order = np.array(kind.order)
        cost, p = kind.cost[order], kind.p[order]
        if prices is not None:
            cost = cost + prices[order] * kind.segments
        # ``clip`` and ``min`` take several times as long for so few.
        drawn: Floats = np.minimum(np.maximum(p + kind.sd[order] * rng.standard_normal(len(order)), 0.0), 1.0)
        pick = int((cost + kind.loss * (p - drawn)).argmin())
        regret = float(cost[pick] - np.minimum.reduce(cost))
        within = regret <= REGRET_LIMIT * kind.loss and kind.segments <= room[order[pick]]
        # Dear draws are the rarer, so that share * regret stays within the budget and the purse is not spent on the first of them.
        spend = THOMPSON_SHARE[kind.klass] * regret
        if regret > 0.0 and within and rng.random() * spend <= BUDGET * kind.loss and regret <= purse:
            purse -= regret
            kind.members.remove(member)
            room[order[pick]] -= kind.segments
            placements.append(Placement(kind, kind.order[pick], (member,), explored=True, why=DRAW))
    return placements, purse


def allowance_of(kinds: Sequence[Kind]) -> float:
    """Probes that a batch of these kinds earns."""
    return sum(PROBE_SHARE[kind.klass] * len(kind.members) for kind in kinds)


def _probed_by(kind: Kind, item: Probe, room: Sequence[int], among: AbstractSet[int] | None) -> bool:
    """Whether a message of this kind may serve as the probe; ``among``: only these may."""
    if item.klass is not None and item.klass != kind.klass:
        return False
    if among is not None and among.isdisjoint(kind.members):
        return False
    if not kind.members or item.place not in kind.order or kind.order[0] == item.place or kind.segments > room[item.place]:
        return False
    regret = float(kind.cost[item.place] - kind.cost[kind.order[0]])
    return item.klass is not None or item.every_s < PROBE_RETRY_S or regret <= REGRET_LIMIT * kind.loss


def _least(kinds: Iterable[Kind]) -> Kind | None:
    """The kind whose messages are worth least: the last class, the smallest loss, the fewest segments."""
    return min(kinds, key=_value, default=None)


def _value(kind: Kind) -> tuple[MessageClass, float, int]:
    return (MessageClass(2 - kind.klass), kind.loss, kind.segments)


def _take(kind: Kind, place: int, room: list[int], why: str, among: AbstractSet[int] | None = None) -> Placement:
    """The newest member of the kind, or of those among these, as a probe."""
    room[place] -= kind.segments
    newest = max(spot for spot, member in enumerate(kind.members) if among is None or member in among)
    return Placement(kind, place, (kind.members.pop(newest),), explored=True, why=why)
