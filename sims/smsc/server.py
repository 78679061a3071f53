"""An SMSC on a socket: ``Smsc`` inside a test or a program. All decisions are the office's; this moves octets and keeps time."""

import asyncio
import contextlib
import logging
import ssl
from time import monotonic, time_ns
from typing import Any, Final

from sims.smsc.account import Line
from sims.smsc.inbox import Inbox
from sims.smsc.office import Office
from sims.smsc.options import SmscOptions
from sims.smsc.stats import SmscStats
from sims.smsc.temperament import Temperament, Timetable, changed

log = logging.getLogger("trunkline.smsc")

SWEEP_S: Final = 0.05  # how often session timers and the timetable are looked at
BUFFER_OCTETS: Final = 1 << 20  # written and not yet taken by the peer; above, its line is clogged
STOP_S: Final = 1.0  # how long a clean stop waits for unbind_resp
REOPEN_S: Final = 0.1  # pause between attempts to get the port back after an outage


class Smsc:
    """A server with a temperament. ``await start()`` gives the port; ``set_temperament`` takes effect with the next submit."""

    def __init__(
        self, options: SmscOptions | None = None, temperament: Temperament | None = None, timetable: Timetable | None = None
    ) -> None:
        """Raises ``InvalidTemperament`` when the timetable does not fit the temperament."""
        self.options = options if options is not None else SmscOptions()
        self.timetable = timetable if timetable is not None else Timetable()
        self.port = 0
        self._base = temperament if temperament is not None else Temperament()
        self.timetable.check(self._base)
        wall_ns = time_ns()
        self.office = Office(
            self.options,
            self._base,
            first_id=self.options.first_id or wall_ns // 1_000_000,
            wall_offset_s=wall_ns / 1e9 - monotonic(),
        )
        self._fields: dict[str, Any] = {}  # what the timetable changes at present
        self._began_s = monotonic()  # of the timetable
        self._peers: dict[Line, _Peer] = {}
        self._server: asyncio.Server | None = None
        self._tls = _tls_context(self.options)
        self._wake: asyncio.TimerHandle | None = None
        self._wake_s = float("inf")
        self._sweeper: asyncio.TimerHandle | None = None
        self._reopening: asyncio.Task[None] | None = None
        self._running = False

    # -- what tests and the control endpoint read and change --------------------------------------------------------
    @property
    def stats(self) -> SmscStats:
        """The counters, live."""
        return self.office.stats

    @property
    def inbox(self) -> Inbox:
        """What arrived, live."""
        return self.office.custody.inbox

    @property
    def temperament(self) -> Temperament:
        """The one in force, the timetable's changes included."""
        return self.office.custody.temperament

    def set_temperament(self, temperament: Temperament | None = None, **changes: Any) -> Temperament:
        """Replace the temperament, or some of its fields; the timetable's changes stay on top of it.

        Raises ``InvalidTemperament`` and changes nothing.
        """
        base = changed(temperament if temperament is not None else self._base, changes)
        self.timetable.check(base)
        self._base = base
        return self._apply()

    def set_timetable(self, timetable: Timetable) -> None:
        """Follow another timetable from now on; raises ``InvalidTemperament`` and changes nothing."""
        timetable.check(self._base)
        self.timetable = timetable
        self._began_s = monotonic()
        self._fields = timetable.fields_at(0.0)
        self._apply()

    def send_mo(self, source: str, destination: str, text: str, *, long: bool = False, system_id: str = "") -> int:
        """As ``Office.send_mo``, now."""
        parts = self.office.send_mo(source, destination, text, monotonic(), long=long, system_id=system_id)
        self._attend()
        return parts

    # -- the server -------------------------------------------------------------------------------------------------
    async def start(self) -> int:
        """Listen; returns the port. Raises ``OSError``."""
        self._loop = asyncio.get_running_loop()
        self._running = True
        self._began_s = monotonic()
        self.port = self.options.port
        await self._listen()
        self._fields = self.timetable.fields_at(0.0)
        self._apply()
        self._sweep()
        return self.port

    async def stop(self) -> None:
        """Unbind everybody, close everything. What is outstanding is forgotten."""
        if not self._running:
            return
        self._running = False
        if self._reopening is not None:
            self._reopening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reopening
        server, self._server = self._server, None
        if server is not None:
            server.close()
        self.office.unbind_all(monotonic())
        self._attend()
        deadline_s = monotonic() + STOP_S
        while self._peers and monotonic() < deadline_s:
            await asyncio.sleep(0.005)
        for peer in tuple(self._peers.values()):
            peer.abort()
        while self._peers:
            await asyncio.sleep(0)
        if server is not None:
            await server.wait_closed()
        for handle in (self._wake, self._sweeper):
            if handle is not None:
                handle.cancel()
        self.office.close()

    async def _listen(self) -> None:
        self._server = await self._loop.create_server(
            lambda: _Peer(self), self.options.host, self.port, ssl=self._tls, backlog=1_024
        )
        self.port = self._server.sockets[0].getsockname()[1]

    def _apply(self) -> Temperament:
        """Put base and timetable together and into force."""
        before = self.temperament
        now = changed(self._base, self._fields) if self._fields else self._base
        if now != before:
            self.office.custody.temperament = now
            log.info("smsc.temperament port=%d", self.port)
        if now.outage:
            self._close_down()
        elif self._running and self._server is None and self._reopening is None:
            self._reopening = asyncio.ensure_future(self._reopen())
        return now

    def _close_down(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
            self.office.cut_all()
            self._attend()
            log.info("smsc.outage port=%d", self.port)

    async def _reopen(self) -> None:
        """Get the port back; somebody else may hold it for a moment."""
        try:
            while self._running and not self.temperament.outage:
                try:
                    await self._listen()
                except OSError:
                    await asyncio.sleep(REOPEN_S)
                else:
                    log.info("smsc.reopened port=%d", self.port)
                    break
        finally:
            self._reopening = None
        if self.temperament.outage:
            self._close_down()  # it came again while the port was being opened

    # -- lines ------------------------------------------------------------------------------------------------------
    def connected(self, peer: "_Peer") -> Line:
        """A connection came."""
        line = self.office.connect(monotonic())
        self._peers[line] = peer
        return line

    def received(self, line: Line, data: bytes) -> None:
        """Octets came."""
        self.office.receive(line, data, monotonic())
        self._attend()

    def lost(self, line: Line) -> None:
        """A connection is gone."""
        self._peers.pop(line, None)
        self.office.lost(line, monotonic())
        self._attend()

    def clogged(self, line: Line, *, is_so: bool) -> None:
        """The peer has stopped reading, or reads again."""
        if is_so:
            line.clogged = True
        else:
            self.office.unclogged(line, monotonic())
            self._attend()

    def _attend(self) -> None:
        """Write to and close the lines that the office has touched; arm the timer."""
        touched = self.office.touched
        if touched:
            self.office.touched = {}
            for line in touched:
                peer = self._peers.get(line)
                if peer is None:
                    continue
                if line.cut:
                    peer.abort()
                    continue
                octets = line.session.bytes_to_send()
                if octets:
                    peer.write(octets)
                if line.ended:
                    peer.close()
        next_s = self.office.custody.agenda.next_s()
        if next_s is not None and next_s < self._wake_s and self._running:
            if self._wake is not None:
                self._wake.cancel()
            self._wake_s = next_s
            self._wake = self._loop.call_later(max(self.options.tick_s, next_s - monotonic()), self._due)

    def _due(self) -> None:
        self._wake, self._wake_s = None, float("inf")
        self.office.due(monotonic())
        self._attend()

    def _sweep(self) -> None:
        now_s = monotonic()
        self.office.sweep(now_s)
        fields = self.timetable.fields_at(now_s - self._began_s)
        if fields != self._fields:
            self._fields = fields
            self._apply()
        self._attend()
        if self._running:
            self._sweeper = self._loop.call_later(SWEEP_S, self._sweep)


class _Peer(asyncio.Protocol):
    """One connection."""

    def __init__(self, smsc: Smsc) -> None:
        self._smsc = smsc
        self._transport: asyncio.Transport | None = None
        self._line: Line | None = None

    def write(self, octets: bytes) -> None:
        if self._transport is not None:
            self._transport.write(octets)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a stream transport, for create_server
        transport.set_write_buffer_limits(BUFFER_OCTETS)  # type: ignore[attr-defined]  # as above
        self._line = self._smsc.connected(self)

    def data_received(self, data: bytes) -> None:
        if self._line is not None:
            self._smsc.received(self._line, data)

    def pause_writing(self) -> None:
        # a peer that does not read its answers is not read from: neither side's memory grows
        if self._transport is not None and self._line is not None:
            self._transport.pause_reading()
            self._smsc.clogged(self._line, is_so=True)

    def resume_writing(self) -> None:
        if self._transport is not None and self._line is not None:
            if not self._transport.is_closing():
                self._transport.resume_reading()
            self._smsc.clogged(self._line, is_so=False)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 why it fell makes no difference to an SMSC
        self._transport = None
        if self._line is not None:
            self._smsc.lost(self._line)


def _tls_context(options: SmscOptions) -> ssl.SSLContext | None:
    if not options.tls_certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(options.tls_certificate, options.tls_key or None)
    return context
