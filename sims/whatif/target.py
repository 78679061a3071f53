"""What another policy or other prices would have chosen, by the very code that decides in production (``router.brain.score.appraise``)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from router.brain.policies import POLICIES, Policy
from router.brain.score import CLOSED, Kind, appraise
from router.brain.scores import Scores
from router.model import MessageClass
from router.routes import NOT_COVERED, Deck
from router.settings import CarrierProfile, ClassRules
from sims.whatif.decks import NOBODYS, prices_of, speeds_of
from sims.whatif.log import NOT_OFFERED, Floats, Ints, Log

AS_LOGGED: Final = "logged"  # the choices as they were made: what other prices alone would have changed
NOBODY: Final = -1
CHUNK: Final = 20_000  # cases appraised at once: some 30 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is asked. ``policy`` None: as logged; ``deck`` None: the prices of the log."""

    name: str
    policy: Policy | None
    deck: tuple[CarrierProfile, ...] | None = None
    settings: tuple[CarrierProfile, ...] = ()  # for the speeds of carriers


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What the target does. Money in micros of the whole message."""

    price: Ints  # (U, C) by the target's deck, NOT_OFFERED where the carrier is no candidate
    carrier: Ints  # (N,) the target's choice, NOBODY where it has no candidate
    speed_mps: Ints  # (C,)


def choose(log: Log, target: Target, rules: Mapping[MessageClass, ClassRules]) -> Chosen:
    """The target's choice for every attempt, among the carriers that were considered then and have a price now."""
    price = log.price
    if target.deck is not None:
        price = np.where(log.price == NOT_OFFERED, NOT_OFFERED, prices_of(log, target.deck))
    if target.policy is None:
        offered = price[log.case, log.chosen] != NOT_OFFERED
        carrier = np.where(offered, log.chosen, NOBODY)
    else:
        carrier = best(log, price, {"balanced": target.policy}, rules)[log.case]
    speeds = speeds_of(log, [*target.settings, *(target.deck or ())])
    return Chosen(price=price, carrier=carrier, speed_mps=speeds)


def best(log: Log, price: Ints, policies: Mapping[str, Policy], rules: Mapping[MessageClass, ClassRules]) -> Ints:
    """The carrier of least cost in each case, NOBODY where there is none: (U,). One policy decides all cases."""
    deck = _deck(log.carriers)
    found = np.full(len(log.cases), NOBODY, dtype=np.int64)
    status = [CLOSED] * len(log.carriers)
    for start in range(0, len(log.cases), CHUNK):
        part = slice(start, start + CHUNK)
        kinds = [Kind(case.network, case.klass, case.segments, (), "") for case in log.cases[part]]
        units = [_units(row, kind.segments) for row, kind in zip(price[part], kinds, strict=True)]
        scores = _Recorded(log.p[part], log.wait_s[part], log.sd[part])
        appraise(kinds, units, scores, deck, status, rules, policies)
        found[part] = [kind.order[0] if kind.order else NOBODY for kind in kinds]
    return found


def _units(row: Ints, segments: int) -> Ints:
    """Prices of a message as prices of a segment."""
    return np.where(row == NOT_OFFERED, NOT_COVERED, row // segments)


def _deck(carriers: Sequence[str]) -> Deck:
    """A deck of the log's carriers that forbids nothing: who may carry what is in the cases."""
    return Deck([CarrierProfile(name=name, addresses=NOBODYS, system_id="") for name in carriers])


class _Recorded(Scores):
    """What the boards said when the decisions were made, in place of a board."""

    def __init__(self, p: Floats, wait_s: Floats, sd: Floats) -> None:
        self._recorded = tuple(np.nan_to_num(column) for column in (p, wait_s, sd))

    def columns(self, networks: Sequence[str], klass: Ints) -> tuple[Floats, Floats, Floats]:  # noqa: ARG002 (a row a kind, in their order)
        """``p``, ``wait_s`` and ``sd`` by kind and carrier."""
        p, wait_s, sd = self._recorded
        return p, wait_s, sd


def loss_of(log: Log, rules: Mapping[MessageClass, ClassRules], policies: Mapping[str, Policy]) -> Floats:
    """What a lost message counted in each case's decision, by the policy it was made under: (U,)."""
    found = [
        rules[case.klass].loss_micros * (policies.get(case.policy) or POLICIES["balanced"]).loss_factor for case in log.cases
    ]
    return np.array(found, dtype=np.float64)
