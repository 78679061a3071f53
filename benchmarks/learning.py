"""What learning costs: observations folded in, ticks, boards and their octets, in a brain that has been at work for ten minutes.

The share of a core is computed from these parts for 10,000 messages a second, each with a receipt, and ticks twice a second; what Ray and Redis
take to carry them is not in it, nor are snapshots every ten seconds.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

import numpy as np

from actors.brain import FOLD, TICK_S
from actors.wire import pack_observations, unpack_observations
from router.brain.board import board as make_board
from router.brain.board import board_from_bytes, board_to_bytes
from router.brain.port import Observation, Outcome
from router.brain.state import BrainState, observe, tick
from router.model import MessageClass

RATE: Final = 10_000  # messages a second
AGE_S: Final = 640.0  # by then slices of all widths wait in the ledger
FEW: Final = 40  # messages a second of those minutes: what a tick costs depends on cells and slices, not on messages
DELIVERED: Final = 0.85
TENANTS: Final = 4  # that tell of conversions, where there are any


class Line(NamedTuple):
    """A part of the work. ``times_s``: how often it is done in a second at the rate; 0: not in the sum."""

    name: str
    spent: list[float]  # milliseconds each time, in processor time
    times_s: float = 0.0


class Life:
    """A brain and its traffic: every pair of carrier and network, all classes."""

    def __init__(self, carriers: list[str], networks: list[str], *, conversions: bool) -> None:
        self._rng = np.random.default_rng(3)
        self._carriers, self._networks = carriers, networks
        self._tenants = [f"tenant{number}" for number in range(TENANTS if conversions else 0)]
        self.state = BrainState(0.0)
        self.now = 0.0
        pairs = [(name, network) for name in carriers for network in networks]
        told = [self._seen(*pairs[0], MessageClass.OTP, Outcome.CONVERTED, 0.0, 1.0, tenant) for tenant in self._tenants]
        first = [
            self._seen(*pair, klass, Outcome.SUBMITTED, 0.0)
            for pair in pairs
            for klass in (MessageClass.OTP, MessageClass.MARKETING)
        ]
        observe(self.state, told + first, 0.0)
        while self.now < AGE_S:
            step_s = 5.0 if self.now < AGE_S - 30.0 else TICK_S
            observe(self.state, self.batch(int(FEW * step_s), step_s), self.now + step_s)
            self.now += step_s
            tick(self.state, self.now)

    def batch(self, messages: int, within_s: float) -> list[Observation]:
        """Submits of the next seconds, their receipts, and their conversions."""
        found = []
        rng = self._rng
        klasses = rng.choice(len(MessageClass), messages, p=(0.4, 0.35, 0.25)).tolist()
        for number, klass in enumerate(klasses):
            carrier, network = (
                self._carriers[rng.integers(len(self._carriers))],
                self._networks[rng.integers(len(self._networks))],
            )
            tenant = self._tenants[number % TENANTS] if self._tenants else ""
            at_s, age_s = self.now + within_s * float(rng.random()), float(rng.lognormal(1.0, 0.7))
            found.append(self._seen(carrier, network, MessageClass(klass), Outcome.SUBMITTED, at_s, 0.02, tenant))
            good = rng.random() < DELIVERED
            outcome = Outcome.DELIVERED if good else Outcome.UNDELIVERED
            found.append(self._seen(carrier, network, MessageClass(klass), outcome, at_s + age_s, age_s, tenant))
            if good and tenant and klass == MessageClass.OTP:
                found.append(self._seen(carrier, network, MessageClass.OTP, Outcome.CONVERTED, at_s + age_s, age_s, tenant))
        return found

    def next_tick(self) -> None:
        """Half a second later."""
        self.now += TICK_S
        tick(self.state, self.now)

    @staticmethod
    def _seen(
        carrier: str, network: str, klass: MessageClass, outcome: Outcome, at_s: float, age_s: float = 0.0, tenant: str = ""
    ) -> Observation:
        after_s = age_s / 2 if outcome == Outcome.CONVERTED else -1.0
        return Observation(at_s, carrier, network, klass, outcome, age_s, True, tenant, after_s)


def lines(carriers: list[str], networks: list[str], turns: int) -> list[Line]:
    """The parts of the brain's work."""
    life = Life(carriers, networks, conversions=False)
    state = life.state
    ticks = [timed(life.next_tick) for _ in range(turns)]
    boards = [timed(lambda: make_board(state, life.now)) for _ in range(turns)]
    newest = make_board(state, life.now)
    octets = board_to_bytes(newest)
    written = [timed(lambda: board_to_bytes(newest)) for _ in range(turns)]
    read = [timed(lambda: board_from_bytes(octets)) for _ in range(turns)]
    with_curves = [timed(lambda: make_board(state, life.now, with_curves=True)) for _ in range(turns)]
    packed = pack_observations(life.batch(FOLD // 2, 0.1))
    unpacked = [timed(lambda: unpack_observations(packed)) for _ in range(turns)]
    batches = [life.batch(FOLD // 2, 0.1) for _ in range(turns)]
    folded = [timed(partial(observe, state, batch, life.now)) for batch in batches]
    judged = Life(carriers, networks, conversions=True)
    heeded = [timed(judged.next_tick) for _ in range(turns)]
    often, folds = 1.0 / TICK_S, 2.0 * RATE / FOLD
    return [
        Line(f"{FOLD:,} observations, read", unpacked, folds),
        Line(f"{FOLD:,} observations, folded in", folded, folds),
        Line("tick", ticks, often),
        Line("tick, with conversions told", heeded),
        Line("board", boards, often),
        Line("board, with the curves of rescue", with_curves),
        Line(f"board to {len(octets) / 1e3:.0f} kB", written, often),
        Line("board from octets, in each reader", read),
    ]


def timed(work: Callable[[], object]) -> float:
    """Milliseconds of processor time."""
    began = time.process_time_ns()
    work()
    return (time.process_time_ns() - began) / 1e6
