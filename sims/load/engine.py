"""The generator: requests leave when the schedule says so, on whichever connection is free, and every answer is counted."""

import asyncio
import contextlib
import heapq
import math
import secrets
from time import monotonic
from typing import Final

from router.model import MessageClass
from sims.load.answers import read_code, read_id, read_items
from sims.load.corpus import Corpus
from sims.load.flight import Flight
from sims.load.follow import Tracker
from sims.load.http import HttpAnswer, HttpConnection, request_head
from sims.load.options import LoadOptions, split_url
from sims.load.poller import Poller
from sims.load.pool import Pool
from sims.load.receiver import Event, WebhookReceiver
from sims.load.result import LoadResult
from sims.load.schedule import Schedule

TICK_S: Final = 0.001  # event loops keep time to a millisecond; `LoadResult.lag` shows what that costs
SWEEP_S: Final = 0.25  # how often unanswered requests are looked through for timeouts
LOST_RETRY_S: Final = 0.1  # first pause before a retry that no Retry-After governs; doubles
INTERRUPT_GRACE_S: Final = 2.0  # how long an interrupted run waits for answers under way


class Generator:
    """One run. ``await run()`` once; ``result`` may be read at any time, ``stop()`` ends the sending early."""

    def __init__(self, options: LoadOptions) -> None:
        self.options = options
        self.result = LoadResult(target_mps=options.rate_mps, followed=options.follow or options.webhooks)
        self.tracker = Tracker(self.result)
        parts = split_url(options.url)
        tls = parts.scheme == "https"
        path = parts.path.rstrip("/") + ("/v1/messages/batch" if options.mode == "batch" else "/v1/messages")
        content_type = "application/json" if options.format == "json" else "application/msgpack"
        self._head = request_head("POST", path, parts.netloc, options.key, content_type)
        self._run_id = secrets.token_hex(6)  # keys of this run are no replays of another's
        self._schedule = Schedule(
            rate_mps=options.rate_mps, per_request=options.per_request, count=options.count, duration_s=options.duration_s
        )
        self._corpus = Corpus(options)
        self._next = 0  # the first request not yet written
        self._pool = Pool(
            (parts.hostname or "", parts.port or (443 if tls else 80), tls),
            options.connections,
            on_answer=self._on_answer,
            on_lost=self._on_lost,
            on_idle=self._pump,
        )
        self._retries: list[tuple[float, int, Flight]] = []
        self._under_way = 0
        self._stopping = False
        self._start_s = 0.0
        self._wake: asyncio.TimerHandle | None = None
        self._wake_s = 0.0  # what it is meant for

    # -- the run ----------------------------------------------------------------------------------------------------
    async def run(self) -> LoadResult:
        """Send, drain, follow; raises ``TargetUnreachable`` when nobody listens at the start."""
        self._loop = asyncio.get_running_loop()
        self._done = asyncio.Event()
        receiver = None
        if self.options.webhooks:
            receiver = WebhookReceiver(self._on_event, secret=self.options.webhook_secret)
            url = await receiver.start(self.options.webhook_host, f"/events/{self._run_id}")
            self._corpus = Corpus(self.options, webhook_url=url)
        poller: asyncio.Task[None] | None = None
        try:
            await self._pool.start()
            self._start_s = monotonic()
            if self.options.follow and receiver is None:
                poller = asyncio.create_task(Poller(self.options, self.tracker, self._now_s).run())
            self._sweep()
            self._pump()
            await self._done.wait()
            await self._follow_to_the_end()
        finally:
            self._close()
            if poller is not None:
                poller.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await poller
            if receiver is not None:
                await receiver.stop()
        return self.result

    def stop(self) -> None:
        """End the run early: nothing new is sent, answers under way get a moment, following ends."""
        if not self._stopping:
            self._stopping = self.result.interrupted = True
            self._loop.call_later(INTERRUPT_GRACE_S, self._done.set)
            self._settle()

    def _now_s(self) -> float:
        return monotonic() - self._start_s  # not the loop's time: uvloop's stands still for a millisecond at a time

    @property
    def backlog(self) -> int:
        """Requests that are due and not yet written."""
        due = self._schedule.due(self._now_s())
        return 0 if due is None else max(0, due - self._next)

    @property
    def planned(self) -> int | None:
        """Messages of the whole run; None when only time ends it."""
        total = self._schedule.requests
        return None if total is None else (total - 1) * self.options.per_request + self._schedule.size(total - 1)

    # -- sending ----------------------------------------------------------------------------------------------------
    def _pump(self) -> None:
        """Write all that is due and has a connection; arm the timer for what is due next."""
        if self._done.is_set():
            return
        now_s = self._now_s()
        due = self._schedule.due(now_s)
        while self._pool.idle:
            if self._retries and self._retries[0][0] <= now_s:
                flight = heapq.heappop(self._retries)[2]
            elif not self._stopping and (due is None or self._next < due):
                flight = self._make(now_s)
            else:
                break
            self._write(self._pool.idle.pop(), flight)
        if self._pool.idle:  # without an idle connection the next answer pumps
            self._arm(now_s)
        self._settle()

    def _arm(self, now_s: float) -> None:
        over = self._stopping or self._schedule.ended(self._next, now_s)
        at_s = math.inf if over else self._schedule.intended_s(self._next)
        if self._retries:
            at_s = min(at_s, self._retries[0][0])
        if self._wake is not None:
            if (
                self._wake_s == at_s
            ):  # most pumps are answers' and write nothing: a timer anew would be a fifth of a request's cost
                return
            self._wake.cancel()
        self._wake_s, self._wake = at_s, None
        if at_s < math.inf:
            self._wake = self._loop.call_later(max(at_s - now_s, TICK_S), self._woken)

    def _woken(self) -> None:
        self._wake = None
        self._pump()

    def _make(self, now_s: float) -> Flight:
        index, self._next = self._next, self._next + 1
        body, classes = self._corpus.request(self._schedule.size(index))
        key = b"Idempotency-Key: load-%b-%d\r\n" % (self._run_id.encode(), index) if self.options.retry else b""
        octets = b"%b%bContent-Length: %d\r\n\r\n%b" % (self._head, key, len(body), body)
        # without a rate a request is meant to leave when it can
        intended_s = self._schedule.intended_s(index) if self.options.rate_mps > 0 else now_s
        return Flight(intended_s, octets, classes)

    def _write(self, connection: HttpConnection, flight: Flight) -> None:
        now_s = self._now_s()
        flight.written_s = now_s
        if flight.tries == 0:
            self.result.sent += len(flight.classes)
            self.result.lag.add((now_s - flight.intended_s) * 1e6)
        else:
            self.result.retries += 1
        flight.tries += 1
        self.result.requests += 1
        self._under_way += 1
        connection.load = flight
        connection.write(flight.octets)

    # -- answers ----------------------------------------------------------------------------------------------------
    def _on_answer(self, connection: HttpConnection, answer: HttpAnswer) -> None:
        flight: Flight | None = connection.load
        if flight is None:
            connection.abort()  # an answer to nothing: the two sides no longer agree
            return
        connection.load = None
        self._under_way -= 1
        if connection.open:
            self._pool.idle.append(connection)
        self.result.elapsed_s = now_s = self._now_s()
        self.result.service.add((now_s - flight.written_s) * 1e6)
        self.result.replayed += answer.replayed
        if answer.status in {408, 429, 503}:  # the first may be sent again as it is, on another connection (RFC 9110, 15.5.9)
            self.result.pushed_back[answer.status] += 1
            code = read_code(answer.content_type, answer.body)
            self._give_up_or_retry(flight, (answer.status, code), answer.retry_after_s)
        elif 200 <= answer.status < 300:
            self._count_accepted(flight, answer, now_s)
        else:
            self.result.refused[answer.status, read_code(answer.content_type, answer.body)] += len(flight.classes)
        self._pump()

    def _count_accepted(self, flight: Flight, answer: HttpAnswer, now_s: float) -> None:
        result = self.result
        took_us = (now_s - flight.intended_s) * 1e6
        if self.options.mode == "single":
            klass = MessageClass(flight.classes[0])
            result.accepted += 1
            result.accept[klass].add(took_us)
            if result.followed:
                self.tracker.accepted(read_id(answer.content_type, answer.body), flight.intended_s, klass)
            return
        items = read_items(answer.content_type, answer.body)
        if items is None or len(items) != len(flight.classes):
            result.errors["unreadable_answer"] += len(flight.classes)
            return
        times = [0] * len(MessageClass)
        for item, octet in zip(items, flight.classes, strict=True):
            if item.id:
                times[octet] += 1
                if result.followed:
                    self.tracker.accepted(item.id, flight.intended_s, MessageClass(octet))
            else:
                result.refused[item.status or answer.status, item.code] += 1
        for klass in MessageClass:
            if times[klass]:
                result.accepted += times[klass]
                result.accept[klass].add(took_us, times[klass])

    def _on_lost(self, connection: HttpConnection) -> None:
        flight: Flight | None = connection.load
        if flight is not None:
            connection.load = None
            self._under_way -= 1
            self._give_up_or_retry(flight, "connection_lost")
            self._pump()

    def _give_up_or_retry(self, flight: Flight, reason: str | tuple[int, str], after_s: float | None = None) -> None:
        if self.options.retry and not self._stopping and flight.tries <= self.options.retry_limit:
            pause_s = after_s if after_s is not None else LOST_RETRY_S * 2 ** (flight.tries - 1)
            heapq.heappush(self._retries, (self._now_s() + pause_s, id(flight), flight))
        elif isinstance(reason, str):
            self.result.errors[reason] += len(flight.classes)
        else:
            self.result.refused[reason] += len(flight.classes)

    def _sweep(self) -> None:
        """Cut the connections whose request has waited too long; notice the end of the drain."""
        if self._done.is_set():
            return
        now_s = self._now_s()
        for connection in tuple(self._pool.open):
            flight: Flight | None = connection.load
            if flight is not None and now_s - flight.written_s > self.options.timeout_s:
                connection.load = None
                self._under_way -= 1
                self._give_up_or_retry(flight, "timeout")
                connection.abort()
        total = self._schedule.requests
        if total is not None and self._next < total:
            last_s = self._schedule.intended_s(total - 1)
            if self.options.rate_mps > 0 and now_s > last_s + self.options.drain_s:
                self._stopping = True
        self._pump()
        self._loop.call_later(SWEEP_S, self._sweep)

    # -- the end ----------------------------------------------------------------------------------------------------
    def _settle(self) -> None:
        """Whether all has been said."""
        over = self._stopping or self._schedule.ended(self._next, self._now_s())
        if not over or self._under_way:
            return
        if self._stopping:
            for _, _, flight in self._retries:
                self.result.errors["retry_abandoned"] += len(flight.classes)
            self._retries.clear()
        if self._retries:
            return
        total = self._schedule.requests
        if total is not None and not self.result.interrupted:
            self.result.unsent = sum(self._schedule.size(index) for index in range(self._next, total))
        self._done.set()

    async def _follow_to_the_end(self) -> None:
        deadline_s = self._now_s() + self.options.follow_timeout_s
        while self.result.followed and len(self.tracker) and not self.result.interrupted and self._now_s() < deadline_s:
            await asyncio.sleep(0.05)
        self.tracker.close()

    def _on_event(self, event: Event) -> None:
        if event.signed:
            self.result.events += 1
            self.tracker.seen(event.message_id, event.status, self._now_s())
        else:
            self.result.bad_signatures += 1

    def _close(self) -> None:
        self._done.set()
        if self._wake is not None:
            self._wake.cancel()
        for connection in tuple(self._pool.open):
            if connection.load is not None:
                self.result.errors["abandoned"] += len(connection.load.classes)
                connection.load = None
        self._pool.close()
