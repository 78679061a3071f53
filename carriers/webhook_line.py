"""One kept connection to a webhook's endpoint: HTTP/1.1, and of its answers only what a courier acts on.

An own client because its cost is the courier's: measured, processor time a delivery, 120 µs with aiohttp's client and 30 µs with this.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import httptools

ANSWER_LIMIT: Final = 65_536  # octets of an answer that are read (and dropped); a longer one costs the connection
HEAD_LIMIT: Final = 65_536  # octets of its head

_SWITCHING: Final = 101


class Head(NamedTuple):
    """What was answered."""

    status: int
    retry_after: str
    date: str


class Cut(NamedTuple):
    """The connection ended before an answer came."""


class Unreadable(NamedTuple):
    """What came is no answer."""

    reason: str


End = Head | Cut | Unreadable
Told = Callable[[End], None]


class WebhookLine(asyncio.Protocol):
    """Owns one connection. ``on_idle`` is called with it when it may be used again, before the end of its last delivery is told.

    What is posted in one turn of the loop goes out together, and is answered in its order (RFC 9112, 9.3.2).
    """

    def __init__(self, on_idle: Callable[["WebhookLine"], None], on_lost: Callable[["WebhookLine"], None]) -> None:
        self._on_idle = on_idle
        self._on_lost = on_lost
        self._under_way: deque[Told] = deque()  # in the order of their requests
        self._unsent: list[bytes] = []
        self._ended: list[tuple[Told, End]] = []  # of the octets that are being read
        self._transport: asyncio.Transport | None = None
        self._parser: Any = httptools.HttpResponseParser(self)
        self._keep = True  # whether the endpoint lets it stand after what it has answered
        self._more = False  # it said more than it was asked
        self._next()
        self.idle_since_s = 0.0

    def _next(self) -> None:
        self._head: Head | None = None
        self._size = 0  # octets of its head, and when that is here, of its body
        self._sized = False
        self._retry_after = self._date = b""

    def post(self, octets: bytes, told: Told) -> None:
        """Send a whole request; ``told`` is called once with how it ended. To one that is usable, or takes more."""
        self._under_way.append(told)
        self._unsent.append(octets)
        if len(self._unsent) == 1:
            asyncio.get_running_loop().call_soon(self._send)

    @property
    def usable(self) -> bool:
        """Whether the next request may go over it."""
        return not self._under_way and self._open

    def takes(self, together: int) -> bool:
        """Whether one more request may go out with those that have not left yet, so many at most."""
        return 0 < len(self._under_way) == len(self._unsent) < together and self._open

    @property
    def _open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def cut(self) -> None:
        """End it now; what is under way is told so."""
        if self._transport is not None:
            self._transport.abort()
        self._cut()

    def close(self) -> None:
        """End it in good order; for one that is idle."""
        if self._transport is not None:
            self._transport.close()

    def _send(self) -> None:
        octets, self._unsent = b"".join(self._unsent), []
        if self._transport is not None:
            self._transport.write(octets)

    # -- asyncio's side ---------------------------------------------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It stands."""
        self._transport = transport  # type: ignore[assignment]  # a stream transport, for create_connection

    def data_received(self, data: bytes) -> None:
        """Octets of answers; without a question they are none."""
        if not self._under_way:
            self.cut()
            return
        if self._head is None:
            self._size += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._answered(Head(_SWITCHING, "", ""), keep=False)
        except httptools.HttpParserError as error:
            self._keep = False
            if not self._ended:
                self._answered(Unreadable(type(error).__name__), keep=False)
        if self._head is None:
            if self._size > HEAD_LIMIT:
                self._answered(Unreadable("its head is too long"), keep=False)
        elif self._size > ANSWER_LIMIT:
            self._answered(self._head, keep=False)
        if self._ended:
            self._tell()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (why it fell makes no difference)
        """It is gone."""
        self._transport = None
        self._on_lost(self)
        if self._under_way and self._head is not None:
            # the end of the connection is the end of a body without a length (RFC 9112, 6.3)
            self._answered(Unreadable("it ended early") if self._sized else self._head, keep=False)
        self._tell()
        self._cut()

    def _answered(self, how: End, *, keep: bool) -> None:
        self._keep = self._keep and keep
        if self._under_way:
            self._ended.append((self._under_way.popleft(), how))
        self._next()

    def _tell(self) -> None:
        ended, self._ended = self._ended, []
        if not self._keep or self._more:
            if self._transport is not None:
                self._transport.abort()
        elif not self._under_way and self._open:
            self._on_idle(self)
        for told, how in ended:
            told(how)
        if not self._keep:
            self._cut()

    def _cut(self) -> None:
        """Nobody will answer these."""
        self._unsent = []
        while self._under_way:
            self._under_way.popleft()(Cut())

    # -- the parser's side ------------------------------------------------------------------------------------------
    def on_message_begin(self) -> None:
        """An answer begins; behind the last that was asked for it answers nothing."""
        self._more = not self._under_way

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header: most are of no interest, and their lengths tell."""
        length = len(name)
        if length == 4 and name.lower() == b"date":
            self._date = value
        elif length == 11 and name.lower() == b"retry-after":
            self._retry_after = value
        elif (length == 14 and name.lower() == b"content-length") or (length == 17 and name.lower() == b"transfer-encoding"):
            self._sized = True

    def on_headers_complete(self) -> None:
        """The status is known."""
        status: int = self._parser.get_status_code()
        if status >= 200:
            self._head = Head(status, self._retry_after.decode("latin-1"), self._date.decode("latin-1"))
            self._size = 0

    def on_body(self, body: bytes) -> None:
        """A piece of the body, which is counted and dropped."""
        self._size += len(body)

    def on_message_complete(self) -> None:
        """An answer is whole, or announces it, as 100 Continue does."""
        if self._head is not None:
            self._answered(self._head, keep=bool(self._parser.should_keep_alive()))
        else:
            self._sized = False
            self._retry_after = self._date = b""
