"""The rules by name, what each needs to know, and the examination of a run by all of them.

The names I1 to I11 are those of the list of promises: nothing lost (I1), few doubles (I2), one id a key (I3), conservation (I4), contracted
speed (I5), codes before campaigns (I6), webhooks (I7), memory (I8), tenants apart (I9), recovery (I10), discretion (I11).
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from sims.invariants import copies, discretion, lives, service, speed
from sims.invariants import told as webhooks
from sims.invariants.facts import History
from sims.invariants.verdict import MOST_TOLD, Breach, Found, Verdict, told


class Rule(NamedTuple):
    """One thing that must hold."""

    name: str
    needs: tuple[str, ...]  # fields of ``History``
    breaches: Callable[[History], Iterable[Found]]


def _rule(name: str, needs: str, breaches: Callable[[History], Iterable[Found]]) -> Rule:
    return Rule(name, tuple(needs.split()), breaches)


RULES: Final[Sequence[Rule]] = (
    _rule("I1 every message ends", "accepted ended", lives.ends),
    _rule("I1 one end", "ended", lives.one_end),
    _rule("I1 ends come from carriers", "submits ended faults", lives.carried),
    _rule("I1 ends are what receipts say", "accepted receipts ended", lives.truthful),
    _rule("I1 receipts count", "accepted submits answers receipts ended faults", lives.receipts_count),
    _rule("I2 duplicates are bounded", "submits answers faults", copies.bounded),
    _rule("I2 duplicates have a cause", "accepted submits answers faults", copies.explained),
    _rule("I2 no copy while unknown", "accepted submits answers", copies.while_unknown),
    _rule("I2 no submit after the end", "submits ended", copies.after_the_end),
    _rule("I3 one id for a key", "accepted", lives.one_id),
    _rule("I3 no id twice", "accepted", lives.one_answer),
    _rule("I4 conservation", "conservation", lives.conserved),
    _rule("I5 contracted speed", "submits speeds_mps", speed.contracted),
    _rule("I5 contracted speed at the wire", "paces", speed.at_the_wire),
    _rule("I5 zombies are silent", "zombies", speed.silent),
    _rule("I6 codes before campaigns", "otp_idle_us otp_loaded_us", service.codes_first),
    _rule("I7 every end is told", "accepted ended deliveries", webhooks.at_least_once),
    _rule("I7 one webhook-id an end", "deliveries", webhooks.one_event),
    _rule("I7 valid signatures", "deliveries", webhooks.signed),
    _rule("I7 webhooks tell the truth", "deliveries ended", webhooks.truthful),
    _rule("I8 memory is bounded", "memory", service.bounded_memory),
    _rule("I9 tenants by webhook", "accepted deliveries", lives.own_webhooks),
    _rule("I9 tenants by API", "accepted seen", lives.own_messages),
    _rule("I10 recovery", "recoveries", service.recovered),
    _rule("I11 no number, no text", "lines numbers texts", discretion.discreet),
)


def examine(history: History, rules: Sequence[Rule] = RULES) -> Verdict:
    """Hold a run against every rule."""
    breaches: list[Breach] = []
    breached: dict[str, int] = {}
    passed: list[str] = []
    unchecked: dict[str, Sequence[str]] = {}
    for rule in rules:
        missing = tuple(history.missing(rule.needs))
        if missing:
            unchecked[rule.name] = missing
            continue
        count = 0
        for found in rule.breaches(history):
            count += 1
            if count <= MOST_TOLD:
                breaches.append(told(rule.name, found, history))
        if count:
            breached[rule.name] = count
        else:
            passed.append(rule.name)
    extra, bound = copies.duplicates(history)
    return Verdict(breaches, breached, passed, unchecked, extra, bound)
