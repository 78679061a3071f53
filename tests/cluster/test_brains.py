"""Two brains in the running system: one board, whichever of them is killed, and nothing counted twice."""

import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from cluster_around import until

from actors.brain import SNAPSHOT_VALUE
from actors.names import brain_of
from router.brain.snapshot import unpack_state
from router.settings import Workers

if TYPE_CHECKING:
    from tests.cluster.world import World

pytestmark = pytest.mark.timeout(240)  # the first test of a session starts the system, the last one stops it

RATE, LOAD_S = 150, 4
OTHER = "brain:#1"


def submitted(world: "World") -> dict[str, int]:
    return {row["carrier"]: row["submitted"] for row in world.call("GET", "/v1/board").json["carriers"]}


def version(world: "World") -> int:
    return int(world.call("GET", "/v1/board").json["version"])


def arrived(world: "World") -> dict[str, int]:
    return {name: sim.stats()["messages"] for name, sim in world.sims.items()}


def kept(world: "World") -> Counter[str]:
    """What is in both brains' snapshots: the first one's has also what it saw of all carriers while it was alone."""
    found: Counter[str] = Counter()
    for value in (SNAPSHOT_VALUE, f"{SNAPSHOT_VALUE}:1"):
        raw = world._with_journal(lambda journal, value=value: journal.get_value(value))
        if raw:
            found.update({name: tally.submitted for name, tally in unpack_state(raw).tallies.items()})
    return found


@pytest.fixture
def two_brains(world: "World") -> Iterator["World"]:
    world.apply(msgspec.structs.replace(world.settings, workers=Workers(brains=2)))
    until(lambda: (world.ping(OTHER) or {}).get("ready"), "a second brain", within_s=60)
    until(lambda: (world.ping("brain") or {}).get("parts", {}).get(OTHER, 9.0) < 1.0, "it is heard of", within_s=20)
    yield world
    world.apply(world.settings)
    until(lambda: OTHER not in world.overview(), "one brain again", within_s=60)


def sent(world: "World", folder: Path) -> dict[str, int]:
    """What the carriers took of a load, all of it delivered."""
    before = arrived(world)
    with world.load(folder, "--rate", str(RATE), "--duration", str(LOAD_S), "--follow", "--lengths", "short=1") as load:
        assert load.result(60)["final"] == {"delivered": RATE * LOAD_S}
    return {name: count - before[name] for name, count in arrived(world).items()}


def shows(world: "World", wanted: dict[str, int]) -> None:
    """The board has these, and never had more."""

    def look() -> bool:
        found = submitted(world)
        assert all(count <= wanted[name] for name, count in found.items()), (found, wanted)
        return found == wanted

    until(look, f"a board with {wanted}", within_s=20, every_s=0.1)


def plus(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + other[name] for name in other}


def test_two_brains_publish_one_board_and_come_back_with_what_they_knew(two_brains: "World", tmp_path: Path) -> None:
    world = two_brains
    world.quiet()
    known = plus(submitted(world), sent(world, tmp_path))
    shows(world, known)
    for index, actor in ((1, OTHER), (0, "brain")):
        mine = {name: count for name, count in known.items() if brain_of(name, 2) == index}
        assert mine
        until(lambda mine=mine: mine.items() <= kept(world).items(), f"{actor} kept it", within_s=20, every_s=0.3)
        told = world.ping(actor)
        assert told is not None
        before = version(world)
        os.kill(told["pid"], signal.SIGKILL)
        found = sent(world, tmp_path)
        until(lambda actor=actor, pid=told["pid"]: back(world, actor, pid), f"{actor} back", within_s=20)
        assert version(world) > before
        # What its own carriers took while it was away nobody saw; all else is on the board, and all that it knew.
        now = settled(world)
        for name, count in known.items():
            assert count <= now[name] <= count + found[name]
            assert name in mine or now[name] == count + found[name]
        known = plus(now, sent(world, tmp_path))
        shows(world, known)


def back(world: "World", actor: str, old_pid: int) -> bool:
    told = world.ping(actor)
    return told is not None and told["pid"] != old_pid and bool(told["ready"])


def settled(world: "World") -> dict[str, int]:
    """What the board says when it says the same three times over two seconds: parts are told twice a second."""
    seen: list[dict[str, int]] = []

    def still() -> bool:
        seen.append(submitted(world))
        return len(seen) > 2 and seen[-1] == seen[-2] == seen[-3]

    until(still, "a board that stands still", within_s=30, every_s=1.0)
    return seen[-1]
