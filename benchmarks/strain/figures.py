"""What a run under strain came to: figures, what must not be, a table for people and JSON for machines."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.machine import Machine
from benchmarks.report import describe
from benchmarks.result import Latency, latency_of
from benchmarks.strain.looks import Look, growing
from router.model import MessageClass
from sims.invariants import Verdict


class Strain(msgspec.Struct, kw_only=True):
    """One run. ``figures``: by name in the order in which they are shown."""

    name: str
    options: dict[str, Any]
    figures: dict[str, Any]
    delays_ms: dict[str, Latency]  # taken by the front → first octets at a carrier
    breaches: list[str]
    verdict: dict[str, Any]
    looks: list[dict[str, Any]]
    machine: Machine | None = None


def delays_ms(found: Mapping[MessageClass, Sequence[int]], when: str) -> dict[str, Latency]:
    """Delays by class, for a table."""
    return {f"{klass.word}, {when}": latency_of([us / 1e3 for us in found[klass]]) for klass in sorted(found)}


def memory_figures(looks: Sequence[Look]) -> dict[str, Any]:
    """How much memory the journal and our processes took over the time of these looks."""
    if not looks:
        return {}
    seen = [look.processes_mb for look in looks if look.processes_mb]
    own = [sum(size for kind, (_, size) in sizes.items() if kind not in {"simulators", "load generator"}) for sizes in seen]
    found: dict[str, Any] = {
        "waiting at most": max(look.queued for look in looks),
        "journal, MB at most": round(max(look.used for look in looks) / 1e6, 1),
        "journal, MB allowed": round(looks[-1].limit / 1e6, 1),
    }
    if own:
        quarter = max(1, len(own) // 4)
        found["processes, PSS MB at first"] = round(median(own[:quarter]), 0)
        found["processes, PSS MB at last"] = round(median(own[-quarter:]), 0)
    return found


def common_breaches(verdict: Verdict, looks: Sequence[Look]) -> Iterator[str]:
    """What no run may show."""
    yield from map(str, verdict.breaches)
    for kind, (before, after) in growing(looks).items():
        yield f"{kind} took {before} MB in the second quarter of the load and {after} MB in the last"


def shown(looks: Sequence[Look]) -> list[dict[str, Any]]:
    """Looks as JSON can carry them."""
    return [
        look._asdict()
        | {"waiting": {klass.word: count for klass, count in look.waiting.items()}}
        | {"processes_mb": {kind: round(size, 1) for kind, (_, size) in look.processes_mb.items()}}
        for look in looks
    ]


def tell(strain: Strain, console: Console) -> None:
    """The tables, and every breach."""
    table = Table(strain.name, "", title_justify="left")
    table.columns[1].justify = "right"
    for name, value in strain.figures.items():
        table.add_row(name, f"{value:,}" if isinstance(value, int | float) else str(value))
    console.print(table)
    times = Table("ms, taken by the front → at a carrier", "count", "p50", "p90", "p99", "max")
    for column in times.columns[1:]:
        column.justify = "right"
    for name, one in strain.delays_ms.items():
        times.add_row(name, f"{one.count:,}", *(f"{value:,.1f}" for value in (one.p50, one.p90, one.p99, one.max)))
    console.print(times)
    verdict = strain.verdict
    console.print(
        f"{len(verdict['passed'])} invariants held, {len(verdict['breached'])} did not, {len(verdict['not_checked'])} not checked"
    )
    if strain.machine is not None:
        describe(strain.machine, console)
    for breach in strain.breaches:
        console.print(breach, style="red", markup=False, soft_wrap=True)


def keep(strain: Strain, file: Path | None) -> None:
    """Write all of it."""
    if file is not None:
        file.write_text(json.dumps(msgspec.to_builtins(strain), indent=1) + os.linesep, encoding="utf-8")
