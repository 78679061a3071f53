"""A second node of the cluster on this machine: a raylet that can be killed with the actors that live on it."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

from actors.cluster import READY_LINE
from actors.processes import descendants, program

LABELS: Final = {"place": "second"}


class SecondNode:
    """The node as a process of its own, and its raylet."""

    def __init__(self, data_dir: Path, address: str) -> None:
        """Raises ``RuntimeError`` when it does not come up."""
        labels = [word for name, value in LABELS.items() for word in ("--label", f"{name}={value}")]
        with (data_dir / "node.log").open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 (our own interpreter)
                [sys.executable, "-m", "actors.cluster", str(data_dir), "--join", address, *labels],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        if self.process.stdout is None:
            raise RuntimeError("the node has no output")
        line = self.process.stdout.readline().decode()
        raylets = [pid for pid in descendants(self.process.pid) if program(pid) == "raylet"]
        if not line.startswith(READY_LINE) or not raylets:
            self.stop()
            raise RuntimeError(f"the second node did not start; its log is {data_dir / 'node.log'}")
        self.raylet = raylets[0]

    def stop(self) -> None:
        """End it."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
