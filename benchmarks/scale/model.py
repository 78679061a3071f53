"""How much a cluster carries, foretold from what a message costs on one machine, and what gives out first. Pure.

Every resource has so much CPU time a second and a message needs so much of it; the greatest rate is that of the resource that is full first.
A process uses one core at most: so does a journal's primary, whose scripts run one after the other. What is left out makes real clusters slower
than this, never faster: the network between machines, pairs of dispatchers and carriers that talk less in a batch when there are more of them,
unequal load. It is a bound, not a simulation.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

NODES: Final = (1, 2, 4, 8, 16, 32, 64)
SHARDS: Final = (1, 2, 4, 8, 16, 32)
CORES: Final = 2
BUSY: Final = 0.9  # of a core: fuller, and queues grow without end
# Where processes run. A node has one of each of the first; of the second there is a number of its own; of the third one in all.
ON_NODES: Final = ("front", "esme", "dispatcher", "carrier", "courier", "ray raylet")
COUNTED: Final = ("brain", "limiter")
SINGLE: Final = ("supervisor", "ray gcs", "ray rest")
PRIMARY: Final = "journal"
# Of whose own time the rate is no matter, but the number of processes that they look after.
BY_PROCESSES: Final = ("supervisor", "ray gcs")
CPU: Final = "CPU of the nodes"


class Cost(msgspec.Struct, frozen=True):
    """What one kind of process uses."""

    rest: float  # cores of each process, whatever the load
    each_us: float  # CPU a message, all processes of the kind together


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """A cluster. ``apart``: the journal's primaries have machines of their own, one core each; else they share the nodes' cores."""

    nodes: int = 1
    shards: int = 1
    cores: int = CORES
    carriers: int = 0  # processes; 0: as many as ``carriers_a_node`` says
    carriers_a_node: int = 1
    fronts: int = 0  # processes in all; 0: one a node
    dispatchers: int = 0  # the same
    brains: int = 1
    limiters: int = 1
    apart: bool = True
    outside_us: float = 0.0  # of others on the same cores, a message: simulators, load

    def count(self, kind: str) -> int:
        """How many processes of a kind there are."""
        given = {
            "front": self.fronts,
            "dispatcher": self.dispatchers,
            "carrier": self.carriers or self.carriers_a_node * self.nodes,
        }
        if kind in ON_NODES:
            return given.get(kind, 0) or self.nodes
        return {"brain": self.brains, "limiter": self.limiters, PRIMARY: self.shards}.get(kind, 1)


class Foretold(msgspec.Struct, frozen=True, kw_only=True):
    """What a layout carries. ``limits``: by resource the rate at which it is full."""

    layout: Layout
    mps: float
    bottleneck: str
    limits: dict[str, float]


def fit(
    idle_cores: Mapping[str, float], loaded_cores: Mapping[str, float], mps: float, counts: Mapping[str, int]
) -> dict[str, Cost]:
    """Costs from two measurements: cores that each kind used at rest and at a rate; ``counts``: processes of each then."""
    return {
        kind: Cost(
            round(idle_cores.get(kind, 0.0) / max(1, counts.get(kind, 1)), 5),
            round(max(0.0, used - idle_cores.get(kind, 0.0)) * 1e6 / mps, 2),
        )
        for kind, used in loaded_cores.items()
    }


def foretell(costs: Mapping[str, Cost], layout: Layout, measured: Layout | None = None) -> Foretold:
    """The greatest rate of a layout. ``measured``: that in which the costs were found, with one node when not given."""
    base = measured or Layout()
    limits: dict[str, float] = {}
    fixed, moving_us = 0.0, layout.outside_us
    for kind, cost in costs.items():
        count, rest = layout.count(kind), _rest(kind, cost, layout, base, costs)
        if kind != PRIMARY or not layout.apart:
            fixed += count * rest
            moving_us += cost.each_us
        if cost.each_us and kind not in BY_PROCESSES:
            limits[_name(kind)] = max(0.0, count * (BUSY - rest)) * 1e6 / cost.each_us
        elif kind in BY_PROCESSES and rest > BUSY:
            limits[_name(kind)] = 0.0
    limits[CPU] = max(0.0, BUSY * layout.nodes * layout.cores - fixed) * 1e6 / moving_us if moving_us else float("inf")
    bottleneck = min(limits, key=lambda name: limits[name])
    return Foretold(
        layout=layout,
        mps=round(limits[bottleneck], 1),
        bottleneck=bottleneck,
        limits={name: round(rate, 1) for name, rate in limits.items()},
    )


def _rest(kind: str, cost: Cost, layout: Layout, base: Layout, costs: Mapping[str, Cost]) -> float:
    """What a process uses at rest: those that look after others use it for each of them."""
    if kind not in BY_PROCESSES:
        return cost.rest
    return cost.rest * _processes(costs, layout) / max(1, _processes(costs, base))


def _processes(costs: Iterable[str], layout: Layout) -> int:
    return sum(layout.count(kind) for kind in costs if kind not in {PRIMARY, *SINGLE})


def _name(kind: str) -> str:
    return {PRIMARY: "journal primaries"}.get(kind, f"{kind} processes")


def at_rate(costs: Mapping[str, Cost], layout: Layout, mps: float, kinds: Iterable[str]) -> float:
    """CPU a message of these kinds at a rate, in microseconds: what they use at rest is shared by the messages."""
    return sum(cost.each_us + layout.count(kind) * cost.rest * 1e6 / mps for kind, cost in costs.items() if kind in set(kinds))


def table(
    costs: Mapping[str, Cost],
    measured: Layout,
    *,
    cores: int = CORES,
    nodes: Sequence[int] = NODES,
    shards: Sequence[int] = SHARDS,
) -> list[Foretold]:
    """Every size of cluster with every number of shards: carriers as many on each node as were measured on one, brains for every eight nodes."""
    return [
        foretell(
            costs,
            Layout(
                nodes=count,
                shards=many,
                cores=cores,
                carriers_a_node=measured.count("carrier"),
                brains=min(16, -(-count // 8)),
                limiters=-(-count // 8),
            ),
            measured,
        )
        for count in nodes
        for many in shards
    ]
