"""A dispatcher's second thoughts: messages of its partitions whose receipts do not come, and copies of them by other carriers.

With rescue off it sleeps, and nothing in the journal is marked for it. What stands here may be lost: a message is looked at again
later, and a copy that was offered is made once or not at all, whatever becomes of the offer (``router.journal.copies``).
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final, NamedTuple

from actors import machine
from actors.decisions import keep_decision
from actors.lanes import CarrierLane
from actors.networks import Networks
from actors.partitions import Partitions
from actors.planner import Planner
from actors.triage import want_of
from actors.wire import Offered
from router.brain.port import Want
from router.brain.rescue import Budget, Copy, Stuck
from router.ids import MessageId
from router.journal.port import Claimed, Journal, JournalError
from router.model import MessageClass
from router.record import Body, EventKind, pack_event
from router.rescues import Rescues, stuck
from router.rules import RuleBook
from router.settings import Settings

log = logging.getLogger("trunkline.dispatcher")

LOOK_S: Final = 0.5  # how late a look may be
LIMIT: Final = 200  # messages a look: with 20 carriers some 10 ms, in which nobody plans
AGAIN_S: Final = 10.0  # a message is named again after this, when whoever looked at it has died
NO_ROOM_MS: Final = 1_000  # a copy that found no room is thought of again after this


class _Case(NamedTuple):
    """A message that may be sent again, and what is known of it."""

    message: Claimed
    stuck: Stuck


class Rescuer:
    """Of one dispatcher. Owns its budget; may forget it: a new one begins with none."""

    def __init__(
        self,
        journal: Journal,
        partitions: Partitions,
        planner: Planner,
        lanes: Mapping[str, CarrierLane],
        networks: Networks,
        *,
        spawn: Callable[[Coroutine[Any, Any, None]], object],
        retention_s: float,
    ) -> None:
        self._journal = journal
        self._planner = planner
        self._lanes = lanes
        self._networks = networks
        self._partitions = partitions
        self._spawn = spawn
        self._retention_s = retention_s
        self._budget = Budget()
        self._on = asyncio.Event()
        self._dice = machine.dice()
        self._settings: Settings
        self._rescues: Rescues
        self._book: RuleBook

    def retune(self, settings: Settings, book: RuleBook) -> None:
        """The settings are these now."""
        self._settings, self._book, self._rescues = settings, book, Rescues(settings)
        if self._rescues.classes:
            self._on.set()
        else:
            self._on.clear()

    def earn(self, messages: int) -> None:
        """So many messages were bound to carriers."""
        if self._rescues.classes:
            self._budget.earn(messages, self._rescues.terms.share)

    async def run(self) -> None:
        """Look, for ever."""
        while True:
            await self._on.wait()
            await asyncio.sleep(LOOK_S)
            try:
                while await self.look():
                    pass
            except JournalError as error:
                log.warning("dispatcher.no_look error=%s", type(error).__name__)

    async def look(self) -> bool:
        """Decide for messages whose time to be looked at has come, and offer the copies; whether there may be more of them."""
        held = sorted(self._partitions.held)
        found, more = await self._journal.overdue(held, LIMIT, AGAIN_S) if held else ([], False)
        if not found:
            return more
        now_ms = machine.now_ms()
        later: list[tuple[MessageId, int]] = []
        cases: dict[MessageClass, list[_Case]] = {klass: [] for klass in MessageClass}
        for message in found:
            pending = stuck(message, self._rescues, self._want, self._deadline_s, now_ms)
            if pending is None:
                later.append((message.id, 0))
            else:
                cases[pending.want.klass].append(_Case(message, pending))
        offers: dict[str, list[Offered]] = {}
        rows: list[Mapping[str, Any]] = []
        decision = self._dice.randbytes(8)
        taken: dict[str, int] = {}
        for klass, some in cases.items():
            room = {name: lane.room(klass) - taken.get(name, 0) for name, lane in self._lanes.items()}
            copies = self._planner.rescue(
                [case.stuck for case in some], room, self._lanes, self._budget.copies, self._rescues.terms
            )
            for case, copy in zip(some, copies, strict=True):
                if copy.carrier:
                    offers.setdefault(copy.carrier, []).append(_offered(case, copy, decision, len(rows), now_ms))
                    rows.append(copy.row)
                    self._budget.spend(1)
                    taken[copy.carrier] = taken.get(copy.carrier, 0) + case.stuck.want.segments
                else:
                    later.append((case.message.id, now_ms + int(copy.again_s * 1000) if copy.again_s else 0))
        await self._journal.put_off(later)
        if offers:
            await keep_decision(self._journal, decision, rows, self._retention_s)
        for name, entries in offers.items():
            self._spawn(self._offer(self._lanes[name], entries))
        return more

    async def _offer(self, lane: CarrierLane, entries: Sequence[Offered]) -> None:
        reply = await lane.offer(entries)
        if reply is None or not reply.returned:
            return  # a copy that got lost with its offer is not made a second time; the message is looked at once more
        again_ms = machine.now_ms() + NO_ROOM_MS
        self._budget.spend(-len(reply.returned))
        try:
            await self._journal.put_off([(id_, again_ms) for id_, _reason in reply.returned])
        except JournalError as error:
            log.warning("dispatcher.no_look error=%s", type(error).__name__)

    def _deadline_s(self, klass: MessageClass) -> float:
        return self._settings.rules(klass).deadline_s

    def _want(self, body: Body, klass: MessageClass, tried: tuple[str, ...], now_ms: int) -> Want:
        """As the dispatcher has it, with the network that the number is known to have moved to."""
        want = want_of(body, klass, tried, self._book, now_ms)
        network = self._networks.remembered(body.to, body.country)
        return want._replace(network=network) if network else want


def _offered(case: _Case, copy: Copy, decision: bytes, row: int, now_ms: int) -> Offered:
    message, want = case.message, case.stuck.want
    event = pack_event(now_ms, EventKind.ASSIGNED, copy.carrier, message.attempts + 1, decision, row, False, True)
    return Offered(message.id, message.attempts, want.klass, want.segments, message.body, event, copy=True)
