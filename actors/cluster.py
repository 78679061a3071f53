"""Ray under Trunkline: start a cluster of our own on the loopback interface, or join the one that RAY_ADDRESS names.

``ray start`` and ``ray.init`` replace 127.0.0.1 by the machine's outward address and then listen on all interfaces
(services.resolve_ip_for_localhost, Ray 2.60). A node built directly keeps 127.0.0.1, and then every one of its servers stays on the
loopback interface; ``stay_on_loopback`` is the same for whoever connects. Token authentication is always on: a cluster that lets
anybody in lets anybody run code in it (CVE-2023-48022), so none is joined that does not ask for the token.
"""

import argparse
import os
import secrets
import shutil
import signal
import sys
import threading
from pathlib import Path
from typing import Any, Final

LOOPBACK: Final = "127.0.0.1"
NAMESPACE: Final = "trunkline"
OBJECT_STORE_BYTES: Final = 100_000_000  # nothing of ours goes through it: calls stay below 100 kB
CPUS_OFFERED: Final = 64  # actors ask for none; the figure only keeps Ray from prestarting one worker a core of a big machine
READY_LINE: Final = "ray ready"
GCS_STORAGE: Final = "RAY_gcs_storage"
GCS_PATH: Final = "RAY_gcs_storage_path"
ON_DISK: Final = (
    "rocksdb"  # in Ray's wheels since 2.60; measured: 3.7 s from the kill to a restarted actor, existing calls undisturbed
)
GCS_LOOK_S: Final = 0.1  # how often the head looks whether Ray's control store still runs


ASK_S: Final = 10.0  # how long a cluster may take to say that it wants a token
# A question that any node answers to whoever may ask (gcs_service.proto, Ray 2.60)
QUESTION: Final = "/ray.rpc.NodeInfoGcsService/CheckAlive"


class OpenCluster(RuntimeError):
    """The cluster answers without a token."""


def token_file(data_dir: Path) -> Path:
    """Where the cluster's secret is kept."""
    return data_dir / "ray.token"


def use_token(data_dir: Path) -> None:
    """Switch Ray's token authentication on for this process and its children, with the secret of the data folder.

    A token or a token file that the operator has set is left as it is.
    """
    os.environ["RAY_AUTH_MODE"] = "token"
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Ray starts workers at niceness 15: behind everything else on the machine. Ours carry the messages.
    os.environ.setdefault("RAY_worker_niceness", "0")
    # Ray looks at a node every 3 s and gives it up when five looks are refused: its actors start elsewhere after 15 s. A node
    # that is only slow does not refuse: a look waits 10 s for its answer.
    os.environ.setdefault("RAY_health_check_period_ms", "500")
    if os.environ.get("RAY_AUTH_TOKEN") or os.environ.get("RAY_AUTH_TOKEN_PATH"):
        return
    path = token_file(data_dir)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
    os.environ["RAY_AUTH_TOKEN_PATH"] = str(path.resolve())


def stay_on_loopback() -> None:
    """Keep Ray from exchanging 127.0.0.1 for an outward address in this process."""
    from ray._private import services

    services.resolve_ip_for_localhost = lambda host: host


def refuse_open(address: str) -> None:
    """Ask a cluster something without a token; raises ``OpenCluster`` when it answers.

    With RAY_USE_TLS it asks for a certificate before it hears any question. One that cannot be reached is left to who connects.
    """
    if os.environ.get("RAY_USE_TLS") == "1":
        return
    import grpc  # what Ray speaks; its own client would show the token

    with grpc.insecure_channel(address) as channel:
        try:
            channel.unary_unary(QUESTION)(b"", timeout=ASK_S)
        except grpc.RpcError:
            return
    raise OpenCluster(
        f"Ray at {address} asks nobody for a token: start all its nodes with RAY_AUTH_MODE=token, and give them one"
    )


def connect(address: str, data_dir: Path) -> None:
    """Attach this process to a running cluster, and to no other; one that is attached to it already stays so.

    Raises ``OpenCluster`` for one that asks for no token.
    """
    use_token(data_dir)
    import ray

    if ray.is_initialized():
        if ray.get_runtime_context().gcs_address == address:
            return
        ray.shutdown()  # what this process was attached to before, perhaps a cluster that has ended
    refuse_open(address)
    options: dict[str, Any] = {}
    if address.startswith(LOOPBACK):
        stay_on_loopback()
        options["_node_ip_address"] = LOOPBACK
    ray.init(address=address, namespace=NAMESPACE, log_to_driver=False, configure_logging=False, **options)


def disconnect() -> None:
    """Let go of the cluster. A process still attached to one that has ended is ended by Ray a minute later."""
    import ray

    ray.shutdown()


def run_head(data_dir: Path, dashboard_port: int) -> None:
    """Run a head node in this process until SIGTERM; prints ``ray ready ADDRESS DASHBOARD`` when it is up."""
    use_token(data_dir)
    keep_tables(data_dir)
    from ray._private.node import Node
    from ray._private.parameter import RayParams

    node = Node(
        RayParams(
            node_ip_address=LOOPBACK,
            num_cpus=CPUS_OFFERED,
            num_gpus=0,
            include_dashboard=True,
            dashboard_host=LOOPBACK,
            dashboard_port=dashboard_port or None,  # type: ignore[arg-type]  # its annotation is wrong
            dashboard_agent_listen_port=0,
            min_worker_port=0,
            max_worker_port=0,
            object_store_memory=OBJECT_STORE_BYTES,
            temp_dir=f"/tmp/trunkline-ray-{os.getuid()}",  # noqa: S108 (Ray's sockets need a short path; the folder is ours, 0700)
        ),
        head=True,
        shutdown_at_exit=True,
        spawn_reaper=True,
    )
    # After the node has put its own handlers there, which drain a node for half a minute: our actors are drained by their supervisor.
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    sys.stdout.write(f"{READY_LINE} {node.gcs_address} {node.webui_url}\n")
    sys.stdout.flush()
    while not stopped.wait(GCS_LOOK_S):
        start_gcs_again(node)
    node.kill_all_processes(check_alive=False, allow_graceful=True)


def keep_tables(data_dir: Path) -> None:
    """Have Ray keep the tables of its control store (GCS) on disk, so that one that is started again knows nodes and actors.

    They are of one cluster's life: a new head begins without. RAY_gcs_storage=memory keeps them in memory.
    """
    if os.environ.setdefault(GCS_STORAGE, ON_DISK) != ON_DISK or os.environ.get(GCS_PATH):
        return
    folder = data_dir.resolve() / "ray.gcs"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    os.environ[GCS_PATH] = str(folder)


def start_gcs_again(node: Any) -> None:
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
        node_ip_address=LOOPBACK,
        session_dir=node.get_session_dir_path(),
        node_id=node._node_id,  # noqa: SLF001
    )
    node.all_processes[kind] = [started]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--dashboard-port", type=int, default=0)
    arguments = parser.parse_args()
    run_head(arguments.data_dir, arguments.dashboard_port)
