"""Rescue in the running system: a carrier sits on messages, and another one delivers them, also when a process dies in between."""

import os
import signal
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from cluster_around import until

from router.rule_settings import RescueRules, Rule
from router.settings import DEFAULT_CLASSES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cluster.world import World

pytestmark = pytest.mark.timeout(240)

TRAFFIC = 150  # what earns the copies of the test, at three in a hundred
COPIES = 3


def with_rescue(world: "World") -> None:
    """Rescue of transactional messages, all of which go to alpha first, and are dear."""
    rules = msgspec.structs.replace(DEFAULT_CLASSES["transactional"], loss_micros=3_000_000)
    world.apply(
        msgspec.structs.replace(
            world.settings,
            classes=world.settings.classes | {"transactional": rules},
            routing=(Rule(name="alpha-first", pin="alpha"),),
            rescue=RescueRules(classes=("transactional",), earliest_s=2.0, latest_s=50.0, duplicate_micros=0),
        )
    )


def traffic(world: "World", folder: "Path") -> None:
    """Messages that arrive: what the brain learns from, and the budget lives on."""
    folder.mkdir()
    arguments = ("--rate", "50", "--duration", str(TRAFFIC / 50), "--follow", "--lengths", "short=1", "--mix", "transactional=1")
    with world.load(folder, *arguments) as load:
        assert load.result(60)["final"] == {"delivered": TRAFFIC}


def stranded(world: "World", first: int) -> list[str]:
    """Messages that alpha has taken and says nothing of."""
    ids = [world.send(f"+49151{70_000_000 + first + n}", "Your table is booked") for n in range(COPIES)]
    until(lambda: all(world.message(i)["status"] == "sent" for i in ids), "alpha has them", within_s=20)
    return ids


def settled(world: "World", ids: list[str], first: int) -> list[list[dict[str, Any]]]:
    """All were delivered by another carrier, with one copy each; returns their events."""
    told = []
    for n, message_id in enumerate(ids):
        found = world.final(message_id, within_s=45)
        assert (found["status"], found["attempts"]) == ("delivered", 2)
        assert found["carrier"] in {"beta", "gamma"}
        assert len(world.at_simulators(f"49151{70_000_000 + first + n}")) == 2
        told.append(world.events(message_id))
    return told


def test_messages_that_a_carrier_sits_on_are_delivered_by_another(own_world: "World", tmp_path: "Path") -> None:
    world = own_world
    with_rescue(world)
    traffic(world, tmp_path / "first")
    world.sims["alpha"].change(black_hole=True)
    ids = stranded(world, 0)
    for events in settled(world, ids, 0):
        assigned = [event for event in events if event["kind"] == "assigned"]
        assert [event.get("copy", False) for event in assigned] == [False, True]
        why = assigned[1]["explanation"]
        assert why["rescue"]["carrier"] == "alpha"
        assert why["rescue"]["age_s"] >= 2.0
        assert why["considered"][0]["carrier"] == assigned[1]["carrier"]
        assert why["considered"][0]["total_micros"] < 0
    # Now the dispatcher dies while messages are pending: the next one finds them in the journal.
    world.sims["alpha"].calm()
    traffic(world, tmp_path / "second")
    world.sims["alpha"].change(black_hole=True)
    ids = stranded(world, 100)
    told = world.ping("dispatcher:#0")
    assert told is not None
    os.kill(told["pid"], signal.SIGKILL)
    until(lambda: (now := world.ping("dispatcher:#0")) and now["pid"] != told["pid"] and now["ready"], "it is back", within_s=20)
    world.sims["alpha"].change(black_hole=False)
    traffic(world, tmp_path / "third")
    settled(world, ids, 100)
    report = world.check()
    assert list(report.faults) == []
    assert report.counts["live"] == 0
