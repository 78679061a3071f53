"""An SMPP session without I/O, for both sides: octets and the time in, events and octets out.

    session = Session(Side.ESME, Timers(), now_s=now, window=10)
    session.bind(BIND_TRANSCEIVER, Bind("id", "secret"), now)
    transport.write(session.bytes_to_send())
    for event in session.receive(data, now): ...

Whatever octets come, ``receive`` gives events and never raises. What the caller does wrong (a submit before the bind, more
than the window holds) raises ``IllegalAction`` and changes nothing. Times are seconds of one monotonic clock.
"""

from typing import Any, Final

from carriers.smpp import commands as c
from carriers.smpp.bodies import READERS
from carriers.smpp.counters import SessionCounters
from carriers.smpp.deadlines import NEVER, Deadlines, Due, Timers
from carriers.smpp.events import (
    Answer,
    Answered,
    Asked,
    BindAsked,
    BindRefused,
    Bound,
    Closed,
    Event,
    Malformed,
    Overdue,
    Request,
    Unbinding,
)
from carriers.smpp.law import BINDING, BOUND, BOUND_AFTER, LAW, SENDABLE, SessionState, Side, refusal
from carriers.smpp.messages import read_message_id
from carriers.smpp.operations import Bind, pack_bind, pack_bind_resp, read_bind, read_bind_resp
from carriers.smpp.pdu import HEADER, HEADER_OCTETS, Framer, MalformedPdu, pack_pdu
from carriers.smpp.window import Window

__all__ = ["IllegalAction", "Session", "Side", "Timers"]

ANSWERED_WITH_ID: Final = frozenset((c.SUBMIT_SM, c.DELIVER_SM, c.DATA_SM))
_pack_header = HEADER.pack
_unpack_header = HEADER.unpack_from
_ID_ANSWERS: Final = frozenset(command | c.RESPONSE for command in ANSWERED_WITH_ID)
_ENDING: Final = frozenset((SessionState.UNBINDING, SessionState.CLOSED))


class IllegalAction(RuntimeError):
    """The caller asked for what the session's state does not allow; nothing has changed."""


