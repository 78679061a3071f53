"""Brain: folds what was observed into its ledgers and publishes a scoreboard. Nothing on a message's way waits for it.

Where several run, each holds some of the carriers and tells the others what it knows; the first that is heard of publishes the board of all.
"""

import asyncio
import logging
import time
from typing import Any, Final

from msgspec import structs

from actors.brain_figures import BoardFigures
from actors.brain_peers import BrainCalls, Peers, Told, pack_told
from actors.names import BOARD_VALUE, MOST_BRAINS, brain_actor, brain_of
from actors.shell import JournalAddress, Shell
from actors.waiting import woken
from actors.wire import unpack_observations
from router.brain.board import UnreadableBoard, board, board_from_bytes, board_to_bytes
from router.brain.parts import Tenants, heed, tenants, together
from router.brain.past import GRAINS, Past, value_name
from router.brain.port import Board, Observation, Outcome
from router.brain.snapshot import UnreadableSnapshot, pack_state, resume, unpack_state
from router.brain.state import BrainState, observe, tick
from router.journal.port import JournalError
from router.model import MessageClass

log = logging.getLogger("trunkline.brain")

SNAPSHOT_VALUE: Final = "brain:snapshot"  # of the first; the others' carry their numbers
BRAINS_VALUE: Final = "brain:count"  # how many there have been at most: what they knew is still worth something
TICK_S: Final = 0.5
IDLE_TICK_S: Final = 5.0  # with nothing observed the board only ages
SNAPSHOT_S: Final = 10.0
SUCCESSION_S: Final = 2.0  # how old the publisher's own part is at most, in the hands of those who may have to follow it
LOAD: Final = 0.1  # of a core that telling and merging parts may take: large ones are told less often
URGENT_S: Final = 0.05  # a link that fell is on the board so soon
FOLD: Final = 2_000  # observations taken in at once, 3 ms: in batches of a hundred, as they come, each costs twice as much
URGENT: Final = frozenset({Outcome.LINK_DOWN, Outcome.LINK_UP, Outcome.REFUSED, Outcome.UNANSWERED})


