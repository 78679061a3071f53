"""The production brain in virtual time: the functions of ``router.brain``, called as the actors call them.

Observations come in batches of a tenth of a second; a tick and a new board follow every half second, and at once after a refusal or a
link's fall; each class is planned by itself, in order of precedence, with the room that the lanes have left for it, and may wait for more.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from router.brain.board import board
from router.brain.plan import plan
from router.brain.port import Board, Observation, Outcome, Waits, Want
from router.brain.state import BrainState, observe, tick
from router.model import MessageClass
from router.routes import Deck
from router.settings import CarrierProfile, Price
from sims.twin.policy import NOWHERE, WAIT, Brief, Event, Item, Pick, Room, Seen
from sims.twin.values import DEADLINE_S, RULES, Floats

TICK_S: Final = 0.5
REST_LIMIT: Final = 1_000  # messages of one class that wait by choice
URGENT: Final = frozenset({Seen.LINK_DOWN, Seen.LINK_UP, Seen.REFUSED})
OUTCOME: Final = {
    Seen.SUBMITTED: Outcome.SUBMITTED,
    Seen.DELIVERED: Outcome.DELIVERED,
    Seen.UNDELIVERED: Outcome.UNDELIVERED,
    Seen.REFUSED: Outcome.REFUSED,
    Seen.LINK_DOWN: Outcome.LINK_DOWN,
    Seen.LINK_UP: Outcome.LINK_UP,
    Seen.CONVERTED: Outcome.CONVERTED,
}
REPORTER: Final = "reporter"  # the tenants that tell of conversions, as one
CLASSES: Final = tuple(MessageClass)


class BrainPolicy:
    """What actors.brain and actors.dispatcher do, without the actors."""

    def __init__(self, brief: Brief, rng: np.random.Generator) -> None:
        self._brief, self._rng = brief, rng
        self.state = BrainState(0.0, DEADLINE_S, brief.day_s)
        self.board: Board | None = None
        self._deck = _deck(brief, brief.price)
        self._price = brief.price
        self._urgent = False
        self._published_s = 0.0
        self._reported: dict[int, float] = {}  # codes of tenants that tell of conversions: when their receipt came; inf: not yet

    def observe(self, events: Sequence[Event], now: float) -> None:
        """Fold a batch into the ledgers."""
        names, networks = self._brief.carriers, self._brief.networks
        reported = self._reported
        batch = []
        for at_s, seen, place, item, network, klass, age_s, first in events:
            tenant, receipt_s = "", np.inf
            if item in reported:
                tenant = REPORTER
                receipt_s = reported.pop(item) if seen == Seen.CONVERTED else reported[item]
                if seen == Seen.DELIVERED:
                    reported[item] = at_s
            after_s = at_s - receipt_s if receipt_s <= at_s else -1.0
            batch.append(
                Observation(
                    *(at_s, names[place], networks[network], CLASSES[klass], OUTCOME[seen], age_s, first, tenant, after_s)
                )
            )
        observe(self.state, batch, now)
        self._urgent = self._urgent or any(event.seen in URGENT for event in events)

    def alarms(self) -> int:
        """Changes for the worse, of carriers and of their parts."""
        return self.state.counters["alarms_down"]

    def prices(self, price: Floats) -> None:
        """New settings make a new deck; what was learned stays."""
        if not np.array_equal(price, self._price):
            self._price, self._deck = price, _deck(self._brief, price)

    def choose(self, items: Sequence[Item], room: Room, now: float) -> list[Pick]:
        """Publish when it is time, then plan class by class."""
        if self._urgent or now - self._published_s >= TICK_S - 1e-9:
            self._urgent, self._published_s = False, now
            tick(self.state, now)
            self.board = self._published(now)
        self._reported.update((item.number, np.inf) for item in items if item.reports and item.klass == 0)
        picks = [WAIT] * len(items)
        for klass in MessageClass:
            places = [place for place, item in enumerate(items) if item.klass == klass]
            if places:
                chosen = self._plan([items[place] for place in places], klass, room, now)
                for place, pick in zip(places, chosen, strict=True):
                    picks[place] = pick
        return picks

    def _published(self, now: float) -> Board:
        return board(self.state, now)

    def _plan(self, items: Sequence[Item], klass: MessageClass, room: Room, now: float) -> list[Pick]:
        names, networks, countries = self._brief.carriers, self._brief.networks, self._brief.countries
        free = {name: count for place, name in enumerate(names) if (count := room.free(place, klass))}
        wants = [
            Want(
                networks[item.network],
                countries[item.network],
                "",
                klass,
                1,
                tuple(names[place] for place in item.tried),
                tenant=REPORTER if item.reports else "",
            )
            for item in items
        ]
        speed = {name: room.speed(place, klass) for place, name in enumerate(names)}
        waits = Waits(speed, [now - item.at_s for item in items], REST_LIMIT)
        made = plan(wants, self.board, free, now, self._rng, deck=self._deck, rules=RULES, waits=waits)
        picks = []
        for choice in made.choices:
            place = names.index(choice.carrier) if choice.carrier else NOWHERE
            if place != NOWHERE:
                room.take(place)
            picks.append(Pick(place, choice.explored))
        return picks


def _deck(brief: Brief, price: Floats) -> Deck:
    """The carriers as an operator would write them into the settings."""
    profiles = []
    for place, name in enumerate(brief.carriers):
        reached = np.flatnonzero(brief.covers[place]).tolist()
        to = [f"net:{brief.networks[network]}" for network in reached]
        micros = [round(float(price[place, network])) for network in reached]
        profiles.append(
            CarrierProfile(
                name=name,
                addresses=("127.0.0.1:2775",),
                system_id="twin",
                covers=tuple(to),
                prices=tuple(Price(to=one, micros=cost) for one, cost in zip(to, micros, strict=True)),
            )
        )
    return Deck(profiles)
