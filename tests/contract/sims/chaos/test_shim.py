"""The shim under a real program: what was synced, a sync that hangs, a clock that steps."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sims.chaos.shim import EVERY_PROCESS, Shim, ShimMissing

WITHIN_S = 20.0
HOUR_US = 3_600_000_000
# Writes as many octets as it is told on each line, syncs, and says what time it is.
PROGRAM = """
import os, sys, time
file = open(sys.argv[1], "wb", buffering=0)
print(os.getpid(), flush=True)
for line in sys.stdin:
    file.write(bytes(int(line)))
    if int(line) % 2 == 0:
        os.fdatasync(file.fileno())
    print(time.time(), time.monotonic(), flush=True)
"""


class Program:
    def __init__(self, shim: Shim, file: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(file)],
            env=os.environ | shim.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = int(self.answer())

    def answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def say(self, octets: int) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{octets}\n")
        self.process.stdin.flush()

    def time_s(self, octets: int = 1) -> tuple[float, float]:
        self.say(octets)
        wall_s, monotonic_s = self.answer().split()
        return float(wall_s), float(monotonic_s)

    def end(self) -> None:
        self.process.communicate(timeout=WITHIN_S)


@pytest.fixture
def shim(tmp_path: Path) -> Iterator[Shim]:
    try:
        found = Shim(tmp_path / "shim")
    except ShimMissing as error:
        pytest.skip(str(error))
    yield found
    found.close()


@pytest.fixture
def program(shim: Shim, tmp_path: Path) -> Iterator[Program]:
    started = Program(shim, tmp_path / "file")
    yield started
    started.end()


def test_only_what_was_synced_counts(shim: Shim, program: Program, tmp_path: Path) -> None:
    file = tmp_path / "file"
    assert shim.synced(file) is None
    program.time_s(10)
    assert shim.synced(file) == 10
    program.time_s(5)  # written, not synced
    assert (shim.synced(file), file.stat().st_size) == (10, 15)
    program.time_s(20)
    assert shim.synced(file) == 35


def test_a_sync_hangs_until_it_is_let_go(shim: Shim, program: Program, tmp_path: Path) -> None:
    shim.hang_fsync(hung=True)
    program.say(10)
    deadline_s = time.monotonic() + WITHIN_S
    while not shim.waiting:
        assert time.monotonic() < deadline_s
        time.sleep(0.005)
    assert shim.synced(tmp_path / "file") is None
    shim.hang_fsync(hung=False)
    assert program.answer()
    assert shim.synced(tmp_path / "file") == 10
    assert shim.waiting == 0


@pytest.mark.parametrize("by_us", [HOUR_US, -HOUR_US, -1_500_000])
@pytest.mark.parametrize("every", [False, True])
def test_a_clock_steps_and_the_monotonic_one_does_not(shim: Shim, program: Program, by_us: int, every: bool) -> None:
    _, before_s = program.time_s()
    shim.step_clocks({EVERY_PROCESS if every else program.pid: by_us})
    wall_s, after_s = program.time_s()
    assert abs(wall_s - (time.time() + by_us / 1e6)) < WITHIN_S / 20
    assert 0 <= after_s - before_s < WITHIN_S
    shim.step_clocks({program.pid + 1: by_us})  # another's
    assert abs(program.time_s()[0] - time.time()) < WITHIN_S / 20
