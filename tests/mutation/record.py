"""Which test noticed which mutant when all of them were tried last: whoever noticed one is asked first the next time.

The file has a line a script, under it one a test, and under that the mutants: "line | what → what".
"""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tests.mutation.rules import Mutant

PATH: Final = Path(__file__).with_name("record.txt")
LIKELY: Final = 12  # tests that noticed most in a script: they are asked before anybody looks which tests run a statement at all


class Record:
    """By mutant and by script: tests, by their file and name."""

    def __init__(self, text: str = "") -> None:
        self._by_key: dict[str, list[str]] = {}
        self._by_script: dict[str, Counter[str]] = {}
        script = test = ""
        for line in text.splitlines():
            if line.startswith("    "):
                self._by_key.setdefault(f"{script} | {line.strip()}", []).append(test)
                self._by_script.setdefault(script, Counter())[test] += 1
            elif line.startswith("  "):
                test = line.strip()
            else:
                script = line

    def likely(self, mutant: Mutant) -> list[str]:
        """Who is likely to notice this one, the likeliest first."""
        others = [test for test, _ in self._by_script.get(mutant.script, Counter()).most_common(LIKELY)]
        return list(dict.fromkeys(self._by_key.get(mutant.key, []) + others))


def load() -> Record:
    """The record that is kept, or an empty one."""
    return Record(PATH.read_text("utf-8")) if PATH.exists() else Record()


def text_of(rows: Iterable[tuple[Mutant, str]]) -> str:
    """The file for mutants and who noticed each."""
    tree: dict[str, dict[str, list[str]]] = {}
    for mutant, test in rows:
        tree.setdefault(mutant.script, {}).setdefault(test, []).append(mutant.key.removeprefix(f"{mutant.script} | "))
    lines: list[str] = []
    for script, tests in tree.items():
        lines.append(script)
        for test in sorted(tests):
            lines += [f"  {test}", *(f"    {key}" for key in sorted(tests[test]))]
    return "\n".join(lines) + "\n"
