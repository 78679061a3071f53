"""Webhooks over HTTP: posts events to addresses that tenants name, without ever reaching where it must not.

Every address is checked when it is connected to, not before: what a name resolves to may change in between (DNS rebinding).
The resolver refuses a name as soon as one of its addresses is denied, and no socket is made for an address that has not passed
the same check, so that there is no way around it (literal addresses do not go through a resolver).
"""

import asyncio
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from router.addresses import AllowList, check_address, check_url
from router.webhooks import WebhookAnswer, retry_after_s

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ANSWER_LIMIT: Final = 65_536  # octets of an answer that are read (and dropped); a longer one costs the connection
TOTAL_LIMIT: Final = 1_024  # deliveries under way at once, all endpoints together: as many sockets
LOOKUPS: Final = 16  # names being resolved at once; getaddrinfo blocks a thread
NAMES_KEPT_S: Final = 10  # how long an answer of the resolver is used again for new connections
TARGETS_KEPT: Final = 4_096  # URLs whose check is remembered
KEEP_ALIVE_S: Final = 4.0  # below the 5 s after which common servers (uvicorn, Node.js, Apache) close an idle connection
USER_AGENT: Final = "Trunkline-Webhooks/1"

Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port to all its IP addresses, as text; raises ``OSError`` when there is none."""


class _Refused(OSError):
    """The address must not be reached. An ``OSError``, because that is what aiohttp expects of resolvers and sockets."""


class _Endpoint(NamedTuple):
    """A URL that may be used, as far as it can be told before it is resolved."""

    url: URL
    origin: tuple[str, str, int]


class _Lane:
    """The places of one endpoint, kept while somebody uses them."""

    __slots__ = ("places", "users")

    def __init__(self, size: int) -> None:
        self.places = asyncio.Semaphore(size)
        self.users = 0


_host: ContextVar[str] = ContextVar("webhook_host")  # what the socket now being made is for: it sees an address only


class _Resolver(AbstractResolver):
    """Gives aiohttp only addresses that may be reached."""

    def __init__(self, lookup: Lookup, allow: AllowList) -> None:
        self._lookup = lookup
        self._allow = allow

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        """All addresses of a host; ``_Refused`` if a single one of them is denied, since nobody mixes those in good faith."""
        addresses = await self._lookup(host, port)
        if not addresses:
            raise OSError(f"{host} has no address")
        for address in addresses:
            if refusal := check_address(address, host, self._allow):
                raise _Refused(refusal)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in addresses
            if family in {socket.AF_UNSPEC, socket.AF_INET6 if ":" in address else socket.AF_INET}
        ]

    async def close(self) -> None:
        """Nothing is held."""


class WebhookSender:
    """Delivers events; one for each courier, used from one event loop. Create it anew when the allow list changes.

    ``concurrency`` bounds the deliveries under way to one endpoint (scheme, host and port), ``total`` those to all. Who waits for a
    place does so before its time-out starts. ``lookup`` and ``tls`` are for tests and private authorities.
    """

    def __init__(
        self,
        *,
        allow_hosts: Iterable[str] = (),
        timeout_s: float = 15.0,
        concurrency: int = 64,
        total: int = TOTAL_LIMIT,
        lookup: Lookup | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._allow = AllowList(allow_hosts)
        self._timeout_s = timeout_s
        self._concurrency = concurrency
        self._total = asyncio.Semaphore(total)
        self._tls = tls
        self._threads: ThreadPoolExecutor | None = None
        self._resolver = _Resolver(lookup or self._look_up, self._allow)
        self._lanes: dict[tuple[str, str, int], _Lane] = {}
        self._session: aiohttp.ClientSession | None = None
        self._endpoint = lru_cache(TARGETS_KEPT)(self._checked)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections. Deliveries under way end with an error."""
        if self._session is not None:
            await self._session.close()
            self._session = None
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._threads = None

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> WebhookAnswer:
        """Post ``body`` and tell what was answered. Nothing the peer does raises."""
        endpoint = self._endpoint(url)
        if isinstance(endpoint, str):
            return WebhookAnswer(0, None, f"the URL {endpoint}", refused=True)
        async with self._place(endpoint.origin):
            host = _host.set(endpoint.origin[1])
            try:
                async with asyncio.timeout(self._timeout_s):
                    try:
                        return await self._post(endpoint.url, headers, body)
                    except (aiohttp.ServerDisconnectedError, ConnectionResetError):
                        # Most often a kept connection that the peer closed as we wrote; the event's id makes a second copy harmless
                        return await self._post(endpoint.url, headers, body)
            except TimeoutError:
                return WebhookAnswer(0, None, f"no answer in {self._timeout_s:g} s")
            except (aiohttp.ClientError, OSError, ValueError) as error:  # ValueError: headers and names that cannot be read
                refusal = _refusal(error)
                return WebhookAnswer(0, None, refusal or _reason(error), refused=bool(refusal))
            finally:
                _host.reset(host)

    async def _post(self, url: URL, headers: Mapping[str, str], body: bytes) -> WebhookAnswer:
        async with self._open().post(url, data=body, headers=headers, allow_redirects=False) as response:
            await _drop(response)
            status = response.status
            if 200 <= status < 300:
                return WebhookAnswer(status)
            wait_s = retry_after_s(response.headers.get("Retry-After", ""), response.headers.get("Date", ""))
            error = f"the endpoint answered {status}" + (", and redirects are not followed" if 300 <= status < 400 else "")
            return WebhookAnswer(status, wait_s, error)

    def _checked(self, url: str) -> _Endpoint | str:
        target = check_url(url, self._allow)
        if isinstance(target, str):
            return target
        try:
            parsed = URL(url)
        except ValueError:
            return "is no URL that can be read"
        if (parsed.scheme, (parsed.host or "").removesuffix("."), parsed.port) != target:
            return "can be read in two ways"  # two parsers that disagree are how checks are passed by
        return _Endpoint(parsed, target)

    @asynccontextmanager
    async def _place(self, origin: tuple[str, str, int]) -> "AsyncIterator[None]":
        lane = self._lanes.get(origin)
        if lane is None:
            lane = self._lanes[origin] = _Lane(self._concurrency)
        lane.users += 1
        try:
            async with lane.places, self._total:
                yield
        finally:
            lane.users -= 1
            if not lane.users:
                del self._lanes[origin]

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                resolver=self._resolver,
                ttl_dns_cache=NAMES_KEPT_S,
                socket_factory=self._socket,
                ssl=self._tls or True,
                limit=0,  # our own places bound them, outside the time-out
                keepalive_timeout=KEEP_ALIVE_S,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None),  # send has its own
                headers={"User-Agent": USER_AGENT},
                skip_auto_headers=("Accept", "Accept-Encoding"),
                auto_decompress=False,  # the answer is dropped: a bomb stays small
                trust_env=False,  # a proxy would resolve names by itself
            )
        return self._session

    def _socket(self, info: tuple[Any, ...]) -> socket.socket:
        """The only place where sockets are made: the last check, on the very address that is connected to."""
        family, kind, protocol, _, address = info
        if refusal := check_address(str(address[0]), _host.get(), self._allow):
            raise _Refused(refusal)
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        return made

    async def _look_up(self, host: str, port: int) -> list[str]:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(LOOKUPS, thread_name_prefix="webhook-lookup")
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, _addresses, host, port)
        return list(dict.fromkeys(found))


