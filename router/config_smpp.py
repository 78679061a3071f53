"""What must hold of the SMPP server, of customers' accounts and of the rules for messages from handsets."""

from collections.abc import Callable, Iterator
from ipaddress import ip_network

from router.config_shape import Problem, near
from router.passwords import read_hash
from router.settings import InboundRule, Settings, SmppAccount, SmppServer

HIGHEST_PRIORITY = 255  # priority_flag is an octet; 0 to 3 have a meaning (SMPP 3.4, 5.2.14)


def check_smpp(settings: Settings, tenants: list[str], exists: Callable[[str], bool]) -> Iterator[Problem]:
    """Everything that is wrong with these three tables."""
    for problem in _server(settings.smpp, exists):
        yield Problem(("smpp", *problem.path), problem.wrong)
    for at, account in enumerate(settings.accounts):
        for problem in _account(account, tenants):
            yield Problem(("accounts", at, *problem.path), problem.wrong)
    for at, rule in enumerate(settings.inbound):
        for problem in _inbound(rule, settings, tenants):
            yield Problem(("inbound", at, *problem.path), problem.wrong)
    seen: dict[tuple[str, str, str], int] = {}
    for at, rule in enumerate(settings.inbound):
        same = seen.setdefault((rule.to, rule.keyword.casefold(), rule.carrier), at)
        if same != at:
            yield Problem(("inbound", at), f"says the same as inbound[{same}]: only one of them can have the message")


def _server(server: SmppServer, exists: Callable[[str], bool]) -> Iterator[Problem]:
    if not server.host:
        yield Problem(("host",), "must not be empty")
    if server.port and server.port == server.tls_port and server.tls_certificate:
        yield Problem(("tls_port",), f"must not be the plain port, {server.port}")
    for name in ("tls_certificate", "tls_key"):
        file = getattr(server, name)
        if file and not exists(file):
            yield Problem((name,), f"names a file that does not exist: {file!r}")
    if server.tls_key and not server.tls_certificate:
        yield Problem(("tls_key",), "has no use without tls_certificate")
    for name in ("deliver_timeout_s", "parts_timeout_s", "keep_s"):
        if getattr(server, name) == 0:
            yield Problem((name,), "must be more than 0")


def _account(account: SmppAccount, tenants: list[str]) -> Iterator[Problem]:
    if account.tenant not in tenants:
        yield Problem(("tenant",), f"names a tenant that does not exist: {account.tenant!r}{near(account.tenant, tenants)}")
    try:
        read_hash(account.password)
    except ValueError as error:
        yield Problem(("password",), f"{error}: `trunkline accounts create` makes one that can be checked")
    for at, address in enumerate(account.addresses):
        try:
            ip_network(address)
        except ValueError as error:
            yield Problem(("addresses", at), f"must be an address or a network: {error}")
    for flag in account.priorities:
        if not (flag.isascii() and flag.isdigit() and str(int(flag)) == flag and int(flag) <= HIGHEST_PRIORITY):
            yield Problem(("priorities", flag), f'must be a priority_flag, "0" to "{HIGHEST_PRIORITY}"')


def _inbound(rule: InboundRule, settings: Settings, tenants: list[str]) -> Iterator[Problem]:
    if rule.tenant not in tenants:
        yield Problem(("tenant",), f"names a tenant that does not exist: {rule.tenant!r}{near(rule.tenant, tenants)}")
    carriers = [carrier.name for carrier in settings.carriers]
    if rule.carrier and rule.carrier not in carriers:
        yield Problem(("carrier",), f"names a carrier that does not exist: {rule.carrier!r}{near(rule.carrier, carriers)}")
    if not rule.account:
        return
    account = next((account for account in settings.accounts if account.system_id == rule.account), None)
    if account is None:
        names = [account.system_id for account in settings.accounts]
        yield Problem(("account",), f"names an account that does not exist: {rule.account!r}{near(rule.account, names)}")
    elif account.tenant != rule.tenant:
        yield Problem(("account",), f"belongs to the tenant {account.tenant!r}, not to {rule.tenant!r}")
