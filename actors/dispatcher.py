"""Dispatcher: takes messages from its partitions of the journal, plans them in batches and offers them to carriers."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

from actors import machine
from actors.appetite import INSPECT_LIMIT, appetite
from actors.aside import Aside
from actors.hot import Hot
from actors.housekeeping import Housekeeping
from actors.lanes import CarrierCall, CarrierLane
from actors.names import BOARD_VALUE
from actors.networks import Networks
from actors.offering import Offering
from actors.pace import Pace, Spacing
from actors.partitions import Partitions
from actors.planner import Planner
from actors.pool import Pending, Pool
from actors.rescuer import Rescuer
from actors.shell import JournalAddress, Shell
from actors.triage import triage
from actors.turn import Turn
from actors.waiting import woken
from router.ids import partition_of
from router.journal.port import Claimed, JournalError
from router.journal.wake import QUEUE_TOPIC, URGENT_TOPIC
from router.model import MessageClass
from router.rules import RuleBook
from router.settings import ClassRules

log = logging.getLogger("trunkline.dispatcher")

CODES: Final = (MessageClass.OTP,)
CROWD: Final = 50  # others, with whom codes need not wait until all are planned
OTHERS: Final = tuple(klass for klass in MessageClass if klass not in CODES)
LOOK_ANYWAY_S: Final = 1.0  # a turn without a wake call: a lost call costs at most this
LOOK_AT_RESTING_S: Final = 0.1  # and with messages that wait by choice, who have a limit


class Dispatcher(Shell):
    """Owns the claimed messages of the partitions it leases. May forget everything: it reads its partitions again."""

    kind = "dispatcher"

    def __init__(self, name: str, address: JournalAddress, index: int, carriers: Callable[[str], CarrierCall]) -> None:
        self._carrier_call = carriers
        self._index = index
        self._pool = Pool()
        self._lanes: dict[str, CarrierLane] = {}
        self._watches: dict[str, asyncio.Task[None]] = {}
        self._stir = asyncio.Event()
        self._pace = Pace()
        self._spacing = Spacing()
        self._hot = Hot()
        self._draining = False
        self._partitions: Partitions
        self._rules: dict[MessageClass, ClassRules]
        self._book: RuleBook
        super().__init__(name, address)
        self._claimed_count = {k: self.metrics.counter("trunkline_claimed", k.word) for k in MessageClass}
        self._networks = Networks(self.metrics)
        self._planner = Planner(self.metrics)
        self._rescuer: Rescuer
        self._offering: Offering

    def __repr__(self) -> str:
        held = len(self._partitions.held) if self.started.is_set() else 0
        up = sum(lane.up for lane in self._lanes.values())
        return f"{self.name} · {held} partitions · {len(self._pool)} in hand · {up}/{len(self._lanes)} carriers up"

    async def run(self) -> None:
        mine = (self.journal, self.name, self._index, self.settings.workers.dispatchers)
        self._partitions = Partitions(*mine, on_taken=self._heat, on_given_back=self._give_up)
        rescued = (self.journal, self._partitions, self._planner, self._lanes, self._networks)
        self._rescuer = Rescuer(*rescued, spawn=self.spawn, retention_s=self.address.retention_s)
        self._offering = Offering(
            self.journal,
            self._pool,
            self._partitions,
            self._lanes,
            self.metrics,
            spawn=self.spawn,
            earn=self._rescuer.earn,
            stir=self._stir.set,
            retention_s=self.address.retention_s,
        )
        await self.settings_changed()
        await self._read_board()
        await self._partitions.start()
        self._wake_listener = self.spawn(self._hear_queue())
        self.spawn(self._partitions.run())
        self._aside = Aside(self.journal, self.metrics, lambda: self._partitions.lease)
        held = lambda: sorted(self._partitions.held)  # noqa: E731 (too short for a method)
        house = Housekeeping(self.journal, held, self.address.retention_s, self.metrics, self._aside)
        self.spawn(house.keep_timers(self._heat))
        self.spawn(house.keep_tidy())
        self.spawn(self._turns())
        self.spawn(self._rescuer.run())

    async def settings_changed(self) -> None:
        self._planner.retune(self.settings)
        self._book = RuleBook.compile(self.settings)
        self._rescuer.retune(self.settings, self._book)
        await self._networks.retune(self.settings.portability)
        self._rules = {klass: self.settings.rules(klass) for klass in MessageClass}
        wanted = {profile.name for profile in self.settings.carriers if profile.enabled}
        for name in self._lanes.keys() - wanted:
            del self._lanes[name]
            self._watches.pop(name).cancel()
        for name in sorted(wanted - self._lanes.keys()):
            lane = CarrierLane(name, self._carrier_call(name), self._stir.set)
            self._lanes[name] = lane
            self._watches[name] = self.spawn(lane.watch())
        for lane in self._lanes.values():
            lane.share = 1 / self.settings.workers.dispatchers
        await self._partitions.retune(self.settings.workers.dispatchers)
        self._stir.set()

    async def value_changed(self, name: str) -> None:
        if name == BOARD_VALUE:
            await self._read_board()

    async def _read_board(self) -> None:
        try:
            raw = await self.journal.get_value(BOARD_VALUE)
        except JournalError:
            return
        if raw is not None and self._planner.read(raw):
            self._stir.set()

    # -- what wakes it -------------------------------------------------------------------------------------------
    def _heat(self, partitions: Sequence[int]) -> None:
        self._hot.heat(partitions)
        self._stir.set()

    async def _hear_queue(self) -> None:
        async for topic, payload in self._wake.listen(QUEUE_TOPIC, URGENT_TOPIC):
            partition = int(payload)
            if partition in self._partitions.held:
                self._hot.heat((partition,))
                self._stir.set()
                if topic == URGENT_TOPIC:
                    self._pace.hurry()

    # -- turns ---------------------------------------------------------------------------------------------------
    async def _turns(self) -> None:
        looked_s, carried, codes = 0.0, 0, 0
        while True:
            if await woken(self._stir, LOOK_AT_RESTING_S if self._pool.resting else LOOK_ANYWAY_S):
                await self._pace.before(carried, self._spacing.due_s)  # as many as the last time are likely to wait
            self._stir.clear()
            now_s = machine.monotonic()
            inspect = now_s - looked_s > LOOK_ANYWAY_S
            if inspect:
                looked_s = now_s
                self._hot.heat(self._partitions.held)
            if self._draining:
                continue
            self._spacing.took_s = 0.0
            try:
                carried, codes = await self._turn(inspect=inspect)
            except JournalError as error:
                log.warning("dispatcher.journal_down error=%s", type(error).__name__)
                # The call may have taken effect: what it claimed is in nobody's hand. A new epoch gives all of it back.
                self._partitions.retake()
                await asyncio.sleep(0.1)
            self._pace.after(machine.monotonic() - now_s - self._spacing.took_s, codes)

    def _give_up(self) -> None:
        """All that is claimed is about to be given back and to come again: kept, it would be in hand twice."""
        self._pool.clear()
        self._hot.heat(self._partitions.held)

    async def _turn(self, *, inspect: bool) -> tuple[int, int]:
        """Claim, plan, offer. Returns how many messages were offered, and how many of them one-time codes."""
        codes_only = not inspect and machine.monotonic() < self._spacing.due_s
        classes = CODES if codes_only else tuple(MessageClass)
        rooms = {klass: {name: lane.room(klass) for name, lane in self._lanes.items()} for klass in classes}
        wanted = appetite(rooms, self._pool, self._networks.waiting, self._lanes, inspect=inspect)
        fresh = Counter[MessageClass]()
        if wanted and (hot := self._hot.take(wanted, self._partitions.held)):
            losses = self._pool.losses
            claimed, more = await self.journal.claim(self.name, self._partitions.epoch, hot, wanted)
            # What was claimed under an epoch that is over by now has been given back, too.
            pending = await self._take_up(claimed if losses == self._pool.losses else [])
            fresh = Counter(item.klass for item in pending)
            others = len(claimed) - len(pending)  # of whatever class
            gave = {(item.klass, partition_of(item.claimed.id)) for item in pending}
            self._hot.keep(wanted, {klass: fresh[klass] + others for klass in wanted}, more, gave)
        offered, codes = await self._plan_all(rooms, tuple(MessageClass) if inspect else fresh, inspect=inspect)
        self._offering.step_aside()
        if codes_only:
            asyncio.get_running_loop().call_later(self._spacing.due_s - machine.monotonic(), self._stir.set)
        return offered, codes

    async def _take_up(self, claimed: Sequence[Claimed], *, ask: bool = True) -> list[Pending]:
        """Sort claimed messages into those that need a carrier, which are returned, and those that end here; ask for numbers that may have moved."""
        claimed = await self._aside.sift(claimed)
        known = self._networks.known if ask else self._networks.remembered
        pending, ends, strangers = triage(claimed, self._rules, self._book, self.now_ms(), machine.monotonic(), known)
        for klass, count in Counter(item.klass for item in pending).items():
            self._claimed_count[klass].add(count)
        self._pool.add(pending)
        if strangers:
            self.spawn(self._introduce(strangers, self._pool.losses))
        if ends:
            await self.journal.finish("", self._offering.finished(ends), self._partitions.lease)
        return pending

    async def _introduce(self, strangers: Sequence[tuple[Claimed, str]], losses: int) -> None:
        """Ask for the networks of numbers, no longer than the service may take, and take the messages up with what is known then."""
        await self._networks.ask([number for _, number in strangers])
        if losses != self._pool.losses:
            return  # the journal has given these back, and they have come or will come again
        try:
            await self._take_up([message for message, _ in strangers], ask=False)
        except JournalError:
            self._partitions.retake()
        self._stir.set()

    async def _plan_all(
        self, rooms: dict[MessageClass, dict[str, int]], looked_at: Collection[MessageClass], *, inspect: bool
    ) -> tuple[int, int]:
        """Plan each class in order of precedence, so that what one-time codes take is no room for the others; then offer.

        Codes are on their way before a crowd of others is thought about, and those that came meanwhile, once: to plan for a campaign takes
        3 ms, and more beside other work. With a few others they go together: another offer and another table cost more.
        ``looked_at``: classes that are planned without any room, too, to find those that no carrier may ever take.
        """
        offered = codes = 0
        classes = tuple(rooms)
        crowd = sum(self._pool.size(klass) for klass in OTHERS) + self._pool.resting > CROWD
        spent = Counter[str]()
        for group in (CODES, OTHERS) if crowd and len(classes) > len(CODES) else (classes,):
            if group is OTHERS and not inspect and self._spacing.gives_way(codes=self._hot.has(MessageClass.OTP)):
                self._stir.set()
                break
            began_s = machine.monotonic()
            turn = self._plan(group, rooms, looked_at, spent)
            offered += turn.offered
            codes += turn.planned[MessageClass.OTP]
            if group != CODES:
                self._spacing.after(began_s, machine.monotonic(), crowd=crowd)
            elif turn.offers:
                await asyncio.sleep(0)
        if offered and any(
            self._hot.has(klass) and any(room[name] > spent[name] for name in room) for klass, room in rooms.items()
        ):
            self._stir.set()
        return offered, codes

    def _plan(
        self,
        classes: Sequence[MessageClass],
        rooms: dict[MessageClass, dict[str, int]],
        looked_at: Collection[MessageClass],
        spent: Counter[str],
    ) -> Turn:
        turn = Turn(self.rng.randbytes(8), self.now_ms(), spent)
        for klass in classes:
            room = {name: segments - spent[name] for name, segments in rooms[klass].items() if segments > spent[name]}
            # A batch of some twice the room: enough for each carrier to find its own, not the whole backlog each turn.
            batch = self._pool.take(klass, 2 * sum(room.values()) + INSPECT_LIMIT) if room or klass in looked_at else None
            if not batch:
                continue
            kept, resting = turn.take(klass, batch, self._planner.plan(klass, batch, room, self._lanes))
            self._pool.put_back(klass, kept)
            self._pool.rest(klass, resting)
        self._offering.carry_out(turn)
        return turn

    # -- calls from fronts ---------------------------------------------------------------------------------------
    def shadow(self) -> dict[str, int]:
        """Shadow prices by carrier: micros a second that one more segment a second would have saved of late."""
        return self._planner.shadow() if self.started.is_set() else {}

    # -- leaving -------------------------------------------------------------------------------------------------
    async def drain(self, within_s: float) -> None:
        self._draining = True
        deadline_s = machine.monotonic() + within_s
        while any(lane.offered for lane in self._lanes.values()) and machine.monotonic() < deadline_s:
            await asyncio.sleep(0.01)
        await self._networks.close()
        await self._partitions.release()

    def gauges(self) -> None:
        if not self.started.is_set():
            return
        in_hand = len(self._pool) + self._networks.waiting + sum(lane.offered for lane in self._lanes.values())
        self.metrics.gauge("trunkline_claimed_now").set(in_hand)
        self.metrics.gauge("trunkline_partitions_held").set(len(self._partitions.held))
        self._networks.gauges()
        self._planner.gauges()

    def health(self) -> dict[str, Any]:
        held = len(self._partitions.held) if self.started.is_set() else 0
        return {"partitions": held, "in_hand": len(self._pool), "carriers_up": [n for n, lane in self._lanes.items() if lane.up]}
