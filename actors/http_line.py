"""The front's HTTP server, and what uvicorn leaves to others: whoever is slow with a request's head, or endless, is cut off.

uvicorn bounds neither the time that a head may take nor its octets: a client that drips one octet a second holds a socket for ever
(slow loris). Here a head must be whole in ``HEAD_TIMEOUT_S`` and below ``HEAD_LIMIT``. Bodies are bounded by ``router.api.http``.
"""

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_TIMEOUT_S: Final = 10.0  # from the first octet, or the connection's beginning, to the empty line
HEAD_LIMIT: Final = 65_536  # octets of a head, those of the first read apart (256 KiB at most)
KEEP_ALIVE_S: Final = 75  # between requests
LEAVE_LOOK_S: Final = 0.05  # how often a leaving front looks whether all its connections have ended
LOOK_S: Final = 1.0  # how often late heads are looked for: one look over all connections costs less than a timer a request
BACKLOG: Final = 2_048


def _answer(status: int, phrase: str, title: str) -> bytes:
    body = json.dumps({"type": "about:blank", "title": title, "status": status}).encode()
    head = f"HTTP/1.1 {status} {phrase}\r\nconnection: close\r\ncontent-type: application/problem+json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


_TOO_LARGE: Final = _answer(431, "Request Header Fields Too Large", "The head of the request is too large")
_TOO_LATE: Final = _answer(408, "Request Timeout", "The head of the request came too late")


class Line(HttpToolsProtocol):
    """One connection. Owns when its next head is due; forgets everything with the connection."""

    _due_s = 0.0  # when the head under way must be whole; 0: none is
    _in_head = False
    _octets = 0  # of the head under way
    _leaving = False  # no request after the one that comes next, or is here

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._due_s = self.loop.time() + HEAD_TIMEOUT_S

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._octets += len(data)
        elif not self._due_s and self._idle():
            # Blank lines before a head, or the rest of a body that nobody reads: uvicorn has just stopped its own timer
            self._due_s = self.loop.time() + HEAD_TIMEOUT_S
        super().data_received(data)
        if self._in_head and self._octets > HEAD_LIMIT:
            self._refuse(_TOO_LARGE)

    def _idle(self) -> bool:
        cycle: Any = self.cycle  # None before the first request, whatever its annotation says
        return cycle is None or bool(cycle.response_complete)

    def on_message_begin(self) -> None:
        self._in_head, self._octets = True, 0
        self._due_s = self.loop.time() + HEAD_TIMEOUT_S
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head, self._due_s = False, 0.0
        super().on_headers_complete()
        if self._leaving:
            self.leave()

    def on_message_complete(self) -> None:
        if self._due_s:  # what was left of a body is here: back to waiting for the next head
            self._due_s = self.loop.time() + KEEP_ALIVE_S
        super().on_message_complete()

    def leave(self) -> None:
        """End the connection with its next answer, which tells the client so (``Connection: close``)."""
        self._leaving = True
        if not self._idle():
            self.cycle.keep_alive = False

    def cut_if_late(self, now_s: float) -> bool:
        """Close the connection when its head is late; a connection that is not being read is not late."""
        if not self._due_s or now_s < self._due_s or self.transport.is_closing():
            return False
        if self.flow.read_paused:
            self._due_s = now_s + HEAD_TIMEOUT_S
            return False
        self._refuse(_TOO_LATE)
        return True

    def _refuse(self, answer: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(answer)
            self.transport.close()


def cut_late(server: uvicorn.Server, now_s: float) -> int:
    """Close every connection whose head is late; how many."""
    return sum(line.cut_if_late(now_s) for line in list(server.server_state.connections) if isinstance(line, Line))


async def keep_cutting(server: uvicorn.Server, count: Callable[[int], None]) -> None:
    """Look again and again, until the server is told to end."""
    loop = asyncio.get_running_loop()
    while not server.should_exit:
        await asyncio.sleep(LOOK_S)
        if cut := cut_late(server, loop.time()):
            count(cut)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; several fronts of a machine listen on one port, and the kernel spreads connections over them."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((host, port))
    listener.listen(BACKLOG)
    return listener


async def serve(app: Any, listener: socket.socket) -> uvicorn.Server:
    """Take connections of ``listener``; the caller runs ``main_loop`` and ``keep_cutting``."""
    config = uvicorn.Config(
        app,
        http=Line,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,  # nothing here asks who the client is but to slow down guessing, and headers can be made up
        date_header=True,
        timeout_keep_alive=KEEP_ALIVE_S,
        backlog=BACKLOG,
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listener])
    return server


async def listen_too(server: uvicorn.Server, listener: socket.socket) -> asyncio.Server:
    """Take connections of another socket as well; ``Server.startup`` does this for those that it is given."""
    config = server.config

    def line() -> asyncio.Protocol:
        return Line(config=config, server_state=server.server_state, app_state=server.lifespan.state)

    more = await asyncio.get_running_loop().create_server(line, sock=listener, backlog=BACKLOG)
    server.servers.append(more)
    return more


async def stop_accepting(server: asyncio.Server) -> None:
    """Close it, with no connection lost that has just been accepted.

    asyncio makes a connection's transport in a task of its own, which fails when the server is closed before it runs (``Server._attach``, Python
    3.11): nobody would read what the client has sent.
    """
    loop = asyncio.get_running_loop()
    for listener in server.sockets:
        loop.remove_reader(listener.fileno())
    await asyncio.sleep(0)  # what was accepted until now gets its transport
    server.close()


async def leave(server: uvicorn.Server, within_s: float) -> None:
    """Take no more connections, let each of those that are there have one more answer, and close those that ask for none in time."""
    for one in server.servers:
        await stop_accepting(one)
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + within_s
    while (lines := [line for line in server.server_state.connections if isinstance(line, Line)]) and loop.time() < deadline_s:
        for line in lines:
            line.leave()
        await asyncio.sleep(LEAVE_LOOK_S)
