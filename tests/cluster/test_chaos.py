"""``trunkline chaos``: a short mix that kills each kind of process once; and a breach, which it must find."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from actors.journal import EmbeddedServer

pytestmark = pytest.mark.timeout(700)  # a minute and a half on a quiet machine

ROOT = Path(__file__).parents[2]
WITHIN_S = 600.0
GONE_S = 90.0
KILLED = ("front", "esme", "limiter", "brain", "dispatcher", "carrier", "courier", "supervisor", "journal", "raylet", "gcs")


@contextmanager
def chaos(folder: Path, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """A run of the command, ended with the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "actors.cli.main", "chaos", "--folder", str(folder), "--json", str(folder / "result"), *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=60)


def result(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "result").read_text()))


def left(folder: Path) -> list[int]:
    """Processes of this run that still live."""
    mark = os.fsencode(folder)
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except OSError:
                continue
            if mark in words:
                found.append(int(entry.name))
    return found


def gone(folder: Path) -> bool:
    """Ray's own helpers end by themselves some time after the node that was killed under them."""
    deadline_s = time.monotonic() + GONE_S
    while left(folder) and time.monotonic() < deadline_s:
        time.sleep(0.1)
    remaining = left(folder)
    for process in remaining:
        sys.stdout.write((Path("/proc") / str(process) / "cmdline").read_text().replace("\0", " ") + "\n")
    return not remaining


def test_a_short_mix_kills_each_kind_once_and_loses_nothing(tmp_path: Path) -> None:
    # The seed kills the courier first: what it held is tried again after its lease of a minute. Times to recover are a quiet machine's: here others may run beside it, and what is asked is that all come back.
    arguments = ("--faults", "short", "--duration", "50", "--rate", "120", "--seed", "11", "--patience", "40", "--only-once")
    with chaos(tmp_path, *arguments) as process:
        told, _ = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 0, told
    found = result(tmp_path)
    made = Counter(fault["kind"] for fault in found["faults"])
    assert {f"kill.{kind}" for kind in KILLED} <= set(made), told
    assert [fault for fault in found["faults"] if fault["failed"] or fault["back_s"] is None] == []
    totals = found["totals"]
    assert totals["accepted"] > 5_000
    assert (totals["lost"], totals["stuck"]) == (0, 0)
    assert totals["duplicates"] <= totals["duplicates_bound"]
    assert found["doubled"].get("no carrier's fault", 0) == 0
    assert found["verdict"]["clean"]
    assert "I1 every message ends" in found["verdict"]["passed"]
    assert gone(tmp_path)


def test_a_message_that_vanishes_from_the_journal_is_found(tmp_path: Path) -> None:
    arguments = (
        "--faults",
        "webhook.reset",
        "--duration",
        "12",
        "--rate",
        "40",
        "--seed",
        "4",
        "--patience",
        "20",
        "--drain",
        "20",
    )
    with chaos(tmp_path, *arguments) as process:
        taken = take_one_away(tmp_path / "data" / "journal")
        told, _ = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 1, told
    found = result(tmp_path)
    assert found["totals"]["lost"] == 1
    assert {"I1 every message ends"} <= set(found["verdict"]["breached"])
    assert taken in "".join(breach["message"] for breach in found["verdict"]["breaches"])
    assert gone(tmp_path)


def take_one_away(folder: Path) -> str:
    """Remove a message from the journal behind its back; returns its id as the API writes it."""
    from router.ids import MessageId, to_text

    deadline_s = time.monotonic() + 300
    while True:
        assert time.monotonic() < deadline_s, "no message in the journal"
        server = EmbeddedServer(folder)
        if server.running():
            with redis.Redis.from_url(server.url) as client:
                for key in client.scan_iter("*:m", count=1_000):
                    ids = client.hkeys(key)
                    if ids:
                        client.hdel(key, ids[0])
                        client.hdel(key[:-1] + b"s", ids[0])
                        return to_text(MessageId(ids[0]))
        time.sleep(0.2)
