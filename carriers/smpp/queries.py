"""Asking the carrier itself what became of submits whose receipts do not come (query_sm, SMPP 3.4, 4.8)."""

import logging
from collections.abc import Callable, Iterable, Sequence
from math import inf
from operator import attrgetter
from typing import Final

from carriers.lane import Lane
from carriers.port import ReceiptIn, ReceiptsCallback
from carriers.smpp import events as e
from carriers.smpp.commands import QUERY_SM, RINVCMDID, RINVMSGID, ROK
from carriers.smpp.compose import source_kind
from carriers.smpp.counters import LinkCounters
from carriers.smpp.inquiry import SHARE, Inquiry, Question
from carriers.smpp.jobs import Job
from carriers.smpp.operations import Query, pack_query, read_found
from carriers.smpp.pdu import MalformedPdu
from carriers.smpp.receipts import state_of
from carriers.smpp.seat import Seat
from carriers.smpp.tray import Tray
from router.model import State
from router.settings import CarrierProfile

log: Final = logging.getLogger(__name__)

RQUERYFAIL: Final = 0x67  # SMPP 3.4, 5.1.3
_NEVER: Final = frozenset((RINVMSGID, RQUERYFAIL))  # it does not know the message (any more): asking again is of no use

_room = attrgetter("room")


class Queries:
    """The questions of one link, in small share: submits go first. Final states are handed up as receipts are."""

    def __init__(
        self,
        profile: CarrierProfile,
        lane: Lane,
        *,
        counters: LinkCounters,
        on_receipts: ReceiptsCallback,
        on_due: Callable[[], None],
        clock: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        """For a profile whose ``query_after_s`` is more than 0; ``on_due`` is told when ``next_due_s`` has changed by itself."""
        self.suggestion = ""  # what the operator should know
        self.failed: list[Job] = []  # told UNKNOWN before, and now a segment is known not to arrive; the traffic takes them
        self._profile = profile
        self._lane = lane
        self._counters = counters
        self._on_receipts = on_receipts
        self._on_due = on_due
        self._clock = clock
        self._wall = wall
        self._inquiry = Inquiry(profile.query_after_s)
        self._able = True
        self._tray = Tray[ReceiptIn, Question](f"{profile.name} queries", keep=self._keep, answer=self._kept)
        self.run = self._tray.run
        self.empty = self._tray.empty

    # -- what happens to submits

    def submitted(self, job: Job, index: int, raw: str, now_s: float) -> None:
        """A segment was accepted under this id, as the carrier wrote it."""
        if self._able:
            carrier_id = job.ids[index] or ""
            self._inquiry.submitted(Question(carrier_id, raw, job.outgoing.body.sender), now_s)
            if job.done and job.accepted < len(job.parts):  # told UNKNOWN: an answer came late, and others are still missing
                self._inquiry.urge(carrier_id, job)

    def unknown(self, job: Job) -> None:
        """A message was told UNKNOWN: what is known of its segments is asked for at once."""
        for carrier_id in job.ids:
            if carrier_id:
                self._inquiry.urge(carrier_id, job)

    def settled(self, carrier_id: str) -> None:
        """A receipt of a final state came."""
        self._inquiry.settled(carrier_id)

    # -- writing

    def pump(self, seats: Sequence[Seat], now_s: float, *, submits_wait: bool) -> None:
        """Write what is due, as far as its share goes. While submits wait, only what an UNKNOWN message hangs on."""
        room = min(self._share(seats), self._lane.room(now_s))
        if room <= 0 or self._inquiry.next_due_s(urgent_only=submits_wait) > now_s:
            return
        room = min(room, sum(seat.room for seat in seats))
        questions = self._inquiry.due(now_s, room, urgent_only=submits_wait) if room > 0 else []
        for question in questions:
            shell = max(seats, key=_room).shell
            if shell is None:  # cannot be while it has room
                self._inquiry.again(question, now_s)
                continue
            shell.session.request(QUERY_SM, self._body(question), question, now_s)
            shell.flush()
        self._lane.take(len(questions), self._clock())  # some carriers count every request against the contract
        self._counters.queries += len(questions)

    def next_due_s(self, seats: Sequence[Seat], now_s: float, *, submits_wait: bool) -> float:
        """When time alone has something asked; infinity: never, or an answer comes before."""
        due_s = self._inquiry.next_due_s(urgent_only=submits_wait)
        if due_s == inf or self._share(seats) <= 0 or not any(seat.room for seat in seats):
            return inf
        return max(due_s, now_s + self._lane.next_room_s(now_s))

    # -- answers

    def answered(self, answers: list[e.Answer], now_s: float) -> list[e.Answer]:
        """Take the answers to queries out; what is left are answers to submits."""
        if not any(answer.command == QUERY_SM for answer in answers):
            return answers
        for answer in answers:
            if answer.command == QUERY_SM:
                self._answered(answer, now_s)
        return [answer for answer in answers if answer.command != QUERY_SM]

    def lost(self, requests: Sequence[e.Unanswered], now_s: float) -> list[e.Unanswered]:
        """Take queries without an answer out of what has none; what is left are submits."""
        for request in requests:
            if request.command == QUERY_SM:
                self._inquiry.again(request.context, now_s)
        return [request for request in requests if request.command != QUERY_SM]

    # -- inside

    def _answered(self, answer: e.Answer, now_s: float) -> None:
        question: Question = answer.context
        if answer.nack or answer.status == RINVCMDID:
            self._give_up()
        elif answer.status in _NEVER:
            self._inquiry.settled(question.carrier_id)
        elif answer.status != ROK:
            self._inquiry.again(question, now_s)
        else:
            self._found(question, answer.raw, now_s)

    def _found(self, question: Question, raw: bytes, now_s: float) -> None:
        try:
            found = read_found(raw)
        except MalformedPdu:
            self._inquiry.again(question, now_s)
            return
        told = state_of(found.message_state)
        if told is None or not told[1].final:
            self._inquiry.again(question, now_s)
            return
        word, state = told
        err = str(found.error_code) if found.error_code else ""
        self._tray.put((ReceiptIn(question.carrier_id, state, word, err, self._wall()),), (question,))
        job = question.job
        if job is not None and state is not State.DELIVERED and state is not State.UNCONFIRMED and not job.reported:
            job.reported = True
            self.failed.append(job)

    def _give_up(self) -> None:
        if self._able:
            self._able = False
            self.suggestion = "query_after_s: the carrier has no query_sm"
            log.warning("carrier.no_query carrier=%s", self._profile.name)
        self._inquiry.clear()

    def _share(self, seats: Iterable[Seat]) -> int:
        return max(1, sum(seat.window for seat in seats if seat.bound) // SHARE) - self._inquiry.open

    def _body(self, question: Question) -> bytes:
        profile = self._profile
        ton, npi = source_kind(question.sender, profile)
        source = question.sender.removeprefix("+") if ton != profile.alphanumeric_ton else question.sender
        return pack_query(Query(question.raw, source, ton, npi))

    async def _keep(self, receipts: list[ReceiptIn]) -> Sequence[int]:
        await self._on_receipts(receipts)
        return [ROK] * len(receipts)

    def _kept(self, questions: Sequence[Question], statuses: Sequence[int]) -> None:
        for question, status in zip(questions, statuses, strict=True):
            if status == ROK:
                self._counters.queries_settled += 1
                self._inquiry.settled(question.carrier_id)
            else:
                self._inquiry.again(question, self._clock())
        self._on_due()
