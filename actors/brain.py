"""Brain: folds what was observed into its ledgers and publishes a scoreboard. Nothing on a message's way waits for it."""

import asyncio
import logging
import time
from typing import Any, Final

from actors.dispatcher import BOARD_VALUE
from actors.shell import JournalAddress, Shell
from actors.waiting import woken
from actors.wire import unpack_observations
from router.brain.board import board, board_to_bytes
from router.brain.past import GRAINS, Past, value_name
from router.brain.port import Board, Outcome
from router.brain.snapshot import UnreadableSnapshot, pack_state, resume, unpack_state
from router.brain.state import BrainState, observe, tick
from router.journal.port import JournalError
from router.model import MessageClass

log = logging.getLogger("trunkline.brain")

SNAPSHOT_VALUE: Final = "brain:snapshot"
TICK_S: Final = 0.5
IDLE_TICK_S: Final = 5.0  # with nothing observed the board only ages
SNAPSHOT_S: Final = 10.0
URGENT_S: Final = 0.05  # a link that fell is on the board so soon
URGENT: Final = frozenset({Outcome.LINK_DOWN, Outcome.LINK_UP, Outcome.REFUSED, Outcome.UNANSWERED})


class Brain(Shell):
    """Owns what was observed of each (carrier, network, class). May forget what it learned since its last snapshot."""

    kind = "brain"

    def __init__(self, name: str, address: JournalAddress) -> None:
        self._state: BrainState
        self._version = 0
        self._urgent = asyncio.Event()
        self._busy = False
        self._carriers = 0
        self._past = Past()
        super().__init__(name, address)
        self._observed = {outcome: self.metrics.counter("trunkline_observations", outcome.name.lower()) for outcome in Outcome}
        self._tick_time = self.metrics.histogram("trunkline_brain_tick_duration_seconds")

    def __repr__(self) -> str:
        return f"{self.name} · board {self._version} · {self._carriers} carriers known"

    async def run(self) -> None:
        deadlines_s = [self.settings.rules(klass).deadline_s for klass in MessageClass]
        self._state = BrainState(time.time(), deadlines_s)
        try:
            raw = await self.journal.get_value(SNAPSHOT_VALUE)
            if raw is not None:
                state = unpack_state(raw)
                resume(state, time.time())
                self._state = state
                log.info("brain.restored octets=%d", len(raw))
        except JournalError:
            log.warning("brain.no_snapshot reason=journal")
        except UnreadableSnapshot as error:
            log.warning("brain.no_snapshot reason=%s", error)
        except Exception:
            # It stays in the journal: a brain that ends over it would end over it again after every restart.
            log.exception("brain.no_snapshot reason=unexpected")
        await self._recall_past()
        self.spawn(self._publish())
        self.spawn(self._keep())

    async def observe(self, octets: bytes) -> None:
        """Take in a batch of observations."""
        if not self.started.is_set():
            return
        batch = unpack_observations(octets)
        observe(self._state, batch, time.time())
        self._busy = True
        for item in batch:
            self._observed[item.outcome].add()
            if item.outcome in URGENT:
                self._urgent.set()

    async def _publish(self) -> None:
        published_s = 0.0
        while True:
            if await woken(self._urgent, TICK_S):
                await asyncio.sleep(URGENT_S)
            self._urgent.clear()
            if not self._busy and time.monotonic() - published_s < IDLE_TICK_S:
                continue
            self._busy = False
            published_s = time.monotonic()
            tick(self._state, time.time())
            newest = board(self._state, time.time())
            self._tick_time.observe(time.monotonic() - published_s)
            self._version, self._carriers = newest.version, len(newest.carriers)
            for name, view in newest.carriers.items():
                level = {"closed": 0, "half_open": 1, "open": 2}[view.breaker]
                self.metrics.gauge("trunkline_breaker_state", name).set(level)
            try:
                await self.journal.put_value(BOARD_VALUE, board_to_bytes(newest))
                await self._remember(newest)
            except JournalError as error:
                log.warning("brain.unpublished error=%s", type(error).__name__)

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
        try:
            await self.journal.put_value(SNAPSHOT_VALUE, pack_state(self._state))
        except JournalError as error:
            log.warning("brain.snapshot_failed error=%s", type(error).__name__)

    async def drain(self, within_s: float) -> None:
        if self.started.is_set():
            await asyncio.wait_for(self._snapshot(), within_s)

    def gauges(self) -> None:
        self.metrics.gauge("trunkline_board_version").set(self._version)

    def health(self) -> dict[str, Any]:
        return {"board": self._version}
