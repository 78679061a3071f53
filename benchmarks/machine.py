"""Where a measurement was made."""

import asyncio
import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec

from benchmarks.meter import Meter


class Machine(msgspec.Struct, kw_only=True):
    """What a reader must know to compare."""

    at: str
    commit: str
    cores: int
    cpu: str
    memory_gb: float
    kernel: str
    python: str
    ray: str
    server: str = ""  # known once a journal runs


def machine() -> Machine:
    """This machine, now."""
    return Machine(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=commit(),
        cores=len(os.sched_getaffinity(0)),
        cpu=_cpu(),
        memory_gb=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        kernel=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        ray=version("ray"),
    )


def server_of(url: str) -> str:
    """The journal's server, its version and durability."""
    return asyncio.run(_server_of(url))


async def _server_of(url: str) -> str:
    meter = Meter(url)
    try:
        return await meter.version()
    finally:
        await meter.close()


def commit() -> str:
    """The short name of the commit, with a plus when files differ from it; "unknown" outside a repository."""
    try:
        name = _git("rev-parse", "--short", "HEAD")
        return name + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], check=True, capture_output=True, text=True, cwd=Path(__file__).parent)  # noqa: S607 (git is wherever PATH says)
    return done.stdout.strip()


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
