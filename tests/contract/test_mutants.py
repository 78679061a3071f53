"""A part of the mutants is tried with every run of the tests; ``make mutants`` tries all."""

import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
SCRIPTS: Final = ROOT / "actors" / "journal" / "scripts"
PART: Final = 24  # one of so many: some ten seconds on a core


@pytest.mark.timeout(600)  # on a busy machine
def test_the_journals_tests_notice_a_sample_of_mutants() -> None:
    """Which ones follows from the scripts: as they are they get the same, and others after each change of them."""
    state = sha256(b"".join(path.read_bytes() for path in sorted(SCRIPTS.glob("*.lua"))))
    first = state.digest()[0] % PART
    command = [sys.executable, "-m", "tests.mutation", "--quiet", "--every", str(PART), "--from", str(first)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
