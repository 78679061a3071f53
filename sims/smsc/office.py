"""The SMSC's counter without I/O: lines come, bind, ask and go. Octets and the time in; octets and wishes to close out."""

from typing import Final, assert_never

from carriers.smpp import commands as c
from carriers.smpp import events as e
from carriers.smpp.counters import SessionCounters
from carriers.smpp.law import SUBMITTING, Side
from carriers.smpp.messages import Data, Message
from carriers.smpp.operations import Cancel, Query
from carriers.smpp.session import Session, Timers
from carriers.smpp.statuses import DELIVER_AGAIN
from sims.smsc.account import Account, Delivery, Line, Receipt
from sims.smsc.custody import RCANCELFAIL, RREPLACEFAIL, Again, Custody, Submit
from sims.smsc.handsets import InvalidMo, compose_mo
from sims.smsc.options import SmscOptions
from sims.smsc.stats import SmscStats
from sims.smsc.temperament import Temperament

_MODES: Final = {c.BIND_TRANSMITTER: "transmitter", c.BIND_RECEIVER: "receiver", c.BIND_TRANSCEIVER: "transceiver"}


class Office:
    """One SMSC. After every call the shell attends to the lines in ``touched``, in that order, and empties it."""

    def __init__(self, options: SmscOptions, temperament: Temperament, *, first_id: int, wall_offset_s: float) -> None:
        """``wall_offset_s``: what to add to the clock passed in to get seconds since 1970."""
        self.options = options
        self.stats = SmscStats()
        self.custody = Custody(options, temperament, self.stats, first_id=first_id, wall_offset_s=wall_offset_s)
        self.accounts: dict[str, Account] = {}
        self.lines: set[Line] = set()
        self.touched: dict[Line, None] = {}
        self._reference = 0  # of the newest long message from a handset
        self._counters = SessionCounters()
        self._timers = Timers(enquire_link_s=options.enquire_link_s, response_s=options.receipt_answer_s)

    # -- what the shell tells ---------------------------------------------------------------------------------------
    def connect(self, now_s: float) -> Line:
        """A connection came."""
        self.stats.connections += 1
        session = Session(Side.SMSC, self._timers, now_s=now_s, window=self.options.receipt_window, counters=self._counters)
        line = Line(session)
        self.lines.add(line)
        return line

    def receive(self, line: Line, data: bytes, now_s: float) -> None:
        """Octets came on a line."""
        self._handle(line, line.session.receive(data, now_s), now_s)

    def lost(self, line: Line, now_s: float) -> None:
        """A connection is gone."""
        self._handle(line, line.session.lost("connection lost"), now_s)
        self.lines.discard(line)
        self.touched.pop(line, None)

    def unclogged(self, line: Line, now_s: float) -> None:
        """The peer reads again: receipts may follow."""
        line.clogged = False
        if line.account is not None:
            self._spread(line.account, now_s)

    def due(self, now_s: float) -> None:
        """Do what the agenda holds for now."""
        lines, accounts = self.custody.due(now_s)
        for line in lines:
            self.touched[line] = None
        for account in accounts:
            self._spread(account, now_s)

    def send_mo(self, source: str, destination: str, text: str, now_s: float, *, long: bool, system_id: str) -> int:
        """Deliver a message from a handset; in how many parts. Raises ``InvalidMo``.

        ``system_id``: whose it is, bound or not; "": the first account that can receive, or else the first there ever was.
        """
        accounts = [self.accounts[system_id]] if system_id in self.accounts else []
        if not system_id:
            accounts = sorted(self.accounts.values(), key=lambda account: not account.receiving)
        if not accounts:
            raise InvalidMo(f"{system_id!r} has never been bound" if system_id else "nobody has ever been bound")
        bodies = compose_mo(source, destination, text, self._reference + 1, long=long)
        self._reference += len(bodies) > 1
        accounts[0].put_mo(bodies)
        self._spread(accounts[0], now_s)
        return len(bodies)

    def sweep(self, now_s: float) -> None:
        """See to the sessions' own timers; to be called some times a second."""
        for line in tuple(self.lines):
            when = line.session.next_timer()
            if when is not None and when <= now_s:
                self._handle(line, line.session.handle_timer(now_s), now_s)
        self.stats.malformed = self._counters.malformed
        self.stats.framing_lost = self._counters.framing_lost
        if self.custody.diary is not None:
            self.custody.diary.flush()

    def cut_all(self) -> None:
        """Every line is to be cut, for an outage."""
        for line in self.lines:
            line.cut = True
            self.touched[line] = None

    def unbind_all(self, now_s: float) -> None:
        """Take leave of everybody, for a clean stop."""
        for line in self.lines:
            line.session.unbind(now_s)
            line.ended = line.ended or not line.session.bound
            self.touched[line] = None

    def close(self) -> None:
        """Nothing follows."""
        if self.custody.diary is not None:
            self.custody.diary.close()

    # -- what the sessions tell -------------------------------------------------------------------------------------
    def _handle(self, line: Line, events: list[e.Event], now_s: float) -> None:
        self.touched[line] = None
        for event in events:
            match event:
                case e.Asked(requests):
                    self._asked(line, requests, now_s)
                case e.Answered(answers):
                    self._receipts_answered(line, answers, now_s)
                case e.Overdue(requests):
                    self._receipts_back(line, requests, now_s)
                case e.BindAsked():
                    self._bind(line, event, now_s)
                case e.Unbinding():
                    self._leave(line)
                case e.Closed(_, unanswered):
                    line.ended = True
                    self._leave(line)
                    self._receipts_back(line, unanswered, now_s)
                case e.Malformed() | e.Bound() | e.BindRefused():
                    pass  # counted by the session; the others are the client side's
                case _:
                    assert_never(event)

    def _bind(self, line: Line, asked: e.BindAsked, now_s: float) -> None:
        system_id = asked.bind.system_id
        status = self._judge(system_id, asked.bind.password)
        line.session.answer_bind(asked, status, now_s, system_id=self.options.name)
        if status != c.ROK:
            self.stats.binds_refused[status] += 1
            return
        self.stats.binds[_MODES[asked.command]] += 1
        account = self.accounts.get(system_id)
        if account is None:
            account = self.accounts[system_id] = Account(system_id, self.stats, keep=self.options.receipts_kept)
        line.account = account
        account.lines.append(line)
        self._spread(account, now_s)

    def _judge(self, system_id: str, password: str) -> int:
        """The status of a bind."""
        temperament = self.custody.temperament
        if temperament.refuse_binds:
            return temperament.refuse_binds
        accounts = self.options.accounts
        if accounts and system_id not in accounts:
            return c.RINVSYSID
        if accounts and accounts[system_id] != password:
            return c.RINVPASWD
        account = self.accounts.get(system_id)
        if temperament.max_binds and account is not None and len(account.lines) >= temperament.max_binds:
            return c.RALYBND
        return c.ROK

    def _asked(self, line: Line, requests: list[e.Request], now_s: float) -> None:
        account = line.account
        session = line.session
        submits: list[Submit] = []
        for request in requests:
            body = request.body
            if request.command == c.SUBMIT_SM and isinstance(body, Message):
                submits.append(Submit(c.SUBMIT_SM, request.sequence, body))
            elif isinstance(body, Data) and session.state in SUBMITTING:
                submits.append(Submit(c.DATA_SM, request.sequence, _as_submit(body)))
            elif isinstance(body, Query):
                self.custody.answer_query(line, request.sequence, body)
            elif isinstance(body, Cancel):
                found = self.custody.cancel(body.message_id, now_s)
                session.respond(request.command, request.sequence, c.ROK if found is not None else RCANCELFAIL)
                if found is not None:
                    self._spread(found, now_s)
            elif request.command == c.REPLACE_SM:
                session.respond(request.command, request.sequence, RREPLACEFAIL)
            elif request.command == c.SUBMIT_MULTI:
                session.respond(request.command, request.sequence, c.RINVCMDID)  # most SMSCs do not offer it
            else:
                session.respond(request.command, request.sequence, c.RINVBNDSTS)
        if submits and account is not None:
            for early in self.custody.take(line, account, submits, now_s):
                self._spread(early, now_s)

    # -- receipts ---------------------------------------------------------------------------------------------------
    def _spread(self, account: Account, now_s: float) -> None:
        for line in account.spread(now_s):
            self.touched[line] = None

    def _receipts_answered(self, line: Line, answers: list[e.Answer], now_s: float) -> None:
        for answer in answers:
            delivery: Delivery = answer.context
            receipt = isinstance(delivery, Receipt)
            if answer.status == c.ROK:
                if isinstance(delivery, Receipt) and self.custody.diary is not None:
                    self.custody.diary.acknowledged(delivery.message_id, now_s)
                self.stats.receipts_acked += receipt
                self.stats.mo_acked += not receipt
            else:
                (self.stats.receipts_refused if receipt else self.stats.mo_refused)[answer.status] += 1
                if answer.status in DELIVER_AGAIN and not answer.late:
                    self.custody.agenda.add(now_s + self.options.receipt_repeat_s, Again(delivery))
        if line.account is not None:
            self._spread(line.account, now_s)

    def _receipts_back(self, line: Line, unanswered: list[e.Unanswered], now_s: float) -> None:
        if line.account is not None and unanswered:
            line.account.put_again([request.context for request in unanswered])
            self._spread(line.account, now_s)

    def _leave(self, line: Line) -> None:
        if line.account is not None and line in line.account.lines:
            line.account.lines.remove(line)


def _as_submit(data: Data) -> Message:
    return Message(
        source=data.source,
        destination=data.destination,
        esm_class=data.esm_class,
        data_coding=data.data_coding,
        registered_delivery=data.registered_delivery,
        tlvs=data.tlvs,
        source_ton=data.source_ton,
        source_npi=data.source_npi,
        destination_ton=data.destination_ton,
        destination_npi=data.destination_npi,
        service_type=data.service_type,
    )
