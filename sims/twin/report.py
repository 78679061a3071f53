"""Results as tables for a terminal and as plain values for a file."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from sims.twin.policies import ORACLE
from sims.twin.result import Result
from sims.twin.statistics import mean_and_half

Grouped = Mapping[tuple[str, str], Sequence[Result]]  # (scenario, policy) to its runs, in order of seed


def grouped(results: Iterable[Result]) -> dict[tuple[str, str], list[Result]]:
    """By scenario and policy."""
    found: dict[tuple[str, str], list[Result]] = {}
    for result in sorted(results, key=lambda one: one.seed):
        found.setdefault((result.scenario, result.policy), []).append(result)
    return found


def shares(runs: Grouped, scenario: str, policy: str) -> list[float]:
    """The value kept as a share of the oracle's, by seed."""
    best = {result.seed: result.value_micros for result in runs.get((scenario, ORACLE), ())}
    return [result.value_micros / best[result.seed] for result in runs.get((scenario, policy), ()) if result.seed in best]


def utility_table(runs: Grouped) -> Table:
    """Policies by scenarios: share of the oracle's value, with the half width of the interval."""
    scenarios, policies = _names(runs, 0), _names(runs, 1)
    table = Table(title="value kept, share of the oracle's (95 % interval)")
    table.add_column("policy", no_wrap=True)
    for scenario in scenarios:
        table.add_column(scenario, justify="right")
    if len(scenarios) > 1:
        table.add_column("mean", justify="right")
    for policy in policies:
        found = [shares(runs, scenario, policy) for scenario in scenarios]
        row = [_interval(values, 4) for values in found]
        if len(scenarios) > 1:
            every = [value for values in found for value in values]
            row.append(f"{sum(every) / len(every):.4f}" if every else "")
        table.add_row(policy, *row)
    return table


_COLUMNS: Final[tuple[tuple[str, Callable[[Result], float | None], int], ...]] = (
    ("otp 15 s", lambda one: one.otp_in_time, 3),
    ("EUR/1000", lambda one: one.price_in_time_micros / 1_000.0, 1),
    ("expl. %", lambda one: 100.0 * one.explored, 2),
    ("copies %", lambda one: 100.0 * one.copied, 2),
    ("doubles", lambda one: one.doubles, 0),
    ("usual", lambda one: one.usual_share, 2),
    ("hurt", lambda one: one.hurt, 0),
    ("sent", lambda one: one.sent, 0),
    ("sent b.l.", lambda one: one.sent_before_left, 0),
    ("hurt b.l.", lambda one: one.hurt_before_left, 0),
    ("left s", lambda one: one.left_after_s, 1),
    ("back s", lambda one: one.back_after_s, 1),
    ("alarms", lambda one: one.alarms, 1),
)


def detail_table(runs: Grouped, scenario: str) -> Table:
    """One scenario: what became of the messages, and of the carrier that is hit."""
    caption = (
        "EUR/1000: paid for a thousand delivered in time; copies: sent again while the first was pending; doubles: both arrived; usual: share of the carrier that is hit before the fault; b.l.: before it was left; "
        "left: after the fault began; back: to half of the usual share, after it ended; (n): in so many of the runs"
    )
    table = Table(title=f"{scenario}, means", caption=caption)
    table.add_column("policy", no_wrap=True)
    for title, _, _ in _COLUMNS:
        table.add_column(title, justify="right")
    for policy in _names(runs, 1):
        results = runs.get((scenario, policy), ())
        if results:
            table.add_row(policy, *(_mean(results, read, digits) for _, read, digits in _COLUMNS))
    return table


def timeline_table(runs: Grouped, scenario: str) -> Table:
    """One scenario minute by minute: share of the carrier that is hit, by policy."""
    policies = [policy for policy in _names(runs, 1) if (scenario, policy) in runs]
    sample = runs[scenario, policies[0]][0]
    table = Table(title=f"{scenario}: share of {sample.carrier}, % by minute")
    table.add_column("minute", justify="right")
    for policy in policies:
        table.add_column(policy, justify="right")
    columns = [[_minutes(result.shares) for result in runs[scenario, policy]] for policy in policies]
    for minute in range(len(columns[0][0])):
        cells = [f"{100.0 * sum(one[minute] for one in column) / len(column):.1f}" for column in columns]
        table.add_row(str(minute), *cells)
    return table


def print_report(results: Iterable[Result], console: Console, *, detail: bool) -> None:
    """All tables. ``detail``: minute by minute, too."""
    runs = grouped(results)
    console.print(utility_table(runs))
    for scenario in _names(runs, 0):
        console.print(detail_table(runs, scenario))
        if detail:
            console.print(timeline_table(runs, scenario))


def to_dict(results: Sequence[Result]) -> dict[str, Any]:
    """Every run, and the summary of each scenario and policy."""
    runs = grouped(results)
    summary = []
    for (scenario, policy), found in runs.items():
        mean, half = mean_and_half(shares(runs, scenario, policy))
        row: dict[str, Any] = {"scenario": scenario, "policy": policy, "runs": len(found), "utility": mean}
        row["utility_half_width"] = half if len(found) > 1 else None
        for title, read, _ in _COLUMNS:
            values = [value for one in found if (value := read(one)) is not None]
            row[title] = sum(values) / len(values) if values else None
        summary.append(row)
    return {"version": 1, "summary": summary, "runs": [result.to_dict() for result in results]}


def _names(runs: Grouped, place: int) -> list[str]:
    """Scenarios (0) or policies (1), in order of appearance."""
    return list(dict.fromkeys(key[place] for key in runs))


def _interval(values: Sequence[float], digits: int) -> str:
    mean, half = mean_and_half(values)
    if not values:
        return ""
    return f"{mean:.{digits}f}" if len(values) == 1 else f"{mean:.{digits}f} ±{half:.{digits}f}"


def _mean(results: Sequence[Result], read: Callable[[Result], float | None], digits: int) -> str:
    """The mean of the runs that have the figure, with their number where it is not all."""
    values = [value for one in results if (value := read(one)) is not None]
    if not values:
        return "-"
    text = f"{sum(values) / len(values):.{digits}f}"
    return text if len(values) == len(results) else f"{text} ({len(values)})"


def _minutes(slices: Sequence[float]) -> list[float]:
    """Ten-second slices as minutes."""
    return [sum(slices[start : start + 6]) / len(slices[start : start + 6]) for start in range(0, len(slices), 6)]
