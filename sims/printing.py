"""Where tables are printed."""

from typing import Final

from rich.console import Console

WIDE: Final = 200


def wide_console() -> Console:
    """As wide as the terminal, and wide enough for all columns where there is none: in a file or a pipe nothing is cut."""
    console = Console()
    return console if console.is_terminal else Console(width=WIDE)
