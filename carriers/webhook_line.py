"""One kept connection to a webhook's endpoint: HTTP/1.1, at most one request under way, and of its answer only what a courier acts on.

An own client because its cost is the courier's: measured, processor time a delivery, 120 µs with aiohttp's client and 30 µs with this.
"""

import asyncio
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


class WebhookLine(asyncio.Protocol):
    """Owns one connection. ``on_idle`` is called with it when it may be used again, before the end of its delivery is told."""

    def __init__(self, on_idle: Callable[["WebhookLine"], None], on_lost: Callable[["WebhookLine"], None]) -> None:
        self._on_idle = on_idle
        self._on_lost = on_lost
        self._told: Callable[[End], None] | None = None  # of the delivery under way
        self._transport: asyncio.Transport | None = None
        self._parser: Any = httptools.HttpResponseParser(self)
        self.idle_since_s = 0.0

    def post(self, octets: bytes, told: Callable[[End], None]) -> None:
        """Send a whole request; ``told`` is called once with how it ended, unless ``abort`` comes first."""
        self._told = told
        self._head: Head | None = None
        self._size = 0  # octets of its head, and when that is here, of its body
        self._sized = self._whole = self._keep = self._more = False
        self._retry_after = self._date = b""
        if self._transport is not None:
            self._transport.write(octets)

    @property
    def usable(self) -> bool:
        """Whether the next request may go over it."""
        return self._told is None and self._transport is not None and not self._transport.is_closing()

    def abort(self) -> None:
        """End it now; nobody is told."""
        self._told = None
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """End it in good order; for one that is idle."""
        if self._transport is not None:
            self._transport.close()

    # -- asyncio's side ---------------------------------------------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It stands."""
        self._transport = transport  # type: ignore[assignment]  # a stream transport, for create_connection

    def data_received(self, data: bytes) -> None:
        """Octets of the answer; without a question they are none."""
        if self._told is None:
            self.abort()
            return
        if self._head is None:
            self._size += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._head = Head(_SWITCHING, "", "")
            self._whole = True
        except httptools.HttpParserError as error:
            self._end(self._head if self._whole and self._head else Unreadable(type(error).__name__), keep=False)
            return
        if self._head is None:
            if self._size > HEAD_LIMIT:
                self._end(Unreadable("its head is too long"), keep=False)
        elif self._whole or self._size > ANSWER_LIMIT:
            self._end(self._head, keep=self._keep and not self._more)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (why it fell makes no difference)
        """It is gone."""
        self._transport = None
        self._on_lost(self)
        if self._told is None:
            return
        if self._head is None:
            self._end(Cut(), keep=False)
        elif self._sized:
            self._end(Unreadable("it ended early"), keep=False)
        else:  # the end of the connection is the end of the body (RFC 9112, 6.3)
            self._end(self._head, keep=False)

    def _end(self, how: End, *, keep: bool) -> None:
        told, self._told = self._told, None
        if self._transport is not None:
            if keep and not self._transport.is_closing():
                self._on_idle(self)
            else:
                self._transport.abort()
        if told is not None:
            told(how)

    # -- the parser's side ------------------------------------------------------------------------------------------
    def on_message_begin(self) -> None:
        """An answer begins; behind a whole one it answers nothing."""
        self._more = self._whole

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
        if status >= 200 and not self._whole:
            self._head = Head(status, self._retry_after.decode("latin-1"), self._date.decode("latin-1"))
            self._size = 0

    def on_body(self, body: bytes) -> None:
        """A piece of the body, which is counted and dropped."""
        self._size += len(body)

    def on_message_complete(self) -> None:
        """The answer is whole."""
        if self._head is not None:
            self._whole, self._keep = True, bool(self._parser.should_keep_alive())
            return
        # 100 Continue and its like announce the answer
        self._sized = False
        self._retry_after = self._date = b""
