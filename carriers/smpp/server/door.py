"""Listening: connections are let in or turned away before anything is made of them; half-done TLS handshakes are few and short."""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Callable, Sequence
from ipaddress import IPv6Address, ip_address
from typing import Final

from carriers.smpp.server.counters import ServerCounters
from carriers.smpp.shell import SessionShell

log: Final = logging.getLogger(__name__)

HANDSHAKE_S: Final = 10.0  # TCP accepted → TLS done
MAX_HANDSHAKES: Final = 256  # under way at once: they hold no place among the sessions, and cost some 100 KB each
MAX_HANDSHAKES_OF_ONE: Final = 32  # of one address
BACKLOG: Final = 1_024
PAUSE_S: Final = 0.5  # after an accept that failed for want of file descriptors or memory


class Door:
    """Listening sockets of one kind, plain or TLS. ``enter(peer)`` makes a shell for a connection, or None to turn it away."""

    def __init__(
        self,
        enter: Callable[[str], SessionShell | None],
        *,
        context: ssl.SSLContext | None,
        counters: ServerCounters,
    ) -> None:
        """Not open yet."""
        self.port = 0
        self._enter = enter
        self._context = context
        self._counters = counters
        self._sockets: list[socket.socket] = []
        self._accepting: list[asyncio.Task[None]] = []  # one for each socket
        self._tasks: set[asyncio.Task[None]] = set()
        self._shaking: dict[str, int] = {}  # connections on their way in, by address

    async def open(self, host: str, port: int) -> None:
        """Listen; ``OSError`` when that cannot be."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        try:
            for family, kind, protocol, _, address in dict.fromkeys(found):
                # with port 0 all addresses of a name get the port that the first one was given
                self._sockets.append(_listening(family, kind, protocol, (address[0], self.port or port, *address[2:])))
                self.port = self._sockets[0].getsockname()[1]
        except OSError:
            await self.close()
            raise
        for sock in self._sockets:
            self._accepting.append(asyncio.get_running_loop().create_task(self._accept(sock)))

    async def close(self) -> None:
        """Listen no more; handshakes under way are cut."""
        # Those on their way in only when they have begun, which is sure once the others have ended: a task that never began
        # would leave its connection open.
        await _cancelled(self._accepting)
        self._accepting.clear()
        await _cancelled(tuple(self._tasks))
        for sock in self._sockets:
            sock.close()
        self._sockets.clear()

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, address = await loop.sock_accept(listening)
            except ConnectionError:
                continue  # it was gone before it was taken
            except OSError as error:
                log.error("smpp.accept_failed error=%s", error.strerror or type(error).__name__)  # noqa: TRY400 it says it all
                await asyncio.sleep(PAUSE_S)
                continue
            peer = plain_address(str(address[0]))
            if self._context is not None and not self._may_shake(peer):
                self._counters.turned_away += 1
                connection.close()
                continue
            self._shaking[peer] = self._shaking.get(peer, 0) + 1  # before its task runs: many come at once
            task = loop.create_task(self._take(connection, peer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _take(self, connection: socket.socket, peer: str) -> None:
        """Make a session of a connection, after its handshake where there is one."""
        try:
            await self._hand_over(asyncio.get_running_loop(), connection, peer)
        finally:
            self._shaking[peer] -= 1
            if not self._shaking[peer]:
                del self._shaking[peer]

    async def _hand_over(self, loop: asyncio.AbstractEventLoop, connection: socket.socket, peer: str) -> None:
        shell = self._enter(peer)
        if shell is None:
            self._counters.turned_away += 1
            connection.close()
            return
        try:
            if self._context is None:
                await loop.connect_accepted_socket(lambda: shell, connection)
            else:
                await loop.connect_accepted_socket(
                    lambda: shell, connection, ssl=self._context, ssl_handshake_timeout=HANDSHAKE_S
                )
        except (OSError, TimeoutError) as error:  # ssl.SSLError is an OSError
            self._counters.handshakes_failed += 1
            log.info("smpp.handshake_failed peer=%s error=%s", peer, type(error).__name__)
            connection.close()

    def _may_shake(self, peer: str) -> bool:
        return sum(self._shaking.values()) < MAX_HANDSHAKES and self._shaking.get(peer, 0) < MAX_HANDSHAKES_OF_ONE


async def _cancelled(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def plain_address(text: str) -> str:
    """An address as people write it: no zone, and an IPv4 address in IPv6 clothes undressed."""
    text = text.partition("%")[0]
    with contextlib.suppress(ValueError):
        parsed = ip_address(text)
        if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
    return text


def server_context(certificate: str, key: str) -> ssl.SSLContext:
    """TLS 1.2 and newer with a chain of PEM; ``OSError`` when the files cannot be read or do not fit each other."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key or None)
    except OSError as error:  # ssl.SSLError is one; neither names the file
        raise OSError(f"the TLS certificate {certificate!r} or its key cannot be used: {error}") from error
    return context


def _listening(family: int, kind: int, protocol: int, address: tuple[object, ...]) -> socket.socket:
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Several servers of a machine listen on one port, and the kernel spreads connections over them.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # the IPv4 address of a name has a socket of its own
        sock.bind(address)
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock
