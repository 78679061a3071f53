"""``python -m benchmarks [batch] [limit] [single] [lone] [idle]``: measure the whole system on this machine."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console

from benchmarks.machine import Machine, machine
from benchmarks.plans import PLANS, Seen, Wish
from benchmarks.report import describe, print_row, summary
from benchmarks.result import Row

RESULTS = Path(__file__).parent / "results"
FULL_RUNS = 3

console = Console()
app = typer.Typer(pretty_exceptions_enable=False)


@app.command()
def main(
    names: Annotated[list[str] | None, typer.Argument(help=f"Some of: {', '.join(PLANS)}. None: all.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write everything here.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Write everything to benchmarks/results/DATE-COMMIT.json.")] = False,
    duration: Annotated[float, typer.Option(min=0, help="Seconds of load instead of each benchmark's own.")] = 0,
    rate: Annotated[float, typer.Option(min=0, help="Messages a second instead of each benchmark's own.")] = 0,
    runs: Annotated[int, typer.Option(min=0, help="Runs of each; medians are told. 0: one, or three with --full.")] = 0,
    full: Annotated[bool, typer.Option("--full", help="Three runs of each.")] = False,
) -> None:
    """Measure. Exit code 1 when a message was lost or the checker found anything; a missed goal is told and is no failure."""
    unknown = sorted(set(names or ()) - PLANS.keys())
    if unknown:
        console.print(f"[red]{', '.join(unknown)}: not one of {', '.join(PLANS)}")
        raise typer.Exit(2)
    here, rows = machine(), []

    def of_server(text: str) -> None:
        here.server = text

    seen = Seen(lambda name: console.print(f"[dim]{name} …[/dim]"), of_server)
    wish = Wish(runs or (FULL_RUNS if full else 1), duration, rate)
    for name in names or PLANS:
        for row in PLANS[name](wish, seen):
            print_row(row, console)
            rows.append(row)
    describe(here, console)
    summary(rows, console)
    for file in _files(json_file, here, keep=keep):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(msgspec.json.format(msgspec.json.encode(_whole(here, rows))) + b"\n")
    if not all(run.clean for row in rows for run in row.runs):
        raise typer.Exit(1)


def _files(json_file: Path | None, here: Machine, *, keep: bool) -> list[Path]:
    files = [json_file] if json_file is not None else []
    if keep:
        files.append(RESULTS / f"{datetime.now(UTC):%Y-%m-%d}-{here.commit}.json")
    return files


def _whole(here: Machine, rows: list[Row]) -> dict[str, Any]:
    return {"machine": here, "rows": rows}


if __name__ == "__main__":
    app()
