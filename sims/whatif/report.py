"""Answers as tables for a terminal."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from rich.console import Console
from rich.table import Table

from sims.whatif.estimates import COST, IN_TIME, VALUE, Interval, Measure
from sims.whatif.evaluate import TOTAL, Answer

_SHOWN: Final[Mapping[str, tuple[str, float, int]]] = MappingProxyType(  # title, factor, digits
    {
        IN_TIME: ("in time, %", 100.0, 2),
        COST: ("cost/1000", 1e-3, 2),  # of a thousand messages, in the currency
        VALUE: ("kept/1000", 1e-3, 2),
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
        console.print(estimate_table(answer))
        console.print(overlap_table(answer))
    if answer.sent:
        console.print(sent_table(answer))
    for caution in answer.cautions:
        console.print(caution, style="dim", highlight=False, markup=False)


def measure_table(answer: Answer) -> Table:
    """By class and measure: logged, target and difference, with their intervals."""
    caption = "with 95 % intervals; the target doubly robust. in time: within the class's deadline; kept: loss avoided - time waited - price"
    return _table(
        answer,
        f"what if, {answer.currency}",
        caption,
        lambda one: (("logged", one.logged), ("target", one.target), ("difference", one.difference)),
    )


def estimate_table(answer: Answer) -> Table:
    """The other estimates of the target."""
    caption = "direct: the model alone; snips, ips: the weights alone. Far from the doubly robust one they warn"
    return _table(
        answer,
        "other estimates of the target",
        caption,
        lambda one: (("direct", one.direct), ("snips", one.snips), ("ips", one.ips)),
    )


def _table(
    answer: Answer, title: str, caption: str, columns: Callable[[Measure], tuple[tuple[str, Interval | float], ...]]
) -> Table:
    table = Table(title=title, caption=caption)
    for head in ("messages", "measure"):
        table.add_column(head, no_wrap=True)
    for head, _ in columns(next(iter(answer.parts[0].measures.values()))):
        table.add_column(head, justify="right", no_wrap=True)
    for part in answer.parts:
        if not part.measures:
            table.add_row(part.name, "too few", "", "", "")
        for number, (name, measure) in enumerate(part.measures.items()):
            shown, factor, digits = _SHOWN[name]
            table.add_row(
                "" if number else part.name, shown, *(_figure(figure, factor, digits) for _, figure in columns(measure))
            )
        if part.name == TOTAL:
            table.add_section()
    return table


def _figure(figure: Interval | float, factor: float, digits: int) -> str:
    """An estimate, and what its interval goes to each side."""
    if isinstance(figure, Interval):
        return f"{factor * figure.estimate:.{digits}f} ± {factor * (figure.high - figure.low) / 2.0:.{digits}f}"
    return f"{factor * figure:.{digits}f}"


def overlap_table(answer: Answer) -> Table:
    """How far the records speak of the target."""
    caption = "alike: sent as logged; effective: as many of equal weight would tell as much; mean, largest: weights; unseen: sent where nothing was seen"
    table = Table(title="overlap", caption=caption)
    table.add_column("messages", no_wrap=True)
    for head in ("records", "alike, %", "effective", "mean", "largest", "unseen"):
        table.add_column(head, justify="right")
    for part in answer.parts:
        told = part.overlap
        table.add_row(
            part.name,
            str(told.messages),
            f"{100.0 * told.agreeing:.1f}",
            f"{told.effective:.0f}",
            f"{told.mean_weight:.3f}",
            f"{told.largest_weights[0]:g}",
            f"{told.unseen:.2%}",
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
