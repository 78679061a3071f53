"""Discretion: no log and no metric tells a phone number or a text."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from sims.invariants.facts import History, Line
from sims.invariants.verdict import Found

LEAST_DIGITS: Final = 7  # shorter ones are counts and ports
# A text is looked for by pieces of this length, one after the other: any twice as long passage of it contains one whole.
PIECE: Final = 10
LEAST_TEXT: Final = 5  # shorter texts are words of any log

_DIGITS: Final = re.compile(rf"\d{{{LEAST_DIGITS},}}")


class Secrets:
    """What may not be told, as something that lines are held against in time linear in their length."""

    def __init__(self, numbers: Iterable[str], texts: Iterable[str]) -> None:
        self._numbers = {digits for number in numbers if len(digits := number.lstrip("+")) >= LEAST_DIGITS}
        self._sizes = sorted({len(number) for number in self._numbers})
        self._pieces: set[str] = set()
        for text in texts:
            if len(text) >= PIECE:
                self._pieces.update(text[start : start + PIECE] for start in range(0, len(text) - PIECE + 1, PIECE))
            elif len(text) >= LEAST_TEXT:
                self._pieces.add(text)
        self._widths = sorted({len(piece) for piece in self._pieces})

    def told(self, line: str) -> str:
        """What a line gives away ("number", "text"), "" for nothing. Never what it was: this, too, goes to a log."""
        for run in _DIGITS.findall(line):
            for size in self._sizes:
                if any(run[start : start + size] in self._numbers for start in range(len(run) - size + 1)):
                    return "number"
        for width in self._widths:
            if any(line[start : start + width] in self._pieces for start in range(len(line) - width + 1)):
                return "text"
        return ""


def discreet(history: History) -> Iterator[Found]:
    """No line tells a number or a text."""
    secrets = Secrets(history.numbers or (), history.texts or ())
    yield from leaks(history.lines or (), secrets)


def leaks(lines: Iterable[Line], secrets: Secrets) -> Iterator[Found]:
    """Lines that tell too much, by their source and number; of what they tell only the kind."""
    counts: dict[str, int] = {}
    for line in lines:
        counts[line.source] = counts.get(line.source, 0) + 1
        kind = secrets.told(line.text)
        if kind:
            yield Found("", f"line {counts[line.source]} of {line.source} tells a {kind}")
