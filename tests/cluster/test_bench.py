"""`trunkline bench` in short on a real system: what is found is checked, and kept with pictures."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(300)  # some twenty seconds on a quiet machine

ROOT = Path(__file__).parents[2]
WITHIN_S = 240.0


def test_a_load_is_measured_checked_and_kept(tmp_path: Path) -> None:
    result = tmp_path / "found.json"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "actors.cli.main",
            "bench",
            "batch-msgpack",
            "--rate",
            "200",
            "--duration",
            "2",
            "--json",
            "--out",
            str(result),
        ],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found == json.loads(result.read_text())
    (row,) = found["rows"]
    (run,) = row["runs"]
    assert (row["name"], found["failed"]) == ("batch-msgpack", {})
    assert run["accepted"] == run["finished"] >= 400
    assert (run["lost"], run["faults"], run["duplicates"]) == (0, [], 0)
    assert run["cost"]["cpu_s"]["carrier"] > 0
    assert run["cost"]["batches"]["accept"] > 1
    assert run["cost"]["actor_calls"]["offer"] >= 1
    assert run["series"]["finished"][-1] == run["finished"]
    assert {verdict["figure"] for verdict in row["verdicts"]} == {"messages/s", "own CPU, µs a message"}
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["found-batch-msgpack.png", "found-cpu.png"]
    assert not list((tmp_path / ".trunkline").glob("bench-*"))  # the world is gone
