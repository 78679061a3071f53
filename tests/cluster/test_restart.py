"""Stopping, starting again, and changing how many of each run."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from cluster_around import until

from router.settings import Settings

if TYPE_CHECKING:
    from tests.cluster.world import World

pytestmark = pytest.mark.timeout(240)  # the first test of a session starts the system, the last one stops it

RATE = 500
LOAD_S = 6


def scaled(settings: Settings, **workers: Any) -> Settings:
    fronts = workers.pop("fronts")
    return msgspec.structs.replace(
        settings,
        api=msgspec.structs.replace(settings.api, fronts=fronts),
        workers=msgspec.structs.replace(settings.workers, **workers),
    )


def partitions(world: "World") -> list[int]:
    rows = world.overview()
    return [row.get("partitions", 0) for name, row in sorted(rows.items()) if name.startswith("dispatcher:")]


def test_scaling_spreads_the_work_and_a_restart_keeps_what_waits(own_world: "World", tmp_path: Path) -> None:
    world = own_world

    # -- two of everything, while it runs
    world.apply(scaled(world.settings, fronts=2, dispatchers=2, couriers=2, limiters=2))
    until(lambda: partitions(world) == [32, 32], "partitions shared", within_s=30)
    world.wait_ready()
    with world.load(tmp_path, "--rate", str(RATE), "--duration", str(LOAD_S), "--retry", "--follow") as load:
        result = load.result(90)
    assert result["accepted"] == RATE * LOAD_S
    assert result["lost"] == 0
    assert set(result["final"]) == {"delivered"}
    page = world.call("GET", "/metrics").body.decode()
    assert page
    counts = [world.ping(f"dispatcher:#{index}") for index in range(2)]
    assert all(counts)

    # -- and back to one
    world.apply(scaled(world.settings, fronts=1, dispatchers=1, couriers=1, limiters=1))
    until(lambda: partitions(world) == [64], "partitions in one hand", within_s=30)
    until(lambda: not [n for n in world.driver.ask("actors") if n.endswith("#1")], "the second ones ended", within_s=30)
    assert world.final(world.send("+4915199999999"))["status"] == "delivered"

    # -- stopped with messages that no carrier could take
    for sim in world.sims.values():
        sim.change(outage=True)
    until(lambda: not any(row["bound"] for row in world.carriers().values()), "no carrier bound", within_s=10)
    to = [f"+4915188{at:06d}" for at in range(50)]
    ids = [world.send(one, f"Nr {at}") for at, one in enumerate(to)]
    assert {world.message(one)["status"] for one in ids} <= {"accepted", "queued"}
    world.down()
    assert world.server.pid() is None
    left = set(world.pids()) - {world.driver.process.pid}
    until(lambda: not set(world.pids()) - {world.driver.process.pid}, f"processes gone: {left}", within_s=15)

    for sim in world.sims.values():
        sim.calm()
    world.up()
    for at, one in enumerate(ids):
        message = world.final(one, within_s=30)
        assert message["status"] == "delivered"
        assert [arrived["text"] for arrived in world.at_simulators(to[at])] == [f"Nr {at}"]
    verdict = world.check()
    assert list(verdict.faults) == []
    assert verdict.counts["live"] == 0
