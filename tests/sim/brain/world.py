"""A small world for the brain: carriers with lognormal latencies and faults on a timetable, in virtual time."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from router.brain.board import board
from router.brain.plan import plan
from router.brain.port import Board, Observation, Outcome, Want
from router.brain.state import BrainState, observe, tick
from router.model import MessageClass
from router.routes import Deck
from router.settings import CarrierProfile, Price, Settings

TICK_S = 0.5
_CLASSES = tuple(MessageClass)
RULES = {klass: Settings().rules(klass) for klass in MessageClass}


@dataclass
class Carrier:
    name: str
    micros: int
    p: float = 0.95
    median_s: float = 2.0
    sigma: float = 0.5
    uniform_s: tuple[float, float] | None = None
    tells: bool = False  # a message that is not delivered gets a negative receipt
    answer_s: float = 0.0  # the submit is answered, and so observed, after so long
    faults: list[tuple[float, float, str]] = field(default_factory=list)

    def fault(self, at_s: float) -> str:
        return next((kind for begin, end, kind in self.faults if begin <= at_s < end), "")

    def receipt(self, kind: str, rng: np.random.Generator) -> tuple[Outcome, float] | None:
        """What comes back, and after how long; None: nothing."""
        good = rng.random() <= self.p
        if kind == "black_hole" or not (good or self.tells):
            return None
        wait_s = rng.uniform(*self.uniform_s) if self.uniform_s else self.median_s * np.exp(self.sigma * rng.standard_normal())
        return Outcome.DELIVERED if good else Outcome.UNDELIVERED, float(wait_s) * (10.0 if kind == "brownout" else 1.0)


@dataclass
class Run:
    carriers: list[Carrier]
    rate: float = 60.0
    seed: int = 0
    mix: tuple[float, float, float] = (0.4, 0.35, 0.25)
    networks: tuple[str, ...] = ("23410", "23415", "26201", "26202")
    room: int = 10_000
    step_s: float = 0.1  # between batches; a divisor of TICK_S
    look: Callable[[float, Board], None] | None = None  # is shown each board
    sent: list[tuple[float, str, bool, Want]] = field(default_factory=list)
    state: BrainState = field(default_factory=lambda: BrainState(0.0))
    suspects: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.by_name = {carrier.name: carrier for carrier in self.carriers}
        self.deck = Deck(
            [
                CarrierProfile(name=c.name, addresses=("h:1",), system_id="x", prices=(Price(to="*", micros=c.micros),))
                for c in self.carriers
            ]
        )

    def until(self, end_s: float) -> "Run":
        rng = np.random.default_rng(self.seed)
        observe(self.state, [Observation(0.0, name, "", MessageClass.OTP, Outcome.LINK_UP) for name in self.by_name], 0.0)
        view: Board | None = None
        coming: list[tuple[float, int, Observation]] = []
        retry: list[Want] = []
        serial = 0
        steps = round(TICK_S / self.step_s)
        for step in range(round(end_s / self.step_s)):
            now = step * self.step_s
            seen: list[Observation] = []
            while coming and coming[0][0] <= now:
                seen.append(heapq.heappop(coming)[2])
            wants = retry
            retry = []
            count = int(rng.poisson(self.rate * self.step_s))
            classes = np.searchsorted(np.cumsum(self.mix)[:-1], rng.random(count), side="right").tolist()
            places = rng.integers(len(self.networks), size=count).tolist()
            wants += [
                Want(self.networks[place], "", "447700900123", _CLASSES[klass], 1)
                for klass, place in zip(classes, places, strict=True)
            ]
            made = plan(wants, view, dict.fromkeys(self.by_name, self.room), now, rng, deck=self.deck, rules=RULES)
            for want, choice in zip(wants, made.choices, strict=True):
                if not choice.carrier:
                    if not choice.hopeless:
                        retry.append(want)
                    continue
                carrier = self.by_name[choice.carrier]
                first = not want.tried
                self.sent.append((now, choice.carrier, first, want))
                kind = carrier.fault(now)
                if kind == "outage":
                    seen.append(Observation(now, carrier.name, want.network, want.klass, Outcome.REFUSED, 0.0, first))
                    retry.append(want._replace(tried=(*want.tried, carrier.name)))
                    continue
                taken = Observation(now + carrier.answer_s, carrier.name, want.network, want.klass, Outcome.SUBMITTED, 0.0, first)
                found = carrier.receipt(kind, rng)
                later = (
                    [taken] if found is None else [taken, taken._replace(at_s=now + found[1], outcome=found[0], age_s=found[1])]
                )
                for item in later:
                    if item.at_s <= now:
                        seen.append(item)
                    else:
                        serial += 1
                        heapq.heappush(coming, (item.at_s, serial, item))
            observe(self.state, seen, now)
            if step % steps == steps - 1:
                tick(self.state, now)
                view = board(self.state, now)
                if self.look is not None:
                    self.look(now, view)
                self.suspects |= {carrier.name for carrier in view.carriers.values() if carrier.suspect}
        return self

    def share(self, name: str, begin_s: float, end_s: float) -> float:
        inside = [carrier for at_s, carrier, first, _ in self.sent if begin_s <= at_s < end_s and first]
        return inside.count(name) / max(len(inside), 1)
