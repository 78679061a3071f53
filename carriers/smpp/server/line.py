"""One connection of a customer's gateway: requests in hand, deliveries on their way, its end in good order."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from carriers.smpp.commands import BIND_RECEIVER, BIND_TRANSCEIVER, BIND_TRANSMITTER, DELIVER_SM, ROK
from carriers.smpp.events import Answer, BindAsked, Request, RequestBody, Unanswered
from carriers.smpp.law import SessionState
from carriers.smpp.messages import Data, Message
from carriers.smpp.multi import SubmitMulti
from carriers.smpp.operations import INTERFACE_VERSION
from carriers.smpp.server.counters import ServerCounters
from carriers.smpp.server.parcel import Parcel
from carriers.smpp.server.port import Outcome, SessionView
from carriers.smpp.shell import SessionShell
from router.settings import SmppAccount

log: Final = logging.getLogger(__name__)

MAX_IN_HAND: Final = 2_000  # requests taken and not answered; above it a session is not read from until half is answered
# Of optional parameters in hand: a message_payload may hold 64 KiB, and 2,000 of those would be 128 MB a session.
MAX_OCTETS_IN_HAND: Final = 4 << 20
STUCK_S: Final = 120.0  # a session that is held and gets not one answer for so long is closed: its requests are lost here
RECEIVING: Final = frozenset((SessionState.BOUND_RX, SessionState.BOUND_TRX))
_MODES: Final = {BIND_TRANSMITTER: "transmitter", BIND_RECEIVER: "receiver", BIND_TRANSCEIVER: "transceiver"}


class ServerLine:
    """Owns nothing but the deliveries that are written and not answered; they are told as RETRY when it ends."""

    __slots__ = (
        "_answers", "_clock", "_counters", "_octets", "_rest", "_rest_of", "_watching", "account", "complained", "leaving", "mode", "peer", "shell", "since_s",
        "tls", "version",
    )  # fmt: skip

    shell: SessionShell  # from the connection on
    account: SmppAccount  # from the bind on

    def __init__(self, peer: str, *, tls: bool, clock: Callable[[], float], counters: ServerCounters) -> None:
        """A connection from ``peer`` that is not bound yet."""
        self.peer = peer
        self.tls = tls
        self.mode = ""
        self.version = 0
        self.since_s = clock()
        self.leaving = False  # it is to be unbound once nothing is outstanding
        self.complained = False  # a PDU that cannot be read has been logged
        self._answers = 0  # given so far
        self._watching = False
        self._octets = 0  # of optional parameters in hand
        self._clock = clock
        self._counters = counters
        self._rest: deque[bytes] = deque()  # of a delivery with more bodies than the window had room for
        self._rest_of: Parcel | None = None

    @property
    def bound(self) -> bool:
        """Whether it belongs to an account."""
        return self.mode != ""

    @property
    def receives(self) -> bool:
        """Whether deliveries may go to it at all."""
        return self.shell.session.state in RECEIVING and not self.leaving

    @property
    def submits(self) -> bool:
        """Whether it may ask for anything; what came before its unbind counts."""
        return self.mode != _MODES[BIND_RECEIVER]

    @property
    def room(self) -> int:
        """How many deliver_sm may be written now."""
        return self.shell.session.room if self.receives and self.shell.writable and self._rest_of is None else 0

    @property
    def idle(self) -> bool:
        """Whether nothing is outstanding, of either side."""
        session = self.shell.session
        return not session.in_hand and not session.unanswered and self._rest_of is None

    def bind(self, asked: BindAsked, account: SmppAccount) -> None:
        """It is this account's from now on."""
        self.mode = _MODES[asked.command]
        self.account = account
        self.version = min(asked.bind.interface_version, INTERFACE_VERSION)
        self.since_s = self._clock()
        self.shell.session.resize(account.window)

    def view(self) -> SessionView:
        """For the status."""
        session = self.shell.session
        system_id = self.account.system_id if self.bound else ""
        return SessionView(
            system_id, self.mode, self.peer, self.tls, self.version, self.since_s, session.unanswered, session.in_hand
        )

    # -- requests of the customer

    def took(self, requests: Sequence[Request]) -> None:
        """Requests are in hand from now on."""
        self._octets += sum(_octets(request.body) for request in requests)

    def answer(self, request: Request, status: int = ROK, body: bytes | None = None) -> None:
        """As ``port.Line``."""
        self._answers += 1
        self._octets -= _octets(request.body)
        self.shell.session.respond(request.command, request.sequence, status, body)

    def flush(self) -> None:
        """As ``port.Line``."""
        self.attend()
        self.shell.flush()

    def attend(self) -> None:
        """See to what follows from answers, of either side: reading, and the end of a line that is leaving."""
        session = self.shell.session
        in_hand = session.in_hand
        if in_hand > MAX_IN_HAND or self._octets > MAX_OCTETS_IN_HAND:
            if not self.shell.held:
                self._counters.holds += 1
                self.shell.hold()
                if not self._watching:  # one timer a line, however often it is held
                    self._watch()
        elif in_hand <= MAX_IN_HAND // 2 and self._octets <= MAX_OCTETS_IN_HAND // 2:
            self.shell.release()
        if self.leaving and self.idle:
            self.unbind()

    def _watch(self) -> None:
        self._watching = True
        asyncio.get_running_loop().call_later(STUCK_S, self._watched, self._answers)

    def _watched(self, answers: int) -> None:
        """Nothing else would end a line that is held: its silence is excused."""
        self._watching = False
        if not self.shell.held or self.shell.session.state is SessionState.CLOSED:
            return
        if self._answers != answers:
            self._watch()
            return
        log.error("smpp.unanswered account=%s requests=%d", self.account.system_id, self.shell.session.in_hand)
        self.shell.close("its requests are not answered")

    # -- the end

    def leave(self) -> None:
        """Take nothing more, and unbind once nothing is outstanding."""
        if not self.leaving:
            self.leaving = True
            self.flush()

    def unbind(self) -> None:
        """Unbind whatever is outstanding; followed by a flush."""
        if self.shell.session.bound:
            self.shell.session.unbind(self._clock())

    def dismiss(self) -> None:
        """Its time is over: unbind now."""
        self.unbind()
        self.shell.flush()

    # -- deliveries

    def send(self, token: Any, bodies: Sequence[bytes], room: int, now_s: float) -> None:
        """Write a delivery where there is ``room`` for one body at least; what it does not hold follows with the answers."""
        request = self.shell.session.request
        parcel = Parcel(token, len(bodies))
        for body in bodies if len(bodies) <= room else bodies[:room]:
            request(DELIVER_SM, body, parcel, now_s)
        if len(bodies) > room:
            self._rest.extend(bodies[room:])
            self._rest_of = parcel

    def answered(self, answers: Sequence[Answer], now_s: float) -> list[Outcome]:
        """Answers of one read; the deliveries that have ended with them."""
        outcomes = []
        for answer in answers:
            if not answer.late:  # it has been told as RETRY
                outcome = answer.context.answered(answer.status)
                if outcome is not None:
                    outcomes.append(outcome)
        if self._rest_of is not None:
            outcomes += self._go_on(now_s)
        return outcomes

    def unanswered(self, requests: Sequence[Unanswered], now_s: float) -> list[Outcome]:
        """deliver_sm without an answer in time, or at the end; the deliveries that have ended with them."""
        outcomes = [outcome for request in requests if (outcome := request.context.unanswered()) is not None]
        if self._rest_of is not None:
            outcomes += self._go_on(now_s)
        return outcomes

    def _go_on(self, now_s: float) -> list[Outcome]:
        """Write more of the delivery that did not fit, or give it up."""
        parcel, rest = self._rest_of, self._rest
        if parcel is None:
            return []
        session = self.shell.session
        if parcel.failed or session.state not in RECEIVING:
            outcome = parcel.unanswered(len(rest))
            rest.clear()
        else:
            outcome = None
            for _ in range(min(len(rest), session.room)):
                session.request(DELIVER_SM, rest.popleft(), parcel, now_s)
        if not rest:
            self._rest_of = None
        return [outcome] if outcome is not None else []


def _octets(body: RequestBody) -> int:
    """Those of its optional parameters, where it has any: mostly a submit_sm without."""
    if isinstance(body, SubmitMulti):
        body = body.message
    if isinstance(body, Message) or isinstance(body, Data):  # noqa: SIM101 a union costs twice as much, once a message
        return sum(map(len, body.tlvs.values())) if body.tlvs else 0
    return 0
