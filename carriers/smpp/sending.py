"""The half of a session that speaks: where it stands, what it sends, what it waits for. ``Session`` adds the half that listens."""

from collections.abc import Sequence
from typing import Any, Final

from carriers.smpp import commands as c
from carriers.smpp.counters import SessionCounters
from carriers.smpp.deadlines import NEVER, Deadlines, Timers
from carriers.smpp.events import BindAsked, Closed, Event
from carriers.smpp.law import BINDING, BOUND, BOUND_AFTER, SENDABLE, SessionState, Side
from carriers.smpp.operations import INTERFACE_VERSION, Bind, pack_bind, pack_bind_resp
from carriers.smpp.pdu import HEADER, HEADER_OCTETS, pack_pdu
from carriers.smpp.window import Window

ANSWERED_WITH_ID: Final = frozenset((c.SUBMIT_SM, c.DELIVER_SM, c.DATA_SM))
# The least body of an answer, by its request. SMPP 3.4 leaves the body of a refusal out in the answers to binds, submit_sm and
# submit_multi alone (4.1.2, 4.4.2, 4.5.2). smpp.pdu3, which Jasmin speaks, ends the session over a query_sm_resp without one,
# and knows no message_state 0: the 7 says UNKNOWN.
_BARE_ROK: Final = {c.SUBMIT_SM: b"\0", c.DELIVER_SM: b"\0", c.DATA_SM: b"\0"}
_BARE_REFUSAL: Final = {c.DELIVER_SM: b"\0", c.DATA_SM: b"\0", c.QUERY_SM: b"\0\0\x07\0"}
_ENDING: Final = frozenset((SessionState.UNBINDING, SessionState.CLOSED))
_pack_header = HEADER.pack


def bare_body(command: int, status: int) -> bytes:
    """The least body of an answer: an empty message_id and what else is mandatory."""
    return (_BARE_ROK if status == c.ROK else _BARE_REFUSAL).get(command, b"")


class IllegalAction(RuntimeError):
    """The caller asked for what the session's state does not allow; nothing has changed."""


class Sending:
    """State, window and octets to write of one side of one connection."""

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
        self._deadlines = Deadlines(timers, now_s)
        if side is Side.SMSC:
            self._deadlines.init_by_s = now_s + timers.session_init_s
        self._window = Window(window, timers.response_s, first=first_sequence)
        self._out: list[bytes] = []
        self._sendable: frozenset[int] = frozenset()
        self._own: dict[int, int] = {}  # sequence → command of our bind, unbind and enquire_link: outside the window
        self._in_hand = 0
        self.unbound = False  # one side has unbound: the end that follows is no cut
        self._peer_unbinds = False
        self._unbind_asked: int | None = None  # sequence of the peer's unbind while its answer waits for ours in hand

    # -- what the caller asks

    @property
    def room(self) -> int:
        """How many requests the window still takes; 0 while the session cannot send any."""
        return max(0, self._window.size - len(self._window.pending)) if self._sendable else 0

    @property
    def unanswered(self) -> int:
        """How many of our requests wait for an answer."""
        return len(self._window.pending)

    @property
    def in_hand(self) -> int:
        """How many of the peer's requests, told in ``Asked``, wait for ``respond``."""
        return self._in_hand

    @property
    def bound(self) -> bool:
        """Whether the session is bound, in any mode."""
        return self.state in BOUND

    # -- what the caller changes

    def resize(self, window: int) -> None:
        """Allow so many unanswered requests from now on, though more may be."""
        self._window.size = window

    def retime(self, timers: Timers) -> None:
        """Go by other timers from now on; those that have a fixed end already keep it."""
        self._deadlines.timers = timers
        self._window.timeout_s = timers.response_s

    def hold(self, now_s: float) -> None:
        """The caller has stopped reading for a while: silence until now is not the peer's."""
        self._deadlines.excuse(now_s)

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
        self, asked: BindAsked, status: int, now_s: float, *, system_id: str = "", version: int | None = INTERFACE_VERSION
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
        """Answer a request told in ``Asked``, once. After the session's end it does nothing: the peer will ask again.

        Without a body: the least that there must be, see ``bare_body``.
        """
        if self.state is SessionState.CLOSED:
            return
        if body is None:
            body = bare_body(command, status)
        self._out.append(_pack_header(HEADER_OCTETS + len(body), command | c.RESPONSE, status, sequence) + body)
        self._responded(1)

    def respond_all(self, answers: Sequence[tuple[int, int, int]]) -> None:
        """``respond`` without a body to many: (command, sequence, status) each. Half the price."""
        if self.state is SessionState.CLOSED:
            return
        say = self._out.append
        for command, sequence, status in answers:
            body = bare_body(command, status)
            say(_pack_header(HEADER_OCTETS + len(body), command | c.RESPONSE, status, sequence) + body)
        self._responded(len(answers))

    def _responded(self, count: int) -> None:
        if self._in_hand:
            self._in_hand = max(0, self._in_hand - count)
            if self._unbind_asked is not None and not self._in_hand:
                self._answer_unbind()
                if not self._window.pending:
                    self._deadlines.end_by_s = 0.0  # nothing is left to wait for: due at once

    def unbind(self, now_s: float) -> None:
        """Send unbind; ``Closed`` follows with its answer or its deadline. Nothing happens unless bound."""
        if self.state in BOUND:
            self._deadlines.end_by_s = now_s + self._deadlines.timers.unbind_s
            self.unbound = True
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

    def _answer_unbind(self) -> None:
        """Answer the peer's unbind, if that is still to be done."""
        if self._unbind_asked is not None:
            self._out.append(pack_pdu(c.UNBIND_RESP, c.ROK, self._unbind_asked))
            self._unbind_asked = None

    def _close(self, reason: str) -> Closed:
        self._answer_unbind()
        self._enter(SessionState.CLOSED)
        return Closed(reason, self._window.drain())
