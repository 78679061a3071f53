"""The event loop in virtual time: arrivals, submits, answers, receipts, conversions, in steps of a tenth of a second.

A message's fate at a carrier is decided when it is submitted, by its luck there and by what is true at that moment; what can be seen of it
is put on a calendar. What follows from the fate alone (value, deliveries in time) is computed afterwards, for all messages at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from sims.twin.conditions import Cast, Conditions, cast, costs, timetable
from sims.twin.policy import NOWHERE, Brief, Event, Item, Policy, Rescuer, Room, Seen
from sims.twin.scenarios import SCENARIOS, Scenario
from sims.twin.traffic import Traffic, make_traffic
from sims.twin.values import Bools, Floats, Ints
from sims.twin.world import REPORTING, World, make_world

DAY_S: Final = 86_400.0
STEP_S: Final = 0.1  # production plans every 5 to 50 ms and tells the brain every 100 ms
CODE_LIFE_S: Final = 120.0  # a code that comes later is not used any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """Everything of a run but the policy; the same for all policies of a scenario and seed."""

    scenario: Scenario
    seed: int
    end_s: float
    burn_in_s: float
    rate_mps: float
    world: World
    roles: Cast
    times: Sequence[Conditions]
    traffic: Traffic
    brief: Brief


@dataclass(slots=True, kw_only=True)
class Log:
    """What was done. M messages; S submits, those that were refused included."""

    carrier: Ints  # (M,) that took it; -1: none did until the end
    submit_s: Floats  # (M,) when it was taken
    explored: Bools  # (M,)
    copy: Ints  # (M,) that took a second copy; -1: there was none
    copy_s: Floats  # (M,) when
    sent_s: list[float] = field(default_factory=list)  # (S,)
    sent_to: list[int] = field(default_factory=list)  # (S,)
    sent: list[int] = field(default_factory=list)  # (S,) message


def make_setup(
    scenario: str, seed: int, *, minutes: float = 40.0, rate_mps: float = 80.0, burn_in_minutes: float = 10.0
) -> Setup:
    """The seed's world, its story and its messages; raises ``KeyError`` for a scenario that there is not."""
    return setup_of(
        make_world(seed), SCENARIOS[scenario], seed, end_s=minutes * 60.0, rate_mps=rate_mps, burn_in_s=burn_in_minutes * 60.0
    )


def setup_of(
    world: World,
    story: Scenario,
    seed: int,
    *,
    end_s: float,
    rate_mps: float,
    burn_in_s: float = 0.0,
    reporting: float = REPORTING,
) -> Setup:
    """A run in a world of one's own; the seed draws the messages and their luck. ``reporting``: share of otp whose tenants tell of conversions."""
    roles = cast(world)
    times = timetable(world, story, roles, end_s)
    usual = timetable(world, SCENARIOS["stationary"], roles, end_s)[0]
    demand = tuple((now.at_s, now.demand) for now in times)
    return Setup(
        scenario=story,
        seed=seed,
        end_s=end_s,
        burn_in_s=burn_in_s,
        rate_mps=rate_mps,
        world=world,
        roles=roles,
        times=times,
        traffic=make_traffic(world, seed, end_s, rate_mps, demand, reporting=reporting),
        brief=Brief(
            carriers=world.carriers,
            networks=world.networks,
            countries=world.countries,
            country=world.country,
            covers=world.covers,
            price=world.price.astype(np.float64),
            speed_mps=world.speed_mps,
            usual=costs(world, usual),
            share=world.share,
            day_s=end_s / story.days if story.days else DAY_S,
        ),
    )


def simulate(setup: Setup, policy: Policy, progress: Callable[[float], None] | None = None) -> Log:
    """One run. ``progress`` is told the share that is done, now and then."""
    return _Run(setup, policy).to_the_end(progress)


