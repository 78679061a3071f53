"""SMPP as a ``carriers.port.Link``: all sessions of one carrier account behind one door.

Messages wait here only when the lane is throttled or the caller sent more than there was room for; a throttled one keeps
its place ahead of younger ones. Nothing is kept beyond the process: what is unanswered at its end is UNKNOWN.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from math import inf
from random import Random
from typing import Final

from carriers.lane import Lane
from carriers.port import AnswersCallback, InboundCallback, LinkState, Outgoing, ReceiptsCallback
from carriers.smpp import events as e
from carriers.smpp.client import parse_address, tls_context
from carriers.smpp.commands import BIND_RECEIVER, BIND_TRANSCEIVER, BIND_TRANSMITTER
from carriers.smpp.counters import LinkCounters
from carriers.smpp.id_watch import IdWatch
from carriers.smpp.inbox import Inbox
from carriers.smpp.operations import pack_bind
from carriers.smpp.queries import Queries
from carriers.smpp.seat import Seat, bind_of
from carriers.smpp.traffic import Traffic
from router.model import MessageClass
from router.settings import CarrierProfile

log: Final = logging.getLogger(__name__)

UNBIND_S: Final = 3.0  # for the answers to our unbinds (the session itself waits 2 s), after which connections are cut
SPARE_WINDOW: Final = 0.04  # of the windows is kept for one-time codes: one of 25
MIN_RECEIPTS_S: Final = 0.5  # for the receipts in hand, whatever the answers have used of the time to drain


class SmppLink:
    """Owns the sessions, the lane and what is in flight of one carrier account; see ``carriers.port.Link``."""

    def __init__(
        self,
        profile: CarrierProfile,
        *,
        on_answers: AnswersCallback,
        on_receipts: ReceiptsCallback,
        on_inbound: InboundCallback,
        on_change: Callable[[], None],
        clock: Callable[[], float],
        wall: Callable[[], float],
        rng: Random,
    ) -> None:
        """``clock``: the loop's monotonic seconds; ``wall``: seconds since 1970. ``ValueError`` for a profile that cannot work."""
        self.counters = LinkCounters()
        self._profile = profile
        self._on_answers = on_answers
        self._on_change = on_change
        self._clock = clock
        self._rng = rng
        self._lane = Lane(profile.speed_mps, clock())
        self._addresses = tuple(parse_address(text) for text in profile.addresses)
        pack_bind(bind_of(profile))  # says now what would fail at every bind
        self._ids = IdWatch(profile.receipt_ids)
        self._queries: Queries | None = None
        if profile.query_after_s:
            self._queries = Queries(
                profile, self._lane, counters=self.counters, on_receipts=on_receipts, on_due=self._soon, clock=clock, wall=wall
            )
        self._traffic = Traffic(
            profile, self._lane, counters=self.counters, ids=self._ids, clock=clock, wall=wall, rng=rng, queries=self._queries
        )
        self._inbox = Inbox(
            profile,
            counters=self.counters,
            ids=self._ids,
            on_receipts=on_receipts,
            on_inbound=on_inbound,
            on_final=self._queries.settled if self._queries is not None else None,
            wall=wall,
        )
        self._seats: list[Seat] = []
        self._senders: list[Seat] = []
        self._keepers: list[asyncio.Task[None]] = []
        self._receivers: list[asyncio.Task[None]] = []  # of what the carrier tells
        self._told = (0, 0)  # bound senders and receivers when ``on_change`` was last called
        self._starved = False  # the caller saw no room, and wants to hear when there is some
        self._closing = False
        self._drained = asyncio.Event()  # closing, and nothing is unanswered any more
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turn: asyncio.Handle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_s = inf

    # -- the port

    async def start(self) -> None:
        """Begin connecting; returns at once, keeps rebinding until ``close``."""
        self._loop = asyncio.get_running_loop()
        profile = self._profile
        context = tls_context(profile.tls) if profile.tls is not None else None
        pair = profile.bind == "transmitter_receiver"
        binds = (BIND_TRANSMITTER, BIND_RECEIVER) if pair else (BIND_TRANSCEIVER,)
        for number, command in enumerate(command for _ in range(profile.sessions) for command in binds):
            seat = Seat(
                number,
                command,
                profile,
                self._addresses,
                address=number // len(binds),
                context=context,
                counters=self.counters,
                clock=self._clock,
                rng=self._rng,
                on_events=self._on_events,
                on_writable=self._soon,
            )
            self._seats.append(seat)
        self._senders = self._traffic.senders = [seat for seat in self._seats if seat.submits]
        name = f"carrier {profile.name}"
        self._keepers = [self._loop.create_task(seat.keep(), name=f"{name} session {seat.number}") for seat in self._seats]
        self._receivers = [self._loop.create_task(self._inbox.run(), name=f"{name} inbox")]
        if self._queries is not None:
            self._receivers.append(self._loop.create_task(self._queries.run(), name=f"{name} queries"))

    async def close(self, drain_s: float) -> None:
        """Wait up to ``drain_s`` for answers, unbind, close. What is unanswered is reported UNKNOWN, unwritten RETURNED."""
        if not self._receivers or self._closing:
            return
        self._closing = True
        deadline_s = self._clock() + drain_s
        self._step()
        try:
            await asyncio.wait_for(self._drained.wait(), drain_s)
        except TimeoutError:
            log.warning(
                "carrier.undrained carrier=%s count=%d", self._profile.name, sum(seat.unanswered for seat in self._senders)
            )
        left_s = max(MIN_RECEIPTS_S, deadline_s - self._clock())
        await asyncio.gather(self._inbox.empty(left_s), *((self._queries.empty(left_s),) if self._queries is not None else ()))
        for seat, keeper in zip(self._seats, self._keepers, strict=True):
            seat.leave()
            if seat.shell is None:
                keeper.cancel()  # in the middle of connecting, or of a pause
        _, left = await asyncio.wait(self._keepers, timeout=UNBIND_S)
        if left:
            for seat in self._seats:
                seat.cut()
            await asyncio.wait(left, timeout=UNBIND_S)
        for task in (*self._receivers, *left):
            task.cancel()
        await asyncio.gather(*self._keepers, *self._receivers, return_exceptions=True)
        self._step()

    def room(self, now_s: float) -> int:
        """How many segments may be written now: window credits of bound sessions, capped by the lane's speed."""
        return self.rooms(now_s)[0]

    def rooms(self, now_s: float) -> tuple[int, int]:
        """How many segments may be written now if they are one-time codes, and if they are not: then by the handful."""
        codes = others = 0
        if not self._closing:
            lane, waiting = self._lane, self._traffic.waiting
            credit = sum(seat.room for seat in self._senders)
            codes = max(0, min(credit, lane.room(now_s)) - waiting)
            others = max(0, min(credit - self._spare_credit, lane.others_room(now_s)) - waiting)
        self._starved = others == 0
        return codes, others

    @property
    def _spare_credit(self) -> int:
        """Of all windows together, what is kept for one-time codes: where answers are slow, the windows are what is full."""
        return int(sum(seat.window for seat in self._senders if seat.bound) * SPARE_WINDOW)

    def next_room_s(self, now_s: float, *, codes: bool = True) -> float | None:
        """Seconds until the pacer opens again; None when room waits for an answer or a bind instead of for time."""
        if self._closing or sum(seat.room for seat in self._senders) <= (0 if codes else self._spare_credit):
            return None
        wait_s = self._lane.next_room_s(now_s) if codes else self._lane.next_others_s(now_s)
        # What waits here goes first, and ``on_change`` follows.
        return None if wait_s == 0.0 and self._traffic.waiting else wait_s

    def send(self, batch: Sequence[Outgoing]) -> None:
        """Write a batch. The caller has seen ``room``; what does not fit after all waits inside for its turn."""
        now_s = self._clock()
        self._lane.codes_came(sum(one.body.segments for one in batch if one.klass is MessageClass.OTP))
        self._traffic.add(batch, now_s)
        self._pump(now_s)
        if self._traffic.answers:
            self._soon()  # never from inside the caller's call

    @property
    def state(self) -> LinkState:
        """The link now."""
        now_s = self._clock()
        speed = self._lane.speed(now_s)
        bound = [seat for seat in self._senders if seat.bound]
        wanted = self._profile.sessions
        return LinkState(
            bound=len(bound),
            sessions=wanted,
            receivers=sum(seat.bound for seat in self._seats if seat.receives),
            speed_mps=0.0 if speed == inf else speed,
            contracted_mps=self._profile.speed_mps,
            window_used=sum(seat.unanswered for seat in bound),
            window=sum(seat.window for seat in bound),
            throttled=self._traffic.messages,
            reason=next((seat.reason for seat in self._seats if seat.reason), "" if self._seats else "not started"),
            suggestion="; ".join(
                filter(None, (str(self._ids.suggestion or ""), self._queries.suggestion if self._queries is not None else ""))
            ),
        )

    # -- inside

    def _on_events(self, seat: Seat, events: list[e.Event]) -> None:
        now_s = self._clock()
        traffic = self._traffic
        for event in events:
            match event:
                case e.Answered(answers):
                    traffic.answered(seat, answers, now_s)
                case e.Asked(requests):
                    if seat.shell is not None:
                        self._inbox.take(seat.shell, requests)
                case e.Overdue(requests):
                    if traffic.lost(requests, f"no answer in {self._profile.response_timeout_s:g} s", now_s):
                        seat.complained(now_s, requests[-1].sent_at_s, silent=True)
                case e.Closed(reason, unanswered):
                    traffic.lost(unanswered, reason, now_s)
                case _:
                    pass  # the seat's business
        self._step()

    def _step(self) -> None:
        """Write what can be written, tell what is to be told."""
        self._turn = None
        now_s = self._clock()
        self._pump(now_s)
        traffic = self._traffic
        if traffic.answers:
            answers, traffic.answers = traffic.answers, []
            self._on_answers(answers)
        told = (sum(seat.bound for seat in self._senders), sum(seat.bound for seat in self._seats if seat.receives))
        changed = told != self._told or traffic.slowed or (self._starved and self.rooms(now_s)[1] > 0)
        self._told = told
        traffic.slowed = False
        if self._closing and not any(seat.unanswered for seat in self._senders):
            self._drained.set()
        if changed:
            self._on_change()

    def _pump(self, now_s: float) -> None:
        traffic = self._traffic
        if self._closing:
            traffic.give_back("the link is closing")
        elif not any(seat.bound for seat in self._senders):
            traffic.give_back("no session is bound")
        elif traffic.idle:
            return  # a read that brought answers and receipts alone, as most do; a timer may ring for nothing
        else:
            if traffic.pump(now_s):
                self._soon()
            traffic.give_back("waited here for too long", now_s)  # after its last chance
        self._arm(traffic.next_due_s(now_s))

    def _soon(self) -> None:
        if self._turn is None and self._loop is not None:
            self._turn = self._loop.call_soon(self._step)

    def _arm(self, when_s: float) -> None:
        """One timer for all that waits here; it may ring early and finds nothing to do then."""
        if self._timer is not None:
            if self._timer_s <= when_s < inf:
                return
            self._timer.cancel()
            self._timer = None
        if when_s < inf and self._loop is not None:
            self._timer_s = when_s
            self._timer = self._loop.call_later(max(0.001, when_s - self._clock()), self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._step()
