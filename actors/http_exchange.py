"""A request that was whole when it came, and its answer in one write: what ``actors.http_line`` has in the place of uvicorn's cycle."""

from typing import TYPE_CHECKING, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from router.api.http import Reply

if TYPE_CHECKING:
    from actors.http_line import Line

_CLOSE: Final = b"connection: close\r\n"


class _Nobody:
    """Whom uvicorn wakes when a connection ends. Nobody waits: what is under way is told by the journal."""

    @staticmethod
    def set() -> None:
        """Nothing."""


class Exchange:
    """Owns whether its answer is out. The attributes that uvicorn knows are named as uvicorn names them."""

    __slots__ = ("_line", "disconnected", "keep_alive", "response_complete")

    message_event = _Nobody()

    def __init__(self, line: "Line", *, keep_alive: bool) -> None:
        self._line = line
        self.keep_alive = keep_alive
        self.response_complete = False
        self.disconnected = False

    def answer(self, reply: Reply) -> None:
        """Send it, unless the client has gone."""
        self.response_complete = True
        transport = self._line.transport
        if self.disconnected or transport.is_closing():
            return
        closes = reply.closes
        told = (
            STATUS_LINE[reply.status_code],
            _defaults.lines(self._line.server_state.default_headers),
            reply.head(),
            b"\r\n" if self.keep_alive or closes else _CLOSE + b"\r\n",
            reply.body,
        )
        transport.write(b"".join(told))
        if closes or not self.keep_alive:
            transport.close()
        self._line.on_response_complete()


class _Defaults:
    """The headers that uvicorn puts before all others, as octets: it makes a new list of them each second."""

    def __init__(self) -> None:
        self._headers: list[tuple[bytes, bytes]] = []
        self._lines = b""

    def lines(self, headers: list[tuple[bytes, bytes]]) -> bytes:
        """Each line with its end."""
        if headers is not self._headers:
            self._headers, self._lines = headers, b"".join([b"%b: %b\r\n" % header for header in headers])
        return self._lines


_defaults: Final = _Defaults()
