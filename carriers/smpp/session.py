"""An SMPP session without I/O, for both sides: octets and the time in, events and octets out.

    session = Session(Side.ESME, Timers(), now_s=now, window=10)
    session.bind(BIND_TRANSCEIVER, Bind("id", "secret"), now)
    transport.write(session.bytes_to_send())
    for event in session.receive(data, now): ...

Whatever octets come, ``receive`` gives events and never raises. What the caller does wrong (a submit before the bind, more
than the window holds) raises ``IllegalAction`` and changes nothing. Times are seconds of one monotonic clock.
"""

from typing import Final

from carriers.smpp import commands as c
from carriers.smpp.bodies import READERS, TAKEN
from carriers.smpp.counters import SessionCounters
from carriers.smpp.deadlines import NEVER, Due, Timers
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
from carriers.smpp.law import BINDING, BOUND, BOUND_AFTER, LAW, SessionState, Side, refusal
from carriers.smpp.messages import read_message_id
from carriers.smpp.operations import read_bind, read_bind_resp
from carriers.smpp.pdu import HEADER, Framer, MalformedPdu, pack_pdu
from carriers.smpp.sending import ANSWERED_WITH_ID, IllegalAction, Sending, bare_body

__all__ = ["IllegalAction", "Session", "Side", "Timers"]

_unpack_header = HEADER.unpack_from
_ID_ANSWERS: Final = frozenset(command | c.RESPONSE for command in ANSWERED_WITH_ID)


class Session(Sending):
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
        """As ``Sending``."""
        super().__init__(side, timers, now_s=now_s, window=window, counters=counters, first_sequence=first_sequence)
        self._peer = side.other
        self._framer = Framer()
        self._readers = READERS[side]
        self._taken = TAKEN[side, self.state]

    # -- time

    def next_timer(self) -> float | None:
        """When ``handle_timer`` is to be called next, which may be earlier than anything that happens then.

        None when no timer runs: it is closed, or a client whose bind was refused and whose caller is to decide.
        """
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
            # Nearly all there is goes one of these two ways: a request that the caller is to answer, an answer to a message.
            reader = self._taken.get(command)
            if reader is not None:
                try:
                    requests.append(Request(command, sequence, reader(raw)))
                except MalformedPdu as error:
                    _flush(events, answers, requests)
                    answers, requests = [], []
                    events.append(self._malformed(command, sequence, error))
                else:
                    self._in_hand += 1
                continue
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
        elif self._peer_unbinds and not pending and self._unbind_asked is None:
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
                body = bare_body(answer[0] & ~c.RESPONSE, answer[1])
                self._out.append(pack_pdu(answer[0], answer[1], sequence, body))
            return None
        if command == c.ENQUIRE_LINK:
            self._out.append(pack_pdu(c.ENQUIRE_LINK_RESP, c.ROK, sequence))
            return None
        if command == c.UNBIND:
            return self._unbind(sequence, now_s)
        try:
            if command in BINDING:
                asked = BindAsked(command, sequence, read_bind(raw))
                self._enter(BINDING[command])
                return asked
            return Request(command, sequence, self._readers[command](raw))  # an alert_notification: see ``TAKEN``
        except MalformedPdu as error:
            return self._malformed(command, sequence, error)

    def _malformed(self, command: int, sequence: int, error: MalformedPdu) -> Malformed:
        """A legal request has a body that cannot be read: answer it."""
        self.counters.malformed += 1
        # A receipt that cannot be read would come again for ever: to an SMSC it is answered as taken.
        status = c.ROK if self.side is Side.ESME else error.status
        if command != c.ALERT_NOTIFICATION:  # which has no response (SMPP 3.4, 4.12.1)
            self._out.append(pack_pdu(command | c.RESPONSE, status, sequence, bare_body(command, status)))
        return Malformed(command, sequence, error.reason, status)

    def _enter(self, state: SessionState) -> None:
        super()._enter(state)
        self._taken = TAKEN[self.side, state]

    def _unbind(self, sequence: int, now_s: float) -> Event | None:
        """The peer unbinds: answered at once, or after its requests in hand where the timers give them time."""
        if c.UNBIND in self._own.values() or self._peer_unbinds:
            self._out.append(pack_pdu(c.UNBIND_RESP, c.ROK, sequence))
            return None  # both at once: our own answer ends it
        timers = self._deadlines.timers
        wait_s = timers.in_hand_s if self._in_hand else 0.0
        self.unbound = self._peer_unbinds = True
        self._unbind_asked = sequence
        self._deadlines.end_by_s = now_s + max(timers.grace_s, wait_s)
        self._deadlines.init_by_s = NEVER
        self._enter(SessionState.UNBINDING)
        if not wait_s:
            self._answer_unbind()
        return Unbinding()


def _flush(events: list[Event], answers: list[Answer], requests: list[Request]) -> None:
    # Answers first: a receipt may stand before the answer to its submit in the same read.
    if answers:
        events.append(Answered(answers))
    if requests:
        events.append(Asked(requests))
