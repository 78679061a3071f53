"""A proxy of our own that makes links bad: TCP or Unix sockets, toxics that can be set and taken away while it runs."""

import asyncio
import logging
import socket
import struct
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from math import inf
from random import Random
from time import monotonic
from typing import Any, Final, Literal

from sims.chaos.flow import Flow
from sims.chaos.toxics import Cut, Toxic

log = logging.getLogger("trunkline.chaos")

Stream = Literal["up", "down"]  # from the client to the server, and back
HELD_LIMIT: Final = 1 << 20  # octets on their way in one direction; above, the sender is not read
_LINGER_NOT: Final = struct.pack("ii", 1, 0)  # SO_LINGER: on, 0 s; closing then sends RST

Tap = Callable[["Link", bytes, float], None]
"""Sees what comes from clients before any toxic: the link, the octets, the time."""


@dataclass(frozen=True, slots=True)
class _Setting:
    toxic: Toxic
    stream: Stream
    toxicity: float  # share of the connections that it is for


class Proxy:
    """Listens on the loopback interface or a Unix socket, and connects each client to ``upstream`` (``host:port`` or a path)."""

    def __init__(self, upstream: str, *, seed: int = 1, tap: Tap | None = None) -> None:
        self.upstream = upstream
        self.tap = tap
        self.address = ""
        self.links: set[Link] = set()
        self.made = 0  # links, ever
        self.ends: set[_End] = set()  # sockets that are open
        self._connecting: set[asyncio.Task[None]] = set()
        self._rng = Random(seed)  # noqa: S311 (seeded, not secret)
        self._settings: dict[str, _Setting] = {}
        self._server: asyncio.Server | None = None
        self._closed = False

    async def start(self, path: str = "") -> str:
        """Listen on a Unix socket at ``path``, where nothing is yet, or on a free port; returns the address. Raises ``OSError``."""
        loop = asyncio.get_running_loop()
        if path:
            self._server = await loop.create_unix_server(self._accept, path)
            self.address = path
        else:
            port = int(self.address.rpartition(":")[2]) if self.address else 0
            self._server = await loop.create_server(self._accept, "127.0.0.1", port)
            self.address = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self.address

    async def stop(self) -> None:
        """Close everything."""
        self._closed = True
        self.cut_all()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None
        if self._connecting:
            await asyncio.wait(self._connecting)
        while self.ends:  # a transport closes at the loop's next turns
            await asyncio.sleep(0)

    # -- what is wrong ----------------------------------------------------------------------------------------------
    def add(self, name: str, toxic: Toxic, stream: Stream = "down", *, toxicity: float = 1.0) -> None:
        """Set a toxic, for the connections that there are and for those to come."""
        self._settings[name] = _Setting(toxic, stream, toxicity)
        self._apply()

    def remove(self, name: str) -> None:
        """Take a toxic away; nothing happens when it is not there."""
        if self._settings.pop(name, None) is not None:
            self._apply()

    def clear(self) -> None:
        """Take all away."""
        self._settings.clear()
        self._apply()

    def cut_all(self, *, reset: bool = False) -> int:
        """End every connection now; how many there were."""
        links = tuple(self.links)
        for link in links:
            link.end(Cut.RESET if reset else Cut.CLOSE)
        return len(links)

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Have this done, and waited for by ``stop``."""
        task = asyncio.get_running_loop().create_task(work)
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)
        task.add_done_callback(_look_at)

    def _apply(self) -> None:
        for link in tuple(self.links):
            link.change()

    def toxics(self, draws: dict[str, float], stream: Stream) -> dict[str, Toxic]:
        """Those for a connection with these draws."""
        found = {}
        for name, setting in self._settings.items():
            if draws.setdefault(name, self._rng.random()) < setting.toxicity and setting.stream == stream:
                found[name] = setting.toxic
        return found

    def _accept(self) -> "_End":
        self.made += 1
        link = Link(self, self.made, Random(self._rng.getrandbits(64)))  # noqa: S311 (seeded, not secret)
        return link.client

    @property
    def closed(self) -> bool:
        """Whether it has been stopped."""
        return self._closed


class Link:
    """A client, the server that it wanted, and what travels between them."""

    def __init__(self, proxy: Proxy, number: int, rng: Random) -> None:
        self.proxy = proxy
        self.number = number  # from 1, in the order in which they came
        self._draws: dict[str, float] = {}
        now_s = monotonic()
        self.up = Flow(rng, proxy.toxics(self._draws, "up"), now_s)
        self.down = Flow(rng, proxy.toxics(self._draws, "down"), now_s)
        self.client = _End(self, "up")
        self.server = _End(self, "down")
        self._timer: asyncio.TimerHandle | None = None
        self._ended = False

    def opened(self) -> None:
        """The client is there: fetch the server."""
        self.proxy.links.add(self)
        if self.proxy.closed:
            self.end(Cut.CLOSE)
            return
        self.proxy.run(self._connect())

    async def _connect(self) -> None:
        loop, upstream = asyncio.get_running_loop(), self.proxy.upstream
        try:
            if upstream.startswith("/"):
                await loop.create_unix_connection(lambda: self.server, upstream)
            else:
                host, _, port = upstream.rpartition(":")
                await loop.create_connection(lambda: self.server, host, int(port))
        except OSError as error:
            log.info("chaos.upstream_away link=%d error=%s", self.number, type(error).__name__)
            self.end(Cut.CLOSE)
            return
        if self._ended:
            self.server.finish(Cut.CLOSE)
        self.attend()

    def change(self) -> None:
        """The proxy's toxics are others."""
        now_s = monotonic()
        self.up.change(self.proxy.toxics(self._draws, "up"), now_s)
        self.down.change(self.proxy.toxics(self._draws, "down"), now_s)
        self.attend()

    def attend(self) -> None:
        """Pass on what is due, arm the timer for what comes next."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._ended:
            return
        now_s = monotonic()
        for flow, target in ((self.up, self.server), (self.down, self.client)):
            if not target.open and flow.next_s() <= now_s and target is self.server:
                continue  # it is being connected
            octets, cut = flow.take(now_s)
            if octets:
                target.write(octets)
            if cut is not None:
                self.end(cut)
                return
        self.client.read(self.up.held < HELD_LIMIT and not self.server.full)
        self.server.read(self.down.held < HELD_LIMIT and not self.client.full)
        next_s = min(self.up.next_s() if self.server.open else inf, self.down.next_s())
        if next_s < inf:
            self._timer = asyncio.get_running_loop().call_later(max(0.0, next_s - now_s), self.attend)

    def end(self, cut: Cut) -> None:
        """End both connections."""
        if self._ended:
            return
        self._ended = True
        self.proxy.links.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        self.client.finish(cut)
        self.server.finish(cut)


def _look_at(task: "asyncio.Future[None]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("chaos.link_failed error=%s", type(error).__name__)


class _End(asyncio.Protocol):
    """One of the two connections of a link."""

    def __init__(self, link: Link, flow: Stream) -> None:
        self._link = link
        self._flow: Stream = flow  # what comes in here
        self._transport: asyncio.Transport | None = None
        self._reading = True
        self.full = False

    @property
    def open(self) -> bool:
        return self._transport is not None

    def write(self, octets: bytes) -> None:
        if self._transport is not None:
            self._transport.write(octets)

    def read(self, wanted: bool) -> None:
        if self._transport is None or wanted == self._reading or self._transport.is_closing():
            return
        self._reading = wanted
        if wanted:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def finish(self, cut: Cut) -> None:
        transport, self._transport = self._transport, None
        if transport is None:
            return
        if cut is Cut.CLOSE:
            transport.close()
            return
        sock = transport.get_extra_info("socket")
        if sock is not None and sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a stream transport, for servers and connections
        self._link.proxy.ends.add(self)
        if self._flow == "up":
            self._link.opened()

    def data_received(self, data: bytes) -> None:
        link, now_s = self._link, monotonic()
        if self._flow == "up":
            if link.proxy.tap is not None:
                link.proxy.tap(link, data, now_s)
            flow, target = link.up, link.server
        else:
            flow, target = link.down, link.client
        if flow.free and target.open and not target.full:
            target.write(data)
            return
        flow.receive(data, now_s)
        link.attend()

    def eof_received(self) -> bool:
        return False  # close: connection_lost follows

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._link.proxy.ends.discard(self)
        flow = self._link.up if self._flow == "up" else self._link.down
        if exc is not None and flow.free:
            self._link.end(Cut.RESET)
            return
        flow.close(monotonic())
        self._link.attend()

    def pause_writing(self) -> None:
        self.full = True
        self._link.attend()

    def resume_writing(self) -> None:
        self.full = False
        self._link.attend()
