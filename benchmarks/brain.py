"""``python -m benchmarks.brain [plan|tick]``: the brain alone, at 20 carriers, 200 networks and 3 classes, in milliseconds of processor time.

The gap to the linear program is bounded from above, by weak duality: at prices that are not negative, no assignment costs less than
``sum of demand * min(c + price) - sum of room * price``.
"""

import gc
import os
from collections.abc import Sequence
from typing import Annotated, Final, NamedTuple

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.learning import RATE, lines, timed
from router.brain.assign import Placement, assign
from router.brain.cells import FIGURES, Cells
from router.brain.plan import Memo, plan
from router.brain.port import Board, Plan, Waits, Want
from router.brain.score import Kind
from router.model import MessageClass
from router.routes import Deck
from router.settings import CarrierProfile, Price, Settings

CARRIERS: Final = 20
NETWORKS: Final = 200
BATCH: Final = 1_000
MIX: Final = (0.4, 0.35, 0.25)
TURN_S: Final = 0.1  # of 1,000 messages: 10,000 a second
RULES: Final = {klass: Settings().rules(klass) for klass in MessageClass}
GOAL_MS: Final = (3.0, 8.0)
TICK_GOAL_MS: Final = 5.0
CORE_GOAL: Final = 5.0  # percent

console = Console()
app = typer.Typer(pretty_exceptions_enable=False)


class Market:
    """Carriers of their own price and quality, a little different in each network, each going to four fifths of them."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = np.random.default_rng(seed)
        self.names = [f"carrier{number:02d}" for number in range(CARRIERS)]
        self.networks = [f"{200 + number // 3}{number % 3 + 1:02d}" for number in range(NETWORKS)]
        dear = rng.uniform(5_000, 40_000, CARRIERS)
        self.deck = Deck([self._carrier(name, base) for name, base in zip(self.names, dear.tolist(), strict=True)])
        self._p, self._wait_s = rng.uniform(0.75, 0.97, CARRIERS), rng.uniform(1.0, 8.0, CARRIERS)
        self.share = rng.dirichlet(np.full(CARRIERS, 2.0))
        self._version = 0

    def _carrier(self, name: str, base: float) -> CarrierProfile:
        prices = tuple(
            Price(to=f"net:{network}", micros=int(base * self.rng.uniform(0.7, 1.4)))
            for network in self.networks
            if self.rng.random() < 0.8
        )
        return CarrierProfile(name=name, addresses=("h:1",), system_id="x", prices=prices)

    def board(self) -> Board:
        """A new board of new estimates."""
        self._version += 1
        shape = (len(MessageClass), CARRIERS, NETWORKS)
        figures = np.empty((FIGURES, *shape))
        figures[0] = np.clip(self._p[:, None] + self.rng.normal(0.0, 0.03, shape), 0.05, 0.995)
        figures[1] = self._wait_s[:, None] * self.rng.uniform(0.7, 1.5, shape)
        figures[2:] = np.array((100.0, 0.02))[:, None, None, None]
        pairs = np.indices(shape[1:]).reshape(2, -1)
        return Board(self._version, 0.0, {}, Cells.packed(self.names, self.networks, pairs, figures))

    def batch(self, klasses: Sequence[MessageClass] = tuple(MessageClass)) -> list[Want]:
        """Messages to all networks alike."""
        weights = np.array([MIX[klass] for klass in klasses])
        where = self.rng.integers(NETWORKS, size=BATCH).tolist()
        which = self.rng.choice(len(klasses), BATCH, p=weights / weights.sum()).tolist()
        return [
            Want(self.networks[place], "GB", "447700900123", klasses[number], 1)
            for place, number in zip(where, which, strict=True)
        ]

    def room(self, scarcity: float) -> dict[str, int]:
        """So many times the batch, shared unevenly."""
        return {name: int(part * BATCH * scarcity) for name, part in zip(self.names, self.share.tolist(), strict=True)}


class Case(NamedTuple):
    """A way to plan. ``scarcity``: room of all carriers together, in batches."""

    name: str
    scarcity: float
    fresh: bool = False  # a new board each turn
    waits: bool = False
    klasses: tuple[MessageClass, ...] = tuple(MessageClass)


CASES: Final = (
    Case("room for everybody", 50.0),
    Case("room for everybody, new board", 50.0, fresh=True),
    Case("scarce: 1.2 of what is asked", 1.2),
    Case("scarce, new board", 1.2, fresh=True),
    Case("too little: 0.7 of what is asked", 0.7),
    Case("scarce, transactional, may wait", 1.2, waits=True, klasses=(MessageClass.TRANSACTIONAL,)),
)


def planned(case: Case, turns: int, seed: int = 1) -> tuple[list[float], list[float], list[float]]:
    """Milliseconds of each turn and of its rows, and of those without waiting the gap to the linear program."""
    market, memo = Market(seed), Memo()
    board, spent, rows, gaps = market.board(), [], [], []
    made: list[Plan] = []
    for turn in range(turns + 3):
        if case.fresh:
            board = market.board()
        batch, room = market.batch(case.klasses), market.room(case.scarcity)
        waits = Waits({name: there / TURN_S for name, there in room.items()}, [0.0] * BATCH, 1_000) if case.waits else None

        for table in memo.kinds:
            for kind in table.values():
                kind.members = []  # so that those of this turn can be told from those of earlier ones

        def once(
            batch: list[Want] = batch,
            room: dict[str, int] = room,
            waits: Waits | None = waits,
            board: Board = board,
            now: float = turn * TURN_S,
        ) -> None:
            made[:] = [plan(batch, board, room, now, market.rng, deck=market.deck, rules=RULES, memo=memo, waits=waits)]

        took, told = timed(once), timed(lambda: list(made[0].decisions))
        if turn >= 3:  # before that the interpreter and the caches warm up
            spent.append(took)
            rows.append(told)
            if not case.waits and turn < 13:
                gaps.append(_gap([kind for table in memo.kinds for kind in table.values() if kind.members], room, market))
    return spent, rows, gaps


def _gap(kinds: Sequence[Kind], room: dict[str, int], market: Market) -> float:
    """How much more than the linear program an assignment costs at the most, as a share of it."""
    placements, prices = assign(kinds, [room[name] for name in market.deck.names])
    least = -float(prices @ np.array([room[name] for name in market.deck.names]))
    for kind in kinds:
        least += min(float((kind.unit + prices).min()), _nowhere(kind)) * len(kind.members)
    return sum(_cost(placement) for placement in placements) / least - 1.0


def _nowhere(kind: Kind) -> float:
    return float(np.max(kind.unit, where=np.isfinite(kind.unit), initial=0.0)) + kind.loss


def _cost(placement: Placement) -> float:
    kind = placement.kind
    return len(placement.members) * (float(kind.unit[placement.place]) if placement.place >= 0 else _nowhere(kind))


@app.command()
def main(
    what: Annotated[str, typer.Argument(help="all, plan or tick.")] = "all",
    turns: Annotated[int, typer.Option(min=1)] = 100,
) -> None:
    """Measure and tell."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)  # as in actors
    if os.environ.get("OMP_NUM_THREADS") != "1":
        console.print("with OMP_NUM_THREADS=1, as in actors, matrices would be multiplied by one thread")
    if what in {"all", "plan"}:
        _tell_plans(turns)
    if what in {"all", "tick"}:
        _tell_learning(min(turns, 40))