def _addresses(host: str, port: int) -> list[str]:
    return [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


async def _drop(response: aiohttp.ClientResponse) -> None:
    """Read what little an answer should be, so that the connection can be used again; close the connection over more."""
    left = ANSWER_LIMIT
    while left > 0:
        part = await response.content.read(left)
        if not part:
            return
        left -= len(part)
    if not response.content.at_eof():
        response.close()


def _refusal(error: BaseException | None) -> str:
    """The words of a refusal of ours, wherever in the chain of causes it is."""
    while error is not None:
        if isinstance(error, _Refused):
            return str(error)
        error = error.__cause__ or error.__context__
    return ""


def _reason(error: Exception) -> str:
    """What went wrong, without the address (it may hold a token)."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return "the certificate is not valid"
        case aiohttp.ClientSSLError():
            return "TLS could not be agreed"
        case aiohttp.ClientConnectorDNSError():
            return "the host name could not be resolved"
        case aiohttp.ClientConnectorError():
            number = error.os_error.errno  # not its own words: they repeat the address
            return f"could not connect ({os.strerror(number) if number else 'no reason given'})"
        case aiohttp.ServerDisconnectedError() | ConnectionResetError():
            return "the connection was closed before an answer came"
        case _:
            return f"the answer could not be read ({type(error).__name__})"
