"""The SMPP server: customers' gateways bind here, ask, and get their receipts and messages."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final, assert_never

from carriers.smpp import events as e
from carriers.smpp.commands import RALYBND, RINVBNDSTS, ROK, RTHROTTLED
from carriers.smpp.law import Side
from carriers.smpp.operations import INTERFACE_VERSION
from carriers.smpp.server.admission import Admission, Judgement, may_come_from
from carriers.smpp.server.counters import ServerCounters
from carriers.smpp.server.door import Door, server_context
from carriers.smpp.server.line import ServerLine
from carriers.smpp.server.port import Customers, Delivery, Outcome, SessionView, Verdict
from carriers.smpp.server.register import Register
from carriers.smpp.session import Session, Timers
from carriers.smpp.shell import SessionShell
from carriers.smpp.statuses import status_name
from router.settings import SmppAccount, SmppServer

log: Final = logging.getLogger(__name__)

NAME: Final = "trunkline"  # system_id in the answer to a bind
IN_HAND_S: Final = 5.0  # how long the answer to a peer's unbind waits for the answers to its requests
LEAVE_S: Final = 5.0  # how long a line that is to go may take over what is outstanding
UNBIND_S: Final = 2.0  # our unbind → its answer
BUFFER_OCTETS: Final = 256 * 1024  # written and not read by the peer; above it the peer is not read from either


class SmppListener:
    """Owns the connections and what is written and not answered on them; forgets all of it with the process.

    Requests without an answer come again from the customer; deliveries without one are told as RETRY.
    """

    def __init__(
        self,
        settings: SmppServer,
        customers: Customers,
        *,
        clock: Callable[[], float],
        counters: ServerCounters | None = None,
        name: str = NAME,
    ) -> None:
        """To be made within the event loop. ``clock``: monotonic seconds, those of the loop; ``name``: at most 15 characters.

        ``OSError`` when there is a certificate that cannot be read.
        """
        self.port = 0  # once started
        self.tls_port = 0  # as above; 0 when there is no certificate
        self.counters = counters if counters is not None else ServerCounters()
        self._settings = settings
        self._customers = customers
        self._clock = clock
        self._name = name
        self._timers = _timers(settings)
        self._admission = Admission(customers, clock)
        self._context = server_context(settings.tls_certificate, settings.tls_key) if settings.tls_certificate else None
        self._doors: list[Door] = []
        self._here = Register(customers, self.counters, clock)
        self._binding: set[asyncio.Task[None]] = set()
        self._closing = False

    # -- its life

    async def start(self) -> None:
        """Listen; ``OSError`` when a port cannot be had."""
        settings = self._settings
        plain = Door(lambda peer: self._enter(peer, tls=False), context=None, counters=self.counters)
        await plain.open(settings.host, settings.port)
        self._doors.append(plain)
        self.port = plain.port
        if self._context is not None:
            secure = Door(lambda peer: self._enter(peer, tls=True), context=self._context, counters=self.counters)
            try:
                await secure.open(settings.host, settings.tls_port)
            except OSError:
                await self.close(0.0)
                raise
            self._doors.append(secure)
            self.tls_port = secure.port
        log.info("smpp.listening port=%d tls_port=%d", self.port, self.tls_port)

    async def close(self, drain_s: float) -> None:
        """Listen no more, let every line finish what is outstanding for so long, unbind it, and close."""
        self._closing = True
        for door in self._doors:
            await door.close()
        self._doors.clear()
        for task in tuple(self._binding):
            task.cancel()
        for line in self._here.lines():
            if line.bound:
                line.leave()
            else:
                line.shell.close("the server closes")
        await self._here.emptied(drain_s)
        for line in self._here.lines():
            line.unbind()
            line.shell.flush()
        await self._here.emptied(UNBIND_S + 0.5)
        for line in self._here.lines():
            line.shell.abort("the server closes")
        await self._here.emptied(None)
        await asyncio.gather(*self._binding, return_exceptions=True)

    def retune(self, accounts: Mapping[str, SmppAccount], settings: SmppServer) -> None:
        """Go by these from now on. Lines of accounts that are gone, disabled or have another password are unbound.

        Lines above a lower ``max_binds`` stay. Ports stay as they are. A certificate is read again: it may have been renewed.
        """
        self._settings = settings
        self._timers = _timers(settings)
        self._admission.retune(accounts)
        self._reload(settings)
        for line in self._here.lines():
            line.shell.session.retime(self._timers)
            if line.bound:
                account = accounts.get(line.account.system_id)
                if account is None or not _still_welcome(line, account):
                    log.info("smpp.dismissed account=%s", line.account.system_id)
                    line.leave()
                    asyncio.get_running_loop().call_later(LEAVE_S, line.dismiss)
                    continue
                line.account = account
                line.shell.session.resize(account.window)
            line.flush()
        for desk in self._here.desks():
            desk.opened()

    # -- deliveries

    def room(self, system_id: str) -> int:
        """How many deliver_sm may be written now, over all receiving sessions of the account."""
        desk = self._here.desk(system_id)
        return desk.room() if desk is not None else 0

    def deliver(self, system_id: str, batch: Sequence[Delivery]) -> None:
        """Spread over the receiving sessions, the parts of one delivery on one; what finds no room is RETRY at once."""
        desk = self._here.desk(system_id)
        if desk is not None:
            desk.deliver(batch)
        elif batch:
            self.counters.delivery_retries += len(batch)
            self._customers.settled(system_id, [Outcome(delivery.token, Verdict.RETRY) for delivery in batch])

    # -- what is going on

    def bound(self) -> dict[str, tuple[int, int]]:
        """system_id → its bound sessions, and those of them that receive."""
        return {desk.system_id: (len(desk.lines), desk.receiving) for desk in self._here.desks()}

    def sessions(self) -> list[SessionView]:
        """Every connection, in the order of arrival."""
        return self._here.views()

    # -- connections

    def _enter(self, peer: str, *, tls: bool) -> SessionShell | None:
        if self._closing or self._here.too_many(peer, self._settings.max_sessions):
            return None
        line = ServerLine(peer, tls=tls, clock=self._clock, counters=self.counters)
        line.shell = SessionShell(
            lambda now_s: Session(Side.SMSC, self._timers, now_s=now_s, window=1, counters=self.counters),
            clock=self._clock,
            on_events=lambda _, events: self._told(line, events),
            on_connected=lambda _: self._connected(line),
            on_writable=lambda: self._writable(line),
            buffer_octets=BUFFER_OCTETS,
        )
        return line.shell

    def _connected(self, line: ServerLine) -> None:
        """The connection stands, its handshake included; others may have come meanwhile."""
        if self._closing or self._here.too_many(line.peer, self._settings.max_sessions):
            self.counters.turned_away += 1
            line.shell.abort("too many sessions")
            return
        self.counters.connections += 1
        self._here.connected(line)

    def _told(self, line: ServerLine, events: list[e.Event]) -> None:
        if line not in self._here:
            return  # turned away
        for event in events:
            match event:
                case e.Asked(requests):
                    self._asked(line, requests)
                case e.Answered(answers):
                    desk = self._here.desk_of(line)
                    desk.settle(line.answered(answers, self._clock()))
                    desk.opened()
                case e.Overdue(requests):
                    desk = self._here.desk_of(line)
                    desk.settle(line.unanswered(requests, self._clock()))
                    desk.opened()
                case e.BindAsked():
                    task = asyncio.ensure_future(self._bind(line, event))
                    self._binding.add(task)
                    task.add_done_callback(self._binding.discard)
                case e.Malformed(command=command, reason=reason):
                    if not line.complained:  # once a line: a peer must not write our log
                        line.complained = True
                        log.warning("smpp.malformed peer=%s command=%d reason=%s", line.peer, command, reason)
                case e.Closed():
                    self._closed(line, event)
                    return
                case e.Unbinding() | e.Bound() | e.BindRefused():
                    pass  # the session answers the first; the others are the client side's
                case _:
                    assert_never(event)
        line.attend()

    def _writable(self, line: ServerLine) -> None:
        if line.bound:
            self._here.desk_of(line).opened()

    def _asked(self, line: ServerLine, requests: list[e.Request]) -> None:
        line.took(requests)
        if line.leaving:
            self.counters.put_off += len(requests)
            for request in requests:
                line.answer(request, RTHROTTLED)  # which gateways understand as: later, and it is no attempt
        elif not line.submits:  # all that a receiver may ask is data_sm, and that is no less a message
            for request in requests:
                line.answer(request, RINVBNDSTS)
        else:
            self.counters.requests += len(requests)
            self._customers.asked(line, requests)

    def _closed(self, line: ServerLine, event: e.Closed) -> None:
        desk = self._here.left(line)
        if desk is None:
            return
        if not line.shell.session.unbound:
            self.counters.cuts += 1
        log.info("smpp.closed account=%s peer=%s reason=%s", desk.system_id, line.peer, event.reason)
        desk.settle(line.unanswered(event.unanswered, self._clock()))

    # -- binds

    async def _bind(self, line: ServerLine, asked: e.BindAsked) -> None:
        judgement = await self._admission.judge(asked.bind, line.peer, lambda: line in self._here)
        if line not in self._here or self._closing:
            return
        account = judgement.account
        desk = self._here.desk(asked.bind.system_id)
        if account is not None and desk is not None and len(desk.lines) >= account.max_binds:
            judgement, account = Judgement(RALYBND, "max_binds"), None
        session = line.shell.session
        if account is None:
            self._refuse(line, asked, judgement)
            return
        version = INTERFACE_VERSION if asked.bind.interface_version >= INTERFACE_VERSION else None
        session.answer_bind(asked, ROK, self._clock(), system_id=self._name, version=version)
        if not session.bound:
            return  # it unbound meanwhile
        line.bind(asked, account)
        self.counters.binds += 1
        log.info("smpp.bound account=%s mode=%s peer=%s", account.system_id, line.mode, line.peer)
        self._here.bound(line).welcome(line)
        line.flush()

    def _refuse(self, line: ServerLine, asked: e.BindAsked, judgement: Judgement) -> None:
        failures = self.counters.bind_failures
        failures[judgement.reason] = failures.get(judgement.reason, 0) + 1
        if judgement.reason != "guesses":  # which may be many: they are counted
            log.warning(
                "smpp.bind_failed peer=%s reason=%s status=%s", line.peer, judgement.reason, status_name(judgement.status)
            )
        line.shell.session.answer_bind(asked, judgement.status, self._clock())
        line.shell.close("bind refused")

    def _reload(self, settings: SmppServer) -> None:
        if self._context is None or not settings.tls_certificate:
            return
        try:
            self._context.load_cert_chain(settings.tls_certificate, settings.tls_key or None)
        except OSError as error:  # ssl.SSLError is one
            log.error("smpp.certificate_unreadable error=%s", type(error).__name__)  # noqa: TRY400 the old one stays in use


def _still_welcome(line: ServerLine, account: SmppAccount) -> bool:
    return account.enabled and account.password == line.account.password and may_come_from(account, line.peer)


def _timers(settings: SmppServer) -> Timers:
    return Timers(
        enquire_link_s=settings.enquire_link_s,
        response_s=settings.deliver_timeout_s,
        unbind_s=UNBIND_S,
        in_hand_s=IN_HAND_S,
        inactivity_s=settings.inactivity_s,
    )
