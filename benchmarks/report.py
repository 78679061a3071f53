"""Figures for people: what was carried, how long it took, what it cost."""

from collections.abc import Callable, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table

from benchmarks.machine import Machine
from benchmarks.processes import ACTORS, OWN, RAY_REST
from benchmarks.result import Row

KINDS: Final = (*ACTORS, OWN, "journal", "ray raylet", "ray gcs", RAY_REST, "simulators", "load generator")
PERCENTILES: Final = ("p50", "p90", "p99", "max")


def describe(machine: Machine, console: Console) -> None:
    """The machine, in two lines."""
    console.print(
        f"{machine.cores} cores of {machine.cpu}, {machine.memory_gb:g} GB, {machine.kernel}, {machine.at}", highlight=False
    )
    console.print(
        f"Python {machine.python}, Ray {machine.ray}, {machine.server or 'no server'}, commit {machine.commit}", highlight=False
    )
    console.print("System, simulators and load generator share these cores; every commit is synced to the disk.", style="dim")


def print_row(row: Row, console: Console) -> None:
    """What can be said of one benchmark as soon as it is over."""
    verdict = "" if not row.goal else " [green]reached[/]" if row.reached else " [yellow]missed[/]"
    console.rule(f"[bold]{row.name}[/]  {row.goal}{verdict}", align="left")
    first = row.runs[0]
    if first.accepted:
        console.print(_carried(row))
    if first.latencies:
        console.print(_latencies(row))
    if first.memory_mb:
        console.print(_idle(row))
    elif first.accepted:
        console.print(_costs(row))
    for run in row.runs:
        for fault in run.faults:
            console.print(f"[red]{fault}")


def summary(rows: Sequence[Row], console: Console) -> None:
    """One line a benchmark."""
    table = _table("benchmark", "goal", "", "accepted/s", "delivered/s", "drained s", "own CPU µs", "lost", "duplicates", "check")
    for row in rows:
        lost, doubles = sum(run.lost for run in row.runs), sum(run.duplicates for run in row.runs)
        table.add_row(
            row.name,
            row.goal,
            "" if not row.goal else "[green]reached[/]" if row.reached else "[yellow]missed[/]",
            *(_spread(row, field, "{:,.0f}") for field in ("accepted_mps", "delivered_mps")),
            _spread(row, "drain_s", "{:.1f}"),
            _spread(row, f"cost.cpu_us_per_message.{OWN}", "{:,.0f}") if row.runs[0].accepted else "",
            f"[red]{lost}[/]" if lost else "0",
            str(doubles),
            "[green]clean[/]" if all(run.clean for run in row.runs) else "[red]not clean[/]",
        )
    console.print(table)


def _carried(row: Row) -> Table:
    table = _table("", "median", "least", "most")
    figures: tuple[tuple[str, str, str], ...] = (
        ("accepted/s", "accepted_mps", "{:,.0f}"),
        ("delivered/s, first accept → last end", "delivered_mps", "{:,.0f}"),
        ("drained after the last accept, s", "drain_s", "{:.1f}"),
        ("accepted", "accepted", "{:,.0f}"),
        ("refused", "refused", "{:,.0f}"),
        ("without an answer", "errors", "{:,.0f}"),
        ("lost", "lost", "{:,.0f}"),
        ("duplicates", "duplicates", "{:,.0f}"),
        ("journal calls a message", "cost.journal_calls_per_message", "{:.3f}"),
        ("commands inside them", "cost.journal_commands_per_message", "{:.1f}"),
        ("octets to the journal a message", "cost.journal_in_per_message", "{:,.0f}"),
        ("octets from it", "cost.journal_out_per_message", "{:,.0f}"),
        ("octets on disk", "cost.journal_aof_per_message", "{:,.0f}"),
        ("start to ready, s", "up_s", "{:.1f}"),
        ("start to the first delivered message, s", "first_delivered_s", "{:.1f}"),
    )
    for name, field, form in figures:
        table.add_row(name, *(form.format(value) for value in row.middle(field)))
    return table


def _latencies(row: Row) -> Table:
    table = _table("milliseconds", "count", *PERCENTILES, title="Latency from the intended send time")
    for name in row.runs[0].latencies:
        table.add_row(
            name,
            _spread(row, f"latencies.{name}.count", "{:,.0f}"),
            *(_spread(row, f"latencies.{name}.{percentile}", "{:,.1f}") for percentile in PERCENTILES),
        )
    return table


def _costs(row: Row) -> Table:
    table = _table("CPU", "µs a message", "of a core")
    _by_kind(
        table,
        row,
        lambda kind: (
            _spread(row, f"cost.cpu_us_per_message.{kind}", "{:,.1f}"),
            _spread(row, f"cost.cpu_share.{kind}", "{:.1%}"),
        ),
    )
    return table


def _idle(row: Row) -> Table:
    table = _table("idle", "of a core", "processes", "PSS, MB")

    def cells(kind: str) -> tuple[str, ...]:
        number, size = row.runs[-1].memory_mb.get(kind, (0, 0.0))
        return _spread(row, f"cost.cpu_share.{kind}", "{:.2%}"), str(number or ""), f"{size:,.0f}" if number else ""

    _by_kind(table, row, cells)
    number, size = (sum(column) for column in zip(*row.runs[-1].memory_mb.values(), strict=True))
    table.add_row("all", "", str(number), f"{size:,.0f}")
    for name, field in (("start to ready, s", "up_s"), ("start to the first delivered message, s", "first_delivered_s")):
        table.add_row(name, _spread(row, field, "{:.1f}"), "", "")
    return table


def _by_kind(table: Table, row: Row, cells: Callable[[str], tuple[str, ...]]) -> None:
    for kind in KINDS:
        if kind in row.runs[0].cost.cpu_share:
            table.add_row(kind, *cells(kind), style="bold" if kind == OWN else "")


def _spread(row: Row, field: str, form: str) -> str:
    """The median, and least to greatest when there was more than one run."""
    middle, least, most = row.middle(field)
    text = form.format(middle)
    return f"{text} ({form.format(least)}-{form.format(most)})" if len(row.runs) > 1 else text


def _table(*columns: str, title: str = "") -> Table:
    table = Table(*columns, title=title or None, title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    return table
