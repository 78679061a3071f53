"""When a worker is asked for, seen at real processes that call themselves as Ray's workers do."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from actors.reserve import IDLE
from actors.spare import KEPT, LOOK_S, STARTS_S, Spare, titles


@contextmanager
def worker(title: str) -> Iterator[int]:
    process = subprocess.Popen([title, "-c", "import sys; sys.stdin.read()"], executable=sys.executable, stdin=subprocess.PIPE)
    shown = Path(f"/proc/{process.pid}/cmdline")
    deadline_s = time.monotonic() + 10.0
    while not shown.read_bytes().startswith(title.encode()):  # the kernel shows the new program's words a moment after it runs
        assert time.monotonic() < deadline_s
    try:
        yield process.pid
    finally:
        process.communicate()


def spare(installed: Path = Path("/nowhere")) -> tuple[Spare, list[int]]:
    asked: list[int] = []
    return Spare(os.getpid(), asked.append, installed), asked


def test_workers_are_known_by_what_they_call_themselves() -> None:
    with worker("ray::Carrier.offer args") as carrier, worker(IDLE) as idle, worker("python3"):
        assert titles(os.getpid()) == {carrier: "ray::Carrier.offer", idle: IDLE}
    assert titles(os.getpid()) == {}


def test_nobody_is_asked_while_there_are_no_actors_or_enough_are_in_reserve() -> None:
    mine, asked = spare()
    with worker("ray::DashboardAgent"):
        for turn in range(4):
            mine.look(turn * LOOK_S)
        with worker("ray::Carrier"), worker(IDLE), worker(IDLE), worker(IDLE):
            for turn in range(4, 8):
                mine.look(turn * LOOK_S)
    assert asked == []


def test_what_is_missing_is_asked_for_and_again_when_it_was_taken() -> None:
    mine, asked = spare()
    with worker("ray::Carrier"):
        with worker(IDLE), worker(IDLE):
            mine.look(0.0)
            mine.look(LOOK_S)
            assert asked == [1]
            with worker(IDLE):
                mine.look(2 * LOOK_S)
        mine.look(3 * LOOK_S)  # all have been taken, long before a worker that never came would be asked for again
        mine.look(4 * LOOK_S)
    assert asked == [1, KEPT]


def test_some_are_asked_for_when_nothing_has_begun_or_ended_between_two_looks() -> None:
    mine, asked = spare()
    with worker("ray::Carrier"):
        mine.look(0.0)
        mine.look(LOOK_S / 2)  # too early to look again
        assert asked == []
        with worker("ray::Front"):
            mine.look(LOOK_S)
            assert asked == []
        mine.look(2 * LOOK_S)
        mine.look(3 * LOOK_S)
        assert asked == [KEPT]
        mine.look(4 * LOOK_S)  # they are on their way
        assert asked == [KEPT]
        mine.look(3 * LOOK_S + STARTS_S)  # and do not come
        assert asked == [KEPT, KEPT]


def test_a_request_that_fails_is_made_again() -> None:
    calls = []

    def fail(workers: int) -> None:
        calls.append(workers)
        raise RuntimeError

    mine = Spare(os.getpid(), fail, Path("/nowhere"))
    with worker("ray::Carrier"):
        for moment_s in (0.0, LOOK_S, LOOK_S + STARTS_S):
            mine.look(moment_s)
    assert calls == [KEPT, KEPT]


def test_what_waits_in_reserve_is_ended_when_something_is_installed_and_what_works_is_not(tmp_path: Path) -> None:
    mine, _ = spare(tmp_path)
    with worker("ray::Carrier") as carrier, worker(IDLE) as idle:
        mine.look(0.0)
        assert titles(os.getpid()) == {carrier: "ray::Carrier", idle: IDLE}
        before_ns = tmp_path.stat().st_mtime_ns
        (tmp_path / "something-1.0.dist-info").mkdir()
        os.utime(tmp_path, ns=(before_ns + 1, before_ns + 1))
        mine.look(LOOK_S)
        assert os.waitstatus_to_exitcode(os.waitpid(idle, 0)[1]) == -signal.SIGTERM
        assert titles(os.getpid()) == {carrier: "ray::Carrier"}


def test_in_reserve_a_worker_imports_most_of_what_a_front_needs_and_nothing_of_ours() -> None:
    looked = """
import importlib, sys
from ray._raylet import setproctitle
import ray._private.worker
setproctitle("ray::IDLE")
from actors import reserve
reserve.WAIT_S = 0.0
reserve._import_when_idle()
before = set(sys.modules)
import actors.leaves.front
print(sum(name.split(".")[0] in {"router", "carriers"} for name in before), len(before))
print(sum(name.split(".")[0] not in {"router", "carriers", "actors"} for name in set(sys.modules) - before))
"""
    told = subprocess.run([sys.executable, "-c", looked], capture_output=True, text=True, check=True, timeout=60.0)
    ours, _, others = map(int, told.stdout.split())
    assert ours == 0
    assert others < 30  # of some five hundred


def test_a_worker_that_has_become_an_actor_imports_nothing_more() -> None:
    looked = """
import sys
from ray._raylet import setproctitle
setproctitle("ray::Carrier")
from actors import reserve
reserve.WAIT_S = 0.0
reserve._import_when_idle()
print("fastapi" in sys.modules)
"""
    told = subprocess.run([sys.executable, "-c", looked], capture_output=True, text=True, check=True, timeout=60.0)
    assert told.stdout.strip() == "False"


def test_an_actor_begins_when_nothing_is_being_imported_any_more() -> None:
    looked = """
import threading, time, types
from ray._raylet import setproctitle
import ray._private.worker
setproctitle("ray::IDLE")
from actors import reserve
reserve.WAIT_S = 0.0
begun, ended = threading.Event(), []

def slow(package):
    begun.set()
    time.sleep(0.3)
    ended.append(package)

reserve.importlib = types.SimpleNamespace(import_module=slow)
reserve.prepare()
begun.wait(30)
import actors.leaves
print(len(ended), any(thread.name == "trunkline-reserve" for thread in threading.enumerate()))
"""
    told = subprocess.run([sys.executable, "-c", looked], capture_output=True, text=True, check=True, timeout=60.0)
    assert told.stdout.split() == ["1", "False"]
