"""A result for people: tables in the terminal."""

from rich.console import Console
from rich.table import Table

from sims.load.histogram import Histogram
from sims.load.result import LoadResult

_COLUMNS = ("count", "p50", "p90", "p99", "p99.9", "max")


def print_result(result: LoadResult, console: Console) -> None:
    """What was sent, what became of it, how long it took."""
    console.print(_counts(result))
    console.print(_latencies(result))
    if result.verdict is not None:
        style = "green" if result.verdict.clean else "red"
        console.print(str(result.verdict), style=style, markup=False, highlight=False)
    if result.interrupted:
        console.print("[yellow]interrupted: the figures are those so far")


def _counts(result: LoadResult) -> Table:
    table = Table("", "messages", title="Load")
    table.columns[1].justify = "right"
    target = f" of {result.target_mps:,.0f} asked for" if result.target_mps else ""
    table.add_row("sent", f"{result.sent:,}")
    table.add_row("accepted", f"{result.accepted:,}")
    for (status, code), messages in sorted(result.refused.items()):
        table.add_row(f"refused {status} {code}".rstrip(), f"[red]{messages:,}")
    for name, messages in sorted(result.errors.items()):
        table.add_row(f"error {name}", f"[red]{messages:,}")
    if result.unsent:
        table.add_row("never sent: no connection came free", f"[red]{result.unsent:,}")
    table.add_row("rate achieved", f"{result.accepted_mps:,.0f}/s{target}")
    table.add_row("requests (retries)", f"{result.requests:,} ({result.retries:,})")
    for status, requests in sorted(result.pushed_back.items()):
        table.add_row(f"requests answered {status}", f"{requests:,}")
    if result.followed:
        for word, messages in sorted(result.final.items()):
            table.add_row(word, f"{messages:,}")
        table.add_row("lost (accepted, never final)", f"{'[red]' if result.lost else '[green]'}{result.lost:,}")
        if result.events:
            table.add_row("events received", f"{result.events:,}")
        if result.bad_signatures:
            table.add_row("webhooks with a bad signature", f"[red]{result.bad_signatures:,}")
        if result.unmatched_events:
            table.add_row("finals of unknown or repeated ids", f"{result.unmatched_events:,}")
    return table


def _latencies(result: LoadResult) -> Table:
    table = Table("milliseconds", *_COLUMNS, title="Latency from the intended send time")
    for column in table.columns[1:]:
        column.justify = "right"
    table.add_row(*_row("accepted", result.accept_all()))
    for klass, histogram in result.accept.items():
        if histogram.count:
            table.add_row(*_row(f"  {klass.word}", histogram))
    if result.followed:
        table.add_row(*_row("final", result.end_to_end_all()), end_section=False)
        for klass, histogram in result.end_to_end.items():
            if histogram.count:
                table.add_row(*_row(f"  {klass.word}", histogram))
    table.add_section()
    table.add_row(*_row("waiting to be written (a request)", result.lag))
    table.add_row(*_row("written → answered (a request)", result.service))
    return table


def _row(name: str, histogram: Histogram) -> tuple[str, ...]:
    figures = histogram.summary_ms()
    return (name, *(f"{figures[c]:,.0f}" if c == "count" else f"{figures[c]:,.2f}" for c in _COLUMNS))