def _tell_plans(turns: int) -> None:
    table = Table(f"plan of {BATCH:,} messages", "median, ms", "p99, ms", "its rows, ms", "gap to the LP")
    for case in CASES:
        spent, rows, gaps = planned(case, turns)
        table.add_row(case.name, *_figures(spent), f"{np.median(rows):.2f}", f"{np.mean(gaps):.3%}" if gaps else "")
    console.print(table)
    console.print(f"goal: median {GOAL_MS[0]:g} ms, p99 {GOAL_MS[1]:g} ms; rows that say why are made when they are looked at")


def _tell_learning(turns: int) -> None:
    market = Market(1)
    table = Table("the brain", "median, ms", "p99, ms", "% of a core")
    total = 0.0
    for name, spent, times_s in lines(market.names, market.networks, turns):
        share = float(np.mean(spent)) * times_s / 10.0
        total += share
        table.add_row(name, *_figures(spent), f"{share:.2f}" if times_s else "")
    table.add_row("together", "", "", f"{total:.1f}")
    console.print(table)
    console.print(
        f"goal: {TICK_GOAL_MS:g} ms a tick and a board, {CORE_GOAL:g} % of a core at {RATE:,} messages/s (computed from the parts above)"
    )


def _figures(spent: Sequence[float]) -> tuple[str, str]:
    middle, high = np.percentile(spent, [50, 99]).tolist()
    return f"{middle:.2f}", f"{high:.2f}"


if __name__ == "__main__":
    app()
