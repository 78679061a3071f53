"""From records and a target to an answer, or to the reasons why there is none."""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec
import numpy as np

from router.brain.policies import Policy
from router.brain.rows import CONSIDERED
from router.model import MessageClass
from router.settings import ClassRules
from sims.whatif.estimates import Measure, Overlap, measure, overlap, score
from sims.whatif.log import NOT_OFFERED, Floats, Log
from sims.whatif.propensity import Weights, as_logged, estimated, has_spread, logged
from sims.whatif.refusals import LEAST_EFFECTIVE_OF_CLASS, RefusedToSay, after, before, unseen, weak
from sims.whatif.strata import Way
from sims.whatif.target import Chosen, Target, choose

ANSWER_VERSION: Final = 1
TOTAL: Final = "total"

NO_SPREAD: Final = RefusedToSay(
    "no_spread",
    "the decisions do not tell how certain the boards were, so the chance of each is not known: try --propensity estimated",
)

Propensity = Literal["auto", "logged", "estimated"]


class Reason(msgspec.Struct, frozen=True):
    """Why there is no answer. ``name`` is stable."""

    name: str
    sentence: str


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A class of messages, or all. ``measures`` is empty where the records say too little of it."""

    name: str
    overlap: Overlap
    measures: dict[str, Measure]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is told. With ``refused`` there are no measures."""

    version: int = ANSWER_VERSION
    policy: str
    prices: str  # "log", or the deck's name
    currency: str
    records: int
    left_out: dict[str, int]
    propensity: Way | None
    draws: dict[str, float]  # made for each expected, by class: near 1 when the decisions tell the whole of chance
    refused: list[Reason]
    cautions: list[str]
    parts: list[Part]  # the total first
    sent: dict[str, dict[str, float]]  # carrier → share of the messages, as logged and by the target


def evaluate(
    log: Log,
    target: Target,
    rules: Mapping[MessageClass, ClassRules],
    policies: Mapping[str, Policy],
    *,
    prices: str = "log",
    propensity: Propensity = "auto",
) -> Answer:
    """The answer. ``policies``: those that the log's decisions were made under, by name."""
    found = before(log, target)
    if found or not len(log):
        return _answer(log, target, prices, refused=[Reason(*one) for one in found])
    chosen = choose(log, target, rules)
    strange = unseen(log, chosen)
    found = after(log, chosen, strange)
    weights = _weights(log, target, chosen, rules, policies, propensity)
    if weights is None:
        found.append(NO_SPREAD)
    else:
        found += weak(weights.weight)
    if found or weights is None:
        return _answer(log, target, prices, chosen=chosen, weights=weights, refused=[Reason(*one) for one in found])
    scored = score(log, chosen, weights.way, rules)
    klass = log.klass[log.case]
    masks = {TOTAL: np.ones(len(log), dtype=bool)} | {one.word: klass == one for one in MessageClass if (klass == one).any()}
    parts = []
    for name, mask in masks.items():
        told = overlap(log, chosen, weights, strange, mask)
        enough = name == TOTAL or not weak(weights.weight[mask], LEAST_EFFECTIVE_OF_CLASS)
        parts.append(Part(name=name, overlap=told, measures=measure(scored, weights, mask) if enough else {}))
    return _answer(log, target, prices, chosen=chosen, weights=weights, parts=parts)


def _weights(
    log: Log,
    target: Target,
    chosen: Chosen,
    rules: Mapping[MessageClass, ClassRules],
    policies: Mapping[str, Policy],
    propensity: Propensity,
) -> Weights | None:
    """The weights asked for; by themselves those of the decisions where they tell enough. None: they cannot be had."""
    if target.policy is None and (chosen.carrier == log.chosen).all():
        return as_logged(log)
    found = None
    if propensity != "estimated":
        found = logged(log, chosen.carrier, rules, policies) if has_spread(log) else None
        if propensity == "logged" or (found is not None and not weak(found.weight)):
            return found
    return estimated(log, chosen.carrier)


def _answer(
    log: Log,
    target: Target,
    prices: str,
    *,
    chosen: Chosen | None = None,
    weights: Weights | None = None,
    refused: list[Reason] | None = None,
    parts: list[Part] | None = None,
) -> Answer:
    return Answer(
        policy=target.name,
        prices=prices,
        currency=log.currency,
        records=len(log),
        left_out=dict(log.left_out),
        propensity=None if weights is None else weights.way,
        draws={} if weights is None else {name: round(ratio, 3) for name, ratio in weights.draws.items()},
        refused=refused or [],
        cautions=_cautions(log, chosen, weights),
        parts=parts or [],
        sent={} if chosen is None else _sent(log, chosen),
    )


def _sent(log: Log, chosen: Chosen) -> dict[str, dict[str, float]]:
    size = len(log.carriers)

    def share(carrier: Floats) -> list[float]:
        known = carrier[carrier >= 0].astype(np.int64)
        return (np.bincount(known, minlength=size) / len(log)).round(4).tolist()

    columns = zip(log.carriers, share(log.chosen.astype(np.float64)), share(chosen.carrier.astype(np.float64)), strict=True)
    return {name: {"logged": had, "target": asked} for name, had, asked in columns}


def _cautions(log: Log, chosen: Chosen | None, weights: Weights | None) -> list[str]:
    """What a reader should know and no figure shows."""
    found = []
    ruled = sum(bool(case.rule) for case in log.cases)
    if ruled:
        found.append(
            "Rules decided some messages: the target is free to choose among all carriers that the rules had left, in any order."
        )
    if ((log.price != NOT_OFFERED).sum(axis=1) >= CONSIDERED).any():
        found.append(f"Decisions name their {CONSIDERED} best carriers: where there were more, the target chooses among these.")
    if chosen is not None and not (chosen.speed_mps > 0).all():
        names = [name for name, speed in zip(log.carriers, chosen.speed_mps.tolist(), strict=True) if not speed]
        found.append(
            f"No speed is known of {', '.join(names)}: whether they could have taken what the target sends was not looked at."
        )
    if weights is not None and weights.way == "estimated":
        found.append(
            "Propensities are estimated: within a class, a network and a quarter of an hour, why a carrier was chosen is taken to say"
            " nothing of a message's fate."
        )
    if log.overtaken:
        found.append(
            f"{log.overtaken} first attempts were overtaken by a later one and had no receipt of their own: they count as not delivered in time."
        )
    if log.left_out:
        found.append("Records left out: " + "; ".join(f"{many} {why}" for why, many in sorted(log.left_out.items())) + ".")
    found.append(
        "First attempts only, decided from the boards of the log: what the target would have learned by its own choices, and what more traffic"
        " or another tenant's would have done, is not in the records."
    )
    return found
