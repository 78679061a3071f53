"""The front's HTTP server, and what uvicorn leaves to others: whoever is slow with a request's head, or endless, is cut off.

uvicorn bounds neither the time that a head may take nor its octets: a client that drips one octet a second holds a socket for ever
(slow loris). Here a head must be whole in ``HEAD_TIMEOUT_S`` and below ``HEAD_LIMIT``. Bodies are bounded by ``router.api.http``.

What comes most often takes a short way: a request that is here to its last octet, for an endpoint that takes such (``router.api.endpoint.Whole``),
needs no ASGI. Measured with a small answer, processor time a request: 36 µs that way, 107 by uvicorn's, of which 20 are the task. Whatever
is particular (no body yet, an answer still under way, HTTP/1.0, ``Expect``, ``Upgrade``) goes by uvicorn's.
"""

import asyncio
import json
import socket
from collections.abc import Callable, Mapping
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from actors.http_exchange import Exchange

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
    _rest_s = 0.0  # when an idle connection has been kept for long enough; 0: it is not idle
    _in_head = False
    _octets = 0  # of the head under way
    _leaving = False  # no request after the one that comes next, or is here
    _endpoint: Any = None  # of the request that may turn out to be whole; its body until now is in ``_held``
    _held = b""

    def __init__(self, config: uvicorn.Config, *arguments: Any, **options: Any) -> None:
        super().__init__(config, *arguments, **options)
        self._whole: Mapping[tuple[bytes, bytes], Any] = getattr(self.app, "whole", {})

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._due_s = self.loop.time() + HEAD_TIMEOUT_S

    def data_received(self, data: bytes) -> None:
        self._rest_s = 0.0
        if self._in_head:
            self._octets += len(data)
        elif not self._due_s and self._idle():
            # Blank lines before a head, or the rest of a body that nobody reads
            self._due_s = self.loop.time() + HEAD_TIMEOUT_S
        super().data_received(data)
        if self._endpoint is not None:  # more of its body is to come
            self._endpoint = None
            if not self.transport.is_closing():
                self._go_by_asgi()
        if self._in_head and self._octets > HEAD_LIMIT:
            self._refuse(_TOO_LARGE)

    def _idle(self) -> bool:
        cycle: Any = self.cycle  # None before the first request, whatever its annotation says
        return cycle is None or bool(cycle.response_complete)

    def on_message_begin(self) -> None:
        self._in_head, self._octets = True, 0
        self._due_s, self._rest_s = self.loop.time() + HEAD_TIMEOUT_S, 0.0
        # uvicorn's own part makes the scope, which not every request needs: ``_go_by_asgi``
        self.url, self.headers, self.expect_100_continue = b"", [], False

    def on_headers_complete(self) -> None:
        self._in_head, self._due_s = False, 0.0
        self._held = b""
        parser = self.parser
        endpoint = self._whole.get((parser.get_method(), self.url))
        if (
            endpoint is not None
            and self._idle()
            and not (self.expect_100_continue or self.flow.write_paused or parser.should_upgrade())
            and parser.get_http_version() == "1.1"
        ):
            self._endpoint = endpoint
        else:
            self._go_by_asgi()

    def _go_by_asgi(self) -> None:
        """What uvicorn does with a head, and what is here of its body."""
        headers, url, expects, held = self.headers, self.url, self.expect_100_continue, self._held
        super().on_message_begin()
        self.headers += headers  # in place: the scope has this very list
        self.url, self.expect_100_continue, self._held = url, expects, b""
        super().on_headers_complete()
        if held:
            super().on_body(held)
        if self._leaving:
            self.leave()

    def on_body(self, body: bytes) -> None:
        if self._endpoint is None:
            super().on_body(body)
        else:
            self._held = self._held + body if self._held else body

    def on_message_complete(self) -> None:
        endpoint, self._endpoint = self._endpoint, None
        if endpoint is None or not self._take(endpoint):
            super().on_message_complete()
        if self._due_s:  # what was left of a body is here: back to waiting for the next head
            self._due_s = self.loop.time() + KEEP_ALIVE_S

    def _take(self, endpoint: Any) -> bool:
        """Hand a whole request over; False: it has been sent uvicorn's way."""
        before, exchange = self.cycle, Exchange(self, keep_alive=self.parser.should_keep_alive() and not self._leaving)
        self.cycle = exchange  # type: ignore[assignment]  # has all that uvicorn asks of the request under way
        octets, self._held = self._held, b""
        if endpoint.take({"path": endpoint.path, "client": self.client, "headers": self.headers}, octets, exchange.answer):
            return True
        self.cycle, self._held = before, octets
        self._go_by_asgi()
        return False

    def on_response_complete(self) -> None:
        """As uvicorn's, with one look for all connections in the place of a timer a request (``cut_if_late``)."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self._rest_s = self.loop.time() + KEEP_ALIVE_S

    def leave(self) -> None:
        """End the connection with its next answer, which tells the client so (``Connection: close``)."""
        self._leaving = True
        if not self._idle():
            self.cycle.keep_alive = False

    def cut_if_late(self, now_s: float) -> bool:
        """Close the connection when its head is late; a connection that is not being read is not late. One that has been idle for too long is closed as well."""
        if self._rest_s and now_s >= self._rest_s:
            self.transport.close()
            return False
        if not self._due_s or now_s < self._due_s or self.transport.is_closing():
            return False
        if self.flow.read_paused:
            self._due_s = now_s + HEAD_TIMEOUT_S
            return False
        if self._in_head:
            self._refuse(_TOO_LATE)
        else:  # nothing was asked: what is said now would be taken for the answer to a request that may be on its way
            self.transport.close()
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
