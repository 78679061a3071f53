"""Which hosts a webhook may reach. Tenants name the address, so it may point inwards: at our own network, or a cloud's secrets.

Python's own ``is_global`` does not do: it lets through NAT64 and 6to4 addresses that lead to private ones, multicast, and some
reserved blocks (measured on 3.11: 64:ff9b::a9fe:a9fe, 2002:7f00:1::, 224.0.0.1, ff02::1, 192.0.0.8, 192.88.99.1). The tables below are
the IANA special-purpose address registries; IPv6 is allowed by its one block of global unicast and denied inside that.
"""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, NamedTuple
from urllib.parse import urlsplit

PORTS: Final = frozenset({443, 8443})  # to hosts that are not on the allow list: what serves webhooks, and nothing else
HOST_LIMIT: Final = 253  # RFC 1035, 2.3.4

_DENIED_4: Final = tuple(
    (IPv4Network(block), word)
    for block, word in (
        ("0.0.0.0/8", "unspecified"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "shared by carriers' NAT"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved"),
        ("192.0.2.0/24", "documentation"),
        ("192.88.99.0/24", "6to4 relay"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
    )
)
_DENIED_6: Final = tuple(
    (IPv6Network(block), word)
    for block, word in (
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("::/96", "IPv4-compatible"),
        ("64:ff9b::/96", "NAT64"),
        ("64:ff9b:1::/48", "NAT64"),
        ("100::/64", "discard"),
        ("2001::/32", "Teredo"),
        ("2001::/23", "reserved"),
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "6to4"),
        ("3fff::/20", "documentation"),
        ("fc00::/7", "private"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
    )
)
_GLOBAL_UNICAST_6: Final = IPv6Network("2000::/3")
_ISATAP: Final = frozenset({0x00005EFE, 0x02005EFE})  # RFC 5214, 6.1: the interface id of a tunnel to the IPv4 address in it

_LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER: Final = re.compile(r"(0x[0-9a-f]*|[0-9]+)")


class Target(NamedTuple):
    """Where a URL leads: what must agree between our reading of it and the HTTP client's."""

    scheme: str
    host: str  # small letters, no brackets, no trailing dot
    port: int


class AllowList:
    """Hosts an operator allows by name, address or network (``hooks.internal``, ``10.1.2.3``, ``10.0.0.0/8``), private or not.

    A name allows whatever it resolves to. Raises ``ValueError`` for an entry that is none of the three.
    """

    def __init__(self, entries: Iterable[str] = ()) -> None:
        self._names: set[str] = set()
        self._networks: list[IPv4Network | IPv6Network] = []
        for entry in entries:
            text = entry.strip().lower().removesuffix(".")
            try:
                self._networks.append(ip_network(text.strip("[]")))
            except ValueError:
                if not is_host_name(text):
                    raise ValueError(f"{entry!r} is neither a host name nor an address nor a network") from None
                self._names.add(text)

    def has_name(self, host: str) -> bool:
        """Whether a host is allowed by its name."""
        return host.lower().removesuffix(".") in self._names

    def has_address(self, address: str) -> bool:
        """Whether an address is allowed by itself or its network."""
        try:
            parsed = _unwrapped(ip_address(address))
        except ValueError:
            return False
        return any(parsed in network for network in self._networks if network.version == parsed.version)

    def has(self, host: str) -> bool:
        """Whether a host, as a URL names it, is allowed."""
        return self.has_name(host) or self.has_address(host)


NOBODY: Final = AllowList()


def why_denied(address: str) -> str:
    """Why an IP address must not be reached, in a word or two; "" when it may be: a plain public unicast address."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return "no IP address"
    if isinstance(parsed, IPv6Address) and parsed.scope_id:
        return "link-local"
    parsed = _unwrapped(parsed)
    if isinstance(parsed, IPv4Address):
        return next((word for block, word in _DENIED_4 if parsed in block), "")
    for block, word in _DENIED_6:
        if parsed in block:
            return word
    if parsed not in _GLOBAL_UNICAST_6:
        return "reserved"
    if (int(parsed) >> 32) & 0xFFFFFFFF in _ISATAP:
        return "ISATAP"
    return ""


def check_address(address: str, host: str, allow: AllowList = NOBODY) -> str:
    """Why ``host``, which resolved to ``address``, must not be connected to; "" when it may be.

    The address is not told: what a name inside our network resolves to is not for tenants.
    """
    if allow.has_name(host) or allow.has_address(address):
        return ""
    word = why_denied(address)
    return f"{host} leads to an address that is {word}" if word else ""


def check_url(url: str, allow: AllowList = NOBODY) -> Target | str:
    """Where a webhook's URL leads, or why it may not be used (the end of a sentence that begins with the URL).

    https only, on a port of ``PORTS``, no user name, no address that is denied; a host of the allow list may also be reached by
    http and on any port. What a name resolves to is checked when connecting, by ``check_address``.
    """
    target = _target(url)
    if isinstance(target, str):
        return target
    if allow.has(target.host):
        return target
    if target.scheme != "https":
        return "must be https: only hosts of webhooks.allow_hosts may be reached by http"
    if target.port not in PORTS:
        return (
            f"must use port {' or '.join(map(str, sorted(PORTS)))}: only hosts of webhooks.allow_hosts may be reached on others"
        )
    if _is_address(target.host):
        word = why_denied(target.host)
        return f"leads to {target.host}, which is {word}" if word else target
    return target


def is_host_name(host: str) -> bool:
    """Whether a text is a host name in ASCII. One that ends in a number is none: resolvers take 127.1 or 0x7f000001 for addresses."""
    labels = host.lower().removesuffix(".").split(".")
    return 0 < len(host) <= HOST_LIMIT and all(_LABEL.fullmatch(label) for label in labels) and not _NUMBER.fullmatch(labels[-1])


def _target(url: str) -> Target | str:
    if not url.isascii():
        return "must be ASCII: write international names in their xn-- form"
    if re.search(r"[\x00-\x20\x7f\\]", url):
        return "must not have blanks, control characters or backslashes"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "is no URL that can be read"
    if parts.scheme not in {"https", "http"}:
        return "must begin with https://"
    if "@" in parts.netloc:
        return "must not name a user"
    host = (parts.hostname or "").removesuffix(".")
    if not (is_host_name(host) or _is_address(host)):
        return "does not name a host that can be reached"
    return Target(parts.scheme, host, (443 if parts.scheme == "https" else 80) if port is None else port)


def _is_address(host: str) -> bool:
    try:
        return bool(ip_address(host))
    except ValueError:
        return False


def _unwrapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    return (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address
