"""Ray's control store (GCS) on the head: where it keeps its tables, and how it is started again. Ray itself does neither outside of Kubernetes."""

import os
import shutil
import sys
from pathlib import Path
from typing import Any, Final

GCS_STORAGE: Final = "RAY_gcs_storage"
GCS_PATH: Final = "RAY_gcs_storage_path"
ON_DISK: Final = (
    "rocksdb"  # in Ray's wheels since 2.60; measured: 3.7 s from the kill to a restarted actor, existing calls undisturbed
)
STEP_BACK_S: Final = 5.0  # Ray may be so late by a clock that went back; what a time server corrects is less


def keep_tables(data_dir: Path, *, again: bool = False) -> None:
    """Have Ray keep the tables of its control store (GCS) on disk, so that one that is started again knows nodes and actors.

    They are of one cluster's life: a new head begins without, unless it is the old one ``again``. RAY_REDIS_ADDRESS keeps them
    there, RAY_gcs_storage_path elsewhere, RAY_gcs_storage=memory in memory.
    """
    if os.environ.get("RAY_REDIS_ADDRESS") or os.environ.setdefault(GCS_STORAGE, ON_DISK) != ON_DISK or os.environ.get(GCS_PATH):
        return
    folder = data_dir.resolve() / ("ray.kept" if again else "ray.gcs")  # apart: ``trunkline up`` may be given this folder, too
    if not again:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ[GCS_PATH] = str(folder)


class StepsBack:
    """Sees the wall clock go back.

    Ray's timers go by it (Boost's ``deadline_timer``, Ray 2.60): those that were set before are late by as much as it went back.
    Seen after an hour: the GCS looked at no node any more, and started nothing of one that had died again.
    """

    def __init__(self, offset_s: float) -> None:
        self._highest_s = offset_s

    def seen(self, offset_s: float) -> bool:
        """Whether it has since the last call. ``offset_s``: by how much it is ahead of the monotonic clock."""
        back = offset_s < self._highest_s - STEP_BACK_S
        self._highest_s = offset_s if back else max(self._highest_s, offset_s)
        return back


def end_gcs(node: Any) -> None:
    """End the head's GCS where it keeps its tables on disk, so that it is started again with timers of now."""
    from ray._private import ray_constants

    if os.environ.get(GCS_STORAGE) == ON_DISK:
        sys.stdout.write("the clock went back, and the gcs ends with its timers\n")
        sys.stdout.flush()
        node.all_processes[ray_constants.PROCESS_TYPE_GCS_SERVER][0].process.kill()


def start_gcs_again(node: Any, host: str) -> None:
    """Start the head's GCS on its port again when its process has ended: outside of Kubernetes nobody else does.

    Ray itself offers no such call: this is what ``Node.start_gcs_server`` does (Ray 2.60), on the port that all know.
    """
    from ray._private import ray_constants, services

    kind = ray_constants.PROCESS_TYPE_GCS_SERVER
    if node.all_processes[kind][0].process.poll() is None or os.environ.get(GCS_STORAGE) != ON_DISK:
        return
    sys.stdout.write("gcs ended, starting it again\n")
    sys.stdout.flush()
    out, err = node.get_log_file_names("gcs_server", unique=True, create_out=True, create_err=True)
    started = services.start_gcs_server(
        node.redis_address,
        log_dir=node._logs_dir,  # noqa: SLF001 (Ray has no other way)
        stdout_filepath=out,
        stderr_filepath=err,
        session_name=node.session_name,
        redis_username=None,
        redis_password=None,
        config=node._config,  # noqa: SLF001
        fate_share=node.kernel_fate_share,
        gcs_server_port=int(node.gcs_address.rpartition(":")[2]),
        metrics_agent_port=node._ray_params.metrics_agent_port,  # noqa: SLF001
        node_ip_address=host,
        session_dir=node.get_session_dir_path(),
        node_id=node._node_id,  # noqa: SLF001
    )
    node.all_processes[kind] = [started]