class Brain(Shell):
    """Owns what was observed of each (carrier, network, class). May forget what it learned since its last snapshot."""

    kind = "brain"

    def __init__(self, name: str, address: JournalAddress, calls: BrainCalls) -> None:
        self._state: BrainState
        self._version = 0
        self._urgent = asyncio.Event()
        self._urged = False  # since the last telling, by what was seen here
        self._busy = False
        self._unfolded: list[Observation] = []
        self._leading = False
        self._told_s = 0.0
        self._past = Past()
        self._peers = Peers(name, calls, time.time_ns())
        self._tenants = Tenants({}, {})
        super().__init__(name, address)
        self._observed = {outcome: self.metrics.counter("trunkline_observations", outcome.name.lower()) for outcome in Outcome}
        self._figures = BoardFigures(self.metrics)
        self._tick_time = self.metrics.histogram("trunkline_brain_tick_duration_seconds")

    def __repr__(self) -> str:
        return f"{self.name} · board {self._version} · {len(self._figures.carriers)} carriers known"

    async def run(self) -> None:
        deadlines_s = [self.settings.rules(klass).deadline_s for klass in MessageClass]
        self._state = BrainState(time.time(), deadlines_s)
        self._peers.count = self.settings.workers.brains
        try:
            raw = await self.journal.get_value(_snapshot_value(self._peers.index))
            if raw is not None:
                state = unpack_state(raw)
                resume(state, time.time())
                self._state = state
                self._figures.restored(state.counters)
                log.info("brain.restored octets=%d", len(raw))
        except JournalError:
            log.warning("brain.no_snapshot reason=journal")
        except UnreadableSnapshot as error:
            log.warning("brain.no_snapshot reason=%s", error)
        except Exception:
            # It stays in the journal: a brain that ends over it would end over it again after every restart.
            log.exception("brain.no_snapshot reason=unexpected")
        await self._recall_parts()
        self.spawn(self._publish())
        self.spawn(self._keep())

    async def settings_changed(self) -> None:
        brains = self.settings.workers.brains
        if brains == self._peers.count:
            return
        # Carriers move from brain to brain: receipts of what was told to one of them come to another, and teach neither.
        self._fold()
        self._peers.count = brains
        resume(self._state, time.time())
        for index in range(MOST_BRAINS):
            self.metrics.drop("trunkline_brain_part_age_seconds", brain_actor(index))
        log.info("brain.count_changed name=%s brains=%d", self.name, brains)

    async def observe(self, octets: bytes) -> None:
        """Take in a batch of observations."""
        if not self.started.is_set():
            return
        batch = unpack_observations(octets)
        if self._peers.count > 1:
            batch = [item for item in batch if brain_of(item.carrier, self._peers.count) == self._peers.index]
        counts = [0] * (max(Outcome) + 1)  # an enum's hash runs Python code
        for item in batch:
            counts[item.outcome] += 1
        for outcome, counter in self._observed.items():
            if counts[outcome]:
                counter.add(counts[outcome])
        self._busy = True
        self._unfolded += batch
        urged = any(counts[outcome] for outcome in URGENT)
        if urged or len(self._unfolded) >= FOLD:
            self._fold()
        if urged:
            self._urged = True
            self._urgent.set()

    def _fold(self) -> None:
        """Take in what was observed since the last time."""
        if self._unfolded:
            batch, self._unfolded = self._unfolded, []
            observe(self._state, batch, time.time())

    def part(self, octets: bytes) -> bytes:
        """Hear what another brain knows; answers with what only the publisher can tell."""
        if not self.started.is_set():
            return b""
        news, urgent = self._peers.hear(octets, time.time())
        if not self._leading:
            return b""
        self._busy = self._busy or news
        if urgent:
            self._urgent.set()
        return pack_told(Told(self._version, self._tenants))

    async def _publish(self) -> None:
        published_s, took_s = 0.0, 0.0
        while True:
            if await woken(self._urgent, max(TICK_S, took_s / LOAD)):
                await asyncio.sleep(URGENT_S)
            self._urgent.clear()
            await self._take_the_lead()
            if not self._busy and time.monotonic() - published_s < IDLE_TICK_S:
                if self._peers.count > 1:
                    self._peers.tell(self._peers.board)
                continue
            self._busy = False
            began_s = published_s = time.monotonic()
            self._fold()
            tick(self._state, time.time())
            self._figures.found(self._state.counters)
            took_s = 0.0
            if self._peers.count > 1:
                self._tell()
            if not self._leading:
                took_s = time.monotonic() - began_s
                continue
            if self._peers.alone:
                newest = board(self._state, time.time(), with_curves=bool(self.settings.rescue.classes))
            else:
                newest = self._board_of_all()
                took_s = time.monotonic() - began_s
            self._tick_time.observe(time.monotonic() - began_s)
            self._version = newest.version
            self._figures.show(newest)
            try:
                await self.journal.put_value(BOARD_VALUE, board_to_bytes(newest))
                await self._remember(newest)
            except JournalError as error:
                log.warning("brain.unpublished error=%s", type(error).__name__)

    # -- several brains ------------------------------------------------------------------------------------------
    async def _recall_parts(self) -> None:
        """What the other brains kept, those included that do not run any more."""
        try:
            raw = await self.journal.get_value(BRAINS_VALUE)
            most = max(self._peers.count, int(raw) if raw else 1)
            if self._peers.count > 1 and most > (int(raw) if raw else 1):
                await self.journal.put_value(BRAINS_VALUE, str(most).encode())
            for index in range(min(most, MOST_BRAINS)):
                if index != self._peers.index and (raw := await self.journal.get_value(_snapshot_value(index))) is not None:
                    self._peers.recall(index, raw, time.time())
        except JournalError:
            log.warning("brain.no_parts reason=journal")

    async def _take_the_lead(self) -> None:
        """See who publishes. A new publisher goes on with the last board's version, and with the history."""
        leads = self._peers.alone or self._peers.leads(time.time())
        if leads and not self._leading:
            log.info("brain.leads name=%s", self.name)
            try:
                raw = await self.journal.get_value(BOARD_VALUE)
                if raw is not None:
                    self._peers.board = max(self._peers.board, board_from_bytes(raw).version)
            except (JournalError, UnreadableBoard) as error:
                log.warning("brain.no_last_board error=%s", type(error).__name__)
            await self._recall_past()
            self._state.version = max(self._state.version, self._peers.board)
            self._busy = True
        if self._leading and not leads:
            log.info("brain.follows name=%s", self.name)
            self._figures.hide()
        self._leading = leads

    def _tell(self) -> None:
        """Tell the other brains what this one knows, and heed what they answered: the publisher each time, the others now and then."""
        now_s = self._state.ledger.at_s
        for told in self._peers.answers():
            heed(self._state.evidence, told.tenants, now_s)
        if self._leading and now_s - self._told_s < SUCCESSION_S:
            self._peers.tell(self._peers.board)
            return
        self._told_s = now_s
        self._peers.tell(self._peers.board, pack_state(self._state), urgent=self._urged)
        self._urged = False

    def _board_of_all(self) -> Board:
        """The board of all parts, as they were last heard."""
        now_s = self._state.ledger.at_s
        parts = {self._peers.index: self._state} | self._peers.states(now_s)
        whole = together(parts, lambda carrier: brain_of(carrier, self._peers.count), now_s)
        whole.version = max(whole.version, self._state.version, self._peers.board)
        newest = structs.replace(board(whole, now_s), parts={self.name: now_s} | self._peers.heard_s())
        self._state.version = self._peers.board = newest.version
        self._tenants = tenants(whole.evidence)
        heed(self._state.evidence, self._tenants, now_s)
        return newest

    # -- what is kept of the board -------------------------------------------------------------------------------
    async def _recall_past(self) -> None:
        """Go on with the history that a process before has begun."""
        try:
            for grain in GRAINS:
                name = value_name(grain, time.time())
                self._past.resume(name, await self.journal.get_value(name))
        except JournalError:
            log.warning("brain.no_history reason=journal")

    async def _remember(self, newest: Board) -> None:
        """Keep a sample of the board where it is time."""
        for name, octets, keep_s in self._past.take(newest, time.time()):
            await self.journal.put_value(name, octets, keep_s)

    async def _keep(self) -> None:
        kept = 0
        while True:
            await asyncio.sleep(SNAPSHOT_S)
            seen = self._state.counters["observations"]
            if seen != kept:
                await self._snapshot()
                kept = seen

    async def _snapshot(self) -> None:
        self._fold()
        try:
            await self.journal.put_value(_snapshot_value(self._peers.index), pack_state(self._state))
        except JournalError as error:
            log.warning("brain.snapshot_failed error=%s", type(error).__name__)

    async def drain(self, within_s: float) -> None:
        if self.started.is_set():
            await asyncio.wait_for(self._snapshot(), within_s)

    def gauges(self) -> None:
        self.metrics.gauge("trunkline_board_version").set(self._version)
        for name, age_s in self._peers.heard(time.time()).items():
            self.metrics.gauge("trunkline_brain_part_age_seconds", name).set(age_s)

    def health(self) -> dict[str, Any]:
        return {"board": self._version} | self._peers.status(time.time())


def _snapshot_value(index: int) -> str:
    return f"{SNAPSHOT_VALUE}:{index}" if index else SNAPSHOT_VALUE
