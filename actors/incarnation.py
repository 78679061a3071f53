"""Which process this is, told in a way that lets a successor see whether it still lives."""

import os
from pathlib import Path


def _stat(pid: int) -> list[str]:
    # man 5 proc_pid_stat, from field 3 on; the command name before it may contain spaces and parentheses.
    return Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()


def _start_ticks(pid: int) -> str:
    return _stat(pid)[19]


def is_over(pid: int) -> bool:
    """Whether a process that /proc still has has ended, and only its parent has not taken note of it; raises ``OSError`` when it is gone.

    Its first thread may end before others, which go on with what they do, and hold its sockets, while the process is already told
    as a zombie. Only one without any other thread is over.
    """
    told = _stat(pid)
    return told[0] in {"Z", "X"} and int(told[17]) <= 1


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def incarnation() -> str:
    """This process: boot, process id and start time; unique over machines and restarts."""
    pid = os.getpid()
    return f"{_boot_id()}:{pid}:{_start_ticks(pid)}"


def incarnation_of(pid: int) -> str:
    """Another process of this machine; "" when it cannot be seen from here."""
    try:
        return f"{_boot_id()}:{pid}:{_start_ticks(pid)}"
    except (FileNotFoundError, ProcessLookupError):
        return ""


def is_local(other: str) -> bool:
    """Whether that incarnation is, or was, a process of this machine."""
    return other.partition(":")[0] == _boot_id()


def surely_dead(other: str) -> bool:
    """Whether that incarnation can be seen not to run any more: it was of this machine's boot, and is gone."""
    boot, _, rest = other.partition(":")
    pid, _, ticks = rest.partition(":")
    if boot != _boot_id() or not pid.isdigit():
        return False
    try:
        return _start_ticks(int(pid)) != ticks or is_over(int(pid))
    except (FileNotFoundError, ProcessLookupError):
        return True
