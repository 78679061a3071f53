"""Scale-out as one benchmark: points that were measured, costs from the first of them, the table that the model makes of these."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Final

import msgspec
from rich.table import Table

from benchmarks.scale.model import CORES, NODES, SHARDS, Cost, Foretold, at_rate, fit, foretell, table
from benchmarks.scale.points import KINDS, Point, flat, name_of, outside_us

SHORT: Final = {
    "CPU of the nodes": "cpu",
    "journal primaries": "journal",
    "brain processes": "brain",
    "supervisor processes": "supervisor",
    "carrier processes": "carrier",
    "front processes": "front",
    "dispatcher processes": "dispatcher",
    "ray gcs processes": "gcs",
}


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """The model held against a measurement."""

    what: str
    foretold: float
    measured: float

    @property
    def ratio(self) -> float:
        """1.0: as measured."""
        return self.foretold / self.measured if self.measured else 0.0


class Scale(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. ``flat``: by measured system its CPU and octets a message, against the first."""

    points: list[Point]
    costs: dict[str, Cost]
    flat: list[tuple[str, float, float]]
    checks: list[Check]
    foretold: list[Foretold]
    cores: int = CORES


def conclude(points: list[Point], cores: int = CORES, here: int = CORES) -> Scale:
    """From what was measured; the first point is the smallest system. ``cores``: of a node that is foretold; ``here``: of this machine."""
    first = points[0]
    costs = fit(
        {kind: used for kind, used in first.idle_cores.items() if kind in KINDS},
        {kind: used for kind, used in first.cores.items() if kind in KINDS},
        first.mps,
        first.counts | {"ray rest": 1},
    )
    ours = [kind for kind in costs if not kind.startswith("ray")]
    checks = [
        Check(
            what=f"CPU a message at {point.mps:,.0f}/s, µs: {name_of(point.layout)}",
            foretold=round(at_rate(costs, point.layout, point.mps, ours), 1),
            measured=round(point.own_us + point.journal_us, 1),
        )
        for point in points
    ]
    checks += [
        Check(
            what=f"sustained, messages/s: {name_of(point.layout)}",
            foretold=foretell(
                costs, msgspec.structs.replace(point.layout, cores=here, outside_us=round(outside_us(point), 1)), first.layout
            ).mps,
            measured=point.sustained_mps,
        )
        for point in points
        if point.sustained_mps
    ]
    return Scale(
        points=points,
        costs=costs,
        flat=flat(points),
        checks=checks,
        foretold=table(costs, first.layout, cores=cores),
        cores=cores,
    )


def tables(scale: Scale) -> list[Table]:
    """For people: measured systems, the checks, and the foretold."""
    measured = Table("measured", "own µs", "journal µs", "octets", "calls", "CPU / first", "octets / first")
    for point, (name, cpu, octets) in zip(scale.points, scale.flat, strict=True):
        measured.add_row(
            name,
            f"{point.own_us:,.0f}",
            f"{point.journal_us:,.0f}",
            f"{point.octets:,.0f}",
            f"{point.calls:.4f}",
            f"{cpu:.2f}",
            f"{octets:.2f}",
        )
    checked = Table("the model", "foretold", "measured", "ratio")
    for check in scale.checks:
        checked.add_row(check.what, f"{check.foretold:,.0f}", f"{check.measured:,.0f}", f"{check.ratio:.2f}")
    ahead = Table(f"foretold, messages/s, nodes of {scale.cores} cores", *(f"{shards} journals" for shards in SHARDS))
    for nodes, cells in _grid(scale.foretold):
        ahead.add_row(f"{nodes} nodes", *(f"{one.mps:,.0f} {SHORT.get(one.bottleneck, one.bottleneck)}" for one in cells))
    for made in (measured, checked, ahead):
        for column in made.columns[1:]:
            column.justify = "right"
    return [measured, checked, ahead]


def markdown(scale: Scale) -> str:
    """The foretold table for the README."""
    lines = [f"| nodes | {' | '.join(f'{shards} journals' for shards in SHARDS)} |", f"|---|{'---|' * len(SHARDS)}"]
    for nodes, cells in _grid(scale.foretold):
        words = (f"{round(one.mps, -2):,.0f} {SHORT.get(one.bottleneck, one.bottleneck)}" for one in cells)
        lines.append(f"| {nodes} | {' | '.join(words)} |")
    return "\n".join(lines)


def _grid(found: Sequence[Foretold]) -> list[tuple[int, list[Foretold]]]:
    by_nodes: dict[int, list[Foretold]] = {}
    for one in found:
        by_nodes.setdefault(one.layout.nodes, []).append(one)
    return list(by_nodes.items())


def draw(pyplot: ModuleType, scale: Scale, path: Path) -> Path:
    """A line for each number of journals: messages a second by nodes; dots where the bottleneck changes."""
    figure, axes = pyplot.subplots(figsize=(9, 6))
    for shards in SHARDS:
        line = [one for one in scale.foretold if one.layout.shards == shards]
        axes.plot([one.layout.nodes for one in line], [max(one.mps, 1.0) for one in line], "o-", label=f"{shards} journals")
        for before, one in pairwise(line):
            if one.bottleneck != before.bottleneck:
                axes.annotate(SHORT.get(one.bottleneck, one.bottleneck), (one.layout.nodes, one.mps), fontsize="x-small")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(NODES, [str(nodes) for nodes in NODES])
    axes.set_xlabel(f"nodes of {scale.cores} cores")
    axes.set_ylabel("messages/s, foretold")
    axes.legend(fontsize="small")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
    return path
