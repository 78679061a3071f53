"""A power cut of the journal's machine: its server ends at once, and of its file only what was synced is left."""

import fcntl
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from actors.cli.chaos.victims import send_signal, until
from actors.cli.chaos.world import World
from actors.journal.server import is_alive

GONE_S: Final = 10.0


def cut_power(world: World) -> None:
    """End the server and take from its file what was never synced, before anybody starts it again. Raises ``RuntimeError``."""
    server, shim = world.server, world.shim
    pid = server.pid()
    if pid is None or shim is None:
        raise RuntimeError("no server, or no shim under it")
    with _start_locked(server.folder):
        send_signal(pid, signal.SIGKILL)
        until(lambda: not is_alive(pid), GONE_S)
        file = newest_file(server.folder / "data")
        octets = shim.synced(file)
        if octets is None:
            raise RuntimeError("the server does not run under the shim")
        if octets < file.stat().st_size:
            os.truncate(file, octets)


@contextmanager
def _start_locked(folder: Path) -> Iterator[None]:
    """Nobody starts the server of this folder meanwhile."""
    with (folder / "start.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def newest_file(data: Path) -> Path:
    """The append-only file that is being written (the manifest's last one of type i); raises ``RuntimeError``."""
    folder = data / "appendonlydir"
    manifest = (folder / "appendonly.aof.manifest").read_text("ascii")
    found = re.findall(r"^file (\S+) seq (\d+) type i", manifest, re.MULTILINE)
    if not found:
        raise RuntimeError("the manifest names no file that is being written")
    return folder / max(found, key=lambda one: int(one[1]))[0]
