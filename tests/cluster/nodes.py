"""Ray's nodes for tests: each a process of its own with all that Ray starts under it, which dies as a machine does."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from actors.cluster import READY_LINE
from actors.processes import descendants, incarnations, outlive, program

START_S = 90.0
GONE_S = 60.0


class Node:
    """A node of Ray. ``words``: what ``trunkline node`` is told beside the folder."""

    def __init__(self, folder: Path, name: str, *words: str) -> None:
        self._log = folder / f"{name}.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "actors.cli.main", "node", "--data-dir", str(folder), *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def address(self) -> str:
        """Where its head is, once it is up."""
        deadline_s = time.monotonic() + START_S
        while True:
            text = self._log.read_text("utf-8", "replace")
            for line in text.splitlines():
                if line.startswith(READY_LINE):
                    return line.removeprefix(READY_LINE).split()[0]
            assert self.process.poll() is None, text
            assert time.monotonic() < deadline_s, text
            time.sleep(0.1)

    def pids(self) -> set[int]:
        """All of its processes."""
        return {self.process.pid, *descendants(self.process.pid)}

    def kill(self) -> None:
        """All of it at once, as when a machine loses power: stopped first, so that nothing is started meanwhile."""
        stopped: set[int] = set()
        while fresh := self.pids() - stopped:
            _signal(fresh, signal.SIGSTOP)
            stopped |= fresh
        dying = incarnations(stopped)
        _signal(stopped, signal.SIGKILL)
        self.process.wait(GONE_S)
        outlive(dying, GONE_S)  # their sockets are closed only then

    def stop(self) -> None:
        """End it, and see that nothing of it is left."""
        if self.process.poll() is not None:
            return
        below = {one: program(int(one.split(":")[1])) for one in incarnations(self.pids())}
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(GONE_S)
        left = outlive(below, 1.0)
        self.process.wait(GONE_S)
        assert [below[one] for one in left] == [], "the node ends all that it started"


def _signal(pids: set[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
