"""The gateway at work: submits leave when the schedule says so, on whichever session has room, and every answer is counted."""

import asyncio
import heapq
from collections import deque
from collections.abc import Sequence
from time import monotonic
from typing import Final

from carriers.smpp import commands as c
from carriers.smpp import events as e
from carriers.smpp.law import SUBMITTING
from carriers.smpp.messages import Message
from carriers.smpp.receipts import ReceiptText, read_receipt
from carriers.smpp.shell import SessionShell
from carriers.smpp.statuses import status_name
from router.model import STATUS_OF, MessageClass
from router.text.segments import decode
from sims.gateway.corpus import Corpus, Submit
from sims.gateway.lines import Lines
from sims.gateway.options import GatewayOptions
from sims.load.follow import Tracker
from sims.load.result import LoadResult
from sims.load.schedule import Schedule

TICK_S: Final = 0.001  # event loops keep time to a millisecond; `LoadResult.lag` shows what that costs
RETRY_S: Final = 1.0  # what was throttled comes again after this, as Kannel does
PUSHED_BACK: Final = frozenset({c.RTHROTTLED, c.RMSGQFUL, c.RSYSERR})
KEPT: Final = 1_000  # messages from handsets that can be looked at


class _Flight:
    """A message that has not been settled."""

    __slots__ = ("first_id", "intended_s", "klass", "left", "parts", "unanswered", "written_s")

    def __init__(self, submit: Submit, intended_s: float) -> None:
        self.parts = submit.bodies
        self.klass: MessageClass = submit.klass
        self.intended_s = intended_s
        self.left = list(range(len(submit.bodies)))  # parts to be written
        self.unanswered = 0
        self.first_id = ""
        self.written_s = 0.0


