"""The server-side scripts: read from their files, joined with what they include, told the law of transitions."""

from functools import cache
from hashlib import sha1
from importlib.resources import files
from typing import Final, NamedTuple

from router.model import TRANSITIONS

_STRIDE: Final = 32  # a row of the table of moves; states are below it
_INCLUDE: Final = "--include "


class Script(NamedTuple):
    """A script as the server gets it."""

    name: str
    source: bytes
    digest: str


def moves() -> str:
    """The allowed moves as Lua reads them: a text with "1" at from × 32 + to. A constant costs a script call nothing."""
    cells = ["0"] * (_STRIDE * _STRIDE)
    for before, after in TRANSITIONS:
        cells[before * _STRIDE + after] = "1"
    return "".join(cells).rstrip("0").ljust(_STRIDE * _STRIDE, "0")


def _read(name: str) -> str:
    return (files(__package__) / "scripts" / f"{name}.lua").read_text("ascii")


@cache
def load(name: str) -> Script:
    """A script by its file's name without ``.lua``."""
    lines: list[str] = []
    for line in _read(name).splitlines():
        if not line.startswith(_INCLUDE):
            lines.append(line)
            continue
        part = line.removeprefix(_INCLUDE).strip()
        lines += _read(f"_{part}").splitlines()
        if part == "base":
            lines.append(f"local ALLOWED = '{moves()}'")
    source = "\n".join(lines).encode("ascii")
    return Script(name, source, sha1(source, usedforsecurity=False).hexdigest())
