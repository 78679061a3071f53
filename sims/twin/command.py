"""``trunkline sim brain`` and ``python -m sims.twin``."""

import json
import os
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from sims.printing import wide_console
from sims.twin.plots import PlotsUnavailable, draw, load
from sims.twin.policies import BRAIN, POLICIES
from sims.twin.report import print_report, to_dict
from sims.twin.result import Result
from sims.twin.run import Job, in_order, jobs, play_all
from sims.twin.scenarios import REFERENCE, SCENARIOS

ALL: Final = "all"


def brain(
    scenario: Annotated[
        str, typer.Option(help=f"{', '.join(SCENARIOS)}; several by commas; reference: the first nine; all.")
    ] = "reference",
    policy: Annotated[str, typer.Option(help=f"{', '.join(POLICIES)}; several by commas; all.")] = BRAIN,
    seeds: Annotated[int, typer.Option(help="So many worlds, from seed 1 on.")] = 10,
    seed: Annotated[int, typer.Option(help="Only this world, shown minute by minute.")] = 0,
    processes: Annotated[int, typer.Option(help="Runs at the same time; 0: as many as there are cores.")] = 0,
    minutes: Annotated[float, typer.Option(help="Length of a run, in virtual time.")] = 40,
    rate: Annotated[float, typer.Option(help="Messages a second.")] = 80,
    burn_in: Annotated[float, typer.Option(help="Minutes at the start that do not count; default: a quarter.")] = -1,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all results here.")] = None,
    plots: Annotated[Path | None, typer.Option(help="Draw into this folder; needs the extra `plots`.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar.")] = False,
) -> None:
    """Hold the brain against other ways to route, in a simulated world that goes wrong; values are shares of perfect knowledge's."""
    console = wide_console()
    try:
        scenarios = _chosen("scenario", scenario, {ALL: tuple(SCENARIOS), "reference": REFERENCE}, tuple(SCENARIOS))
        policies = _chosen("policy", policy, {ALL: POLICIES}, POLICIES)
        _least("minutes", minutes, 1.0)
        _least("rate", rate, 1.0)
        _least("seeds", seeds, 1)
        if plots is not None:
            load()  # before hours of computing, not after
    except (ValueError, PlotsUnavailable) as error:
        console.print(f"[red]{error}")
        raise typer.Exit(2) from error
    begin = minutes / 4.0 if burn_in < 0 else min(burn_in, minutes * 0.9)
    work = jobs(scenarios, policies, [seed] if seed else list(range(1, seeds + 1)), minutes, rate, begin)
    results = _carry_out(work, processes or os.cpu_count() or 1, None if quiet else console)
    print_report(results, console, detail=bool(seed))
    if json_file is not None:
        json_file.write_text(json.dumps(to_dict(results), indent=1) + os.linesep, encoding="utf-8")
    if plots is not None:
        for path in draw(results, plots):
            console.print(f"drawn {path}")


def _carry_out(work: list[Job], processes: int, console: Console | None) -> list[Result]:
    """All runs, in the order of the jobs."""
    results: list[Result] = []
    if console is None:
        results.extend(play_all(work, min(processes, len(work))))
        return in_order(work, results)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("runs", total=len(work))
        for result in play_all(work, min(processes, len(work))):
            results.append(result)
            progress.update(bar, advance=1, description=f"{result.scenario} · {result.policy} · seed {result.seed}")
    return in_order(work, results)


def _chosen(name: str, text: str, words: dict[str, tuple[str, ...]], known: tuple[str, ...]) -> list[str]:
    """Names by commas; raises ``ValueError``."""
    found = [one for word in text.split(",") for one in words.get(word.strip(), (word.strip(),))]
    for one in found:
        if one not in known:
            raise ValueError(f"{name}: {one!r} is not one of {', '.join((*words, *known))}")
    return list(dict.fromkeys(found))


def _least(name: str, value: float, least: float) -> None:
    if value < least:
        raise ValueError(f"{name}: {value:g} is less than {least:g}")
