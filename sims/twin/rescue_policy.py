"""The production brain with rescue: what actors.rescuer does in the running system, without the actors.

Messages of the classes that may be rescued are looked at when they are ``earliest_s`` old and, while nothing came of them, at growing
distances; those for which it pays are sent again, within the budget, by class in order of precedence.
"""

import heapq
from collections.abc import Sequence
from typing import Final

import numpy as np

from router.brain.board import board
from router.brain.plan import shadow_prices
from router.brain.port import Board, Want
from router.brain.rescue import CLASSES, Budget, Stuck, Terms, rescue
from router.model import MessageClass
from sims.twin.brain_policy import BrainPolicy
from sims.twin.policy import NOWHERE, Brief, Event, Item, Pick, Room, Seen
from sims.twin.values import DEADLINE_S, RULES

LOOK_S: Final = 0.5
TERMS: Final = Terms()
ENDS: Final = frozenset({Seen.DELIVERED, Seen.UNDELIVERED})


class RescueBrain(BrainPolicy):
    """The brain, and second copies."""

    def __init__(self, brief: Brief, rng: np.random.Generator) -> None:
        super().__init__(brief, rng)
        self._sent: dict[int, Item] = {}
        self._stuck: dict[int, Stuck] = {}  # taken by a carrier, and nothing came since
        self._looks: list[tuple[float, int]] = []
        self._looked_s = 0.0
        self._budget = Budget()
        self._copied: dict[int, int] = {}  # to the carrier that had it first

    def observe(self, events: Sequence[Event], now: float) -> None:
        """Learn of messages that are pending, and that are not any more."""
        super().observe([self._as_told(event) if event.item in self._copied else event for event in events], now)
        for event in events:
            item = self._sent.get(event.item)
            if item is None:
                continue
            if event.seen == Seen.SUBMITTED and event.item not in self._stuck:
                self._wait(item, event.place, event.at_s - event.age_s)
            elif event.seen in ENDS:
                self._stuck.pop(event.item, None)
                del self._sent[event.item]

    def choose(self, items: Sequence[Item], room: Room, now: float) -> list[Pick]:
        """Remember what may have to be rescued."""
        picks = super().choose(items, room, now)
        first = 0
        for item, pick in zip(items, picks, strict=True):
            if pick.place != NOWHERE:
                first += not item.tried
                if MessageClass(item.klass) in CLASSES:
                    self._sent[item.number] = item
        self._budget.earn(first, TERMS.share)
        return picks

    def rescue(self, room: Room, now: float) -> list[tuple[int, int]]:
        """Look at those whose time has come."""
        if now - self._looked_s < LOOK_S - 1e-9:
            return []
        self._looked_s = now
        due: dict[MessageClass, list[int]] = {klass: [] for klass in MessageClass}
        while self._looks and self._looks[0][0] <= now:
            number = heapq.heappop(self._looks)[1]
            if number in self._stuck:
                due[self._stuck[number].want.klass].append(number)
        made: list[tuple[int, int]] = []
        for klass, numbers in due.items():
            if numbers:
                made += self._rescued(klass, numbers, room, now)
        return made

    def _published(self, now: float) -> Board:
        return board(self.state, now, with_curves=True)

    def _rescued(self, klass: MessageClass, numbers: Sequence[int], room: Room, now: float) -> list[tuple[int, int]]:
        names = self._brief.carriers
        free = {name: room.free(place, klass) for place, name in enumerate(names)}
        copies = rescue(
            [self._stuck[number] for number in numbers],
            self.board,
            free,
            now,
            deck=self._deck,
            rules=RULES,
            shadow=shadow_prices(None, self._deck, now),
            copies=self._budget.copies,
            terms=TERMS,
        )
        made = []
        for number, copy in zip(numbers, copies, strict=True):
            if copy.carrier:
                place = names.index(copy.carrier)
                room.take(place)
                self._budget.spend(1)
                self._copied[number] = names.index(self._stuck[number].carrier)
                made.append((number, place))
            elif copy.again_s:
                heapq.heappush(self._looks, (now + copy.again_s, number))
                continue
            del self._stuck[number]
            del self._sent[number]
        return made

    def _as_told(self, event: Event) -> Event:
        """As ``router.feedback`` has it: a code used before any receipt came speaks of the first copy, after that of the other of neither."""
        if event.seen == Seen.DELIVERED and event.place != self._copied[event.item]:
            self._reported.pop(event.item, None)
        return event._replace(place=self._copied[event.item]) if event.seen == Seen.CONVERTED else event

    def _wait(self, item: Item, place: int, submitted_s: float) -> None:
        names, networks, countries = self._brief.carriers, self._brief.networks, self._brief.countries
        klass = MessageClass(item.klass)
        tried = tuple(names[one] for one in item.tried)
        want = Want(networks[item.network], countries[item.network], "", klass, 1, tried)
        self._stuck[item.number] = Stuck(want, names[place], submitted_s, item.at_s + DEADLINE_S[klass])
        heapq.heappush(self._looks, (submitted_s + TERMS.earliest_s, item.number))
