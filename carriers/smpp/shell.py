"""A session on an asyncio transport: the same for client and server."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Any, Final, cast

from carriers.smpp.events import Closed, Event
from carriers.smpp.leftover import NO_SOCKET, any_leftover, plain_socket, read_leftover
from carriers.smpp.session import Session

CLOSE_S: Final = 2.0  # how long octets already given to the transport may take to leave after the end
USER_TIMEOUT_MS: Final = 20_000  # octets unacknowledged for this long end the connection (RFC 5482)


class SessionShell(asyncio.Protocol):
    """Moves octets between a transport and a ``Session``, and keeps one loop timer.

    Events go to ``on_events(shell, events)`` by plain call from the loop, batched per read; whatever the callback has the
    session say is written afterwards in one go. Actions outside a callback are followed by ``flush()``.
    """

    def __init__(
        self,
        make_session: Callable[[float], Session],
        *,
        clock: Callable[[], float],
        on_events: Callable[["SessionShell", list[Event]], None],
        on_connected: Callable[["SessionShell"], None] | None = None,
        on_writable: Callable[[], None] | None = None,
        buffer_octets: int = 0,
        gather_s: float = 0.0,
    ) -> None:
        """``make_session(now_s)`` is called once connected; ``on_connected`` is where a client binds.

        With ``buffer_octets`` a peer that leaves so much unread is not read from either, until it reads: neither side's memory
        grows. Not for both ends of one connection, which would wait for each other. With ``gather_s`` what comes densely is read
        as seldom looked at: see ``_gather``.
        """
        self.session: Session
        self.writable = False  # False while the transport asks for patience, and at the end
        self.peer: Any = None
        self._make_session = make_session
        self._clock = clock
        self._on_events = on_events
        self._on_connected = on_connected
        self._on_writable = on_writable
        self._buffer_octets = buffer_octets
        self._gather_s = gather_s
        self._gathering: asyncio.Handle | None = None
        self._unseen: list[bytes] = []  # octets that came meanwhile, where there is no plain socket to leave them in
        self._descriptor = NO_SOCKET
        self._read_s = 0.0  # when octets came last
        self.held = False  # reading is stopped by ``hold``
        self._reading = True
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_s = 0.0
        self._reason = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)  # by name: uvloop's transports are no subclass
        self.peer = transport.get_extra_info("peername")
        _tune(transport.get_extra_info("socket"))
        if self._gather_s:
            self._descriptor = plain_socket(transport)
        if self._buffer_octets:
            self._transport.set_write_buffer_limits(self._buffer_octets)
        self.session = self._make_session(self._clock())
        self.writable = True
        if self._on_connected is not None:
            self._on_connected(self)
        self.flush()

    def data_received(self, data: bytes) -> None:
        """Octets came."""
        if self._gathering is not None:
            self._unseen.append(bytes(data))
        else:
            self._take(bytes(data))

    def pause_writing(self) -> None:
        """The transport's buffer is full."""
        self.writable = False
        self._see_to_reading()

    def resume_writing(self) -> None:
        """The transport's buffer has drained."""
        if self._transport is not None:
            self.writable = not self._transport.is_closing()
            self._see_to_reading()
            if self._on_writable is not None and self.writable:
                self._on_writable()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end, whoever wanted it."""
        self._transport = None
        self.writable = False
        self._disarm()
        self._gathered()  # an answer that has come is known, whatever became of the connection since
        self._stop_gathering()
        self._descriptor = NO_SOCKET  # somebody else's from now on
        reason = self._reason or (f"link cut: {exc}" if exc else "closed by the peer")
        self._tell(self.session.lost(reason))

    def flush(self) -> None:
        """Write what the session has to say, and see to the timer."""
        octets = self.session.bytes_to_send()
        if octets and self._transport is not None and not self._transport.is_closing():
            self._transport.write(octets)
            if self._gathering is not None and self._wants_answers():
                self._stop_gathering()
                self._gathering = self._loop.call_soon(self._gathered)  # not now: whoever writes is not told anything meanwhile
        self._arm()

    def answered(self) -> None:
        """Its requests have been answered. A peer of whom nothing more had come may have waited for that, and is read at once again."""
        if self._gathering is None or self._unseen:
            return
        with contextlib.suppress(OSError):  # a broken connection is found by reading
            if self._descriptor != NO_SOCKET and any_leftover(self._descriptor):
                return
        self._stop_gathering()
        self._see_to_reading()

    def hold(self) -> None:
        """Read no more until ``release``: the peer's requests are more than we can take. Its silence is excused meanwhile."""
        if not self.held:
            self.held = True
            self.session.hold(self._clock())
            self._see_to_reading()

    def release(self) -> None:
        """Read again after ``hold``."""
        if self.held:
            self.held = False
            self.session.hold(self._clock())
            self._see_to_reading()

    def close(self, reason: str) -> None:
        """Write what is left and close; ``Closed`` with ``reason`` follows unless it has been told already."""
        self._reason = self._reason or reason
        transport = self._transport
        if transport is not None:
            self.flush()
            self.writable = False
            transport.close()
            self._disarm()
            self._timer = self._loop.call_later(CLOSE_S, transport.abort)

    def abort(self, reason: str) -> None:
        """Cut the connection without a word."""
        self._reason = self._reason or reason
        if self._transport is not None:
            self.writable = False
            self._transport.abort()

    def _take(self, octets: bytes) -> None:
        now_s = self._clock()
        self._tell(self.session.receive(octets, now_s))
        if self._gather_s:
            self._gather(now_s)

    def _gather(self, now_s: float) -> None:
        """Let more arrive before the next look, where the last two came close together.

        A look costs 0.2 ms of an actor whatever it finds, and a carrier's answers and receipts come one by one: measured 470 reads a second
        at 1,500 messages a second. Nothing waits that waits for nothing but this: neither the first octets after a lull, nor
        answers that three quarters of the window wait for, nor a peer whose window is full, for it is silent then. Meanwhile the octets stay
        with the kernel, where they are found even when the connection has been cut (with TLS they are read, and kept here): to be
        woken for each of the peer's writes was a third of what a carrier of 800 messages a second cost.
        """
        since_s, self._read_s = now_s - self._read_s, now_s
        if since_s < 2 * self._gather_s and self._transport is not None and not self._wants_answers():
            self._gathering = self._loop.call_later(self._gather_s, self._gathered)
        self._see_to_reading()

    def _wants_answers(self) -> bool:
        """Whether so much is unanswered that reading late would hold up writing."""
        session = self.session
        return session.unanswered > 3 * session.room or not session.bound

    def _gathered(self) -> None:
        self._stop_gathering()
        self._read_leftover()
        if self._unseen:
            octets = b"".join(self._unseen)
            self._unseen.clear()
            self._take(octets)
        else:
            self._see_to_reading()

    def _read_leftover(self) -> None:
        if self._descriptor == NO_SOCKET or self.held:
            return
        try:
            octets, more = read_leftover(self._descriptor)
        except OSError as error:
            self._descriptor = NO_SOCKET
            self.abort(f"link cut: {error}")
            return
        if octets:
            self._unseen.append(octets)
        if not more:
            self._descriptor = NO_SOCKET  # the transport sees the end for itself

    def _stop_gathering(self) -> None:
        if self._gathering is not None:
            self._gathering.cancel()
            self._gathering = None

    def _see_to_reading(self) -> None:
        transport = self._transport
        left = self._gathering is not None and self._descriptor != NO_SOCKET
        reading = not self.held and not left and (self.writable or not self._buffer_octets)
        if transport is None or transport.is_closing() or reading == self._reading:
            return
        self._reading = reading
        if reading:
            transport.resume_reading()
        else:
            transport.pause_reading()

    def _tell(self, events: list[Event]) -> None:
        if events:
            self._on_events(self, events)
            if isinstance(events[-1], Closed):
                self.close(events[-1].reason)
                return
        self.flush()

    def _arm(self) -> None:
        when_s = self.session.next_timer() if self.writable or self._transport is not None else None
        if when_s is None or (self._transport is not None and self._transport.is_closing()):
            return
        if self._timer is not None:
            if self._timer_s <= when_s:
                return  # it fires early, finds nothing to do and is set again: cheaper than a new one for every read
            self._timer.cancel()
        self._timer_s = when_s
        self._timer = self._loop.call_later(max(0.0, when_s - self._clock()), self._due)

    def _due(self) -> None:
        self._timer = None
        self._gathered()  # what has come is not overdue
        now_s = self._clock()
        if self.held:
            self.session.hold(now_s)
        self._tell(self.session.handle_timer(now_s))

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _tune(sock: socket.socket | None) -> None:
    """No delay for small writes; half-open connections are to end by themselves."""
    if sock is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
