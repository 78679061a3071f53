"""Where each key of a TOML text stands. tomllib tells values but no lines; an operator with an error wants the line."""

import re
from collections.abc import Mapping
from typing import Final

_KEY: Final = r'(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|\'[^\']*\')'
_DOTTED: Final = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_HEADER: Final = re.compile(rf"\s*(\[\[?)\s*({_DOTTED})\s*\]\]?")
_PAIR: Final = re.compile(rf"\s*({_DOTTED})\s*=")
_STRINGS: Final = re.compile(r'"""|\'\'\'|"(?:[^"\\]|\\.)*"|\'[^\']*\'|#.*')

_Path = tuple[str | int, ...]


def lines_of(text: str) -> dict[_Path, int]:
    """The line (from 1) of every key that begins one, and of every table header, of a text that is valid TOML.

    Keys inside inline tables and lists have the line of the key that holds them: see ``line_of``.
    """
    found: dict[_Path, int] = {}
    sizes: dict[_Path, int] = {}  # of each array of tables
    table: _Path = ()
    depth, quote = 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        if not depth and not quote:
            if header := _HEADER.match(line):
                table = _table(_steps(header[2]), header[1] == "[[", sizes)
                found.setdefault(table, number)
                continue
            if pair := _PAIR.match(line):
                found.setdefault((*table, *_steps(pair[1])), number)
        depth, quote = _after(line, depth, quote)
    return found


def line_of(lines: Mapping[_Path, int], path: _Path) -> int:
    """The line of a path, or of the nearest thing around it; 0: it cannot be told."""
    for size in range(len(path), 0, -1):
        if path[:size] in lines:
            return lines[path[:size]]
    return 0


def _steps(key: str) -> tuple[str, ...]:
    return tuple(part[1:-1] if part[0] in "\"'" else part for part in re.findall(_KEY, key))


def _table(steps: tuple[str, ...], is_array: bool, sizes: dict[_Path, int]) -> _Path:
    """The path of a header: names that are arrays of tables mean their newest entry."""
    path: _Path = ()
    for at, step in enumerate(steps):
        path = (*path, step)
        if is_array and at == len(steps) - 1:
            sizes[path] = sizes.get(path, 0) + 1
        if path in sizes:
            path = (*path, sizes[path] - 1)
    return path


def _after(line: str, depth: int, quote: str) -> tuple[int, str]:
    """Whether a list or a string of several lines is open after this line."""
    if quote:
        _, closing, line = line.partition(quote)
        if not closing:
            return depth, quote
        quote = ""
    bare = ""
    at = 0
    while token := _STRINGS.search(line, at):
        bare += line[at : token.start()]
        at = token.end()
        if token[0] in {'"""', "'''"}:
            end = line.find(token[0], at)
            if end < 0:
                return depth + _opened(bare), token[0]
            at = end + 3
    return depth + _opened(bare + line[at:]), quote


def _opened(bare: str) -> int:
    return sum(bare.count(mark) for mark in "[{") - sum(bare.count(mark) for mark in "]}")