class _Run:
    """The state of a run."""

    def __init__(self, setup: Setup, policy: Policy) -> None:
        self.setup, self.policy = setup, policy
        self.rescuer = policy if isinstance(policy, Rescuer) else None
        traffic, world = setup.traffic, setup.world
        count = len(traffic)
        self.steps = round(setup.end_s / STEP_S)
        self.calendar: list[list[Event]] = [[] for _ in range(self.steps + 1)]
        self.log = Log(
            carrier=np.full(count, NOWHERE, dtype=np.int64),
            submit_s=np.full(count, np.inf),
            explored=np.zeros(count, dtype=bool),
            copy=np.full(count, NOWHERE, dtype=np.int64),
            copy_s=np.full(count, np.inf),
        )
        self.room = Room(world.speed_mps.tolist())
        self.retries: list[list[Item]] = [[] for _ in range(self.steps + 1)]
        self.answer_s: list[float] = world.answer_s.tolist()
        self.tells: list[float] = world.tells.tolist()
        # As lists: reading one element of an array costs ten times as much.
        self.at_s: list[float] = traffic.at_s.tolist()
        self.network: list[int] = traffic.network.tolist()
        self.klass: list[int] = traffic.klass.tolist()
        self.reports: list[bool] = traffic.reports.tolist()
        self.convert_s: list[float] = traffic.convert_s.tolist()
        self.up = [True] * len(world.carriers)
        for place in range(len(world.carriers)):
            self._put(Event(0.0, Seen.LINK_UP, place))

    def to_the_end(self, progress: Callable[[float], None] | None) -> Log:
        changes = list(self.setup.times)[::-1]
        waiting: list[Item] = []
        arrived, count = 0, len(self.at_s)
        for step in range(self.steps):
            now = step * STEP_S
            while changes and changes[-1].at_s <= now + 1e-9:
                self._become(changes.pop(), now)
            if step:
                self.room.refill(STEP_S)
            events = self.calendar[step]
            self.calendar[step] = []
            if events:
                events.sort()
                self.policy.observe(events, now)
            items = waiting + self.retries[step]
            while arrived < count and self.at_s[arrived] <= now:
                items.append(Item(arrived, self.at_s[arrived], self.network[arrived], self.klass[arrived], self.reports[arrived]))
                arrived += 1
            waiting = self._send(items, now) if items else []
            if self.rescuer is not None:
                self._send_again(self.rescuer.rescue(self.room, now), now)
            if progress is not None and step % 600 == 0:
                progress(step / self.steps)
        return self.log

    def _become(self, now_true: Conditions, now: float) -> None:
        """Something changed. Of this a policy hears the price list, and that a session fell or is bound."""
        self.p: list[list[list[float]]] = now_true.p.tolist()
        self.slow: list[float] = now_true.slow.tolist()
        self.receipts: list[float] = now_true.receipts.tolist()
        self.claims: list[float] = now_true.claims.tolist()
        self.refuses: list[bool] = now_true.refuses.tolist()
        self.room.speeds(now_true.speed_mps.tolist())
        self.policy.prices(now_true.price)
        for place, bound in enumerate(now_true.bound.tolist()):
            if bound != self.up[place]:
                self._put(Event(now, Seen.LINK_UP if bound else Seen.LINK_DOWN, place))
            self.up[place] = self.room.up[place] = bound

    def _send(self, items: list[Item], now: float) -> list[Item]:
        """Have them chosen for, and submit; returns those that wait."""
        items.sort(key=_precedence)
        log, left = self.log, []
        for item, (place, explored) in zip(items, self.policy.choose(items, self.room, now), strict=True):
            if place == NOWHERE:
                left.append(item)
                continue
            log.sent_s.append(now)
            log.sent_to.append(place)
            log.sent.append(item.number)
            if self.refuses[place]:
                first = not item.tried
                item.tried = (*item.tried, place)
                answered = now + self.answer_s[place]
                self._put(
                    Event(answered, Seen.REFUSED, place, item.number, item.network, item.klass, self.answer_s[place], first)
                )
                self.retries[min(int(answered / STEP_S) + 1, self.steps)].append(item)
                continue
            log.carrier[item.number] = place
            log.submit_s[item.number] = now
            log.explored[item.number] = explored
            self._submit(item.number, place, now, first=not item.tried)
        return left

    def _send_again(self, copies: Sequence[tuple[int, int]], now: float) -> None:
        """Submit second copies; one that is refused is not tried again."""
        log = self.log
        for number, place in copies:
            if log.carrier[number] in {NOWHERE, place} or log.copy[number] != NOWHERE:
                raise ValueError(f"message {number} cannot be sent again by carrier {place}")
            log.sent_s.append(now)
            log.sent_to.append(place)
            log.sent.append(number)
            if self.refuses[place]:
                answer_s = self.answer_s[place]
                said = (number, self.network[number], self.klass[number], answer_s)
                self._put(Event(now + answer_s, Seen.REFUSED, place, *said, first=False))
                continue
            log.copy[number] = place
            log.copy_s[number] = now
            self._submit(number, place, now, first=False)

    def _submit(self, number: int, place: int, now: float, *, first: bool) -> None:
        """The carrier takes it: what will be seen of it."""
        network, klass = self.network[number], self.klass[number]
        traffic = self.setup.traffic
        self._put(Event(now + self.answer_s[place], Seen.SUBMITTED, place, number, network, klass, self.answer_s[place], first))
        latency_s = float(traffic.latency_s[number, place]) * self.slow[place]
        delivered = bool(traffic.deliver_u[number, place] < self.p[place][network][klass])
        claims, luck = self.claims[place], float(traffic.receipt_u[number, place])
        if claims:
            seen = Seen.DELIVERED if luck < claims else None
        elif delivered:
            seen = Seen.DELIVERED if luck < self.receipts[place] else None
        else:
            seen = Seen.UNDELIVERED if luck < self.receipts[place] * self.tells[place] else None
        if seen is not None:
            self._put(Event(now + latency_s, seen, place, number, network, klass, latency_s, first))
        if delivered and klass == 0 and self.reports[number] and latency_s < CODE_LIFE_S:
            age_s = latency_s + self.convert_s[number]
            self._put(Event(now + age_s, Seen.CONVERTED, place, number, network, klass, age_s, first))

    def _put(self, event: Event) -> None:
        """On the calendar: told with the first batch after it happened."""
        when = event.at_s / STEP_S
        if when < self.steps:
            self.calendar[int(when) + (when > int(when))].append(event)


def _precedence(item: Item) -> tuple[int, int]:
    return item.klass, item.number
