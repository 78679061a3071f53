"""Plots of results. They need matplotlib, an extra of this package that nothing else needs: ``pip install 'trunkline[plots]'``."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from sims.twin.policies import ORACLE
from sims.twin.report import grouped, shares
from sims.twin.result import SLICE_S, Result
from sims.twin.scenarios import SCENARIOS
from sims.twin.statistics import mean_and_half

LEAST_SHOWN = 0.6  # of the axis of utilities: below it nobody is a competitor


class PlotsUnavailable(Exception):
    """matplotlib is not installed; the text says what to do."""


class Line(NamedTuple):
    """One policy over time."""

    policy: str
    minutes: list[float]
    values: list[float]


def timeline(results: Sequence[Result], what: str) -> list[Line]:
    """``shares`` or ``values_micros`` by policy, the mean of its runs."""
    lines = []
    for (_, policy), found in grouped(results).items():
        columns = zip(*(getattr(result, what) for result in found), strict=True)
        values = [sum(column) / len(column) for column in columns]
        lines.append(Line(policy, [(place + 0.5) * SLICE_S / 60.0 for place in range(len(values))], values))
    return lines


def draw(results: Iterable[Result], folder: Path) -> list[Path]:
    """One picture of all utilities and one for each scenario, as PNG; returns their paths. Raises ``PlotsUnavailable``."""
    pyplot = load()
    folder.mkdir(parents=True, exist_ok=True)
    every = list(results)
    found = [_draw_utilities(pyplot, every, folder / "utility.png")]
    for scenario in dict.fromkeys(result.scenario for result in every):
        mine = [result for result in every if result.scenario == scenario]
        found.append(_draw_scenario(pyplot, scenario, mine, folder / f"{scenario}.png"))
    return found


def load() -> ModuleType:
    """matplotlib.pyplot without a screen; raises ``PlotsUnavailable``."""
    try:
        import matplotlib as mpl

        mpl.use("Agg")
        from matplotlib import pyplot as plt
    except ImportError as error:
        raise PlotsUnavailable("plots need matplotlib: pip install 'trunkline[plots]'") from error
    return plt


def _draw_utilities(pyplot: ModuleType, results: Sequence[Result], path: Path) -> Path:
    """Shares of the oracle's value as bars, with their intervals."""
    runs = grouped(results)
    scenarios = list(dict.fromkeys(scenario for scenario, _ in runs))
    policies = [policy for policy in dict.fromkeys(policy for _, policy in runs) if policy != ORACLE]
    figure, axes = pyplot.subplots(figsize=(2 + 1.6 * len(scenarios), 5))
    width = 0.8 / max(len(policies), 1)
    for place, policy in enumerate(policies):
        found = [mean_and_half(shares(runs, scenario, policy)) for scenario in scenarios]
        spots = [number + place * width for number in range(len(scenarios))]
        halves = [half if half < 1.0 else 0.0 for _, half in found]
        axes.bar(spots, [mean for mean, _ in found], width, yerr=halves, label=policy)
    axes.set_xticks([number + 0.4 - width / 2 for number in range(len(scenarios))], scenarios)
    axes.set_ylim(LEAST_SHOWN, 1.005)
    axes.set_ylabel("value kept, share of the oracle's")
    axes.legend(ncols=4, fontsize="small", loc="lower left")
    return _save(pyplot, figure, path)


def _draw_scenario(pyplot: ModuleType, scenario: str, results: Sequence[Result], path: Path) -> Path:
    """Above the share of the carrier that is hit, below what is kept of a message, over time."""
    figure, (above, below) = pyplot.subplots(2, 1, figsize=(11, 8), sharex=True)
    for axes, what, scale in ((above, "shares", 100.0), (below, "values_micros", 1e-3)):
        for line in timeline(results, what):
            axes.plot(line.minutes, [value * scale for value in line.values], label=line.policy, linewidth=1.0)
    above.set_ylabel("share of the carrier that is hit, %")
    below.set_ylabel("value kept, EUR per 1,000 messages")
    below.set_xlabel("minutes")
    above.set_title(f"{scenario}: {SCENARIOS[scenario].says}")
    above.legend(ncols=4, fontsize="small")
    return _save(pyplot, figure, path)


def _save(pyplot: ModuleType, figure: Any, path: Path) -> Path:
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
    return path
