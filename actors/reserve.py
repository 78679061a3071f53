"""What a worker of Ray does while it waits in reserve: it imports what our actors need of others' packages.

So the actor that is started again in it need not. Only others' packages: ours are read when the actor begins, so that a process
that waited through an upgrade still runs what is installed then. Imports nothing of ours, for the same reason.
"""

import contextlib
import importlib
import threading
from collections.abc import Callable
from typing import Final

HOOK: Final = "__RAY_WORKER_PROCESS_SETUP_HOOK_ENV_VAR"  # where a worker looks for a function to call first (Ray 2.60)
PREPARE: Final = "actors.reserve.prepare"
IDLE: Final = "ray::IDLE"
WAIT_S: Final = 1.5  # a worker that was started for an actor has it by then
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


_over: Final = threading.Event()


def prepare() -> None:
    """Begin to wait. Called by Ray in each worker before it takes work; returns at once."""
    _thread.start()


def end() -> None:
    """Import nothing more; returns when nothing is being imported. An actor begins with it.

    Two threads that import one package from two ends are each let on by Python with what the other has half read: seen as fronts
    that never came up, "cannot import name 'get_openapi' from partially initialized module", on a machine so busy that an actor
    came to a worker in the midst of its imports.
    """
    _over.set()
    if _thread.is_alive():
        _thread.join()


def _import_when_idle() -> None:
    import ray._raylet as worker

    title: Callable[[], str] = worker.getproctitle  # type: ignore[attr-defined]  # Ray's stubs leave it out
    _over.wait(WAIT_S)
    for package in PACKAGES:
        if _over.is_set() or title() != IDLE:
            return
        with contextlib.suppress(ImportError):
            importlib.import_module(package)


_thread: Final = threading.Thread(target=_import_when_idle, name="trunkline-reserve", daemon=True)
