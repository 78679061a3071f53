"""What must hold of policies, groups and rules in a configuration."""

import re
from collections.abc import Collection, Iterator
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from router.brain.policies import POLICIES
from router.config_shape import PATTERN_WORDS, Path, Problem, near
from router.destinations import destination_fault
from router.rule_settings import Rule
from router.setting import NAME_PATTERN
from router.settings import Settings

_EFFECTS: Final = ("allow", "exclude", "pin", "order", "weights", "policy")


def check_routing(settings: Settings) -> Iterator[Problem]:
    """Everything that is wrong with policies, groups and rules."""
    for name in settings.policies:
        if not re.fullmatch(NAME_PATTERN, name):
            yield Problem(("policies", name), PATTERN_WORDS[NAME_PATTERN])
        elif name in POLICIES:
            yield Problem(("policies", name), "has the name of a policy that is built in: choose another")
    carriers = [carrier.name for carrier in settings.carriers]
    for name, members in settings.groups.items():
        if not re.fullmatch(NAME_PATTERN, name):
            yield Problem(("groups", name), PATTERN_WORDS[NAME_PATTERN])
        elif name in carriers:
            yield Problem(("groups", name), "has the name of a carrier")
        for at, member in enumerate(members):
            if member not in carriers:
                yield Problem(("groups", name, at), f"names a carrier that does not exist: {member!r}{near(member, carriers)}")
            elif member in members[:at]:
                yield Problem(("groups", name, at), f"is there twice: {member!r}")
    if settings.rescue.earliest_s > settings.rescue.latest_s:
        yield Problem(("rescue", "earliest_s"), f"must not be more than latest_s, {settings.rescue.latest_s:g} s")
    service = settings.portability
    if service.url and "{number}" not in service.url:
        yield Problem(("portability", "url"), "must have {number} where the number belongs")
    for at, place in enumerate(service.countries):
        if wrong := destination_fault(place):
            yield Problem(("portability", "countries", at), wrong)
    policies = policy_names(settings)
    for at, tenant in enumerate(settings.tenants):
        for word, policy in tenant.policies.items():
            if wrong := _policy_fault(policy, policies):
                yield Problem(("tenants", at, "policies", word), wrong)
    tenants = [tenant.id for tenant in settings.tenants]
    for at, rule in enumerate(settings.routing):
        for problem in _rule(rule, tenants, [*carriers, *settings.groups], policies):
            yield Problem(("rules", at, *problem.path), problem.wrong)


def policy_names(settings: Settings) -> list[str]:
    """Every policy there is."""
    return [*POLICIES, *(name for name in settings.policies if name not in POLICIES)]


def _policy_fault(policy: str, known: Collection[str]) -> str:
    return "" if policy in known else f"must be one of {', '.join(known)}, not {policy!r}{near(policy, known)}"


def _rule(rule: Rule, tenants: Collection[str], carriers: Collection[str], policies: Collection[str]) -> Iterator[Problem]:
    for at, tenant in enumerate(rule.tenants):
        if tenant not in tenants:
            yield Problem(("tenants", at), f"names a tenant that does not exist: {tenant!r}{near(tenant, tenants)}")
    for at, place in enumerate(rule.to):
        if wrong := destination_fault(place):
            yield Problem(("to", at), wrong)
    if rule.after and rule.after == (rule.before or "24:00"):
        yield Problem(("after",), "must not be the same as before")
    if rule.after == "24:00":
        yield Problem(("after",), "must be a time at which something can begin: 24:00 is 00:00 of the next day")
    try:
        ZoneInfo(rule.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield Problem(("time_zone",), f"is not known: {rule.time_zone!r}")
    named: list[tuple[Path, str]] = [
        *((("allow", at), name) for at, name in enumerate(rule.allow)),
        *((("exclude", at), name) for at, name in enumerate(rule.exclude)),
        *((("order", at), name) for at, name in enumerate(rule.order)),
        *((("weights", name), name) for name in rule.weights),
        *([(("pin",), rule.pin)] if rule.pin else []),
    ]
    for path, name in named:
        if name not in carriers:
            yield Problem(path, f"names no carrier and no group: {name!r}{near(name, carriers)}")
    if rule.pin and rule.order:
        yield Problem(("pin",), "has no use beside order: its first entry is the first choice")
    if rule.reason and not rule.deny:
        yield Problem(("reason",), "has no use where deny is not true: nobody is told it")
    if rule.policy and (wrong := _policy_fault(rule.policy, policies)):
        yield Problem(("policy",), wrong)
    if (
        rule.deny is None
        and rule.max_price_micros is None
        and not any(getattr(rule, name) for name in _EFFECTS)
        and not rule.last
    ):
        yield Problem(
            (), "does nothing: give it one of deny, allow, exclude, pin, order, weights, max_price_micros, policy, last"
        )
