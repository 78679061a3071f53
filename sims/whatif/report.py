"""Answers as tables for a terminal."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from rich.console import Console
from rich.table import Table

from sims.whatif.estimates import COST, IN_TIME, VALUE, Interval
from sims.whatif.evaluate import TOTAL, Answer

_SHOWN: Final[Mapping[str, tuple[str, Callable[[float], str]]]] = MappingProxyType(
    {
        IN_TIME: ("delivered in time, %", lambda share: f"{100.0 * share:.2f}"),
        COST: ("cost a message", lambda micros: f"{micros / 1e6:.5f}"),
        VALUE: ("kept value a message", lambda micros: f"{micros / 1e6:.5f}"),
    }
)


def print_answer(answer: Answer, console: Console) -> None:
    """All that is told."""
    way = f", propensities {answer.propensity}" if answer.propensity else ""
    console.print(f"policy {answer.policy}, prices {answer.prices}, {answer.records} records{way}", highlight=False, markup=False)
    for reason in answer.refused:
        console.print(
            f"The records cannot answer ({reason.name}): {reason.sentence}.", style="red", highlight=False, markup=False
        )
    if not answer.refused:
        console.print(measure_table(answer))
        console.print(overlap_table(answer))
    if answer.sent:
        console.print(sent_table(answer))
    for caution in answer.cautions:
        console.print(caution, style="dim", highlight=False, markup=False)


def measure_table(answer: Answer) -> Table:
    """By class and measure: logged, target, difference; then the other estimates."""
    caption = "logged and target with 95 % intervals, the target doubly robust; direct, snips, ips: other estimates of it"
    table = Table(title=f"what if, {answer.currency}", caption=caption)
    for head in ("messages", "measure"):
        table.add_column(head, no_wrap=True)
    for head in ("logged", "target", "difference", "direct", "snips", "ips"):
        table.add_column(head, justify="right")
    for part in answer.parts:
        if not part.measures:
            table.add_row(part.name, "too few tell of the target", *[""] * 6)
        for number, (name, measure) in enumerate(part.measures.items()):
            title, show = _SHOWN[name]
            intervals = (measure.logged, measure.target, measure.difference)
            others = (show(measure.direct), show(measure.snips.estimate), show(measure.ips.estimate))
            table.add_row("" if number else part.name, title, *(_with_ends(one, show) for one in intervals), *others)
        if part.name == TOTAL:
            table.add_section()
    return table


def overlap_table(answer: Answer) -> Table:
    """How far the records speak of the target."""
    caption = "effective: as many of equal weight would tell as much; unseen: sent where no record speaks of"
    table = Table(title="overlap", caption=caption)
    table.add_column("messages", no_wrap=True)
    for head in ("records", "as logged, %", "effective", "mean weight", "largest weights", "unseen, %"):
        table.add_column(head, justify="right")
    for part in answer.parts:
        told = part.overlap
        table.add_row(
            part.name,
            str(told.messages),
            f"{100.0 * told.agreeing:.1f}",
            f"{told.effective:.0f}",
            f"{told.mean_weight:.3f}",
            " ".join(f"{one:g}" for one in told.largest_weights[:3]),
            f"{100.0 * told.unseen:.2f}",
        )
    return table


def sent_table(answer: Answer) -> Table:
    """Each carrier's share of the messages."""
    table = Table(title="share of the messages, %")
    table.add_column("carrier", no_wrap=True)
    for head in ("logged", "target"):
        table.add_column(head, justify="right")
    for name, share in answer.sent.items():
        table.add_row(name, f"{100.0 * share['logged']:.1f}", f"{100.0 * share['target']:.1f}")
    return table


def _with_ends(one: Interval, show: Callable[[float], str]) -> str:
    return f"{show(one.estimate)} [{show(one.low)}, {show(one.high)}]".replace("[", r"\[")
