"""``python -m benchmarks.live``: live a story once, foretell it many times, and see whether the one is such as the many."""

import json
import os
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.live.figures import Row, allowed, hold
from benchmarks.live.foretold import Length, foretell_all
from benchmarks.live.lived import live_through
from benchmarks.live.world import STORIES
from benchmarks.machine import machine

console = Console()
app = typer.Typer(pretty_exceptions_enable=False)


@app.command()
def main(
    story: Annotated[str, typer.Option(help=f"One of: {', '.join(STORIES)}.")] = "blackhole",
    minutes: Annotated[float, typer.Option(min=2, help="Length of the run, live and in the twin.")] = 5.5,
    rate: Annotated[float, typer.Option(min=10, help="Messages a second.")] = 55.0,
    seeds: Annotated[int, typer.Option(min=10, help="Runs of the twin.")] = 40,
    brains: Annotated[int, typer.Option(min=1, max=16, help="Brains of the live system.")] = 1,
    seed: Annotated[int, typer.Option(help="Of the live run's load.")] = 1,
    processes: Annotated[int, typer.Option(min=0, help="For the twin; 0: one a core.")] = 0,
    again: Annotated[
        Path | None, typer.Option(help="Hold the live run in this file against the twin, instead of living.")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write everything here.")] = None,
) -> None:
    """One fault through the whole running system, beside the twin's 95 % interval for one run.

    Exit code 1: more figures lie outside than chance alone puts there.
    """
    if story not in STORIES:
        console.print(f"[red]{story}: not one of {', '.join(STORIES)}")
        raise typer.Exit(2)
    if again is not None:
        found = json.loads(again.read_bytes())
    else:
        console.print(f"[dim]{story}, live, {minutes:g} min at {rate:g} messages/s …[/dim]")
        length = Length(minutes * 60.0, rate)
        live, told = live_through(story, length, seed=seed, brains=brains, say=lambda text: console.print(f"[dim]{text}[/dim]"))
        found = {"machine": msgspec.to_builtins(machine()), "story": story, "length": length._asdict(), "brains": brains}
        found |= {"live": live, "load": told}
        _keep(found, json_file)
    console.print(f"[dim]the twin, {seeds} seeds …[/dim]")
    length = Length(**found["length"])
    twin = list(foretell_all(found["story"], length, range(1, seeds + 1), processes or os.cpu_count() or 1))
    rows = hold(found["live"], twin)
    console.print(_table(found["story"], rows))
    told = found["load"]
    console.print(f"load: {told['accepted']} of {told['sent']} accepted, {told['accepted_mps']} a second")
    outside, most = sum(not row.fits for row in rows), allowed(twin)
    console.print(
        f"{outside} of {len(rows)} figures outside; of the twin's own runs 95 % have {most} at most, each held against the others"
    )
    found |= {"rows": [msgspec.to_builtins(row) | {"fits": row.fits} for row in rows], "twin": twin}
    _keep(found | {"outside": outside, "allowed": most}, json_file)
    if outside > most:
        raise typer.Exit(1)


def _keep(found: dict[str, Any], json_file: Path | None) -> None:
    if json_file is not None:
        json_file.write_text(json.dumps(found, indent=1) + os.linesep, encoding="utf-8")


def _table(story: str, rows: list[Row]) -> Table:
    table = Table("figure", "live", "twin's mean", "95 % of single runs", "", title=f"{story}, {rows[0].runs} runs of the twin")
    for row in rows:
        digits = 3 if row.name.startswith(("share", "in time")) else 1
        cells = (row.name, f"{row.live:.{digits}f}", f"{row.mean:.{digits}f}", f"{row.low:.{digits}f} to {row.high:.{digits}f}")
        table.add_row(*cells, "in" if row.fits else "[red]out[/red]")
    return table


if __name__ == "__main__":
    app()
