"""Pictures of what was measured, beside its JSON. They need matplotlib, which is an extra: ``pip install 'trunkline[plots]'``."""

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from benchmarks.processes import ACTORS, RAY_REST
from benchmarks.result import Row, Series, Stage
from benchmarks.scale import outcome
from sims.twin.plots import load

BINS: Final = 60  # points of a line over the time of a run
LEAST_S: Final = 0.5  # and no less than so long between two of them
# What bars of CPU are stacked of, from the bottom.
STACK: Final = (*ACTORS, "journal", "ray", "simulators", "load generator")


def draw(rows: Sequence[Row], stem: Path) -> list[Path]:
    """All that there is something to show of; files ``STEM-what.png``. Raises ``sims.twin.plots.PlotsUnavailable``."""
    pyplot = load()
    made = []
    for row in rows:
        for number, run in enumerate(row.runs, 1):
            if run.series is not None and len(run.series.at_s) > 1:
                name = row.name if len(row.runs) == 1 else f"{row.name}-{number}"
                made.append(
                    _over_time(pyplot, f"{row.name}: {run.asked_mps:,.0f} messages/s asked", run.series, _path(stem, name))
                )
        if row.stages:
            made.append(_stages(pyplot, row.stages, _path(stem, "stages")))
        if row.scale is not None:
            made.append(outcome.draw(pyplot, row.scale, _path(stem, "scale")))
    loaded = [
        row for row in rows if row.runs and row.scale is None and row.runs[0].accepted and row.runs[0].cost.cpu_us_per_message
    ]
    if loaded:
        made.append(_cpu(pyplot, loaded, _path(stem, "cpu")))
    return made


def _path(stem: Path, what: str) -> Path:
    return stem.with_name(f"{stem.name}-{what}.png")


# -- pure: what is drawn -----------------------------------------------------------------------------------------
def rates(at_s: Sequence[float], counts: Sequence[int]) -> tuple[list[float], list[float]]:
    """Times and counts to rates: the middle of each interval, and how many a second it had."""
    if len(at_s) < 2:
        return [], []
    step_s = max(LEAST_S, (at_s[-1] - at_s[0]) / BINS)
    times, found, last = [], [], 0
    for place in range(1, len(at_s)):
        took_s = at_s[place] - at_s[last]
        if took_s >= step_s or (place == len(at_s) - 1 and took_s > 0):
            times.append((at_s[place] + at_s[last]) / 2)
            found.append((counts[place] - counts[last]) / took_s)
            last = place
    return times, found


def percentiles(delays: Sequence[tuple[float, float, float]], column: int, percent: float) -> tuple[list[float], list[float]]:
    """A percentile of each interval of time, where there are at least ten messages in it. ``column``: 1 to submit, 2 to the end."""
    if not delays:
        return [], []
    first, last = min(one[0] for one in delays), max(one[0] for one in delays)
    step_s = max(LEAST_S, (last - first) / BINS)
    bins: dict[int, list[float]] = {}
    for one in delays:
        bins.setdefault(int((one[0] - first) / step_s), []).append(one[column])
    times, found = [], []
    for number, values in sorted(bins.items()):
        if len(values) >= 10:
            times.append(first + (number + 0.5) * step_s)
            found.append(sorted(values)[min(len(values) - 1, int(percent / 100 * len(values)))])
    return times, found


def stacked(row: Row) -> dict[str, float]:
    """Microseconds a message by layer of a bar, medians of the row's runs; what is not in ``STACK`` is left out."""
    ray = sum(row.middle(f"cost.cpu_us_per_message.{kind}")[0] for kind in ("ray raylet", "ray gcs", RAY_REST))
    return {kind: ray if kind == "ray" else row.middle(f"cost.cpu_us_per_message.{kind}")[0] for kind in STACK}


# -- drawing -----------------------------------------------------------------------------------------------------
def _over_time(pyplot: ModuleType, title: str, series: Series, path: Path) -> Path:
    """Above throughput, below latency of messages drawn at random, by the time of the run."""
    figure, (above, below) = pyplot.subplots(2, 1, figsize=(10, 7), sharex=True)
    for counts, label in ((series.accepted, "accepted"), (series.finished, "ended")):
        above.plot(*rates(series.at_s, counts), label=label)
    above.set_ylabel("messages/s")
    above.set_ylim(bottom=0)
    above.set_title(title)
    above.legend()
    for column, what in ((1, "created → assigned"), (2, "created → final")):
        for percent, style in ((50, "-"), (99, ":")):
            below.plot(*percentiles(series.delays, column, percent), style, label=f"{what}, p{percent}")
    below.set_yscale("log")
    below.set_ylabel("ms")
    below.set_xlabel("seconds")
    below.legend(fontsize="small")
    return save(pyplot, figure, path)


def _cpu(pyplot: ModuleType, rows: Sequence[Row], path: Path) -> Path:
    """A bar for each benchmark, of the CPU of each kind of process."""
    figure, axes = pyplot.subplots(figsize=(3 + 1.5 * len(rows), 6))
    bars = [stacked(row) for row in rows]
    heights = [0.0] * len(rows)
    colours = pyplot.get_cmap("tab20").colors
    for place, kind in enumerate(STACK):
        values = [bar[kind] for bar in bars]
        if any(values):
            axes.bar(range(len(rows)), values, bottom=heights, label=kind, color=colours[place % len(colours)])
            heights = [have + more for have, more in zip(heights, values, strict=True)]
    axes.set_xticks(range(len(rows)), [row.name for row in rows])
    axes.set_ylabel("µs of CPU a message")
    axes.legend(fontsize="small", bbox_to_anchor=(1.01, 1), loc="upper left")
    return save(pyplot, figure, path)


def _stages(pyplot: ModuleType, stages: Sequence[Stage], path: Path) -> Path:
    """Cost by batch size, a line a stage: ours and the journal's together."""
    figure, axes = pyplot.subplots(figsize=(9, 6))
    for name in dict.fromkeys(stage.stage for stage in stages):
        mine = sorted((stage.batch, stage.own_us + stage.journal_us) for stage in stages if stage.stage == name)
        axes.plot([batch for batch, _ in mine], [cost for _, cost in mine], "o-", label=name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("messages in a batch")
    axes.set_ylabel("µs of CPU a message, ours and the journal's")
    axes.legend(fontsize="small")
    return save(pyplot, figure, path)


def save(pyplot: ModuleType, figure: Any, path: Path) -> Path:
    """Write a picture, and let go of it."""
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
    return path
