"""A small world for the brain: carriers with lognormal latencies and faults on a timetable, in virtual time."""

import heapq
from dataclasses import dataclass, field

import numpy as np

from router.brain.board import board
from router.brain.plan import plan
from router.brain.port import Board, Observation, Outcome, Want
from router.brain.state import BrainState, observe, tick
from router.model import MessageClass
from router.routes import Deck
from router.settings import CarrierProfile, Price, Settings

STEP_S = 0.1
RULES = {klass: Settings().rules(klass) for klass in MessageClass}


@dataclass
class Carrier:
    name: str
    micros: int
    p: float = 0.95
    median_s: float = 2.0
    sigma: float = 0.5
    uniform_s: tuple[float, float] | None = None
    faults: list[tuple[float, float, str]] = field(default_factory=list)

    def fault(self, at_s: float) -> str:
        return next((kind for begin, end, kind in self.faults if begin <= at_s < end), "")

    def latency(self, kind: str, rng: np.random.Generator) -> float | None:
        if kind == "black_hole" or rng.random() > self.p:
            return None
        wait_s = rng.uniform(*self.uniform_s) if self.uniform_s else self.median_s * np.exp(self.sigma * rng.standard_normal())
        return float(wait_s) * (10.0 if kind == "brownout" else 1.0)


@dataclass
class Run:
    carriers: list[Carrier]
    rate: float = 60.0
    seed: int = 0
    mix: tuple[float, float, float] = (0.4, 0.35, 0.25)
    networks: tuple[str, ...] = ("23410", "23415", "26201", "26202")
    room: int = 10_000
    sent: list[tuple[float, str, bool]] = field(default_factory=list)
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
        view: Board | None = None
        receipts: list[tuple[float, int, Observation]] = []
        retry: list[Want] = []
        serial = 0
        for step in range(int(end_s / STEP_S)):
            now = step * STEP_S
            seen: list[Observation] = []
            while receipts and receipts[0][0] <= now:
                seen.append(heapq.heappop(receipts)[2])
            wants = retry
            retry = []
            for _ in range(rng.poisson(self.rate * STEP_S)):
                klass = MessageClass(int(rng.choice(3, p=self.mix)))
                network = self.networks[int(rng.integers(len(self.networks)))]
                wants.append(Want(network, "", "447700900123", klass, 1))
            made = plan(wants, view, dict.fromkeys(self.by_name, self.room), now, rng, deck=self.deck, rules=RULES)
            for want, choice in zip(wants, made.choices, strict=True):
                if not choice.carrier:
                    if not choice.hopeless:
                        retry.append(want)
                    continue
                carrier = self.by_name[choice.carrier]
                first = not want.tried
                self.sent.append((now, choice.carrier, first))
                kind = carrier.fault(now)
                if kind == "outage":
                    seen.append(Observation(now, carrier.name, want.network, want.klass, Outcome.REFUSED, 0.0, first))
                    retry.append(want._replace(tried=(*want.tried, carrier.name)))
                    continue
                seen.append(Observation(now, carrier.name, want.network, want.klass, Outcome.SUBMITTED, 0.0, first))
                wait_s = carrier.latency(kind, rng)
                if wait_s is not None:
                    serial += 1
                    late = Observation(now + wait_s, carrier.name, want.network, want.klass, Outcome.DELIVERED, wait_s, first)
                    heapq.heappush(receipts, (now + wait_s, serial, late))
            observe(self.state, seen, now)
            if step % 5 == 4:  # twice a second
                tick(self.state, now)
                view = board(self.state, now)
                self.suspects |= {carrier.name for carrier in view.carriers.values() if carrier.suspect}
        return self

    def share(self, name: str, begin_s: float, end_s: float) -> float:
        inside = [carrier for at_s, carrier, first in self.sent if begin_s <= at_s < end_s and first]
        return inside.count(name) / max(len(inside), 1)
