"""Worker processes of Ray in reserve on each node: the actor that is started again next need not wait for Python and Ray to load.

Measured, with a killed actor: 0.04 s until its constructor runs in a spare worker, 0.7 to 0.9 s in one that is started for it.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from actors.reserve import IDLE

KEPT: Final = 3  # in reserve: until one that was taken is replaced, and has imported what it is to, there pass some six seconds
LOOK_S: Final = 1.0
STARTS_S: Final = 10.0  # how long those that were asked for may take to appear
ASK_S: Final = 2.0
KEEP_S: Final = 1_000_000_000
AGENTS: Final = frozenset({"ray::DashboardAgent", "ray::RuntimeEnvAgent"})
NO_JOB: Final = b"\xff" * 4  # any job may have it


class Spare:
    """Asks for workers when there are actors on this node and fewer than ``KEPT`` in reserve. Not while anything is being started.

    Ends those in reserve when something has been installed since: they have imported what was there before (``actors.reserve``).
    """

    def __init__(self, raylet: int, ask: Callable[[int], None], installed: Path) -> None:
        """``raylet``: the process that workers are children of; ``ask`` has so many more started, and may raise whatever it likes.

        ``installed``: the folder of the installed packages.
        """
        self._raylet = raylet
        self._ask = ask
        self._installed = installed
        self._stamp = _changed_ns(installed)
        self._next_s = 0.0
        self._asked_s = -STARTS_S  # when some were asked for that have not come yet
        self._before: set[int] = set()

    def look(self, now_s: float) -> None:
        """See whether they are there."""
        if now_s < self._next_s:
            return
        self._next_s = now_s + LOOK_S
        workers = titles(self._raylet)
        if (stamp := _changed_ns(self._installed)) != self._stamp:
            self._stamp = stamp
            for worker, title in workers.items():
                if title == IDLE:
                    _end(worker)
        before, self._before = self._before, set(workers)
        names = [title for title in workers.values() if title not in AGENTS]
        missing = KEPT - names.count(IDLE)
        if missing <= 0:
            self._asked_s = -STARTS_S
        if missing <= 0 or len(names) == names.count(IDLE) or before != self._before or now_s < self._asked_s + STARTS_S:
            return
        self._asked_s = now_s
        try:
            self._ask(missing)
        except Exception as error:
            sys.stdout.write(f"no spare worker: {type(error).__name__}\n")
            sys.stdout.flush()


def _changed_ns(folder: Path) -> int:
    """When something was last put into a folder or taken out of it, as each installation does; 0 when it cannot be read."""
    with contextlib.suppress(OSError):
        return folder.stat().st_mtime_ns
    return 0


def _end(worker: int) -> None:
    # An actor that was on its way to it is given another one by Ray.
    with contextlib.suppress(ProcessLookupError):
        os.kill(worker, signal.SIGTERM)


def titles(parent: int) -> dict[int, str]:
    """What the workers that are children of a process call themselves, by process id."""
    found: dict[int, str] = {}
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{parent}/task").iterdir():
            for child in (task / "children").read_text().split():
                with contextlib.suppress(OSError):
                    title = Path(f"/proc/{child}/cmdline").read_bytes().partition(b"\0")[0].decode(errors="replace")
                    if title.startswith("ray::"):
                        found[int(child)] = title.split()[0]
    return found


def spare_of(node: Any) -> Spare:
    """The spare of a node that this process has started (``ray._private.node.Node``, Ray 2.60)."""

    def ask(workers: int) -> None:
        from ray._private.grpc_utils import init_grpc_channel  # shows the token
        from ray.core.generated import common_pb2, node_manager_pb2, node_manager_pb2_grpc

        words: Any = common_pb2  # generated, without types
        messages: Any = node_manager_pb2
        service: Any = node_manager_pb2_grpc
        request = messages.PrestartWorkersRequest(
            language=words.PYTHON, job_id=NO_JOB, num_workers=workers, keep_alive_duration_secs=KEEP_S
        )
        with init_grpc_channel(f"{node.node_ip_address}:{node.node_manager_port}") as channel:
            service.NodeManagerServiceStub(channel).PrestartWorkers(request, timeout=ASK_S)

    import ray

    return Spare(node.all_processes["raylet"][0].process.pid, ask, Path(ray.__file__).parents[1])
