"""CPU time and memory by kind of process, read from /proc: Ray's processes, the journal's server, simulators."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
ACTORS: Final = ("front", "esme", "dispatcher", "carrier", "courier", "brain", "limiter", "supervisor")
OWN: Final = "all our own"  # the sum over ACTORS
# Ray's own processes by a word of their command line, in the order in which they are looked for.
RAY_WORDS: Final = (("gcs_server", "ray gcs"), ("raylet/raylet", "ray raylet"))
RAY_REST: Final = "ray rest"  # dashboard, agents, log monitor, the head's process


class Processes:
    """The processes of one running system. ``roots``: kind → process ids; all that descends from ``ray_head`` is told apart by name."""

    def __init__(self, ray_head: int, roots: Mapping[str, Iterable[int]]) -> None:
        self._ray_head = ray_head
        self._roots = {pid: kind for kind, pids in roots.items() for pid in pids}

    def kinds(self) -> dict[int, str]:
        """Every process that lives now, with its kind."""
        found = {pid: ray_kind(_command_line(pid)) for pid in _descendants(self._ray_head)}
        return found | {pid: kind for pid, kind in self._roots.items() if _stat(pid)}

    def cpu_s(self) -> Counter[str]:
        """CPU seconds since the start of each process, summed by kind."""
        spent: Counter[str] = Counter()
        for pid, kind in self.kinds().items():
            fields = _stat(pid)
            if fields:
                # man 5 proc_pid_stat: utime is field 14, stime 15; the list begins with field 3
                spent[kind] += (int(fields[11]) + int(fields[12])) / TICKS_PER_S  # type: ignore[assignment]  # seconds, not counts
        return spent

    def memory_mb(self) -> dict[str, tuple[int, float]]:
        """How many processes of each kind, and their proportional set sizes together in 10^6 octets."""
        found: dict[str, tuple[int, float]] = {}
        for pid, kind in self.kinds().items():
            number, size = found.get(kind, (0, 0.0))
            found[kind] = number + 1, size + _pss_octets(pid) / 1e6
        return found


def ray_kind(command_line: str) -> str:
    """The kind of a process of Ray's by its command line: ours are called ``ray::Front`` and so on."""
    if command_line.startswith("ray::"):
        name = command_line.removeprefix("ray::").partition(".")[0].partition(":")[0].strip().lower()
        return name if name in ACTORS else RAY_REST
    return next((kind for word, kind in RAY_WORDS if word in command_line), RAY_REST)


def spent_between(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """CPU seconds by kind between two readings, our own actors summed too."""
    spent = {kind: after[kind] - before.get(kind, 0.0) for kind in after}
    spent[OWN] = sum(spent.get(kind, 0.0) for kind in ACTORS)
    return spent


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name, [] when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    except OSError:
        return []


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return ""


def _descendants(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [root]
    for pid in found:  # grows while it is walked
        found.extend(children.get(pid, ()))
    return found


def _pss_octets(pid: int) -> int:
    """Shared pages count by the number of their sharers; 0 when the process is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
