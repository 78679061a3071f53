"""Front: the door that speaks HTTP: uvicorn with the REST API, and what is known of the whole system."""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final

import uvicorn

from actors import machine
from actors.brain_client import BrainCall, Observations
from actors.door import Door
from actors.exposition import Totals
from actors.http_line import keep_cutting
from actors.listeners import Listeners
from actors.metrics import Counter, Histogram, Snapshot, snapshot
from actors.names import BOARD_VALUE, carrier_actor, directory, front_actor, kind_of
from actors.peers import ASK_TIMEOUT_S, PeerCalls
from actors.shell import JournalAddress
from actors.triage import want_of
from router.api.app import create_app
from router.api.port import AccountStatus, CarrierStatus
from router.brain.board import UnreadableBoard, board_from_bytes
from router.brain.plan import Memo, plan
from router.brain.port import Board, Observation
from router.journal.port import JournalError
from router.model import MessageClass
from router.record import Body

log = logging.getLogger("trunkline.front")

HEALTH_EVERY: Final = 10  # looks; the server's mode and memory change slowly
LINGER_SHARE: Final = (
    0.3  # of the time to drain: for clients to ask once more, and hear that their connection ends with the answer
)
PLENTY: Final = 1_000_000  # room without end, for previews


class Front(Door):
    """See ``Door`` for what it owns; also the HTTP server."""

    kind = "front"

    def __init__(self, name: str, address: JournalAddress, peers: PeerCalls, brain: BrainCall) -> None:
        self._peers = peers
        self._told = Observations(brain, lambda: self.settings.workers.brains)
        self._board: Board | None = None
        self._statuses: dict[str, CarrierStatus] = {}
        self._memo = Memo()
        self._dice = machine.generator()
        self._totals = Totals()
        self._served: uvicorn.Server | None = None
        self._listeners = Listeners(f"{address.url} {machine.incarnation().partition(':')[0]}", name)
        self._rates: deque[tuple[float, int]] = deque(maxlen=10)
        self._looks = 0
        self._counted: dict[
            tuple[str, int], tuple[Counter, Histogram]
        ] = {}  # by route and status: so many are there, and no more
        self.port = 0
        super().__init__(name, address, peers)

    def __repr__(self) -> str:
        if not self.started.is_set():
            return f"{self.name} · starting"
        rate = 0.0
        if len(self._rates) > 1:
            (first_s, first), (last_s, last) = self._rates[0], self._rates[-1]
            rate = (last - first) / max(last_s - first_s, 1e-9)
        return f"{self.name} · :{self.port} · {rate:.0f} accepted/s · {self.becoming_durable} becoming durable"

    async def run(self) -> None:
        await self.open()
        await self.value_changed(BOARD_VALUE)
        self.spawn(self._told.run())
        await self.serve()

    async def serve(self) -> None:
        """Take requests from now on."""
        api = self.settings.api
        self._served = server = await self._listeners.open(create_app(self), api.host, api.port, self._others())
        self.port = self._listeners.port
        self.spawn(server.main_loop())
        self.spawn(keep_cutting(server, self.metrics.counter("trunkline_http_connections_cut").add))
        log.info("front.listening name=%s port=%d", self.name, self.port)

    def _others(self) -> list[str]:
        """Fronts that may keep this one's socket, or take it: those of the settings, and the one more that an upgrade may run."""
        return [name for name in map(front_actor, range(self.settings.api.fronts + 1)) if name != self.name]

    async def value_changed(self, name: str) -> None:
        if name != BOARD_VALUE:
            return
        try:
            raw = await self.journal.get_value(BOARD_VALUE)
        except JournalError:
            return
        try:
            self._board = board_from_bytes(raw) if raw is not None else self._board
        except UnreadableBoard as error:  # of another release, during an upgrade; the next one comes soon
            log.warning("front.unreadable_board reason=%s", error)

    async def look(self) -> None:
        await super().look()
        self._rates.append((machine.monotonic(), self.accepted))
        if self.faults:
            return
        if self._looks % HEALTH_EVERY == 0:
            await self._look_at_server()
        self._looks += 1
        now_ms = self.now_ms()
        for klass, depth in self.depths.items():
            self.metrics.gauge("trunkline_queue_depth", klass.word).set(depth.queued)
            age_s = (now_ms - depth.oldest_ms) / 1000 if depth.oldest_ms else 0.0
            self.metrics.gauge("trunkline_queue_oldest_age_seconds", klass.word).set(max(0.0, age_s))

    async def _look_at_server(self) -> None:
        try:
            health = await self.journal.health()
        except JournalError:
            return
        self.metrics.gauge("trunkline_journal_memory_used_bytes").set(float(health["used_memory"]))
        self.metrics.gauge("trunkline_journal_memory_limit_bytes").set(float(health["maxmemory"]))
        self.metrics.gauge("trunkline_journal_durable").set(1.0 if health["durability"] == "strong" else 0.0)

    # -- FrontPort: time and chance ------------------------------------------------------------------------------
    @staticmethod
    def monotonic_s() -> float:
        """A clock that never goes back."""
        return machine.monotonic()

    # -- FrontPort: what is known --------------------------------------------------------------------------------
    def board(self) -> Board | None:
        """The newest scoreboard."""
        return self._board

    async def carriers(self) -> Sequence[CarrierStatus]:
        """Every carrier as its actor tells now."""
        names = [profile.name for profile in self.settings.carriers if profile.enabled]
        dispatchers = [name for name in directory(self.settings) if kind_of(name) == "dispatcher"]
        shadows = asyncio.gather(*(self._ask_shadow(name) for name in dispatchers))
        await asyncio.gather(shadows, *(self._ask_status(name) for name in names))
        worth = {name: max((shadow.get(name, 0) for shadow in shadows.result()), default=0) for name in names}
        return [self._statuses[name]._replace(shadow_micros_per_s=worth[name]) for name in names if name in self._statuses]

    async def _ask_shadow(self, dispatcher: str) -> dict[str, int]:
        try:
            return await asyncio.wait_for(self._peers.shadow(dispatcher), ASK_TIMEOUT_S)
        except Exception:
            return {}

    async def _ask_status(self, carrier: str) -> None:
        try:
            told = await asyncio.wait_for(self._peers.status(carrier_actor(carrier)), ASK_TIMEOUT_S)
        except Exception:
            told = {"name": carrier, "reason": "its actor does not answer"}
        view = self._board.carriers.get(carrier) if self._board else None
        self._statuses[carrier] = CarrierStatus(**told, breaker=view.breaker if view else "closed")

    async def accounts(self) -> Mapping[str, AccountStatus]:
        """Every SMPP account as the servers tell now."""
        servers = [name for name in directory(self.settings) if kind_of(name) == "esme"]
        total: dict[str, AccountStatus] = {}
        for told in await asyncio.gather(*(self._ask_accounts(name) for name in servers)):
            for system_id, counts in told.items():
                before = total.get(system_id, AccountStatus())
                total[system_id] = AccountStatus(before.sessions + counts["sessions"], before.receivers + counts["receivers"])
        return total

    async def _ask_accounts(self, esme: str) -> dict[str, dict[str, int]]:
        try:
            return await asyncio.wait_for(self._peers.accounts(esme), ASK_TIMEOUT_S)
        except Exception:
            return {}

    def preview(self, body: Body) -> Mapping[str, Any] | None:
        """The decision row of a message if it were planned now, with room everywhere."""
        klass = MessageClass(body.klass)
        terms = self.terms
        want = want_of(body, klass, (), terms.book, body.send_at_ms or self.now_ms())
        room = dict.fromkeys(terms.deck.names, PLENTY)
        rules = dict(zip(MessageClass, terms.rules, strict=True))
        planned = plan(
            [want],
            self._board,
            room,
            machine.time(),
            self._dice,
            deck=terms.deck,
            rules=rules,
            policies=terms.policies,
            memo=self._memo,
        )
        return planned.decisions[planned.choices[0].row]

    def observe(self, batch: Sequence[Observation]) -> None:
        """Feedback for the brain, told with what else comes within a tenth of a second."""
        self._told.put(batch)

    # -- FrontPort: operations -----------------------------------------------------------------------------------
    def ready(self) -> tuple[bool, Sequence[str]]:
        """Whether requests should come here."""
        return not self.faults, self.faults

    async def exposition(self) -> bytes:
        """The Prometheus text of the whole system: every actor is asked, and those that do not answer are shown as they were."""
        names = [name for name in directory(self.settings) if name != self.name]
        answers = await asyncio.gather(*(self._ask_metrics(name) for name in names))
        snapshots = {name: Snapshot(raw) for name, raw in zip(names, answers, strict=True) if raw is not None}
        self.gauges()
        snapshots[self.name] = snapshot(self.metrics)
        self._totals.take(snapshots)
        return self._totals.exposition()

    async def _ask_metrics(self, actor: str) -> bytes | None:
        try:
            return await asyncio.wait_for(self._peers.snapshot(actor), ASK_TIMEOUT_S)
        except Exception:
            return None

    def count_request(self, route: str, status: int, duration_s: float) -> None:
        """A request was answered."""
        found = self._counted.get((route, status))
        if found is None:
            found = self._counted[route, status] = (
                self.metrics.counter("trunkline_http_requests", route, str(status)),
                self.metrics.histogram("trunkline_http_request_duration_seconds", route),
            )
        found[0].add()
        found[1].observe(duration_s)

    # -- operations ----------------------------------------------------------------------------------------------
    async def drain(self, within_s: float) -> None:
        if self._served is not None:
            self._served.should_exit = True
            async with asyncio.timeout(within_s):
                await self._listeners.leave(self._others(), LINGER_SHARE * within_s)
                await self._served.shutdown()

    def health(self) -> dict[str, Any]:
        return {"port": self.port, "faults": list(self.faults)}
