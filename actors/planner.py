"""A dispatcher's plans: what the settings and the newest board say, and what it remembers of its last turns."""

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Final

from actors import machine
from actors.lanes import CarrierLane
from actors.metrics import Metrics
from actors.pool import Pending
from router.brain.board import UnreadableBoard, board_from_bytes
from router.brain.plan import plan, shadow_prices
from router.brain.policies import Policy, compile_policies
from router.brain.port import Board, Plan, Waits
from router.brain.rescue import Copy, Stuck, Terms, rescue
from router.brain.sight import Sight
from router.model import MessageClass
from router.routes import Deck
from router.settings import ClassRules, Settings

log = logging.getLogger("trunkline.planner")

REST_LIMIT: Final = 1_000  # segments of one class that wait by choice: they are planned again every turn


class Planner:
    """Owns the newest board. May forget it and its bids: a board comes every half second, bids with the next overload."""

    def __init__(self, metrics: Metrics) -> None:
        self.board: Board | None = None
        self._metrics = metrics
        self._sight = Sight()
        self._took = metrics.histogram("trunkline_plan_duration_seconds")
        self._dice = machine.generator()
        self._deck: Deck
        self._rules: Mapping[MessageClass, ClassRules]
        self._policies: Mapping[str, Policy]

    def retune(self, settings: Settings) -> None:
        """The settings are these now."""
        self._deck = Deck.compile(settings)
        self._rules = {klass: settings.rules(klass) for klass in MessageClass}
        self._policies = compile_policies(settings.policies)

    def read(self, octets: bytes) -> bool:
        """Take a new board; false: it is of another release, as happens during an upgrade, and the next one comes soon."""
        try:
            self.board = board_from_bytes(octets)
        except UnreadableBoard as error:
            log.warning("planner.unreadable_board reason=%s", error)
            return False
        return True

    def plan(
        self, klass: MessageClass, batch: Sequence[Pending], room: Mapping[str, int], lanes: Mapping[str, CarrierLane]
    ) -> Plan:
        """Plan a batch of one class, those who have waited longest first. ``room``: segments by carrier that it may take."""
        began_s = time.perf_counter()
        now_s = machine.monotonic()
        waits = Waits(
            {name: lane.speed(klass) for name, lane in lanes.items()}, [now_s - item.since_s for item in batch], REST_LIMIT
        )
        wants = [item.want for item in batch]
        planned = plan(
            wants,
            self._seen(lanes),
            room,
            machine.time(),
            self._dice,
            deck=self._deck,
            rules=self._rules,
            policies=self._policies,
            waits=waits,
        )
        self._took.observe(time.perf_counter() - began_s)
        for cause, micros in planned.regret.items():
            self._metrics.counter("trunkline_regret_micros", klass.word, cause).add(micros)
        return planned

    def rescue(
        self, batch: Sequence[Stuck], room: Mapping[str, int], lanes: Mapping[str, CarrierLane], copies: int, terms: Terms
    ) -> list[Copy]:
        """Decide who of these is sent again; nobody while the brain is silent. ``copies``: what the budget allows."""
        now = machine.time()
        return rescue(
            batch,
            self._sight.board(self.board, {name: lane.fuse for name, lane in lanes.items()}, now),
            room,
            now,
            deck=self._deck,
            rules=self._rules,
            shadow=shadow_prices(None, self._deck, now),
            copies=copies,
            terms=terms,
            policies=self._policies,
        )

    def _seen(self, lanes: Mapping[str, CarrierLane]) -> Board:
        """The board to plan with."""
        found = self._sight.board(self.board, {name: lane.fuse for name, lane in lanes.items()}, machine.time())
        if found is not self.board:
            self._metrics.counter("trunkline_plans_blind", "none" if self.board is None else "old").add()
        return found

    def shadow(self) -> dict[str, int]:
        """By carrier the micros a second that one more segment a second would have saved of late."""
        return {name: round(price) for name, price in shadow_prices(None, self._deck, machine.time()).items()}

    def gauges(self) -> None:
        """Bring the gauges of planning up to date."""
        now = machine.time()
        if self.board is not None:
            self._metrics.gauge("trunkline_board_age_seconds").set(max(0.0, now - self.board.at_s))
        for name, price in self.shadow().items():
            self._metrics.gauge("trunkline_shadow_price_micros", name).set(price)