class Session:
    """One side of one connection, from the TCP handshake to the end."""

    def __init__(
        self,
        side: Side,
        timers: Timers,
        *,
        now_s: float,
        window: int = 10,
        counters: SessionCounters | None = None,
        first_sequence: int = 1,
    ) -> None:
        """``window``: unanswered requests allowed (SMPP 3.4, 2.9); ``counters`` may be shared by several sessions."""
        self.side = side
        self.state = SessionState.OPEN
        self.counters = counters if counters is not None else SessionCounters()
        self._peer = side.other
        self._deadlines = Deadlines(timers, now_s)
        if side is Side.SMSC:
            self._deadlines.init_by_s = now_s + timers.session_init_s
        self._window = Window(window, timers.response_s, first=first_sequence)
        self._framer = Framer()
        self._readers = READERS[side]
        self._out: list[bytes] = []
        self._sendable: frozenset[int] = frozenset()
        self._own: dict[int, int] = {}  # sequence → command of our bind, unbind and enquire_link: outside the window
        self._peer_unbinds = False

    # -- what the caller asks

    @property
    def room(self) -> int:
        """How many requests the window still takes; 0 while the session cannot send any."""
        return max(0, self._window.size - len(self._window.pending)) if self._sendable else 0

    def resize(self, window: int) -> None:
        """Allow so many unanswered requests from now on, though more may be."""
        self._window.size = window

    @property
    def unanswered(self) -> int:
        """How many of our requests wait for an answer."""
        return len(self._window.pending)

    @property
    def bound(self) -> bool:
        """Whether the session is bound, in any mode."""
        return self.state in BOUND

    # -- what the caller does

    def bind(self, command: int, bind: Bind, now_s: float) -> None:
        """Send a bind_transmitter, bind_receiver or bind_transceiver; ``Bound``, ``BindRefused`` or ``Closed`` follows."""
        if self.side is not Side.ESME or self.state is not SessionState.OPEN:
            raise IllegalAction(f"bind by {self.side} in {self.state}")
        body = pack_bind(bind)
        self._deadlines.init_by_s = now_s + self._deadlines.timers.session_init_s
        self._enter(BINDING[command])
        self._send_own(command, body)

    def answer_bind(
        self, asked: BindAsked, status: int, now_s: float, *, system_id: str = "", version: int | None = 0x34
    ) -> None:
        """Accept (status 0) or refuse the bind that ``BindAsked`` told of; after a refusal the peer may try again.

        Nothing happens when the session has ended, or is ending, since ``BindAsked`` was told.
        """
        if self.state in _ENDING:
            return
        if self.side is not Side.SMSC or self.state not in BOUND_AFTER:
            raise IllegalAction(f"answer_bind by {self.side} in {self.state}")
        body = pack_bind_resp(system_id, version) if status == c.ROK else b""
        if status == c.ROK:
            self._deadlines.init_by_s = NEVER
            self._deadlines.active_s = now_s
            self._enter(BOUND_AFTER[self.state])
        else:
            self._enter(SessionState.OPEN)
        self._out.append(pack_pdu(asked.command | c.RESPONSE, status, asked.sequence, body))

    def request(self, command: int, body: bytes, context: Any, now_s: float) -> int:
        """Send a request with a packed body; its sequence number. ``context`` comes back with the answer or without one."""
        window = self._window
        if command not in self._sendable or len(window.pending) >= window.size:
            raise IllegalAction(f"{c.command_name(command)} by {self.side} in {self.state}, {self.room} of the window free")
        sequence = window.put(context, command, now_s)
        self._out.append(_pack_header(HEADER_OCTETS + len(body), command, 0, sequence) + body)
        return sequence

    def respond(self, command: int, sequence: int, status: int = c.ROK, body: bytes | None = None) -> None:
        """Answer a request told in ``Asked``. After the session's end it does nothing: the peer will ask again.

        Without a body: none, or an empty message_id where a ROK carries one (deliver_sm_resp: always, 3.4, 4.6.2).
        """
        if self.state is SessionState.CLOSED:
            return
        if body is None:
            with_id = command in ANSWERED_WITH_ID and (status == c.ROK or command == c.DELIVER_SM)
            body = b"\0" if with_id else b""
        self._out.append(_pack_header(HEADER_OCTETS + len(body), command | c.RESPONSE, status, sequence) + body)

    def unbind(self, now_s: float) -> None:
        """Send unbind; ``Closed`` follows with its answer or its deadline. Nothing happens unless bound."""
        if self.state in BOUND:
            self._deadlines.end_by_s = now_s + self._deadlines.timers.unbind_s
            self._enter(SessionState.UNBINDING)
            self._send_own(c.UNBIND, b"")

    def lost(self, reason: str) -> list[Event]:
        """The connection is gone: the closing event, or nothing when it has been told already."""
        return [] if self.state is SessionState.CLOSED else [self._close(reason)]

    def bytes_to_send(self) -> bytes:
        """Everything to write since the last call."""
        octets = b"".join(self._out)
        self._out.clear()
        return octets

    # -- time

    def next_timer(self) -> float | None:
        """When ``handle_timer`` is to be called next; None when closed. It may be earlier than anything that happens then."""
        if self.state is SessionState.CLOSED:
            return None
        when_s = min(self._deadlines.next_s(bound=self.state in BOUND), self._window.next_sweep_s())
        return when_s if when_s < NEVER else None

    def handle_timer(self, now_s: float) -> list[Event]:
        """Do what is due by now; harmless when nothing is."""
        if self.state is SessionState.CLOSED:
            return []
        events: list[Event] = []
        if self._window.next_sweep_s() <= now_s:
            overdue = self._window.sweep(now_s)
            if overdue:
                self.counters.response_timeouts += len(overdue)
                events.append(Overdue(overdue))
        match self._deadlines.due(now_s, bound=self.state in BOUND):
            case Due.INIT:
                events.append(self._close("no answer to the bind" if self.side is Side.ESME else "no bind"))
            case Due.ENQUIRE_ANSWER:
                self.counters.enquire_timeouts += 1
                events.append(self._close("no answer to enquire_link"))
            case Due.PART:
                events.append(self._close("PDU not finished in time"))
            case Due.END:
                events.append(self._close("unbound by the peer" if self._peer_unbinds else "unbound, not answered"))
            case Due.INACTIVITY:
                self.unbind(now_s)
            case Due.ENQUIRE:
                self._deadlines.enquire_by_s = now_s + self._deadlines.timers.enquire_answer_s
                self._send_own(c.ENQUIRE_LINK, b"")
            case None:
                pass
        return events

    # -- octets in

    def receive(self, data: bytes, now_s: float) -> list[Event]:
        """Octets from the peer, cut anywhere. Answers and requests of one call come as one event each."""
        if self.state is SessionState.CLOSED:
            return []
        self._deadlines.heard(now_s)
        events: list[Event] = []
        answers: list[Answer] = []
        requests: list[Request] = []
        pending = self._window.pending
        pdus = self._framer.feed(data)
        for raw in pdus:
            _, command, status, sequence = _unpack_header(raw)
            if command in _ID_ANSWERS:
                entry = pending.get(sequence)
                if entry is not None and entry[1] | c.RESPONSE == command:
                    del pending[sequence]
                    message_id = read_message_id(raw)
                    if message_id is None:
                        self.counters.malformed += 1
                        message_id = ""
                    answers.append(Answer(entry[0], entry[1], status, message_id, entry[2], False, False, raw))
                    continue
            event = (
                self._answer(command, status, sequence, raw)
                if command & c.RESPONSE
                else self._asked(command, sequence, raw, now_s)
            )
            match event:
                case None:
                    pass
                case Answer():
                    answers.append(event)
                case Request():
                    requests.append(event)
                case _:
                    _flush(events, answers, requests)
                    answers, requests = [], []
                    events.append(event)
                    if isinstance(event, Closed):
                        return events
        _flush(events, answers, requests)
        if answers or requests:
            self._deadlines.active_s = now_s
        if self._framer.lost is not None:
            self._out.append(pack_pdu(c.GENERIC_NACK, self._framer.lost.status, self._framer.lost.sequence))
            self.counters.framing_lost += 1
            events.append(self._close(f"framing lost: {self._framer.lost.reason}"))
        elif self._peer_unbinds and not pending:
            events.append(self._close("unbound by the peer"))
        else:
            self._deadlines.part(now_s, unfinished=self._framer.unfinished, fresh=bool(pdus))
        return events

    def _answer(self, command: int, status: int, sequence: int, raw: bytes) -> Answer | Event | None:
        """An answer that is not a plain one to a message."""
        nack = command == c.GENERIC_NACK
        own = self._own.get(sequence)
        if own is not None and (nack or own | c.RESPONSE == command):
            del self._own[sequence]
            return self._own_answer(own, status, raw, nack=nack)
        found = self._window.take(sequence, None if nack else command)
        if found is not None:
            entry, late = found
            message_id = "" if nack or command not in _ID_ANSWERS else read_message_id(raw) or ""
            return Answer(entry[0], entry[1], status, message_id, entry[2], late, nack, raw)
        self.counters.unsolicited += 1
        if nack:  # the peer could not read what we sent, and does not know which: neither side knows where a PDU starts
            self.counters.framing_lost += 1
            return self._close(f"generic_nack 0x{status:02X} for no request of ours")
        return None

    def _own_answer(self, own: int, status: int, raw: bytes, *, nack: bool) -> Event | None:
        """An answer to our bind, unbind or enquire_link."""
        if own in BINDING:
            if self.state not in BOUND_AFTER:
                return None
            self._deadlines.init_by_s = NEVER
            if nack or status != c.ROK:
                self._enter(SessionState.OPEN)
                return BindRefused(status, nack)
            self._enter(BOUND_AFTER[self.state])
            return Bound(*read_bind_resp(raw))
        if own == c.UNBIND:
            return self._close("unbound")
        return None

    def _asked(self, command: int, sequence: int, raw: bytes, now_s: float) -> Request | Event | None:
        """A request of the peer: answered here when the session itself can."""
        states = LAW.get((self._peer, command))
        if states is None or self.state not in states:
            answer = refusal(self.side, self.state, command)
            if answer == (c.GENERIC_NACK, c.RINVCMDID):
                self.counters.unknown += 1
            else:
                self.counters.wrong_state += 1
            if answer is not None:
                self._out.append(pack_pdu(answer[0], answer[1], sequence, b"\0" if answer[0] == c.DELIVER_SM_RESP else b""))
            return None
        if command == c.ENQUIRE_LINK:
            self._out.append(pack_pdu(c.ENQUIRE_LINK_RESP, c.ROK, sequence))
            return None
        if command == c.UNBIND:
            self._out.append(pack_pdu(c.UNBIND_RESP, c.ROK, sequence))
            if c.UNBIND in self._own.values() or self._peer_unbinds:
                return None  # both at once: our own answer ends it
            self._peer_unbinds = True
            self._deadlines.end_by_s = now_s + self._deadlines.timers.grace_s
            self._deadlines.init_by_s = NEVER
            self._enter(SessionState.UNBINDING)
            return Unbinding()
        try:
            if command in BINDING:
                asked = BindAsked(command, sequence, read_bind(raw))
                self._enter(BINDING[command])
                return asked
            return Request(command, sequence, self._readers[command](raw))
        except MalformedPdu as error:
            self.counters.malformed += 1
            # A receipt that cannot be read would come again for ever: to an SMSC it is answered as taken.
            status = c.ROK if self.side is Side.ESME else error.status
            if command != c.ALERT_NOTIFICATION:  # which has no response (SMPP 3.4, 4.12.1)
                self.respond(command, sequence, status)
            return Malformed(command, sequence, error.reason, status)

    # -- inside

    def _enter(self, state: SessionState) -> None:
        self.state = state
        self._sendable = SENDABLE[self.side, state]

    def _send_own(self, command: int, body: bytes) -> None:
        sequence = self._window.free_sequence()
        while sequence in self._own:
            sequence = self._window.free_sequence()
        for known, own in tuple(self._own.items()):
            if own == command:
                del self._own[known]  # an enquire_link that other traffic answered
        self._own[sequence] = command
        self._out.append(pack_pdu(command, 0, sequence, body))

    def _close(self, reason: str) -> Closed:
        self._enter(SessionState.CLOSED)
        return Closed(reason, self._window.drain())


def _flush(events: list[Event], answers: list[Answer], requests: list[Request]) -> None:
    # Answers first: a receipt may stand before the answer to its submit in the same read.
    if answers:
        events.append(Answered(answers))
    if requests:
        events.append(Asked(requests))
