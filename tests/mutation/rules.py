"""What is done to the scripts: every way to take a guard away that the rules below find. Nothing here knows a script or a line."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from tests.mutation.lua import Found, Reader

TURNED: Final = {"==": "~=", "~=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
MOVED: Final = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
CALLERS: Final = frozenset({"call", "many"})
WRITES: Final = frozenset(
    [
        "DEL",
        "EXPIRE",
        "HDEL",
        "HINCRBY",
        "HSET",
        "LPOP",
        "LPUSH",
        "PEXPIRE",
        "PEXPIREAT",
        "PUBLISH",
        "RENAME",
        "RPUSH",
        "SET",
        "ZADD",
        "ZREM",
        "ZREMRANGEBYSCORE",
    ]
)
FLAGS: Final = frozenset({"'NX'", "'XX'", "'GT'", "'LT'"})


class Mutant(NamedTuple):
    """One change of one script (or of a part that scripts include): ``source[begin:end]`` becomes ``instead``."""

    script: str  # a file's name without ".lua"
    rule: str
    begin: int
    end: int
    instead: str
    line: int
    statement: int  # where the innermost statement around it begins
    text: str  # the line that it begins in
    change: str  # "what → what"

    @property
    def key(self) -> str:
        """What it is known by in the table of equivalent ones: where it stands by words, not by numbers."""
        return f"{self.script} | {self.text} | {self.change}"

    def apply(self, source: str) -> str:
        """The script with this change."""
        return source[: self.begin] + self.instead + source[self.end :]


def mutants(script: str, source: str) -> list[Mutant]:
    """Every mutant of a script, in the order in which they stand; raises ``LuaError``."""
    reader = Reader(source)
    found = reader.found
    conditions = {(one.begin, one.end) for one in found if one.kind in {"if", "while"}}
    choices = _choices(found, conditions)
    chosen = {place for pair in choices for place in pair}
    rows = {row for one in found if one not in chosen for row in _changes(source, one, conditions)}
    for either, both in choices:
        for part in (both.parts[1], either.parts[1]):
            rows.add(("choice forced", either.begin, either.end, source[slice(*part)]))
    return [_mutant(script, reader, *row) for row in sorted(rows, key=lambda row: (row[1], row[2], row[0], row[3]))]


def _choices(found: list[Found], conditions: set[tuple[int, int]]) -> list[tuple[Found, Found]]:
    """Each ``A and B or C`` that is a value: there the ``or`` and the ``and`` in it choose between B and C, and are not meant by themselves."""
    ands = {(one.begin, one.end): one for one in found if one.word == "and"}
    rows = []
    for one in found:
        chosen = ands.get(one.parts[0]) if one.word == "or" else None
        if chosen and not any(begin <= one.begin and one.end <= end for begin, end in conditions):
            rows.append((one, chosen))
    return rows


def _changes(source: str, one: Found, conditions: set[tuple[int, int]]) -> Iterator[tuple[str, int, int, str]]:
    """Rule, begin, end, what instead."""
    here = one.begin, one.end
    match one.kind:
        case "if":
            yield "condition true", *here, "true"
            yield "condition false", *here, "false"
        case "while":
            yield "condition false", *here, "false"  # true would be an endless loop
        case "not":
            if here not in conditions:
                yield "not dropped", *here, source[slice(*one.parts[0])]
        case "binary" if one.word in {"and", "or"}:
            for part in one.parts:
                yield "operand dropped", *here, source[slice(*part)]
        case "binary" if one.word in TURNED:
            left, right = (source[slice(*part)] for part in one.parts)
            if here not in conditions:  # there it is the condition that is forced
                yield "comparison turned", *here, f"{left} {TURNED[one.word]} {right}"
            if one.word in MOVED:
                yield "boundary moved", *here, f"{left} {MOVED[one.word]} {right}"
        case "statement call":
            yield "call removed", *here, ""
            yield from _flags(source, one)
        case "call":
            if one.word in CALLERS and _command(source, one) in WRITES | {"command"}:
                yield "write removed", *here, "nil"
            yield from _flags(source, one)
        case "assignment":
            yield "assignment removed", *here, ""


def _command(source: str, one: Found) -> str:
    return source[slice(*one.parts[1])].strip("'") if len(one.parts) > 1 else ""


def _flags(source: str, one: Found) -> Iterator[tuple[str, int, int, str]]:
    for before, part in zip(one.parts, one.parts[1:], strict=False):
        if one.word in CALLERS and source[slice(*part)] in FLAGS:
            yield "flag dropped", before[1], part[1], ""


def _mutant(script: str, reader: Reader, rule: str, begin: int, end: int, instead: str) -> Mutant:
    source = reader.source
    line = source.count("\n", 0, begin) + 1
    text = source.splitlines()[line - 1].strip()
    change = f"{' '.join(source[begin:end].split())} → {' '.join(instead.split()) or 'nothing'}"
    return Mutant(script, rule, begin, end, instead, line, reader.statement(begin), text, change)
