"""Processes below one of ours, as /proc tells of them."""

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Final

from actors.incarnation import incarnation_of, surely_dead

LOOK_S: Final = 0.05
JOURNAL_SERVERS: Final = ("valkey-server", "redis-server")
_PR_SET_CHILD_SUBREAPER: Final = 36  # linux/prctl.h


def adopt_orphans() -> None:
    """Have what is below this process stay below it when what started it ends: ``descendants`` finds it still."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def bury(but: Collection[int]) -> None:
    """Take note of the end of children that were adopted; of those in ``but`` somebody else does."""
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):
            for child in (task / "children").read_text().split():
                if int(child) not in but:
                    with contextlib.suppress(ChildProcessError):
                        os.waitpid(int(child), os.WNOHANG)


def descendants(pid: int) -> set[int]:
    """Every process below this one."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError, ValueError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def program(pid: int) -> str:
    """The file name of the program that a process runs; "" when it is gone."""
    try:
        return Path(os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes().partition(b"\0")[0])).name
    except OSError:
        return ""


def serves_journal(pid: int) -> bool:
    """Whether this is a journal's server, which outlives whoever started it."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip() in JOURNAL_SERVERS
    return False


def incarnations(pids: Iterable[int]) -> list[str]:
    """Those of them that run, told so that a number used again means nothing."""
    return [one for pid in pids if (one := incarnation_of(pid))]


def outlive(processes: Iterable[str], within_s: float) -> list[str]:
    """Wait for the end of incarnations, and kill what is left of them after that time; which these were."""
    deadline_s = time.monotonic() + within_s
    left = list(processes)
    while (left := [one for one in left if not surely_dead(one)]) and time.monotonic() < deadline_s:
        time.sleep(LOOK_S)
    for one in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(one.split(":")[1]), signal.SIGKILL)
    return left
