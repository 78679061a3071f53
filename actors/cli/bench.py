"""``trunkline bench``: the benchmarks of a source tree. They are no part of the package, which holds what a running system needs."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import typer

import actors
from actors.cli.terminal import MISUSED, fail

MODULE: Final = "benchmarks"
PASSED_ON: Final = {"ignore_unknown_options": True, "allow_extra_args": True}  # what is asked is for the benchmarks to read


def bench(context: typer.Context) -> None:
    """Measure the whole system (from a source tree; --help tells the benchmarks' own options)."""
    tree = source_tree([Path.cwd(), Path(actors.__file__).resolve().parent])
    if tree is None:
        fail(
            "the benchmarks are not installed with the package: run this in a source tree of trunkline, "
            f"where {MODULE}/ stands beside actors/",
            MISUSED,
        )
    paths = [str(tree), *filter(None, [os.environ.get("PYTHONPATH", "")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    os.execve(sys.executable, [sys.executable, "-m", MODULE, *context.args], environment)  # noqa: S606 (our own interpreter)


def source_tree(starts: Iterable[Path]) -> Path | None:
    """The nearest folder at or above one of these, the first that has one, in which benchmarks and actors stand side by side."""
    for start in starts:
        for folder in (start, *start.parents):
            if (folder / MODULE / "__main__.py").is_file() and (folder / "actors" / "cli" / "bench.py").is_file():
                return folder
    return None
