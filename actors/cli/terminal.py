"""How the command line speaks: results to standard output, one sentence of error to standard error, exit codes.

Exit codes: 0 done (or so), 1 the thing asked for failed (or is not so), 2 used or configured wrongly.
"""

import sys
from collections.abc import Iterable
from typing import Any, Final, NoReturn

import msgspec
import typer
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

FAILED: Final = 1
MISUSED: Final = 2
PIPED_COLUMNS: Final = 1_000
_BREAKER_STYLE: Final = {"closed": "green", "half_open": "yellow", "open": "bold red"}

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


def clean(text: object) -> str:
    """A text that others wrote (a carrier's reason, a problem's detail) without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else " " for letter in str(text))


def say(text: str) -> None:
    """A line to standard output, as it is: never wrapped, so that it can be copied."""
    console.print(text, markup=False, soft_wrap=True)


def show(thing: RenderableType) -> None:
    """Something to standard output; into a pipe or a file as wide as it is, lines neither wrapped nor filled up."""
    if console.is_terminal:
        console.print(thing)
        return
    console.width = PIPED_COLUMNS
    with console.capture() as captured:
        console.print(thing)
    sys.stdout.writelines(line.rstrip() + "\n" for line in captured.get().splitlines())
    sys.stdout.flush()


def fail(sentence: str, code: int = FAILED) -> NoReturn:
    """End the command with a sentence to standard error. Lines after the first are details."""
    for line in sentence.splitlines():
        errors.print(clean(line), markup=False, soft_wrap=True)
    raise typer.Exit(code)


def say_json(value: Any, *, line: bool = False) -> None:
    """A value for a machine: one line when it is one of many, indented otherwise."""
    octets = msgspec.json.encode(value)
    sys.stdout.write((octets if line else msgspec.json.format(octets)).decode() + "\n")
    sys.stdout.flush()


def table(heads: Iterable[str], rows: Iterable[Iterable[object]], *, right: Iterable[str] = ()) -> Table:
    """A table of cleaned texts; ready-made ``Text`` cells keep their style. ``right``: heads of columns of figures."""
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    figures = set(right)
    for place, head in enumerate(heads):  # the first names the thing: it stays whole, to be copied
        made.add_column(head, justify="right" if head in figures else "left", overflow="fold", no_wrap=not place)
    for row in rows:
        made.add_row(*(cell if isinstance(cell, Text) else Text(clean(cell)) for cell in row))
    return made


def counted(count: int, noun: str) -> str:
    """``1 fault``, ``2 faults``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def money(micros: float) -> str:
    """Millionths of the currency as a decimal of five places: prices have no more, and columns of them stand in line."""
    return f"{micros / 1e6:.5f}"


def breaker(word: str) -> Text:
    """A breaker's state, in its colour."""
    return Text(clean(word).replace("_", "-"), style=_BREAKER_STYLE.get(word, ""))
