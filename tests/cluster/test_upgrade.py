"""A running system restarted onto new code, actor by actor, while requests come: none fails, nothing is lost, nothing is sent twice."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from cluster_steady import Steady
from cluster_world import ROOT, until

if TYPE_CHECKING:
    from tests.cluster.world import World

pytestmark = pytest.mark.timeout(420)

RATE = 150
UPGRADE_S = 240.0
PACKAGES = ("router", "carriers", "actors", "sims")


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A copy of the code that can be changed."""
    folder = tmp_path / "code"
    for name in PACKAGES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def upgrade(world: "World", code: Path) -> list[str]:
    """What ``trunkline upgrade`` says."""
    told = subprocess.run(
        [sys.executable, "-m", "actors.cli.main", "upgrade", "--data-dir", str(world.data_dir)],
        env=os.environ | {"PYTHONPATH": str(code)},
        cwd=code,
        capture_output=True,
        text=True,
        timeout=UPGRADE_S,
        check=False,
    )
    assert told.returncode == 0, (told.stdout, told.stderr)
    return told.stdout.splitlines()


def test_new_code_comes_in_under_load_and_nobody_notices(own_code_world: "World", code: Path) -> None:
    world = own_code_world
    api = msgspec.structs.replace(world.settings.api, fronts=2)
    world.apply(msgspec.structs.replace(world.settings, api=api))
    until(lambda: "front:#1" in world.overview(), "two fronts", within_s=30)
    world.wait_ready(60)
    before = world.overview()
    assert len({row["code"] for row in before.values()}) == 1

    with (code / "router" / "ids.py").open("a") as source:
        source.write("\n# another release\n")
    steady = Steady(world.api, world.keys["load"], RATE)
    try:
        until(lambda: len(steady.ids) > RATE, "load", within_s=30)
        said = upgrade(world, code)
        done = len(steady.ids)
        until(lambda: len(steady.ids) > done + RATE, "load goes on", within_s=30)
    finally:
        steady.stop()
    print(
        "\n".join(said),
        dict(steady.counts),
        f"median {sorted(steady.took_s)[len(steady.took_s) // 2]:.3f} s, slowest {max(steady.took_s):.3f} s",
    )

    # -- every actor is another process, of the new code
    world.wait_ready(60)
    after = world.overview()
    assert after.keys() == before.keys()
    assert not {row["pid"] for row in after.values()} & {row["pid"] for row in before.values()}
    assert len({row["code"] for row in after.values()}) == 1
    assert {row["code"] for row in after.values()} != {row["code"] for row in before.values()}
    assert all(any(line.startswith(f"{name}: drained") for line in said) for name in after), said

    # -- no request failed, no message was lost, none was sent twice
    assert steady.failures == []
    assert len(set(steady.ids.values())) == len(steady.ids) == sum(n for word, n in steady.counts.items() if word == "202")
    until(lambda: world.arrived() >= len(steady.ids), "everything sent", within_s=60, every_s=0.3)
    world.quiet()
    verdict = world.check()
    assert list(verdict.faults) == []
    assert verdict.counts["accepted"] == len(steady.ids)
    assert verdict.counts["live"] == 0
    assert verdict.counts["DELIVERED"] == len(steady.ids)
    assert world.arrived() == len(steady.ids)
