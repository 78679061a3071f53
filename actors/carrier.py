"""Carrier: one carrier account's sessions. Takes offers, assigns what it can write now, reports what became of it."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Any, Final

from actors import machine
from actors.assigning import assign, give_back_newer
from actors.batching import Outbox, Pause
from actors.brain_client import BrainCall, Observations
from actors.fuse import OwnBreaker
from actors.inbound import InboundDesk
from actors.lane_queue import LaneQueue, Waiting
from actors.link_tally import LinkTally
from actors.outcomes import Outcomes
from actors.ownership import Ownership, ended_event, hold_until_ms
from actors.shell import JournalAddress, Shell
from actors.strays import Strays
from actors.waiting import woken
from actors.wire import Lane, Reply, pack_lane, pack_reply, unpack_offer
from carriers.link import SmppLink
from carriers.port import Outgoing
from router.brain.port import Observation, Outcome
from router.journal.port import Fenced, Finish
from router.model import ErrorName, MessageClass, State
from router.record import EventKind, NewerRecord, UnreadableRecord, pack_event, unpack_body
from router.rescues import Rescues
from router.settings import CarrierProfile, ClassRules

log = logging.getLogger("trunkline.carrier")

LANE_S: Final = 0.25  # a lane holds a quarter of a second of its speed: a carrier gone bad strands little
LANE_MIN: Final = 8  # segments; a slow carrier must still be able to take a batch
ASSIGN_LIMIT: Final = 300  # messages one call binds
ASSIGN_PAUSE_S: Final = 0.003  # between assignments of few messages
OUTBOX_LIMIT: Final = 20_000  # facts that the journal has not taken yet; above this nothing more is sent
LOOK_S: Final = 0.25  # the longest rest of a lane that waits for room
EMPTY_S: Final = 1.0  # the longest rest of an empty lane: a hundred carriers stand by for a few that send


class Carrier(Shell):
    """Owns one carrier account's sessions, windows and lane. May forget everything but its contract with the carrier.

    What was in flight becomes UNKNOWN, what only waited in the lane is offered again by its dispatcher.
    """

    kind = "carrier"

    def __init__(self, name: str, address: JournalAddress, carrier: str, brain: BrainCall) -> None:
        self._carrier = carrier
        self._observations = Observations(brain, lambda: self.settings.workers.brains)
        self._breaker = OwnBreaker(self._observations.put, self._changed)
        self._queue = LaneQueue()
        self._assigning = asyncio.Lock()
        self._go = asyncio.Event()
        self._turned = asyncio.Event()
        self._version = machine.now_ms()  # grows over restarts too
        self._up = False
        self._leaving = False
        self._rate = 0.0  # segments a second of late: the measure of a lane without a contract
        self._profile: CarrierProfile
        self._owner: Ownership
        self._outcomes: Outcomes
        self._inbound: InboundDesk
        self._pause = Pause(ASSIGN_PAUSE_S)
        self._tally = LinkTally(carrier)
        self._link: SmppLink
        super().__init__(name, address)

    def __repr__(self) -> str:
        if not self.started.is_set():
            return f"{self.name} · starting"
        state = self._link.state
        speed = f"{state.speed_mps:.0f}" if state.speed_mps else "∞"
        text = f"{self.name} · bound {state.bound}/{state.sessions} · {speed} mps · window {state.window_used}/{state.window}"
        return f"{text} · {state.reason}" if state.reason else text

    async def run(self) -> None:
        while (profile := self._own_profile()) is None:
            # Taken out of the settings while this process came up: the supervisor is about to end it.
            await asyncio.sleep(LOOK_S)
        self._profile = profile
        self._owner = Ownership(self.journal, self.name)
        adopted = await self._owner.take(
            lambda: hold_until_ms(self.settings, self.now_ms()), lambda: ended_event(self._carrier, self.now_ms())
        )
        log.info("carrier.owns carrier=%s epoch=%d adopted=%d", self._carrier, self._owner.epoch, adopted)
        self._outcomes = Outcomes(
            self.journal, self.name, self._profile, self.metrics, rules=self._rules, observe=self._breaker.put
        )
        self._outcomes.rescues = Rescues.wanted(self.settings)
        self._inbound = InboundDesk(self.journal, self._profile, self.metrics, self.settings, now_ms=self.now_ms, rng=self.rng)
        for box in self._boxes():
            self.spawn(box.run())
        self._link = SmppLink(
            self._profile,
            on_answers=self._on_answers,
            on_receipts=self._outcomes.receipts.on_receipts,
            on_inbound=self._inbound.on_inbound,
            on_change=self._on_change,
            clock=self._owner.clock,
            wall=machine.time,
            rng=machine.dice(),
        )
        await self._link.start()
        self.spawn(self._owner.keep())
        self.spawn(self._send())
        self.spawn(self._queue.run())
        self.spawn(self._inbound.keep_looking())
        strays = Strays(self.journal, self.name, self._carrier, self._outcomes, self._assigning, lambda: self.settings)
        self.spawn(strays.run())
        self.spawn(self._observations.run())

    # -- calls from dispatchers ----------------------------------------------------------------------------------
    async def offer(self, octets: bytes) -> bytes:
        """Have these sent: returns (``Reply``) when each is assigned or handed back."""
        await self.started.wait()
        batch = unpack_offer(octets)
        ticket = self._queue.put(batch, machine.monotonic())
        if not self._up:
            self._queue.return_all(self._why())
        self._go.set()
        await ticket.done
        return pack_reply(Reply(ticket.returned, self._lane()))

    async def lane(self, version: int, wait_s: float) -> bytes:
        """The ``Lane`` as soon as its version is another than ``version``, at the latest after ``wait_s``."""
        await self.started.wait()
        deadline_s = machine.monotonic() + wait_s
        while self._version == version and (left_s := deadline_s - machine.monotonic()) > 0:
            self._turned.clear()
            await woken(self._turned, left_s)
        return pack_lane(self._lane())

    async def status(self) -> dict[str, Any]:
        """What ``/v1/carriers`` shows of it."""
        if not self.started.is_set():
            return {"name": self._carrier, "reason": "starting"}
        return {"name": self._carrier, **self._link.state._asdict()}

    def _lane(self) -> Lane:
        state = self._link.state
        speed = state.speed_mps or self._rate
        depth = max(LANE_MIN, int(speed * LANE_S)) if state.speed_mps else max(LANE_MIN, 2 * state.window, int(speed * LANE_S))
        return Lane(self._version, self._up, depth, self._why(), speed, *self._breaker.fuse)

    def _why(self) -> str:
        return "shutting down" if self._leaving else self._link.state.reason

    # -- the link's callbacks ------------------------------------------------------------------------------------
    def _on_answers(self, answers: list[Any]) -> None:
        self._outcomes.on_answers(answers)
        if self._queue.segments:
            self._go.set()

    def _on_change(self) -> None:
        state = self._link.state
        up = state.bound > 0 and state.receivers > 0 and not self._leaving
        if up != self._up:
            self._up = up
            self._changed()
            outcome = Outcome.LINK_UP if up else Outcome.LINK_DOWN
            self._observations.put([Observation(machine.time(), self._carrier, "", MessageClass.OTP, outcome)])
            log.info("carrier.%s carrier=%s reason=%s", "up" if up else "down", self._carrier, state.reason)
            if not up:
                self._queue.return_all(self._why() or "not bound")
        self._go.set()

    def _changed(self) -> None:
        """The lane is another, which dispatchers should know at once."""
        self._version += 1
        self._turned.set()

    # -- sending -------------------------------------------------------------------------------------------------
    async def _send(self) -> None:
        """Assign what fits into windows and speed, then write it. Nothing is written that is not assigned on disk."""
        sent, since_s = 0, machine.monotonic()
        while True:
            now_s = self._owner.clock()
            if now_s - since_s > 1.0:
                self._rate = sent / (now_s - since_s)
                sent, since_s = 0, now_s
            room, rest = self._link.rooms(now_s) if self._may_send() else (0, 0)
            codes = self._queue.codes
            if not len(self._queue) or (room if codes else rest) <= 0:
                await self._rest(self._until_room_s(now_s, codes=codes))
                continue
            await self._pause.before(self._queue.segments)
            batch = self._queue.take(min(room, ASSIGN_LIMIT), max(0, min(room, ASSIGN_LIMIT) - rest))
            if not batch:
                await self._rest(LOOK_S)
                continue
            async with self._assigning:
                sent += await self._assign_and_write(batch)
            self._pause.after()

    def _may_send(self) -> bool:
        return self._up and self._owner.valid and sum(box.size for box in self._outcomes.boxes) < OUTBOX_LIMIT

    def _until_room_s(self, now_s: float, *, codes: bool) -> float:
        """How long to rest unless something happens."""
        if not len(self._queue):
            return EMPTY_S
        wait_s = self._link.next_room_s(now_s, codes=codes) if self._may_send() else None
        return LOOK_S if wait_s is None else min(wait_s, LOOK_S)

    async def _rest(self, limit_s: float) -> None:
        self._go.clear()
        await woken(self._go, limit_s)

    async def _assign_and_write(self, batch: Sequence[Waiting]) -> int:
        """Returns the segments written."""
        try:
            ours = await assign(self.journal, self.name, self._owner.epoch, [waiting.offered for waiting in batch])
        except Fenced:
            self._owner.fenced()
        outgoing: list[Outgoing] = []
        unreadable: list[Finish] = []
        for waiting, mine in zip(batch, ours, strict=True):
            offered = waiting.offered
            written = self._outcomes.flying.get(offered.id)
            # Ours, and on its way already: an assignment asked for again is told again, and nothing is written twice for it.
            if not mine or (written is not None and written.attempts == offered.attempts + 1):
                continue
            try:
                body = unpack_body(offered.body)
            except NewerRecord:
                self._outcomes.requeued.put([give_back_newer(offered, self._carrier, self.now_ms())])
                continue
            except UnreadableRecord:
                event = pack_event(self.now_ms(), EventKind.FINAL, int(State.FAILED), ErrorName.UNREADABLE_RECORD, True, "")
                unreadable.append(Finish(offered.id, State.FAILED, event, offered.attempts + 1))
                continue
            outgoing.append(Outgoing(offered.id, offered.attempts + 1, offered.klass, body, offered.copy))
        self._outcomes.finished.put(unreadable)
        if outgoing:
            self._write(outgoing)
        for waiting in batch:
            waiting.ticket.settle()
        return sum(message.body.segments for message in outgoing)

    def _write(self, outgoing: list[Outgoing]) -> None:
        self._owner.clock()
        if self._may_send():
            self._outcomes.sent(outgoing)
            self._link.send(outgoing)
            return
        # The link or the lease went while the assignment was on its way to the disk: nothing has been written.
        event = pack_event(self.now_ms(), EventKind.RETURNED, self._carrier, self._why() or "lease over")
        self._outcomes.take_back(outgoing, event)

    # -- operations ----------------------------------------------------------------------------------------------
    def _rules(self, klass: MessageClass) -> ClassRules:
        return self.settings.rules(klass)  # of the moment: settings are replaced as a whole

    def _own_profile(self) -> CarrierProfile | None:
        return next((profile for profile in self.settings.carriers if profile.name == self._carrier), None)

    async def settings_changed(self) -> None:
        profile = self._own_profile()
        if profile is not None and profile != self._profile:
            # Sessions are bound to a profile for life; the next incarnation reads the new one.
            log.info("carrier.profile_changed carrier=%s", self._carrier)
            await self.drain(2.0)
            machine.end(0)
        self._outcomes.rescues = Rescues.wanted(self.settings)
        self._inbound.settings_changed(self.settings)

    async def drain(self, within_s: float) -> None:
        if not self.started.is_set():
            return
        self._leaving = True
        self._on_change()
        self._queue.return_all("shutting down")
        # What is being assigned just now comes back unwritten: its facts must be in the boxes before these are flushed.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s), self._assigning:
                pass
        await self._link.close(within_s)
        for box in self._boxes():
            await asyncio.wait_for(box.flushed(), within_s)

    def gauges(self) -> None:
        if not self.started.is_set():
            return
        self._tally.count(self._link.counters, self.metrics)
        self._tally.show(self._link.state, self.metrics)

    def health(self) -> dict[str, Any]:
        return {"lane": len(self._queue), "up": self._up, "unwritten_facts": self._outbox_size()}

    def _boxes(self) -> tuple[Outbox[Any], ...]:
        return (*self._outcomes.boxes, self._inbound.closed)

    def _outbox_size(self) -> int:
        return sum(box.size for box in self._outcomes.boxes) if self.started.is_set() else 0
