"""A running system restarted onto new code, actor by actor, while requests come: none fails, nothing is lost, nothing is sent twice."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from cluster_around import ROOT, until
from cluster_steady import Steady

if TYPE_CHECKING:
    from tests.cluster.world import World

pytestmark = pytest.mark.timeout(900)

RATE = 100
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


def upgraded_under_load(world: "World", code: Path) -> tuple[list[str], Steady]:
    """Change the code, upgrade to it while requests come, and see that every one of them was answered."""
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
    took_s = sorted(steady.took_s)
    print("\n".join(said), dict(steady.counts), f"median {took_s[len(took_s) // 2]:.3f} s, slowest {took_s[-1]:.3f} s")
    assert steady.failures == []
    assert len(set(steady.ids.values())) == len(steady.ids) == steady.counts["202"]
    world.wait_ready(60)
    return said, steady


def settled(world: "World", sent: int) -> None:
    """Every message has reached its end, and the simulators have seen each of them once."""
    until(lambda: world.arrived() >= sent, "everything sent", within_s=90, every_s=0.3)
    world.quiet()
    verdict = world.check()
    assert list(verdict.faults) == []
    assert verdict.counts["accepted"] == verdict.counts["DELIVERED"] == sent
    assert verdict.counts["live"] == 0
    assert world.arrived() == sent


def codes(rows: dict[str, dict[str, Any]]) -> set[str]:
    return {row["code"] for row in rows.values()}


def test_new_code_comes_in_under_load_and_nobody_notices(own_code_world: "World", code: Path) -> None:
    world = own_code_world
    api = msgspec.structs.replace(world.settings.api, fronts=2)
    world.apply(msgspec.structs.replace(world.settings, api=api))
    until(lambda: "front:#1" in world.overview(), "two fronts", within_s=30)
    world.wait_ready(60)
    before = world.overview()

    said, first = upgraded_under_load(world, code)
    after = world.overview()
    assert after.keys() == before.keys()
    assert not {row["pid"] for row in after.values()} & {row["pid"] for row in before.values()}
    assert (len(codes(before)), len(codes(after)), len(codes(before) & codes(after))) == (1, 1, 0)
    assert all(any(line.startswith(f"{name}: drained") for line in said) for name in after), said
    settled(world, len(first.ids))

    # -- a single front, and another one that stands in for it
    world.apply(world.settings)
    until(lambda: "front:#1" not in world.overview(), "one front", within_s=60)
    world.wait_ready(60)
    said, second = upgraded_under_load(world, code)
    doings = [line.split(",")[0] for line in said if line.startswith("front")]
    assert doings == ["front:#1: stands in", "front:#0: drained", "front:#1: ended"]
    assert not codes(world.overview()) & codes(after)
    assert not [name for name in world.driver.ask("actors") if name == "front:#1"]
    settled(world, len(first.ids) + len(second.ids))
