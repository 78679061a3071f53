"""What a worker of Ray does while it waits in reserve: it imports what our actors need of others' packages.

So the actor that is started again in it need not. Only others' packages: ours are read when the actor begins, so that a process
that waited through an upgrade still runs what is installed then. Imports nothing of ours, for the same reason.
"""

import contextlib
import importlib
import threading
import time
from collections.abc import Callable
from typing import Final

HOOK: Final = "__RAY_WORKER_PROCESS_SETUP_HOOK_ENV_VAR"  # where a worker looks for a function to call first (Ray 2.60)
PREPARE: Final = "actors.reserve.prepare"
IDLE: Final = "ray::IDLE"
WAIT_S: Final = 3.0  # a worker that was started for an actor has it by then
# Measured, for a front: 0.6 s of the 1.0 s of CPU between its process and its first request.
PACKAGES: Final = (
    "numpy.random",
    "msgspec.msgpack",
    "msgspec.json",
    "redis.asyncio",
    "hiredis",
    "prometheus_client",
    "cryptography.hazmat.primitives.ciphers.aead",
    "fastapi.openapi.utils",
    "uvicorn.protocols.http.httptools_impl",
    "uvicorn.lifespan.off",
    "uvloop",
    "aiohttp",
    "smpplib.client",
    "numpy.polynomial",
)


def prepare() -> None:
    """Begin to wait. Called by Ray in each worker before it takes work; returns at once."""
    threading.Thread(target=_import_when_idle, name="trunkline-reserve", daemon=True).start()


def _import_when_idle() -> None:
    import ray._raylet as worker

    title: Callable[[], str] = worker.getproctitle  # type: ignore[attr-defined]  # Ray's stubs leave it out
    time.sleep(WAIT_S)
    for package in PACKAGES:
        if title() != IDLE:
            return
        with contextlib.suppress(ImportError):
            importlib.import_module(package)
