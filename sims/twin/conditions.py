"""What is true from one change of a scenario to the next: the world's figures, as the changes in force leave them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from router.model import CLASS_BY_WORD
from sims.twin.scenarios import Change, Scenario
from sims.twin.values import CLASSES, DEADLINE_S, LOSS, TIME, Bools, Floats, outlook
from sims.twin.world import MIX, World

NOBODY: Final = np.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """True from ``at_s`` until the next ones. C carriers, N networks."""

    at_s: float
    p: Floats  # (C, N, classes)
    slow: Floats  # (C,) factor on latencies
    price: Floats  # (C, N)
    speed_mps: Floats  # (C,)
    demand: float
    receipts: Floats  # (C,)
    claims: Floats  # (C,) share of messages with a positive receipt; 0: receipts tell the truth
    refuses: Bools  # (C,)
    bound: Bools  # (C,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Who plays which role."""

    best: int
    runner_up: int
    main: int  # a network


def costs(world: World, now: Conditions) -> Floats:
    """Micros that a message costs its sender in expectation: (C, N, classes); inf where it cannot go."""
    deadline_s = np.array(DEADLINE_S)
    median_s = (world.median_s * now.slow[:, None])[:, :, None]
    in_time, waited = outlook(now.p, median_s, world.sigma[:, None, None], deadline_s, np.zeros(()))
    cost = now.price[:, :, None] + np.array(LOSS) * (1.0 - in_time) + np.array(TIME) * waited
    usable = world.covers & (now.bound & ~now.refuses)[:, None]
    found: Floats = np.where(usable[:, :, None], cost, NOBODY)
    return found


def cast(world: World) -> Cast:
    """The roles of a world while nothing is wrong."""
    cost = costs(world, _under(world, 0.0, (), None))
    weight = world.share[:, None] * np.array(MIX)
    order = np.argsort(cost, axis=0)
    first = order[0]
    volume = np.bincount(first.ravel(), weights=weight.ravel(), minlength=len(world.carriers))
    best = int(np.argmax(volume))
    left = np.where(first == best, order[1], first)
    volume = np.bincount(left.ravel(), weights=weight.ravel(), minlength=len(world.carriers))
    carried = np.where(first == best, weight, 0.0).sum(axis=1)
    return Cast(best=best, runner_up=int(np.argmax(volume)), main=int(np.argmax(carried)))


def timetable(world: World, scenario: Scenario, roles: Cast, end_s: float) -> list[Conditions]:
    """The conditions of a run, in order of time; the first begin at 0."""
    times = {0.0} | {edge for change in scenario.changes for edge in (change.begin, change.end) if edge < 1.0}
    found: list[Conditions] = []
    for share in sorted(times):
        # A hair later, so that adjoining changes computed from different fractions do not overlap.
        active = [change for change in scenario.changes if change.begin <= share + 1e-9 < change.end]
        if found and found[-1].at_s > share * end_s - 1e-6:
            found.pop()
        found.append(_under(world, share * end_s, active, roles))
    return found


def _under(world: World, at_s: float, active: Sequence[Change], roles: Cast | None) -> Conditions:
    """The world's figures under these changes."""
    carriers = len(world.carriers)
    p, price = world.p.copy(), world.price.astype(np.float64)
    slow, receipts, claims = np.ones(carriers), world.receipts.copy(), np.zeros(carriers)
    speed_mps, demand = world.speed_mps.copy(), 1.0
    refuses, bound = np.zeros(carriers, dtype=bool), np.ones(carriers, dtype=bool)
    for change in active:
        who = _who(change, roles)
        match change.what:
            case "p":
                where = slice(None) if change.network == "*" or roles is None else roles.main
                classes = slice(0, CLASSES) if change.klass == "*" else CLASS_BY_WORD[change.klass]
                p[who, where, classes] *= change.value
            case "latency":
                slow[who] *= change.value
            case "price":
                price[who] *= change.value
            case "speed":
                speed_mps[who] *= change.value
            case "demand":
                demand *= change.value
            case "receipts":
                receipts[who] *= change.value
            case "claims":
                claims[who] = change.value
            case "refuses":
                refuses[who] = True
            case "unbound":
                bound[who] = False
    return Conditions(
        at_s=at_s,
        p=p,
        slow=slow,
        price=np.round(price),
        speed_mps=speed_mps,
        demand=demand,
        receipts=receipts,
        claims=claims,
        refuses=refuses,
        bound=bound,
    )


def _who(change: Change, roles: Cast | None) -> Any:
    """An index into carriers."""
    if roles is None or change.carrier == "all":
        return slice(None)
    return roles.best if change.carrier == "best" else roles.runner_up
