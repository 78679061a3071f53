"""Takes each guard out of the journal's scripts, one at a time, and lists which test noticed: ``python -m tests.mutation``.

Ends with 1 when a mutant survives that the table of equivalent ones does not name, 2 when the tests fail as they are.
"""

import argparse
import sys
import time
from pathlib import Path

import pytest

from tests.mutation.equivalent import reason, unused
from tests.mutation.record import PATH, load, text_of
from tests.mutation.rules import Mutant, mutants
from tests.mutation.suite import Killed, Suite

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "actors" / "journal" / "scripts"
TESTS = ROOT / "tests" / "contract" / "journal"


def every(names: list[str]) -> list[Mutant]:
    """The mutants of these scripts, or of all."""
    paths = [SCRIPTS / f"{name}.lua" for name in names] or sorted(SCRIPTS.glob("*.lua"))
    return [mutant for path in paths for mutant in mutants(path.stem, path.read_text("ascii"))]


def table(fates: list[Killed]) -> str:
    """A line a mutant: where, what, who noticed."""
    rows = [
        f"{fate.mutant.script}.lua:{fate.mutant.line:<4} {fate.mutant.rule:<18} {fate.mutant.change[:60]:<60}  {fate.by or 'SURVIVES'}"
        for fate in fates
    ]
    return "\n".join(rows)


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("scripts", nargs="*", help="names of scripts without .lua; all of them if none is given")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only each Nth mutant")
    parser.add_argument("--from", type=int, default=0, dest="first", metavar="N", help="beginning with this one")
    parser.add_argument("--tests", type=int, default=None, metavar="N", help="try no more than the N likeliest tests on a mutant")
    parser.add_argument("--quiet", action="store_true", help="no line as they are tried, and of the table only survivors")
    parser.add_argument("--record", action="store_true", help="keep who noticed which, when all were tried and none survived")
    arguments = parser.parse_args()

    began_s = time.monotonic()
    found = every(arguments.scripts)
    tried = [mutant for mutant in found if not reason(mutant)][arguments.first :: arguments.every]
    suite = Suite(tried, load(), (lambda _: None) if arguments.quiet else lambda text: print(text, flush=True), arguments.tests)
    options = ["-q", "-s", "--tb=native", "--no-header", "-p", "no:cacheprovider", "-p", "no:terminalreporter"]
    pytest.main([str(TESTS), *options], plugins=[suite])
    if not arguments.scripts:
        for row in unused(found):
            print(f"no mutant is of this form: {row.form}")
    for test in suite.broken:
        print(f"fails without any mutant: {test}")
    if suite.broken:
        return 2
    survivors = [fate for fate in suite.fates if not fate.by]
    if not arguments.quiet:
        print(table(suite.fates))
    equivalent = sum(1 for mutant in found if reason(mutant))
    print(
        f"\n{len(found)} mutants, {equivalent} of them equivalent; {len(suite.fates)} tried in {time.monotonic() - began_s:.0f} s: "
        f"{len(suite.fates) - len(survivors)} killed, {len(survivors)} survive"
    )
    for fate in survivors:
        print(
            f"SURVIVES after {fate.tests} tests: {fate.mutant.script}.lua:{fate.mutant.line} ({fate.mutant.rule}) {fate.mutant.key}"
        )
    if arguments.record and not survivors and len(suite.fates) + equivalent == len(found) and not arguments.scripts:
        PATH.write_text(text_of((fate.mutant, fate.by) for fate in suite.fates), "utf-8")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
