"""``python -m benchmarks.targets``: the brain in the twin held against what is asked of it, beside other ways to route.

Ten worlds of each of the nine reference scenarios take the brain half an hour on two cores, and 24 calm hours ten minutes; with ``--policy`` others play
as well. Every run is kept in a file as soon as it is over, and is not played again: what was interrupted goes on where it was. Runs of another
version of the code do not belong into one file.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import msgspec
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from sims.printing import wide_console
from sims.twin.policies import BRAIN, ORACLE, POLICIES
from sims.twin.report import grouped, print_report, shares
from sims.twin.result import Result
from sims.twin.run import Job, play_all
from sims.twin.scenarios import REFERENCE

SEEDS: Final = 10
CALM_SEEDS: Final = 6
CALM_MINUTES: Final = 240.0
CALM: Final = "stationary"
KEPT: Final = Path(".trunkline/targets.jsonl")

console = wide_console()
app = typer.Typer(pretty_exceptions_enable=False)


class Target(NamedTuple):
    """A figure, what is asked of it, and whether more is better."""

    name: str
    found: float | None
    asked: float
    more: bool = False

    @property
    def met(self) -> bool:
        if self.found is None:
            return False
        return self.found >= self.asked if self.more else self.found <= self.asked


class Kept(msgspec.Struct, frozen=True):
    """A run and what it was of."""

    job: Job
    result: Result


@app.command()
def main(
    policy: Annotated[str, typer.Option(help=f"{', '.join(POLICIES)}; several by commas.")] = BRAIN,
    seeds: Annotated[int, typer.Option(min=1, help="Worlds, from seed 1 on.")] = SEEDS,
    calm: Annotated[bool, typer.Option(help="24 calm hours, for false alarms.")] = True,
    processes: Annotated[int, typer.Option(help="Runs at the same time; 0: as many as there are cores.")] = 0,
    kept: Annotated[Path, typer.Option(help="Where runs are kept.")] = KEPT,
) -> None:
    """Play what is not kept yet, and tell. A missed target is told and is no failure."""
    policies = [ORACLE, *(name.strip() for name in policy.split(",") if name.strip() != ORACLE)]
    unknown = sorted(set(policies) - set(POLICIES))
    if unknown:
        console.print(f"[red]{', '.join(unknown)}: not one of {', '.join(POLICIES)}")
        raise typer.Exit(2)
    work = [Job(scenario, name, seed) for seed in range(1, seeds + 1) for scenario in REFERENCE for name in policies]
    calm_work = [Job(CALM, BRAIN, seed, CALM_MINUTES) for seed in range(1, CALM_SEEDS + 1)] if calm else []
    found = _played([*work, *calm_work], kept, processes or os.cpu_count() or 1)
    results = [found[job] for job in work]
    print_report(results, console, detail=False)
    _tell(targets(results, [found[job] for job in calm_work]))


def targets(results: Sequence[Result], calm: Sequence[Result]) -> list[Target]:
    """The brain's figures, each the mean of its seeds. ``calm``: runs in which nothing happened."""
    runs = grouped(results)
    by_scenario = {scenario: _mean(shares(runs, scenario, BRAIN)) for scenario in REFERENCE}
    known = [value for value in by_scenario.values() if value is not None]
    mine = {scenario: runs.get((scenario, BRAIN), ()) for scenario in REFERENCE}

    def of(scenario: str, name: str) -> float | None:
        return _mean([value for one in mine[scenario] if (value := getattr(one, name)) is not None])

    return [
        *(Target(f"utility, {scenario}", value, 0.987, more=True) for scenario, value in by_scenario.items()),
        Target("utility, mean", _mean(known), 0.992, more=True),
        Target("utility, fake_receipts", by_scenario["fake_receipts"], 0.988, more=True),
        Target("hurt before the black hole is left", of("blackhole", "hurt_before_left"), 120.0),
        Target("sent before the black hole is left", of("blackhole", "sent_before_left"), 100.0),
        Target("sent before the brownout is left", of("brownout", "sent_before_left"), 100.0),
        Target("hurt by fake receipts", of("fake_receipts", "hurt"), 300.0),
        *(
            Target(f"seconds until back, {scenario}", of(scenario, "back_after_s"), 120.0)
            for scenario in ("brownout", "blackhole", "outage", "fake_receipts")
        ),
        Target("false alarms in 24 calm hours", float(sum(one.alarms or 0 for one in calm)) if calm else None, 2.0),
    ]


def _tell(found: Sequence[Target]) -> None:
    table = Table("asked of the brain", "at least / at most", "found", "")
    for target in found:
        shown = "not measured" if target.found is None else f"{target.found:.4f}" if target.more else f"{target.found:.1f}"
        table.add_row(
            target.name, f"{'≥' if target.more else '≤'} {target.asked:g}", shown, "met" if target.met else "[red]missed"
        )
    console.print(table)


def _played(work: Sequence[Job], kept: Path, processes: int) -> Mapping[Job, Result]:
    """All results, those that are kept and those played now."""
    found = dict(_read(kept))
    left = [job for job in work if job not in found]
    kept.parent.mkdir(parents=True, exist_ok=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with kept.open("ab") as file, Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("runs", total=len(left))
        # Kinds of runs one after the other: a result does not tell the length of its run.
        for minutes in dict.fromkeys(job.minutes for job in left):
            jobs = {(job.scenario, job.policy, job.seed): job for job in left if job.minutes == minutes}
            for result in play_all(list(jobs.values()), processes):
                job = jobs[result.scenario, result.policy, result.seed]
                found[job] = result
                file.write(msgspec.json.encode(Kept(job, result)) + b"\n")
                file.flush()
                progress.update(bar, advance=1, description=f"{job.scenario} · {job.policy} · seed {job.seed}")
    return found


def _read(kept: Path) -> Iterator[tuple[Job, Result]]:
    if kept.exists():
        for line in kept.read_bytes().splitlines():
            item = msgspec.json.decode(line, type=Kept)
            yield item.job, item.result


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


if __name__ == "__main__":
    app()
