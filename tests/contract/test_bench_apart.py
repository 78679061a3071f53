"""Measurements in processes of their own: their results, their ends, and interruptions."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.apart import Unmeasured, apart

ROOT = Path(__file__).parents[2]
WITHIN_S = 60.0


def test_what_was_found_comes_back() -> None:
    assert apart(divmod, 7, 2) == (3, 1)


def test_what_went_wrong_is_told() -> None:
    with pytest.raises(Unmeasured, match="ZeroDivisionError"):
        apart(divmod, 7, 0)


def test_what_is_said_on_the_way_is_not_on_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    apart(print, "said")
    said = capfd.readouterr()
    assert (said.out, "said" in said.err) == ("", True)


def test_a_process_that_is_gone_is_told_of() -> None:
    with pytest.raises(Unmeasured, match="without a word"):
        apart(os._exit, 3)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_waits_until_everything_is_stopped(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "measured.py").write_text(
        """
import pathlib, signal, sys, time
from benchmarks.apart import apart

def work(folder):
    try:
        (folder / "begun").touch()
        time.sleep(60)
    finally:
        time.sleep(0.5)
        (folder / "stopped").touch()

def interrupted(*_):
    raise KeyboardInterrupt

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, interrupted)
    apart(work, pathlib.Path(sys.argv[1]))
"""
    )
    process = subprocess.Popen(
        [sys.executable, "measured.py", str(tmp_path)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stderr=subprocess.DEVNULL,
    )
    deadline_s = time.monotonic() + WITHIN_S
    while not (tmp_path / "begun").exists():
        assert time.monotonic() < deadline_s
        assert process.poll() is None
    process.send_signal(number)
    assert process.wait(WITHIN_S) != 0
    assert (tmp_path / "stopped").exists()
