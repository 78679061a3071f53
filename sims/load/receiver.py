"""A webhook receiver for one run: takes every event, answers at once, verifies signatures when it has the secret.

Built on the same parser as the client, for the same reason: it shares a core with what it measures.
"""

import asyncio
import base64
import binascii
import hmac
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import httptools
import msgspec

from sims.load.options import InvalidOptions

_OK: Final = b"HTTP/1.1 204 No Content\r\n\r\n"
_REFUSED: Final = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
_UNREADABLE: Final = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_NOT_HERE: Final = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


class Event(NamedTuple):
    """One delivery."""

    message_id: str
    status: str
    webhook_id: str  # the same when it is delivered again
    signed: bool  # whether its signature is valid; without a secret nobody can say otherwise


class _Data(msgspec.Struct):
    id: str = ""
    status: str = ""


class _Body(msgspec.Struct):
    type: str = ""
    data: _Data = msgspec.field(default_factory=_Data)


_decoder = msgspec.json.Decoder(_Body)


def secret_octets(secret: str) -> bytes:
    """The key inside ``whsec_<base64>`` (Standard Webhooks, "Signature scheme"); raises ``InvalidOptions``."""
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidOptions("webhook-secret: not whsec_ and base64") from error


def signed(secret: bytes, headers: dict[bytes, bytes], body: bytes) -> bool:
    """Whether one of the signatures in ``webhook-signature`` is ours: ``v1,<base64 HMAC-SHA256 of id.timestamp.body>``."""
    content = headers.get(b"webhook-id", b"") + b"." + headers.get(b"webhook-timestamp", b"") + b"." + body
    wanted = b"v1," + base64.b64encode(hmac.digest(secret, content, "sha256"))
    return any(hmac.compare_digest(wanted, one) for one in headers.get(b"webhook-signature", b"").split())


class WebhookReceiver:
    """Listens on a free port; ``on_event`` for each delivery, forgeries included, which are refused."""

    def __init__(self, on_event: Callable[[Event], None], *, secret: str = "") -> None:
        self.on_event = on_event
        self.secret = secret_octets(secret) if secret else b""
        self.path = b"/events"
        self.connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None

    async def start(self, host: str, path: str) -> str:
        """Listen; returns the URL that events are to be sent to."""
        self.path = path.encode()
        self._server = await asyncio.get_running_loop().create_server(lambda: _Connection(self), host, 0)
        port = self._server.sockets[0].getsockname()[1]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}{path}"

    async def stop(self) -> None:
        """Close the port and every connection."""
        if self._server is None:
            return
        self._server.close()
        for connection in tuple(self.connections):
            connection.close()
        await self._server.wait_closed()
        self._server = None

    def take(self, path: bytes, headers: dict[bytes, bytes], body: bytes) -> bytes:
        """Judge one delivery; returns the octets of the answer."""
        if path != self.path:
            return _NOT_HERE
        ours = not self.secret or signed(self.secret, headers, body)
        try:
            event = _decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            if ours:
                return _UNREADABLE
            event = _Body()
        status = event.data.status or event.type.removeprefix("message.")
        self.on_event(Event(event.data.id, status, headers.get(b"webhook-id", b"").decode("latin-1"), ours))
        return _OK if ours else _REFUSED


class _Connection(asyncio.Protocol):
    """One connection of a courier."""

    def __init__(self, receiver: WebhookReceiver) -> None:
        self._receiver = receiver
        self._parser: Any = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._path = b""
        self._body = bytearray()
        self._headers: dict[bytes, bytes] = {}
        self._answers: list[bytes] = []  # to what has been read together, and may have been written so
        self._ends = False

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a stream transport, for create_server
        self._receiver.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 couriers may leave as they like
        self._transport = None
        self._receiver.connections.discard(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._answers.append(_UNREADABLE)
            self._ends = True
        answers, self._answers = self._answers, []
        if answers and self._transport is not None:
            self._transport.write(b"".join(answers))
            if self._ends:
                self._transport.close()

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        self._answers.append(self._receiver.take(self._path, self._headers, bytes(self._body)))
        self._ends = not self._parser.should_keep_alive()
        self._path, self._body, self._headers = b"", bytearray(), {}
