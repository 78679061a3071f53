"""Ray under Trunkline: start a cluster of our own on the loopback interface, or join the one that RAY_ADDRESS names.

``ray start`` and ``ray.init`` replace 127.0.0.1 by the machine's outward address and then listen on all interfaces
(services.resolve_ip_for_localhost, Ray 2.60). A node built directly keeps 127.0.0.1, and then every one of its servers stays on the
loopback interface; ``stay_on_loopback`` is the same for whoever connects. Token authentication is always on: a cluster that lets
anybody in lets anybody run code in it (CVE-2023-48022), so none is joined that does not ask for the token.
"""

import argparse
import os
import secrets
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from actors.gcs import StepsBack, end_gcs, keep_tables, start_gcs_again
from actors.processes import adopt_orphans, bury, descendants, incarnations, outlive, serves_journal
from actors.reserve import HOOK, PREPARE
from actors.spare import spare_of

LOOPBACK: Final = "127.0.0.1"
NAMESPACE: Final = "trunkline"
OBJECT_STORE_BYTES: Final = 100_000_000  # nothing of ours goes through it: calls stay below 100 kB
CPUS_OFFERED: Final = (
    64  # actors ask for next to none; the figure only keeps Ray from prestarting one worker a core of a big machine
)
READY_LINE: Final = "ray ready"
GCS_LOOK_S: Final = 0.1  # how often the head looks whether Ray's control store still runs
HEADLESS_S: Final = 86_400  # so long a node waits for a new head; Ray ends it, and all actors on it, after a minute
BURY_S: Final = 5.0  # how often the node looks for children that have ended
LEAVE_S: Final = 5.0  # how long what Ray has started may take to end

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
    # Ray looks at a node every 3 s and gives it up after five failures, 15 s after its death was there to be seen: looks at a
    # machine that runs are refused at once then, and cost next to nothing. A machine that has gone refuses nothing, and a starved
    # one is late: a look waits so long for its answer, that is 12.5 s of silence, as the supervisor gives an actor 15 s.
    os.environ.setdefault("RAY_health_check_period_ms", "500")
    os.environ.setdefault("RAY_health_check_timeout_ms", "2000")
    # Who calls an actor that has died hears of it, and that it is back, when Ray looks through such calls: measured, every 2 s at
    # its own second for each of the two.
    os.environ.setdefault("RAY_core_worker_internal_heartbeat_ms", "200")
    os.environ.setdefault("RAY_timeout_ms_task_wait_for_death_info", "100")
    # Ray times each step of its own work for a debug file. Measured: without it a call costs 0.38 and 0.42 ms of CPU at its two
    # ends instead of 0.45 and 0.50 (three alternating runs of 2,000 calls, ten at a time).
    os.environ.setdefault("RAY_event_stats", "0")
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
    with _own_handler():
        ray.init(address=address, namespace=NAMESPACE, log_to_driver=False, configure_logging=False, **options)


@contextmanager
def _own_handler() -> Iterator[None]:
    """Whoever handles SIGTERM goes on doing so. Ray puts itself in the place, and aborts the process three seconds after the signal."""
    handler = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if callable(handler) and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)


def disconnect() -> None:
    """Let go of the cluster. A process still attached to one that has ended is ended by Ray a minute later."""
    import ray

    ray.shutdown()


def run_head(data_dir: Path, dashboard_port: int, *, host: str = LOOPBACK, port: int = 0, again: bool = False) -> None:
    """Run a head node in this process until SIGTERM; prints ``ray ready ADDRESS DASHBOARD`` when it is up.

    Raises ``SystemExit`` when its raylet has ended: whoever looks after the machine has to start it again.
    ``again``: it goes on with what a head of this data folder knew, if there was one: the nodes that outlived it find it at the
    same ``host`` and ``port``, and it has the actors that ran on it started anew.
    """
    use_token(data_dir)
    keep_tables(data_dir, again=again)
    _run(
        host,
        head=True,
        gcs_server_port=port or None,
        include_dashboard=True,
        dashboard_host=LOOPBACK,
        dashboard_port=dashboard_port or None,
    )


def run_node(data_dir: Path, address: str, *, host: str = LOOPBACK, labels: Mapping[str, str] | None = None) -> None:
    """Run a further node of the cluster whose head is at ``address``, in the same way.

    All nodes of one machine have 127.0.0.1: one at 127.0.0.2 has Ray listen on all interfaces (2.60, by /proc/net/tcp).
    """
    use_token(data_dir)
    os.environ.setdefault("RAY_gcs_rpc_server_reconnect_timeout_s", str(HEADLESS_S))
    if host == LOOPBACK:
        stay_on_loopback()
    _run(host, head=False, gcs_address=address, labels=dict(labels or {}))


def _run(host: str, *, head: bool, **parameters: Any) -> None:
    from ray._private.node import Node
    from ray._private.parameter import RayParams

    os.environ[HOOK] = PREPARE
    adopt_orphans()  # Ray's agents and workers, once the raylet has died; a worker whose timers have stopped does not end with it
    node = Node(
        RayParams(
            node_ip_address=host,
            num_cpus=CPUS_OFFERED,
            num_gpus=0,
            dashboard_agent_listen_port=0,
            # It sends what actors print to whoever has called ``ray.init``, which nobody reads: 1 % of a core, 70 MB.
            include_log_monitor=False,  # type: ignore[arg-type]  # Ray says str, and asks whether it is true
            min_worker_port=0,
            max_worker_port=0,
            object_store_memory=OBJECT_STORE_BYTES,
            temp_dir=f"/tmp/trunkline-ray-{os.getuid()}",  # noqa: S108 (Ray's sockets need a short path; the folder is ours, 0700)
            **parameters,
        ),
        head=head,
        shutdown_at_exit=True,
        spawn_reaper=True,
    )
    # After the node has put its own handlers there, which drain a node for half a minute: our actors are drained by their supervisor.
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    sys.stdout.write(f"{READY_LINE} {node.gcs_address} {node.webui_url if head else '-'}\n")
    sys.stdout.flush()
    spare = spare_of(node)
    raylet = node.all_processes["raylet"][0].process  # ends by itself when the head took the node for dead
    steps = StepsBack(time.time() - time.monotonic())
    bury_s = 0.0
    while not stopped.wait(GCS_LOOK_S) and raylet.poll() is None:
        if head:
            if steps.seen(time.time() - time.monotonic()):
                end_gcs(node)
            start_gcs_again(node, host)
        now_s = time.monotonic()
        spare.look(now_s)
        if now_s >= bury_s:
            bury(_started_by(node))
            bury_s = now_s + BURY_S
    below = incarnations(pid for pid in descendants(os.getpid()) if not serves_journal(pid))
    node.kill_all_processes(check_alive=False, allow_graceful=True)
    # Ray's agents would first tell the head of it, and wait as long for one that is lost as any of their node does.
    outlive(below, LEAVE_S)
    if not stopped.is_set():
        raise SystemExit("the raylet has ended, and so does its node")


def _started_by(node: Any) -> set[int]:
    """Processes that the node's own object waits for."""
    return {one.process.pid for some in node.all_processes.values() for one in some}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--dashboard-port", type=int, default=0)
    parser.add_argument("--join", metavar="ADDRESS", help="a further node of the cluster with this head")
    parser.add_argument("--label", action="append", default=[], metavar="NAME=VALUE")
    arguments = parser.parse_args()
    if arguments.join:
        run_node(arguments.data_dir, arguments.join, labels=dict(word.split("=", 1) for word in arguments.label))
    else:
        run_head(arguments.data_dir, arguments.dashboard_port)
