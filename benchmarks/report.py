"""Figures for people: what was carried, how long it took, what it cost, and whether it is what was asked."""

from collections.abc import Callable, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table

from benchmarks.goals import Verdict
from benchmarks.machine import Machine
from benchmarks.processes import ACTORS, OWN, RAY_REST
from benchmarks.result import Row, Stage
from benchmarks.scale.outcome import tables

KINDS: Final = (*ACTORS, OWN, "journal", "ray raylet", "ray gcs", RAY_REST, "simulators", "load generator")
PERCENTILES: Final = ("p50", "p90", "p99", "max")
STYLES: Final = {"aim reached": "bold green", "met": "green", "missed": "yellow", "not measured": "dim"}


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
    console.rule(f"[bold]{row.name}[/]", align="left")
    if row.stages:
        console.print(stage_table(row.stages))
    for table in tables(row.scale) if row.scale is not None else ():
        console.print(table)
    if not row.runs or row.scale is not None:
        return
    first = row.runs[0]
    if first.steps:
        tried = " · ".join(f"{rate:,.0f}{'' if held else ' ✗'}" for rate, held in first.steps)
        console.print(f"steps, messages/s: {tried}", style="dim", highlight=False)
    if first.accepted and first.duration_s:
        console.print(_carried(row))
    if first.latencies:
        console.print(_latencies(row))
    if first.cost.cpu_share:
        console.print(_costs(row))
    if first.cost.batches:
        console.print(_calls(row))
    if first.figures:
        console.print(_figures(row))
    for run in row.runs:
        for fault in run.faults:
            console.print(fault, style="red", markup=False)
        if run.lost:
            console.print(f"{run.lost} messages lost", style="red")


def summary(rows: Sequence[Row], console: Console) -> None:
    """A line for each goal, and for each benchmark without one."""
    table = _table("benchmark", "figure", "asked", "found", "", "lost", "duplicates", "check")
    for row in (row for row in rows if row.runs):
        lost, doubles = sum(run.lost for run in row.runs), sum(run.duplicates for run in row.runs)
        clean = all(run.clean for run in row.runs)
        rest = (f"[red]{lost}[/]" if lost else "0", str(doubles), "[green]clean[/]" if clean else "[red]not clean[/]")
        for place, verdict in enumerate(row.verdicts or [None]):
            head = row.name if not place else ""
            tail = rest if not place else ("", "", "")
            if verdict is None:
                table.add_row(head, "", "", "", "", *tail)
            else:
                style = STYLES[verdict.word]
                table.add_row(head, verdict.figure, verdict.asked, _found(verdict), f"[{style}]{verdict.word}[/]", *tail)
    for place in (1, 2, 4):
        table.columns[place].justify = "left"
    console.print(table)


def _found(verdict: Verdict) -> str:
    if verdict.median is None or verdict.least is None or verdict.most is None:
        return ""
    text = number(verdict.median)
    return text if verdict.least == verdict.most else f"{text} ({number(verdict.least)}-{number(verdict.most)})"


def stage_table(stages: Sequence[Stage]) -> Table:
    """A line a stage, a column a batch size: our process's CPU, and after the plus that of the journal's server."""
    batches = sorted({stage.batch for stage in stages})
    table = _table("µs of CPU a message, ours + journal's", *(f"batch {batch}" for batch in batches))
    for name in dict.fromkeys(stage.stage for stage in stages):
        mine = {stage.batch: stage for stage in stages if stage.stage == name}
        cells = [f"{mine[batch].own_us:,.1f} + {mine[batch].journal_us:,.1f}" if batch in mine else "" for batch in batches]
        table.add_row(name, *cells)
    return table


def number(value: float) -> str:
    """Four digits that matter."""
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"


def _carried(row: Row) -> Table:
    table = _table("", "median", "least", "most")
    figures: tuple[tuple[str, str, str], ...] = (
        ("asked for, messages/s", "asked_mps", "{:,.0f}"),
        ("accepted/s", "accepted_mps", "{:,.0f}"),
        ("delivered/s, first accept → last end", "delivered_mps", "{:,.0f}"),
        ("drained after the last accept, s", "drain_s", "{:.1f}"),
        ("accepted", "accepted", "{:,.0f}"),
        ("refused", "refused", "{:,.0f}"),
        ("without an answer", "errors", "{:,.0f}"),
        ("lost", "lost", "{:,.0f}"),
        ("duplicates", "duplicates", "{:,.0f}"),
        ("start to ready, s", "up_s", "{:.1f}"),
        ("start to the first delivered message, s", "first_delivered_s", "{:.1f}"),
    )
    for name, field, form in figures:
        table.add_row(name, *(form.format(value) for value in row.middle(field)))
    return table


def _latencies(row: Row) -> Table:
    table = _table("milliseconds", "count", *PERCENTILES, title="Latency; of the load generator from the intended send time")
    for name in row.runs[0].latencies:
        table.add_row(
            name,
            _spread(row, f"latencies.{name}.count", "{:,.0f}"),
            *(_spread(row, f"latencies.{name}.{percentile}", "{:,.1f}") for percentile in PERCENTILES),
        )
    return table


def _costs(row: Row) -> Table:
    heads = ("CPU s", "of a core", "processes", "PSS, MB")
    table = _table("kind of process", "µs a message", *heads) if row.runs[0].accepted else _table("kind of process", *heads)

    def cells(kind: str) -> tuple[str, ...]:
        count, size = row.runs[-1].memory_mb.get(kind, (0, 0.0))
        found = (
            _spread(row, f"cost.cpu_s.{kind}", "{:,.1f}"),
            _spread(row, f"cost.cpu_share.{kind}", "{:.1%}"),
            str(count or ""),
            f"{size:,.0f}" if count else "",
        )
        return (_spread(row, f"cost.cpu_us_per_message.{kind}", "{:,.1f}"), *found) if row.runs[0].accepted else found

    _by_kind(table, row, cells)
    return table


def _calls(row: Row) -> Table:
    table = _table("calls", "a message", "messages a call")
    for name, field, form in (
        ("journal, calls of clients", "cost.journal_calls_per_message", "{:.4f}"),
        ("journal, commands inside them", "cost.journal_commands_per_message", "{:.2f}"),
        ("journal, octets to it", "cost.journal_in_per_message", "{:,.0f}"),
        ("journal, octets from it", "cost.journal_out_per_message", "{:,.0f}"),
        ("journal, octets on disk", "cost.journal_aof_per_message", "{:,.0f}"),
        ("Ray, calls between our actors", "cost.actor_calls_per_message", "{:.4f}"),
    ):
        table.add_row(name, _spread(row, field, form), "")
    for script in row.runs[0].cost.batches:
        table.add_row(f"script {script}", "", _spread(row, f"cost.batches.{script}", "{:,.1f}"))
    return table


def _figures(row: Row) -> Table:
    table = _table("figure", "found")
    for name in row.runs[0].figures:
        values = [run.figures[name] for run in row.runs if name in run.figures]
        middle = sorted(values)[len(values) // 2]
        text = number(middle) if len(values) == 1 else f"{number(middle)} ({number(min(values))}-{number(max(values))})"
        table.add_row(name, text)
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
