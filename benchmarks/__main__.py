"""``trunkline bench [NAME…]`` and ``python -m benchmarks [NAME…]``: measure the whole system on this machine."""

import signal
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console

from benchmarks.apart import Unmeasured
from benchmarks.machine import Machine, machine
from benchmarks.plans import PLANS, USUAL, Seen, Wish
from benchmarks.plots import draw
from benchmarks.report import describe, print_row, summary
from benchmarks.result import Row
from sims.twin.plots import PlotsUnavailable

RESULTS = Path(__file__).parent / "results"
FULL_RUNS = 3
PIPED_COLUMNS = 140

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command(name="bench")
def main(
    names: Annotated[
        list[str] | None, typer.Argument(help=f"Some of: {', '.join(PLANS)}. None: those with a goal, {', '.join(USUAL)}.")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Everything to standard output, for a machine; tables to standard error.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Write everything there, too, with pictures beside it.")] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Write everything to benchmarks/results/DATE-COMMIT.json, with pictures beside it.")
    ] = False,
    duration: Annotated[float, typer.Option(min=0, help="Seconds of load instead of each benchmark's own (60).")] = 0,
    rate: Annotated[float, typer.Option(min=0, help="Messages a second; 0: as many as are sustained, found by steps.")] = 0,
    runs: Annotated[int, typer.Option(min=0, help="Runs of each; medians are told. 0: one, or three with --full.")] = 0,
    full: Annotated[bool, typer.Option("--full", help="Three runs of each.")] = False,
) -> None:
    """Measure. Exit code 1 when a message was lost, the checker found anything or something could not be measured; a missed goal is told and is no failure."""
    console = Console(stderr=json)
    if not console.is_terminal:
        console.width = PIPED_COLUMNS
    unknown = sorted(set(names or ()) - PLANS.keys())
    if unknown:
        console.print(f"[red]{', '.join(unknown)}: not one of {', '.join(PLANS)}")
        raise typer.Exit(2)
    here, rows = machine(), []
    seen = Seen(lambda name: console.print(f"[dim]{name} …[/dim]"))
    wish = Wish(runs or (FULL_RUNS if full else 1), duration, rate)
    signal.signal(signal.SIGTERM, _interrupted)
    failed: dict[str, str] = {}
    for name in names or USUAL:
        try:
            for row in PLANS[name](wish, seen):
                print_row(row, console)
                rows.append(row)
        except Unmeasured as error:  # the others may still tell something
            failed[name] = str(error)
            console.print(f"{name}: {error}", style="red", markup=False)
    here.server = seen.server
    describe(here, console)
    if any(row.runs for row in rows):
        summary(rows, console)
    octets = msgspec.json.format(msgspec.json.encode(whole(here, rows, failed))) + b"\n"
    for file in _files(out, here, keep=keep):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(octets)
        _draw(rows, file, console)
    if json:
        sys.stdout.write(octets.decode())
    if failed:
        console.print(f"not measured: {', '.join(failed)}", style="red")
    if failed or not all(run.clean for row in rows for run in row.runs):
        raise typer.Exit(1)


def _draw(rows: list[Row], file: Path, console: Console) -> None:
    try:
        pictures = draw(rows, file.with_suffix(""))
    except PlotsUnavailable as missing:
        console.print(f"no pictures: {missing}", style="yellow", markup=False)
        return
    for picture in pictures:
        console.print(f"[dim]{picture}[/dim]", highlight=False, soft_wrap=True)


def _files(out: Path | None, here: Machine, *, keep: bool) -> list[Path]:
    files = [out] if out is not None else []
    if keep:
        files.append(RESULTS / f"{datetime.now(UTC):%Y-%m-%d}-{here.commit.rstrip('+')}.json")
    return files


def whole(here: Machine, rows: list[Row], failed: Mapping[str, str]) -> dict[str, Any]:
    """What is kept: where, the rows with their runs and what their goals say, and why others were not measured."""
    return {"version": 1, "machine": here, "rows": rows, "failed": failed}


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt  # so that everything is stopped


if __name__ == "__main__":
    app()
