"""Messages in an SMSC's hands: taken or refused, answered, delivered or not, reported. No I/O; time comes in through the door."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from carriers.smpp import commands as c
from carriers.smpp.law import SessionState
from carriers.smpp.messages import Message, pack_message_id
from carriers.smpp.operations import Found, Query, pack_found
from sims.smsc.account import Account, Delivery, Line, Parcel
from sims.smsc.agenda import Agenda
from sims.smsc.decisions import Decider, Fate
from sims.smsc.diary import Diary, Notes
from sims.smsc.inbox import Inbox
from sims.smsc.message_ids import write_id
from sims.smsc.options import FINALS_KEPT, SmscOptions
from sims.smsc.stats import SmscStats
from sims.smsc.temperament import Temperament

AFTER_ANSWER_S: Final = 0.002  # a receipt that is not meant to overtake its answer keeps this distance, on other lines too
RCANCELFAIL: Final = 0x11  # SMPP 3.4, 5.1.3
RREPLACEFAIL: Final = 0x13
_STATE_NUMBERS: Final = {"DELIVRD": 2, "EXPIRED": 3, "DELETED": 4, "UNDELIV": 5, "UNKNOWN": 7, "REJECTD": 8}  # 5.2.28
_ENROUTE: Final = 1
_ANY_RECEIPT: Final = 1  # registered_delivery, bits 1-0 (5.2.17); 3 is version 5's "success only"
_FAILURES_ONLY: Final = 2
_SUCCESSES_ONLY: Final = 3
_UNLIMITED: Final = 1 << 62


class Submit(NamedTuple):
    """A submit_sm, or a data_sm read as one."""

    command: int
    sequence: int
    message: Message
    number: int = 0  # in the diary


class LateAnswer(NamedTuple):
    """On the agenda: the answer to a submit."""

    line: Line
    submit: Submit
    status: int
    message_id: str


class Enroute(NamedTuple):
    """On the agenda: an intermediate receipt."""

    parcel: Parcel


class Again(NamedTuple):
    """On the agenda: a receipt, or a message from a handset, that was put off."""

    delivery: Delivery


Job = LateAnswer | Enroute | Again | Parcel  # a Parcel is on the agenda for its end


class Custody:
    """Takes submits by the temperament in force and carries every one to its end."""

    def __init__(
        self, options: SmscOptions, temperament: Temperament, stats: SmscStats, *, first_id: int, wall_offset_s: float
    ) -> None:
        """``wall_offset_s``: what to add to the clock passed in to get seconds since 1970."""
        self.temperament = temperament
        self.inbox = Inbox(keep=options.keep, track=options.track)
        self.agenda: Agenda[Job] = Agenda()
        self.outstanding: dict[str, Parcel] = {}  # message id → taken and not final
        self.diary: Notes | None = Diary(Path(options.diary), wall_offset_s) if options.diary else None
        self._stats = stats
        self._decider = Decider(options.seed)
        self._next_id = first_id
        self._wall_offset_s = wall_offset_s
        # Message id → state and error code in one number, in two halves: the older goes as a whole.
        self._finals: dict[str, int] = {}
        self._finals_before: dict[str, int] = {}

    def take(self, line: Line, account: Account, submits: Sequence[Submit], now_s: float) -> list[Account]:
        """Submits of one read. Returns the accounts with receipts to be sent before what this call has answered."""
        t = self.temperament
        stats = self._stats
        stats.submits += len(submits)
        stats.per_second.add(now_s, len(submits))
        account.per_second.add(now_s, len(submits))
        room = account.throttle.room(now_s, t.throttle_mps, t.throttle_by) if t.throttle_mps else _UNLIMITED
        taken = 0
        early: list[Account] = []
        for submit in submits:
            line.submits += 1
            if self.diary is not None:
                submit = submit._replace(number=self.diary.submitted(submit.message, now_s))  # noqa: PLW2901 (the same one, numbered)
            fate = self._decider.next(t)
            if taken >= room or (t.window and line.waiting >= t.window):
                stats.throttled += 1
                self._answer(line, submit, c.RTHROTTLED, now_s)
            elif t.queue_limit and len(self.outstanding) >= t.queue_limit:
                stats.queue_full += 1
                self._answer(line, submit, c.RMSGQFUL, now_s)
            elif fate.status != c.ROK:
                self._answer_after(fate.answer_s, LateAnswer(line, submit, fate.status, ""), now_s)
            else:
                taken += 1
                cut = t.drop_after > 0 and line.submits >= t.drop_after
                parcel = self._accept(account, submit, fate, now_s)
                if fate.early and parcel.copies:
                    self._end(parcel, now_s)
                    early.append(account)
                if cut or not fate.answered:
                    stats.unanswered += 1
                else:
                    delay_s = max(fate.answer_s, AFTER_ANSWER_S) if fate.early and parcel.copies else fate.answer_s
                    self._answer_after(delay_s, LateAnswer(line, submit, c.ROK, parcel.message_id), now_s)
                if cut:
                    line.ended = True
                    stats.dropped += 1
                    break
        if t.throttle_mps:
            account.throttle.passed(now_s, taken)
        stats.accepted += taken
        stats.taken_per_second.add(now_s, taken)
        return early

    def due(self, now_s: float) -> tuple[list[Line], list[Account]]:
        """Do what is due: the lines that were answered on, and the accounts with receipts to send."""
        lines: dict[Line, None] = {}
        accounts: dict[str, Account] = {}
        for job in self.agenda.take(now_s):
            match job:
                case LateAnswer(line, submit, status, message_id):
                    line.waiting -= 1
                    if line.session.state is SessionState.CLOSED:
                        self._stats.unanswered += 1
                    else:
                        self._answer(line, submit, status, now_s, message_id)
                        lines[line] = None
                    continue
                case Enroute(parcel):
                    if parcel.message_id not in self.outstanding:
                        continue  # cancelled
                    account = parcel.account
                    account.put(parcel, "ENROUTE", now_s + self._wall_offset_s)
                case Again(delivery):
                    account = delivery.account
                    account.put_again([delivery])
                case Parcel():
                    if not self._end(job, now_s):
                        continue
                    account = job.account
            accounts[account.system_id] = account
        return list(lines), list(accounts.values())

    def found(self, query: Query) -> Found | None:
        """What query_sm tells of a message; None when the id is not known (any more)."""
        if query.message_id in self.outstanding:
            return Found(query.message_id, "", _ENROUTE, 0)
        final = self._finals.get(query.message_id) or self._finals_before.get(query.message_id)
        return Found(query.message_id, "", final >> 8, final & 0xFF) if final is not None else None

    def answer_query(self, line: Line, sequence: int, query: Query) -> None:
        """Answer a query_sm."""
        found = self.found(query)
        if found is None:
            line.session.respond(c.QUERY_SM, sequence, c.RINVMSGID)
        else:
            line.session.respond(c.QUERY_SM, sequence, c.ROK, pack_found(found))

    def cancel(self, message_id: str, now_s: float) -> Account | None:
        """Take a message back; the account with a receipt to send, None when it is too late for that."""
        parcel = self.outstanding.get(message_id)
        if parcel is None:
            return None
        self._end(parcel._replace(delivered=False, stat="DELETED", err="000"), now_s)
        return parcel.account

    # -- inside -----------------------------------------------------------------------------------------------------
    def _accept(self, account: Account, submit: Submit, fate: Fate, now_s: float) -> Parcel:
        t = self.temperament
        number = self._next_id
        self._next_id += 1
        message_id = write_id(number, t.message_ids)
        message = submit.message
        wall_s = now_s + self._wall_offset_s
        self.inbox.take(account.system_id, message, message_id, wall_s)
        wanted = message.registered_delivery & 0x03
        asked = wanted in {_ANY_RECEIPT, _SUCCESSES_ONLY if fate.stat == "DELIVRD" else _FAILURES_ONLY}
        if asked and fate.lost:
            self._stats.receipts_withheld += 1
        parcel = Parcel(
            account,
            message_id,
            message_id if t.receipt_ids == "same" else write_id(number, t.receipt_ids),
            message,
            wall_s,
            fate.delivered,
            fate.stat,
            fate.err,
            fate.copies if asked and not fate.lost else 0,
            t.receipt_text,
        )
        if not fate.stat:  # a black hole: it never ends
            return parcel
        self.outstanding[message_id] = parcel
        after_s = max(fate.receipt_s, fate.answer_s + AFTER_ANSWER_S)
        if not (fate.early and parcel.copies):
            self.agenda.add(now_s + after_s, parcel)
            if fate.enroute and asked:
                self.agenda.add(now_s + max(after_s / 2, fate.answer_s + AFTER_ANSWER_S / 2), Enroute(parcel))
        return parcel

    def _end(self, parcel: Parcel, now_s: float) -> bool:
        """A message reaches its end; whether a receipt is due."""
        if self.outstanding.pop(parcel.message_id, None) is None:
            return False  # cancelled before
        wall_s = now_s + self._wall_offset_s
        self._stats.finals["delivered" if parcel.delivered else "faked" if parcel.stat == "DELIVRD" else parcel.stat] += 1
        number = int(parcel.err) if parcel.err.isdecimal() else 0
        finals = self._finals
        finals[parcel.message_id] = _STATE_NUMBERS[parcel.stat] << 8 | min(number, 255)
        if len(finals) >= FINALS_KEPT:
            self._finals, self._finals_before = {}, finals
        for _ in range(parcel.copies):
            if self.diary is not None:
                self.diary.receipt(parcel.message_id, parcel.stat, now_s)
            parcel.account.put(parcel, parcel.stat, wall_s)
        return parcel.copies > 0

    def _answer_after(self, delay_s: float, answer: LateAnswer, now_s: float) -> None:
        if delay_s > 0:
            answer.line.waiting += 1
            self.agenda.add(now_s + delay_s, answer)
        else:
            self._answer(answer.line, answer.submit, answer.status, now_s, answer.message_id)

    def _answer(self, line: Line, submit: Submit, status: int, now_s: float, message_id: str = "") -> None:
        self._stats.answers[status] += 1
        body = pack_message_id(message_id) if status == c.ROK else b""
        line.session.respond(submit.command, submit.sequence, status, body)
        if self.diary is not None:
            self.diary.answered(submit.number, status, message_id, now_s)
