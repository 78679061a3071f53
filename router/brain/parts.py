"""The parts of several brains as one board's state: what each of them knows, as it was last heard.

Each brain holds some carriers whole, so that what needs one place has it: a breaker counts faults in a row, a change detector sees all of a
carrier's receipts. What carriers share (a network's habit, the shape of ages, what conversions are worth) are sums over all ledgers, and is
estimated from the merged one.
What is asked of other carriers between two boards (whether they still hear something, what a conversion is worth) is asked of those in the same
part: few carriers a part make doubts of receipts slower.

A part that is not heard of stands still. Its waiting messages are no exposure, or the silence of a dead brain would look like a black hole in
each of its carriers; what it knew fades with the half-life of everything else.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import numpy as np

from router.brain.breaker import Breaker
from router.brain.evidence import Evidence
from router.brain.ledger import HALF_LIFE_S
from router.brain.merge import merge
from router.brain.state import BrainState
from router.brain.trust import RETRY_S

FORGET_S: Final = 8 * HALF_LIFE_S  # a part of which less than half a hundredth is left is none


class Tenants(NamedTuple):
    """Who reports conversions, and since when; who is not listened to, and until when."""

    reporters: Mapping[str, float]
    silenced: Mapping[str, float]


def stand_still(state: BrainState, now: float) -> None:
    """Bring a part to another time (another machine's clock may be ahead) with nothing seen in between; only breakers know their time."""
    lapse_s = max(now - state.ledger.at_s, 0.0)
    fade = 0.5 ** (lapse_s / HALF_LIFE_S)
    ledger, trust = state.ledger, state.evidence.trust
    for counts in (ledger.s, ledger.f, ledger.t, ledger.n, trust.o, trust.u, trust.t, trust.v):
        np.multiply(counts, fade, out=counts)
    ledger.at_s = trust.at_s = now
    for breaker in state.breakers.values():
        breaker.tick(now)


def together(parts: Mapping[int, BrainState], owner: Callable[[str], int], now: float) -> BrainState:
    """One state of all parts, each brought to ``now``. ``owner`` tells which part a carrier belongs to: its word on the breaker holds."""
    for state in parts.values():
        if state.ledger.at_s != now:
            stand_still(state, now)
    states = list(parts.values())
    whole = states[0]
    for state in states[1:]:
        whole = merge(whole, state)
    if len(states) > 1:
        for carrier, breaker in whole.breakers.items():
            part = parts.get(owner(carrier))
            if part is not None and carrier in part.breakers:
                _copy(part.breakers[carrier], breaker)
    return whole


def tenants(evidence: Evidence) -> Tenants:
    """What a merged state says of tenants: one is silent when nothing is heard of it anywhere."""
    trust = evidence.trust
    if evidence.idle:
        return Tenants(dict(trust.reporters), dict(trust.silenced))
    for tenant in trust.gone_silent(np.zeros(trust.rows)):
        evidence.silence(tenant, trust.at_s + RETRY_S)
    return Tenants(dict(trust.reporters), dict(trust.silenced))


def heed(evidence: Evidence, known: Tenants, now: float) -> None:
    """Let a part know what the merged state says of tenants. One that reports to anybody reports to all, from now on."""
    trust = evidence.trust
    for tenant, until_s in known.silenced.items():
        if until_s > now and tenant in trust.reporters:
            evidence.silence(tenant, until_s)
    for tenant in known.reporters:
        if tenant not in trust.reporters and now >= trust.silenced.get(tenant, -np.inf):
            trust.reporters[tenant] = now


def _copy(source: Breaker, target: Breaker) -> None:
    for name in Breaker.__slots__:
        setattr(target, name, getattr(source, name))
