"""Carriers that fail in their own ways while messages flow."""

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from cluster_around import until

if TYPE_CHECKING:
    from tests.cluster.world import World

pytestmark = pytest.mark.timeout(240)  # the first test of a session starts the system, the last one stops it

RATE = 400
ONE_TIME_CODES = ("--rate", str(RATE), "--mix", "otp=1", "--lengths", "short=1", "--to", "49151:8")
# With windows of 50 a carrier takes 166 messages a second: three are enough for the load, two are not.
SLOW = {"answer_median_s": 0.3}


def submits(world: "World", *carriers: str) -> int:
    return sum(int(world.sims[name].stats()["submits"]) for name in carriers)


def test_an_outage_moves_the_load_at_once_and_its_end_brings_it_back(world: "World", tmp_path: Path) -> None:
    for sim in world.sims.values():
        sim.change(**SLOW)
    before = {name: submits(world, name) for name in world.sims}
    with world.load(tmp_path, *ONE_TIME_CODES, "--duration", "12", "--retry", "--follow") as load:
        until(lambda: all(submits(world, name) > before[name] + 50 for name in world.sims), "load everywhere", within_s=20)
        world.sims["beta"].change(outage=True)
        until(lambda: world.carriers()["beta"]["bound"] == 0, "beta gone", within_s=2)
        others, gone = submits(world, "alpha", "gamma"), submits(world, "beta")
        until(lambda: submits(world, "alpha", "gamma") > others + 600, "the others carry what they can", within_s=5)
        assert submits(world, "beta") == gone
        world.sims["beta"].change(outage=False)
        until(lambda: submits(world, "beta") > gone + 100, "beta has its share again", within_s=8)
        result = load.result(90)
    assert result["accepted"] == RATE * 12
    assert result["lost"] == 0
    # What was on the wire when the connection was cut is in doubt, is sent again, and arrives.
    assert set(result["final"]) == {"delivered"}
    assert list(world.check().faults) == []


def test_the_brain_leaves_a_black_hole(world: "World", tmp_path: Path) -> None:
    names = list(world.sims)

    def shares(of: int) -> dict[str, float]:
        """Each carrier's, of the next so many submits."""
        before = {name: submits(world, name) for name in names}
        until(lambda: submits(world, *names) >= sum(before.values()) + of, "submits", within_s=15)
        after = {name: submits(world, name) - before[name] for name in names}
        return {name: count / sum(after.values()) for name, count in after.items()}

    with world.load(tmp_path, *ONE_TIME_CODES, "--duration", "60"):
        share, favourite = max((share, name) for name, share in shares(800).items())
        assert share > 0.3
        world.sims[favourite].change(black_hole=True)
        until(lambda: shares(600)[favourite] < 0.05, f"{favourite} left alone", within_s=30, every_s=0)
        board = world.call("GET", f"/v1/board?carrier={favourite}").json
        assert {row["carrier"] for row in board["carriers"]} == {favourite}


def test_a_killed_carrier_that_is_taken_out_leaves_nothing_behind(world: "World") -> None:
    waiting = world.quiet()
    for sim in world.sims.values():
        sim.change(no_answer=1.0, black_hole=True)
    ids = [world.send(f"+4915177{at:06d}", f"Nr {at}") for at in range(60)]
    until(lambda: all(world.message(one)["status"] == "sending" for one in ids[:10]), "some in flight", within_s=10)
    victim = world.message(ids[0])["carrier"]
    told = world.ping(f"carrier:{victim}#0")
    assert told is not None
    for sim in world.sims.values():
        sim.calm()
    without = tuple(profile for profile in world.settings.carriers if profile.name != victim)
    try:
        # Nobody of that name will ever adopt what it has in flight.
        os.kill(told["pid"], signal.SIGKILL)
        world.apply(msgspec.structs.replace(world.settings, carriers=without))
        assert {world.final(one, within_s=40)["status"] for one in ids} == {"delivered"}
        until(lambda: f"carrier:{victim}#0" not in world.driver.ask("actors"), "its actor ended", within_s=20)
        assert world.quiet() == waiting
    finally:
        world.apply(world.settings)
    world.bound(victim)
