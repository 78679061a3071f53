"""Policies of senders: by how much they weigh loss and time, and whether price comes first.

cost = price + loss * (1 - p) + time * wait, in micros, with loss and time of the class times the policy's factors. ``cheapest``
takes the least price among the carriers whose p reaches ``floor`` times the best p there is, and the balanced cost only breaks
ties.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from router.rule_settings import PolicyRules


class Policy(NamedTuple):
    """One way to weigh price, delivery and time."""

    loss_factor: float = 1.0
    time_factor: float = 1.0
    least_time_micros_per_s: float = 0.0  # for classes to which time is worth nothing
    floor: float = 0.0  # above 0: price first, among those whose p reaches this share of the best


DEFAULT: Final = "balanced"
POLICIES: Final[Mapping[str, Policy]] = MappingProxyType(
    {
        "balanced": Policy(),
        "cheapest": Policy(floor=0.8),
        # One second is worth more than any usual difference of price (2 cents against 0.2-2 cents between carriers).
        "fastest": Policy(time_factor=20.0, least_time_micros_per_s=20_000.0),
        # One point of p is worth 0.8 to 3 cents: price decides only between equals.
        "reliable": Policy(loss_factor=10.0),
    }
)


def compile_policies(own: Mapping[str, PolicyRules]) -> Mapping[str, Policy]:
    """The built-in policies and those of the settings. Keep the result: ``router.brain.plan`` tells policies apart by identity."""
    policies = dict(POLICIES)
    for name, rules in own.items():
        policies[name] = Policy(rules.loss_factor, rules.time_factor, float(rules.least_time_micros_per_s), rules.floor)
    return MappingProxyType(policies)
