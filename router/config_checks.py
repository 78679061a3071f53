"""What must hold between the keys of a configuration, and what a type cannot say about a single one."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import msgspec

from router.addresses import AllowList, check_url, is_host_name, why_denied
from router.config_rules import check_routing
from router.config_shape import Path, Problem, near, shape_problem
from router.config_smpp import check_smpp
from router.destinations import destination_fault, is_network
from router.model import MessageClass
from router.settings import CarrierProfile, ClassRules, Key, Network, Settings, Tenant, Webhook
from router.tlvs import TLVS_LIMIT, tlv_fault
from router.webhooks import EVENT_TYPES, InvalidSecret, decode_secret, wanted

_STATUS: Final = re.compile(r"0x[0-9A-Fa-f]{1,8}")
_JOURNAL_URL: Final = re.compile(r"(redis|rediss|unix|valkey|valkeys)(\+[a-z]+)?://\S+")


def check_settings(settings: Settings, *, exists: Callable[[str], bool]) -> list[Problem]:
    """Everything that is wrong, each once. ``exists`` tells whether there is a file of that name.

    Secrets must have been resolved before. Settings that were built in code are checked for types and ranges first.
    """
    shape = shape_problem(msgspec.to_builtins(settings))
    if shape is not None:
        return [shape]
    return list(_all(settings, exists))


def _all(settings: Settings, exists: Callable[[str], bool]) -> Iterator[Problem]:
    yield from _system(settings)
    try:
        allow = AllowList(settings.webhooks.allow_hosts)
    except ValueError as error:
        yield Problem(("webhooks", "allow_hosts"), f"cannot be used: {error}")
        allow = AllowList()
    yield from _classes(settings)
    yield from _networks(settings.networks)
    for network, prefixes in settings.prefixes.items():
        if not re.fullmatch(r"[0-9]{5,6}", network) or not is_network(network):
            yield Problem(("prefixes", network), "must be the 5 or 6 digits of a country code and a network code")
        for at, prefix in enumerate(prefixes):
            if not re.fullmatch(r"[1-9][0-9]{0,14}", prefix):
                yield Problem(("prefixes", network, at), f"must be 1 to 15 digits that do not begin with 0, not {prefix!r}")
    yield from doubles("carriers", "name", [carrier.name for carrier in settings.carriers])
    for at, carrier in enumerate(settings.carriers):
        for problem in _carrier(carrier, exists):
            yield Problem(("carriers", at, *problem.path), problem.wrong)
    yield from doubles("tenants", "id", [tenant.id for tenant in settings.tenants])
    for at, tenant in enumerate(settings.tenants):
        for problem in _tenant(tenant, allow):
            yield Problem(("tenants", at, *problem.path), problem.wrong)
    tenants = [tenant.id for tenant in settings.tenants]
    yield from check_routing(settings)
    yield from _keys(settings.keys, tenants)
    yield from check_smpp(settings, tenants, exists)
    yield from doubles("rules", "name", [rule.name for rule in settings.routing])
    yield from doubles("accounts", "system_id", [account.system_id for account in settings.accounts])


def _system(settings: Settings) -> Iterator[Problem]:
    port = settings.api.port
    if port and port == settings.dashboard_port:
        yield Problem(("dashboard_port",), f"must not be the port of the API, {port}")
    if not settings.data_dir:
        yield Problem(("data_dir",), "must not be empty")
    if not settings.api.host:
        yield Problem(("api", "host"), "must not be empty")
    journal = settings.journal
    if journal.url and not all(_JOURNAL_URL.fullmatch(part.strip()) for part in journal.url.split(",")):
        yield Problem(("journal", "url"), "must be a URL such as redis://host:6379/0, rediss://… or unix:///path/of/socket")
    if journal.replicas and not journal.url:
        yield Problem(("journal", "replicas"), "must be 0 without journal.url: the server of our own has no replicas to wait for")
    if journal.confirm_timeout_s == 0:
        yield Problem(("journal", "confirm_timeout_s"), "must be more than 0")
    if settings.webhooks.timeout_s == 0:
        yield Problem(("webhooks", "timeout_s"), "must be more than 0")


def _classes(settings: Settings) -> Iterator[Problem]:
    rules = {klass.word: settings.rules(klass) for klass in MessageClass}
    for word, rule in rules.items():
        for key, wrong in _rules(rule):
            yield Problem(("classes", word, key), wrong)
    otp = rules[MessageClass.OTP.word]
    for word, rule in rules.items():
        if rule.deadline_s < otp.deadline_s:
            wrong = f"must not be longer than that of {word} ({rule.deadline_s:g} s): otp is the class that cannot wait"
            yield Problem(("classes", "otp", "deadline_s"), wrong)


def _rules(rule: ClassRules) -> Iterator[tuple[str, str]]:
    if rule.deadline_s == 0:
        yield "deadline_s", "must be more than 0"
    if rule.validity_s < rule.deadline_s:
        yield "validity_s", f"must be at least deadline_s, {rule.deadline_s:g} s: a message must live until it is late"
    if rule.on_unknown != "never" and rule.unknown_hold_s >= rule.validity_s:
        yield "unknown_hold_s", f"must be less than validity_s, {rule.validity_s:g} s: else nothing is ever sent again"
    if rule.on_unknown != "never" and rule.attempts < 2:
        yield "attempts", f"must be at least 2 where on_unknown is {rule.on_unknown!r}"


def _networks(networks: Iterable[Network]) -> Iterator[Problem]:
    yield from doubles("networks", "prefix", [network.prefix for network in networks])
    for at, network in enumerate(networks):
        if not is_network(network.mcc_mnc):
            yield Problem(
                ("networks", at, "mcc_mnc"), f"must begin with a mobile country code (2xx to 7xx or 9xx), not {network.mcc_mnc!r}"
            )


def _carrier(carrier: CarrierProfile, exists: Callable[[str], bool]) -> Iterator[Problem]:
    for at, address in enumerate(carrier.addresses):
        if not _is_address(address):
            yield Problem(("addresses", at), f'must be "host:port" (an IPv6 address in brackets), not {address!r}')
    if not carrier.classes:
        yield Problem(("classes",), "must not be empty: to stop a carrier, set enabled = false")
    if not carrier.covers:
        yield Problem(("covers",), "must not be empty: to stop a carrier, set enabled = false")
    for at, target in enumerate(carrier.covers):
        if wrong := destination_fault(target):
            yield Problem(("covers", at), wrong)
    yield from doubles("prices", "to", [price.to for price in carrier.prices])
    for at, price in enumerate(carrier.prices):
        if wrong := destination_fault(price.to):
            yield Problem(("prices", at, "to"), wrong)
    yield from _carrier_timers(carrier)
    seen: set[int] = set()
    for status in carrier.statuses:
        if not _STATUS.fullmatch(status) or int(status, 16) == 0:
            yield Problem(("statuses", status), 'must be a command_status other than 0, such as "0x45"')
        elif int(status, 16) in seen:
            yield Problem(("statuses", status), "is there twice")
        else:
            seen.add(int(status, 16))
    for tag, value in carrier.tlvs.items():
        if wrong := tlv_fault(tag, value):
            yield Problem(("tlvs", tag), wrong)
    if len(carrier.tlvs) > TLVS_LIMIT:
        yield Problem(("tlvs",), f"must have at most {TLVS_LIMIT} entries")
    if carrier.tls is not None and carrier.tls.ca_file:
        if not exists(carrier.tls.ca_file):
            yield Problem(("tls", "ca_file"), f"names a file that does not exist: {carrier.tls.ca_file!r}")
        if not carrier.tls.verify:
            yield Problem(("tls", "ca_file"), "has no use where verify = false")


def _carrier_timers(carrier: CarrierProfile) -> Iterator[Problem]:
    for name in (
        "connect_timeout_s",
        "bind_timeout_s",
        "enquire_answer_s",
        "response_timeout_s",
        "receipt_horizon_s",
        "rebind_min_s",
    ):
        if getattr(carrier, name) == 0:
            yield Problem((name,), "must be more than 0")
    if carrier.rebind_max_s < carrier.rebind_min_s:
        yield Problem(("rebind_max_s",), f"must be at least rebind_min_s, {carrier.rebind_min_s:g} s")


def _tenant(tenant: Tenant, allow: AllowList) -> Iterator[Problem]:
    if tenant.webhook is not None:
        for problem in _webhook(tenant.webhook, allow):
            yield Problem(("webhook", *problem.path), problem.wrong)


def _webhook(hook: Webhook, allow: AllowList) -> Iterator[Problem]:
    target = check_url(hook.url, allow) if hook.url else None
    if isinstance(target, str):
        yield Problem(("url",), target)
    for at, secret in enumerate(hook.secrets):
        try:
            decode_secret(secret)
        except InvalidSecret as error:
            yield Problem(("secrets", at), str(error))
    if not hook.events:
        yield Problem(("events",), 'must not be empty: ["message.*"] is everything')
    for at, pattern in enumerate(hook.events):
        if not any(wanted([pattern], kind) for kind in EVENT_TYPES):
            known = ["message.*", *sorted(EVENT_TYPES)]
            yield Problem(("events", at), f"must be one of {', '.join(known)}, not {pattern!r}{near(pattern, known)}")


def _keys(keys: Iterable[Key], tenants: list[str]) -> Iterator[Problem]:
    yield from doubles("keys", "id", [key.id for key in keys])
    yield from doubles("keys", "sha256", [key.sha256 for key in keys])
    for at, key in enumerate(keys):
        if key.tenant not in tenants:
            yield Problem(
                ("keys", at, "tenant"), f"names a tenant that does not exist: {key.tenant!r}{near(key.tenant, tenants)}"
            )
        if not key.scopes:
            yield Problem(("keys", at, "scopes"), "must not be empty: the key could do nothing")


def doubles(table: str, key: str, values: list[str]) -> Iterator[Problem]:
    """Values that must be different and are not."""
    first: dict[str, int] = {}
    for at, value in enumerate(values):
        if value in first:
            path: Path = (table, at, key)
            yield Problem(path, f"is the same as that of {table}[{first[value]}]" + ("" if key == "sha256" else f": {value!r}"))
        first.setdefault(value, at)


def _is_address(address: str) -> bool:
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:\s]+)):([0-9]{1,5})", address)
    if found is None or not 1 <= int(found[3]) <= 65_535:
        return False
    host = found[1] or found[2]
    return is_host_name(host) or why_denied(host) != "no IP address"
