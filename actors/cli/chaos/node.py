"""A second node of the cluster on this machine: a raylet that can be killed with the actors that live on it.

``python -m actors.cli.chaos.node DATA_DIR ADDRESS``; it prints one line when it is up, and ends with SIGTERM.
"""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Final

from actors.cluster import CPUS_OFFERED, LOOPBACK, OBJECT_STORE_BYTES, READY_LINE, use_token

LABELS: Final = {"place": "second"}
START_S: Final = 60.0


def run_node(data_dir: Path, address: str) -> None:
    """Join the cluster at ``address`` until SIGTERM."""
    use_token(data_dir)
    from ray._private.node import Node
    from ray._private.parameter import RayParams

    node = Node(
        RayParams(
            gcs_address=address,
            node_ip_address=LOOPBACK,
            num_cpus=CPUS_OFFERED,
            num_gpus=0,
            labels=LABELS,
            dashboard_agent_listen_port=0,
            min_worker_port=0,
            max_worker_port=0,
            object_store_memory=OBJECT_STORE_BYTES,
            temp_dir=f"/tmp/trunkline-ray-{os.getuid()}",  # noqa: S108 (the head's)
        ),
        head=False,
        shutdown_at_exit=True,
        spawn_reaper=True,
    )
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    raylet = node.all_processes["raylet"][0].process.pid
    sys.stdout.write(f"{READY_LINE} {raylet}\n")
    sys.stdout.flush()
    stopped.wait()
    node.kill_all_processes(check_alive=False, allow_graceful=True)


class SecondNode:
    """The node as a process of its own, and its raylet."""

    def __init__(self, data_dir: Path, address: str) -> None:
        """Raises ``RuntimeError`` when it does not come up."""
        with (data_dir / "node.log").open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 (our own interpreter)
                [sys.executable, "-m", "actors.cli.chaos.node", str(data_dir), address],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        if self.process.stdout is None:
            raise RuntimeError("the node has no output")
        line = self.process.stdout.readline().decode()
        if not line.startswith(READY_LINE):
            self.stop()
            raise RuntimeError(f"the second node did not start; its log is {data_dir / 'node.log'}")
        self.raylet = int(line.removeprefix(READY_LINE))

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


if __name__ == "__main__":
    run_node(Path(sys.argv[1]), sys.argv[2])
