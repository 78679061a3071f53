"""When a worker is asked for, seen at real processes that call themselves as Ray's workers do."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from actors.spare import IDLE, LOOK_S, STARTS_S, Spare, titles


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


def spare() -> tuple[Spare, list[float]]:
    asked: list[float] = []
    return Spare(os.getpid(), lambda: asked.append(1.0)), asked


def test_workers_are_known_by_what_they_call_themselves() -> None:
    with worker("ray::Carrier.offer args") as carrier, worker(IDLE) as idle, worker("python3"):
        assert titles(os.getpid()) == {carrier: "ray::Carrier.offer", idle: IDLE}
    assert titles(os.getpid()) == {}


def test_nobody_is_asked_while_there_are_no_actors_or_one_is_in_reserve() -> None:
    mine, asked = spare()
    with worker("ray::DashboardAgent"):
        for turn in range(4):
            mine.look(turn * LOOK_S)
        with worker("ray::Carrier"), worker(IDLE):
            for turn in range(4, 8):
                mine.look(turn * LOOK_S)
    assert asked == []


def test_one_is_asked_for_when_nothing_has_begun_or_ended_between_two_looks() -> None:
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
        assert len(asked) == 1
        mine.look(4 * LOOK_S)  # it is on its way
        assert len(asked) == 1
        mine.look(3 * LOOK_S + STARTS_S)  # and does not come
        assert len(asked) == 2


def test_a_request_that_fails_is_made_again() -> None:
    calls = []

    def fail() -> None:
        calls.append(1)
        raise RuntimeError

    mine = Spare(os.getpid(), fail)
    with worker("ray::Carrier"):
        for moment_s in (0.0, LOOK_S, LOOK_S + STARTS_S):
            mine.look(moment_s)
    assert len(calls) == 2
