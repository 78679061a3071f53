"""The way out for webhooks: names to addresses and addresses to sockets, without ever reaching where it must not.

Every address is checked when it is connected to, not before: what a name resolves to may change in between (DNS rebinding).
The resolver refuses a name as soon as one of its addresses is denied, and no socket is made for an address that has not passed
the same check, so that there is no way around it (literal addresses do not go through a resolver).
"""

import asyncio
import os
import socket
import ssl
from asyncio.staggered import staggered_race
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from ipaddress import ip_address
from itertools import chain, zip_longest
from typing import Final

from router.addresses import AllowList, check_address

LOOKUPS: Final = 16  # names being resolved at once; getaddrinfo blocks a thread
NEXT_ADDRESS_S: Final = 0.25  # how long one address of several is tried alone (RFC 8305, "Connection Attempt Delay")

Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port to all its IP addresses, as text; raises ``OSError`` when there is none."""


class Refused(OSError):
    """The address must not be reached."""


class Unresolved(OSError):
    """The name has no address."""


class Resolver:
    """Gives only addresses that may be reached, and keeps them for ``kept_s()``."""

    def __init__(self, lookup: Lookup | None, allow: AllowList, kept_s: Callable[[], float]) -> None:
        self._lookup = lookup or self._look_up
        self._allow = allow
        self._kept_s = kept_s
        self._threads: ThreadPoolExecutor | None = None
        self._known: dict[tuple[str, int], tuple[float, list[str]]] = {}

    async def resolve(self, host: str, port: int) -> list[str]:
        """All addresses of a host; ``Refused`` if a single one of them is denied, since nobody mixes those in good faith."""
        if _is_literal(host):
            return [host]
        now_s = asyncio.get_running_loop().time()
        until_s, addresses = self._known.get((host, port), (0.0, []))
        if until_s > now_s:
            return addresses
        try:
            addresses = list(dict.fromkeys(await self._lookup(host, port)))
        except OSError as error:
            raise Unresolved(host) from error
        if not addresses:
            raise Unresolved(host)
        for address in addresses:
            if refusal := check_address(address, host, self._allow):
                raise Refused(refusal)
        self._known = {name: entry for name, entry in self._known.items() if entry[0] > now_s}
        self._known[host, port] = now_s + self._kept_s(), addresses
        return addresses

    def close(self) -> None:
        """Let go of the threads."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._threads = None

    async def _look_up(self, host: str, port: int) -> list[str]:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(LOOKUPS, thread_name_prefix="webhook-lookup")
        return await asyncio.get_running_loop().run_in_executor(self._threads, _addresses, host, port)


def _addresses(host: str, port: int) -> list[str]:
    return [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _is_literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _in_turns(addresses: Sequence[str]) -> list[str]:
    """Both families in turns, the first one's first (RFC 8305, 4)."""
    first = [address for address in addresses if (":" in address) == (":" in addresses[0])]
    second = [address for address in addresses if (":" in address) != (":" in addresses[0])]
    return [address for address in chain.from_iterable(zip_longest(first, second)) if address is not None]


async def connect(host: str, port: int, addresses: Sequence[str], allow: AllowList) -> socket.socket:
    """A socket that is connected to one of a host's addresses; raises ``OSError``, which may be ``Refused``."""
    if len(addresses) == 1:
        return await _connect(host, port, allow, addresses[0])
    tries = [partial(_connect, host, port, allow, address) for address in _in_turns(addresses)]
    connected, _, errors = await staggered_race(tries, NEXT_ADDRESS_S)
    if connected is not None:
        return connected
    found = [error for error in errors if isinstance(error, Exception)]
    raise next((error for error in found if isinstance(error, Refused)), found[0])


async def _connect(host: str, port: int, allow: AllowList, address: str) -> socket.socket:
    made = _socket(host, address, allow)
    try:
        await asyncio.get_running_loop().sock_connect(made, (address, port))
    except BaseException:
        made.close()
        raise
    return made


def _socket(host: str, address: str, allow: AllowList) -> socket.socket:
    """The only place where sockets are made: the last check, on the very address that is connected to."""
    if refusal := check_address(address, host, allow):
        raise Refused(refusal)
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    made.setblocking(False)
    return made


def reason_of(error: Exception) -> str:
    """Why no connection was made, without the address (it may hold a token)."""
    match error:
        case ssl.SSLCertVerificationError():
            return "the certificate is not valid"
        case ssl.SSLError():
            return "TLS could not be agreed"
        case Unresolved() | ValueError():
            return "the host name could not be resolved"
        case OSError():
            return f"could not connect ({os.strerror(error.errno) if error.errno else 'no reason given'})"
        case _:
            return f"could not connect ({type(error).__name__})"
