"""One session that is kept bound: connect, bind, hold, and again after a pause."""

import asyncio
import logging
import ssl
from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from carriers.smpp.client import Address, connect
from carriers.smpp.commands import BIND_RECEIVER, BIND_TRANSMITTER
from carriers.smpp.counters import LinkCounters
from carriers.smpp.events import Answer, BindRefused, Bound, Closed, Event, Malformed, Unbinding
from carriers.smpp.finder import FIRST, WindowFinder
from carriers.smpp.law import SUBMITTING, Side
from carriers.smpp.operations import Bind
from carriers.smpp.rebind import CREDENTIALS, Backoff
from carriers.smpp.session import Session, Timers
from carriers.smpp.shell import SessionShell
from carriers.smpp.statuses import explain, status_name
from router.settings import CarrierProfile

log: Final = logging.getLogger(__name__)

# Answers and receipts that come densely are read together: reads were a third of what a carrier's actor used at 1,500 messages a second.
GATHER_S: Final = 0.025


class Seat:
    """Owns the connection of the moment; forgets nothing but the pause it is in when the process ends.

    ``on_events(seat, events)`` gets every event of the session, ``Closed`` included, by plain call.
    """

    def __init__(
        self,
        number: int,
        command: int,
        profile: CarrierProfile,
        addresses: tuple[Address, ...],
        *,
        address: int,
        context: ssl.SSLContext | None,
        counters: LinkCounters,
        clock: Callable[[], float],
        rng: Random,
        on_events: Callable[["Seat", list[Event]], None],
        on_writable: Callable[[], None],
    ) -> None:
        """``command``: which bind; ``address``: which of the addresses to begin with, counted around."""
        self.number = number
        self.command = command
        self.reason = "not connected yet"  # why it is not bound; "" when it is
        self.shell: SessionShell | None = None
        self._profile = profile
        self._addresses = addresses
        self._address = address % len(addresses)
        self._context = context
        self._counters = counters
        self._clock = clock
        self._backoff = Backoff(profile.rebind_min_s, profile.rebind_max_s, rng)
        self._on_events = on_events
        self._on_writable = on_writable
        self.finder: WindowFinder | None = None  # of this session, where the profile says to find its window
        self._closing = asyncio.Event()
        self._ended = asyncio.Event()
        self._bound_at_s: float | None = None
        self._refused: int | None = None  # status of the last bind

    @property
    def submits(self) -> bool:
        """Whether this seat is for sending (transmitter or transceiver)."""
        return self.command != BIND_RECEIVER

    @property
    def receives(self) -> bool:
        """Whether this seat is for receipts (receiver or transceiver)."""
        return self.command != BIND_TRANSMITTER

    @property
    def bound(self) -> bool:
        """Whether its session is bound."""
        return self.shell is not None and self.shell.session.bound

    @property
    def room(self) -> int:
        """How many submits may be written now."""
        shell = self.shell
        if shell is None or not shell.writable or shell.session.state not in SUBMITTING:
            return 0
        return shell.session.room

    @property
    def unanswered(self) -> int:
        """Requests without an answer."""
        return self.shell.session.unanswered if self.shell is not None else 0

    @property
    def window(self) -> int:
        """How many submits may be unanswered on the session of the moment."""
        return self.finder.size if self.finder is not None else self._profile.window

    def answered(self, answers: Sequence[Answer], now_s: float) -> None:
        """Learn from the answers of one read how large the window should be, where that is to be found."""
        finder, shell = self.finder, self.shell
        if finder is None or shell is None:
            return
        # Late ones count as what they are: slow. Refused ones were answered all the same.
        waits = [now_s - answer.sent_at_s for answer in answers]
        finder.answered(len(waits), sum(waits), min(waits), shell.session.unanswered + len(waits), now_s)
        shell.session.resize(finder.size)

    def complained(self, now_s: float, written_s: float, *, silent: bool = False) -> None:
        """A submit was throttled, or got no answer in time."""
        if self.finder is not None and self.shell is not None:
            (self.finder.silent if silent else self.finder.throttled)(now_s, written_s)
            self.shell.session.resize(self.finder.size)

    async def keep(self) -> None:
        """Stay bound until ``leave`` or ``cut``."""
        while not self._closing.is_set():
            try:
                delay_s = await self._once()
            except Exception as error:
                # A bug of ours. Not coming back would silence the carrier until somebody looks.
                log.exception("carrier.session_failed carrier=%s session=%d", self._profile.name, self.number)
                self.reason = f"internal error: {type(error).__name__}"
                delay_s = self._backoff.failed(None)
            if not self._closing.is_set():
                log.info("carrier.rebind carrier=%s session=%d in_s=%.1f", self._profile.name, self.number, delay_s)
                try:
                    await asyncio.wait_for(self._closing.wait(), delay_s)
                except TimeoutError:
                    continue

    def unbind(self, reason: str) -> None:
        """End the session of the moment in good order; ``keep`` binds again unless ``leave`` was called."""
        if self.shell is not None:
            log.info("carrier.unbind carrier=%s session=%d reason=%s", self._profile.name, self.number, reason)
            self.shell.session.unbind(self._clock())
            self.shell.flush()

    def leave(self) -> None:
        """Unbind and do not come back."""
        self._closing.set()
        if self.bound:
            self.unbind("closed here")
        elif self.shell is not None:
            self.shell.close("closed here")

    def cut(self) -> None:
        """End it without waiting for anybody."""
        self._closing.set()
        if self.shell is not None:
            self.shell.abort("closed here")

    async def _once(self) -> float:
        """One connection from its beginning to its end; how long to wait before the next."""
        address = self._addresses[self._address]
        profile = self._profile
        self._ended.clear()
        self._bound_at_s = self._refused = None
        try:
            await connect(
                address,
                self._make_shell,
                timeout_s=profile.connect_timeout_s,
                context=self._context,
                server_name=profile.tls.server_name if profile.tls is not None else "",
            )
        except (OSError, TimeoutError, UnicodeError) as error:  # the last is a host name that no resolver takes
            self._next_address()
            self._fail("connect", f"no connection to {address}: {str(error) or type(error).__name__}")
            return self._backoff.failed(None)
        await self._ended.wait()
        self.shell = None
        return self._pause_s()

    def _pause_s(self) -> float:
        if self._bound_at_s is not None:
            return self._backoff.ended(self._clock() - self._bound_at_s)
        self._next_address()
        return self._backoff.failed(self._refused)

    def _next_address(self) -> None:
        self._address = (self._address + 1) % len(self._addresses)

    def _make_shell(self) -> SessionShell:
        return SessionShell(
            self._make_session,
            clock=self._clock,
            on_events=self._on_shell,
            on_connected=self._connected,
            on_writable=self._on_writable,
            gather_s=GATHER_S if self._profile.window else 0.0,  # a window that is found is found by how long answers take
        )

    def _make_session(self, now_s: float) -> Session:
        profile = self._profile
        timers = Timers(
            session_init_s=profile.bind_timeout_s,
            enquire_link_s=profile.enquire_link_s,
            enquire_answer_s=profile.enquire_answer_s,
            response_s=profile.response_timeout_s,
        )
        self.finder = WindowFinder(now_s) if not profile.window else None
        window = profile.window or FIRST
        return Session(Side.ESME, timers, now_s=now_s, window=window, counters=self._counters)

    def _connected(self, shell: SessionShell) -> None:
        self.shell = shell
        if self._closing.is_set():
            shell.close("closed here")
            return
        shell.session.bind(self.command, bind_of(self._profile), self._clock())

    def _on_shell(self, shell: SessionShell, events: list[Event]) -> None:
        for event in events:
            match event:
                case Bound():
                    self._bound_at_s = self._clock()
                    self.reason = ""
                    self._counters.binds += 1
                    log.info("carrier.bound carrier=%s session=%d", self._profile.name, self.number)
                case BindRefused(status=status):
                    self._refused = status
                    name = status_name(status)
                    self._fail(name, f"bind refused: {explain(status)}", alert=status in CREDENTIALS)
                    shell.close(self.reason)
                case Unbinding():
                    self.reason = "unbound by the carrier"
                case Malformed(reason=reason):
                    log.warning("carrier.malformed carrier=%s session=%d reason=%s", self._profile.name, self.number, reason)
                case Closed(reason=reason):
                    self._closed(reason)
                case _:
                    pass
        self._on_events(self, events)

    def _closed(self, reason: str) -> None:
        if self._bound_at_s is None:
            if self._refused is None:
                self._fail("timeout" if reason == "no answer to the bind" else "closed", reason)
        else:
            self.reason = reason
            if not self._closing.is_set():
                self._counters.cuts += 1
                log.warning("carrier.cut carrier=%s session=%d reason=%s", self._profile.name, self.number, reason)
        self._ended.set()

    def _fail(self, kind: str, reason: str, *, alert: bool = False) -> None:
        self.reason = reason
        failures = self._counters.bind_failures
        failures[kind] = failures.get(kind, 0) + 1
        level = logging.ERROR if alert else logging.WARNING
        log.log(level, "carrier.bind_failed carrier=%s session=%d reason=%s", self._profile.name, self.number, reason)


def bind_of(profile: CarrierProfile) -> Bind:
    """How this account introduces itself."""
    return Bind(profile.system_id, profile.password, profile.system_type, profile.interface_version)
