"""Software that is not ours: where it is, and programs made with it, run beside the tests."""

import asyncio
import os
import shutil
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
UNPACKED = ROOT / ".trunkline" / "interop" / "root"  # where `make interop` puts Debian's packages, installing nothing
PROGRAMS = Path(__file__).with_name("programs")
DEADLINE_S = 15.0


async def until(condition: Callable[[], Any], what: str = "condition") -> Any:
    """Poll with a deadline."""
    deadline = time.monotonic() + DEADLINE_S
    while not (value := condition()):
        assert time.monotonic() < deadline, f"never: {what}"
        await asyncio.sleep(0.005)
    return value


@cache
def environment() -> dict[str, str]:
    """The environment in which Debian's packages work, wherever they are."""
    if not UNPACKED.is_dir():
        return dict(os.environ)
    libraries = [str(path) for path in (*UNPACKED.glob("usr/lib/*-linux-gnu"), *UNPACKED.glob("lib/*-linux-gnu"))]
    perl = [
        str(path)
        for pattern in ("usr/share/perl5", "usr/lib/*/perl5/[0-9]*", "usr/share/perl/[0-9]*", "usr/lib/*/perl/[0-9]*")
        for path in UNPACKED.glob(pattern)
    ]
    return {
        **os.environ,
        "PATH": os.pathsep.join((os.environ.get("PATH", ""), str(UNPACKED / "usr/bin"), str(UNPACKED / "usr/sbin"))),
        "LD_LIBRARY_PATH": os.pathsep.join(filter(None, (os.environ.get("LD_LIBRARY_PATH", ""), *libraries))),
        "PERL5LIB": os.pathsep.join(filter(None, (os.environ.get("PERL5LIB", ""), *perl))),
        "WIRESHARK_DATA_DIR": str(UNPACKED / "usr/share/wireshark"),
    }


def path_of(program: str) -> str | None:
    """Where a program of Debian's packages is."""
    return shutil.which(program, path=environment()["PATH"])


@cache
def missing() -> dict[str, str]:
    """What is not here of Debian's packages: "perl", "kannel", "tshark" → the package's name. Quick, as every run of tests asks."""
    folders = (UNPACKED / "usr/share/perl5", *map(Path, ("/usr/share/perl5", "/usr/local/share/perl5")))
    found = {}
    if shutil.which("perl") is None or not any((folder / "Net/SMPP.pm").is_file() for folder in folders):
        found["perl"] = "libnet-smpp-perl"
    found |= {
        package: package for package, program in (("kannel", "bearerbox"), ("tshark", "tshark")) if path_of(program) is None
    }
    return found


class Program:
    """A program of ``programs/`` in a process of its own: lines in, lines of key=value out, ended by its id."""

    def __init__(self, *argv: str, listens: bool = True) -> None:
        """``listens``: it ends with its input."""
        self.listens = listens
        self.argv = argv
        self.events: list[dict[str, str]] = []
        self.errors = ""
        self._process: asyncio.subprocess.Process | None = None
        self._readers: list[asyncio.Task[None]] = []

    async def start(self) -> "Program":
        self._process = await asyncio.create_subprocess_exec(
            *self.argv,
            env=environment(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        self._readers = [asyncio.ensure_future(self._read_events()), asyncio.ensure_future(self._read_errors())]
        return self

    async def listening(self) -> int:
        """Its port, when it has one."""
        return int((await self.next("listening"))["port"])

    async def _read_events(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            kind, *pairs = line.decode().strip("\n").split(" ")
            self.events.append({"kind": kind, **dict(pair.split("=", 1) for pair in pairs)})

    async def _read_errors(self) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        while octets := await self._process.stderr.read(4096):
            self.errors += octets.decode("utf-8", "replace")

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    def told(self, kind: str) -> list[dict[str, str]]:
        return [event for event in self.events if event["kind"] == kind]

    async def next(self, kind: str, count: int = 1) -> dict[str, str]:
        """The ``count``-th event of a kind, when it has come."""
        assert self._process is not None
        process = self._process
        await until(
            lambda: len(self.told(kind)) >= count or process.returncode is not None,
            f"{count} of {kind} in {self.events}; {self.errors}",
        )
        assert len(self.told(kind)) >= count, f"ended with {process.returncode}: {self.errors}"
        return self.told(kind)[count - 1]

    def tell(self, line: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")

    async def stop(self) -> None:
        """By the end of its input, else by its id."""
        if self._process is None:
            return
        assert self._process.stdin is not None
        self._process.stdin.close()
        if not self.listens and self.running:
            self._process.kill()
        try:
            await asyncio.wait_for(self._process.wait(), 5)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await asyncio.gather(*self._readers)