class Gateway:
    """One run. ``await run()`` once; ``result`` may be read at any time, ``stop()`` ends the sending early."""

    def __init__(self, options: GatewayOptions) -> None:
        self.options = options
        self.result = LoadResult(target_mps=options.rate_mps, followed=options.receipts)
        self.inbound: deque[tuple[str, str, str]] = deque(maxlen=KEPT)  # from, to, text of messages from handsets
        self.inbound_count = 0
        self._tracker = Tracker(self.result)
        self._schedule = Schedule(rate_mps=options.rate_mps, per_request=1, count=options.count, duration_s=options.duration_s)
        self._corpus = Corpus(options)
        self._next = 0
        self._retries: list[tuple[float, int, _Flight]] = []
        self._begun: deque[_Flight] = deque()  # with parts to be written
        self._under_way = 0
        self._stopping = False
        self._wake: asyncio.TimerHandle | None = None
        self._start_s = 0.0

    async def run(self) -> LoadResult:
        """Bind, send, wait for answers and receipts, unbind; raises ``TargetRefused``."""
        self._loop = asyncio.get_running_loop()
        self._done = asyncio.Event()
        self._lines = Lines(self.options, on_events=self._on_events, on_writable=self._pump)
        try:
            await self._lines.start()
            self._start_s = monotonic()
            self._pump()
            await self._done.wait()
            await self._receipts()
        finally:
            self._stopping = True
            if self._wake is not None:
                self._wake.cancel()
            await self._lines.leave()
        self._tracker.close()
        return self.result

    def stop(self) -> None:
        """End the run early: nothing new is sent."""
        if not self._stopping:
            self._stopping = self.result.interrupted = True
            self._loop.call_later(2.0, self._done.set)
            self._settle()

    @property
    def planned(self) -> int | None:
        """Messages of the whole run; None when only time ends it."""
        return self._schedule.requests

    @property
    def backlog(self) -> int:
        """Messages that are due and not yet written."""
        due = self._schedule.due(self._now_s())
        return 0 if due is None else max(0, due - self._next)

    def _now_s(self) -> float:
        return monotonic() - self._start_s

    def _on_events(self, shell: SessionShell, events: list[e.Event]) -> None:
        for event in events:
            match event:
                case e.Answered(answers):
                    self._answered(answers)
                case e.Asked(requests):
                    self._asked(shell, requests)
                case e.Overdue(requests):
                    self._lost(requests, "timeout")
                case e.Closed(_, unanswered):
                    self._lost(unanswered, "connection_lost")
                case _:
                    pass
        self._pump()

    # -- sending -----------------------------------------------------------------------------------------------------
    def _pump(self) -> None:
        """Write all that is due and has room; arm the timer for what is due next."""
        if not self._start_s or self._done.is_set():
            return
        now_s = self._now_s()
        due = self._schedule.due(now_s)
        written = False
        for shell in self._lines.shells:
            room = shell.session.room if shell.writable and shell.session.state in SUBMITTING else 0
            while room > 0:
                flight = self._take(now_s, due)
                if flight is None:
                    break
                part = flight.left.pop(0)
                shell.session.request(c.SUBMIT_SM, flight.parts[part], (flight, part), monotonic())
                flight.unanswered += 1
                self.result.requests += 1
                if flight.left:
                    self._begun.appendleft(flight)
                room -= 1
                written = True
            if written:
                shell.flush()
        self._arm(now_s)
        self._settle()

    def _take(self, now_s: float, due: int | None) -> _Flight | None:
        """The next message with a part to be written."""
        while self._begun:
            flight = self._begun.popleft()
            if flight.left:
                return flight
        while self._retries and self._retries[0][0] <= now_s:
            flight = heapq.heappop(self._retries)[2]
            if flight.left:  # its parts may have gone with an earlier turn
                return flight
        if self._stopping or (due is not None and self._next >= due):
            return None
        intended_s = self._schedule.intended_s(self._next) if self.options.rate_mps > 0 else now_s
        self._next += 1
        flight = _Flight(self._corpus.next(), intended_s)
        flight.written_s = now_s
        self._under_way += 1
        self.result.sent += 1
        self.result.lag.add((now_s - intended_s) * 1e6)
        return flight

    def _arm(self, now_s: float) -> None:
        times = [self._retries[0][0]] if self._retries else []
        if not self._stopping and not self._schedule.ended(self._next, now_s) and self.options.rate_mps > 0:
            times.append(self._schedule.intended_s(self._next))
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None
        if times and not self._done.is_set():
            self._wake = self._loop.call_later(max(min(times) - now_s, TICK_S), self._pump)

    # -- answers -----------------------------------------------------------------------------------------------------
    def _answered(self, answers: Sequence[e.Answer]) -> None:
        now_s = self._now_s()
        result = self.result
        result.elapsed_s = now_s
        for context, _, status, message_id, _, late, _, _ in answers:
            if late:
                continue
            flight, part = context
            flight.unanswered -= 1
            if status in PUSHED_BACK and self.options.retry and not self._stopping:
                result.pushed_back[status] += 1
                result.retries += 1
                flight.left.append(part)
                heapq.heappush(self._retries, (now_s + RETRY_S, id(flight), flight))
            elif status:
                self._end(flight)
                result.refused[status, status_name(status)] += 1
            else:
                if part == 0:
                    flight.first_id = message_id
                if not flight.unanswered and not flight.left:
                    self._accepted(flight, now_s)

    def _accepted(self, flight: _Flight, now_s: float) -> None:
        self._under_way -= 1
        result = self.result
        result.accepted += 1
        result.accept[flight.klass].add((now_s - flight.intended_s) * 1e6)
        result.service.add((now_s - flight.written_s) * 1e6)
        if result.followed:
            self._tracker.accepted(flight.first_id, flight.intended_s, flight.klass)

    def _end(self, flight: _Flight) -> None:
        """Nothing more of it is written; answers to its other parts are of no interest."""
        flight.left.clear()
        flight.unanswered = 1 << 30
        self._under_way -= 1

    def _lost(self, requests: Sequence[e.Unanswered], why: str) -> None:
        for context, _, _ in requests:
            flight, part = context
            if flight.unanswered >= 1 << 20:
                continue
            flight.unanswered -= 1
            if self.options.retry and not self._stopping:
                # It may have been taken: a gateway that wants nothing lost sends it again, as Kannel does.
                self.result.retries += 1
                flight.left.append(part)
                heapq.heappush(self._retries, (self._now_s() + RETRY_S, id(flight), flight))
            else:
                self._end(flight)
                self.result.errors[why] += 1

    def _settle(self) -> None:
        now_s = self._now_s()
        over = self._stopping or self._schedule.ended(self._next, now_s)
        if over and (not self._under_way or self._schedule_over_s(now_s) > self.options.drain_s):
            if self._under_way:
                self.result.errors["unanswered"] += self._under_way
                self._under_way = 0
            self._done.set()
        elif over and self._under_way and self._wake is None:
            self._wake = self._loop.call_later(1.0, self._pump)

    def _schedule_over_s(self, now_s: float) -> float:
        total = self._schedule.requests
        last_s = self._schedule.intended_s(max(0, total - 1)) if total is not None else self.options.duration_s
        return now_s - max(last_s, self.result.elapsed_s)

    # -- what comes --------------------------------------------------------------------------------------------------
    def _asked(self, shell: SessionShell, requests: Sequence[e.Request]) -> None:
        now_s = self._now_s()
        for command, sequence, body in requests:
            if isinstance(body, Message):
                found = read_receipt(body.short_message, body.tlvs, esm_class=body.esm_class, by_text=False)
                if isinstance(found, ReceiptText):
                    self.result.events += 1
                    self._tracker.seen(found.carrier_id, STATUS_OF[found.state].value, now_s)
                else:
                    self.inbound_count += 1
                    text = decode(body.short_message, body.data_coding, bool(body.esm_class & c.ESM_UDHI))
                    self.inbound.append((body.source, body.destination, text))
            if command != c.ALERT_NOTIFICATION:
                shell.session.respond(command, sequence)

    async def _receipts(self) -> None:
        """Wait for receipts, as long as the options allow."""
        deadline_s = self._now_s() + self.options.follow_timeout_s
        while self.result.followed and len(self._tracker) and not self.result.interrupted and self._now_s() < deadline_s:
            await asyncio.sleep(0.05)
