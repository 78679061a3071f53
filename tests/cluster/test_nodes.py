"""A node of the Ray cluster is lost, or its head: messages are taken throughout, and carriers are bound again."""

import http.client
import os
import signal
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from cluster_around import ROOT, until
from cluster_nodes import Node as RayNode
from cluster_world import Driver
from cluster_world import World as Whole

from actors.cli.ports import free_port
from actors.incarnation import surely_dead
from actors.names import carrier_actor, carrier_of, kind_of
from actors.processes import incarnations, program
from router.config import dump_settings

if TYPE_CHECKING:
    from tests.cluster.nodes import Node
    from tests.cluster.world import World

pytestmark = pytest.mark.timeout(400)

BACK_S = 15.0  # from the loss of a node until its carriers are bound elsewhere, on a machine that has little else to do
SEEN_S = 5.0  # of these until Ray knows; what remains are starts of processes, which take as long as those of ``up`` did
SILENT_S = 3.0  # the longest that the API may leave somebody without an answer who asks anew each time
RATE = 60
LOAD_S = 25
EVERY_S = 0.1
Note = Callable[[str, object], None]


class Knocks:
    """Somebody who asks the API for its state ten times a second, on a new connection each time."""

    def __init__(self, api: str) -> None:
        self._place = urllib.parse.urlsplit(api).netloc
        self.answered_s: list[float] = []
        self.failed = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._done.wait(EVERY_S):
            connection = http.client.HTTPConnection(self._place, timeout=2)
            try:
                connection.request("GET", "/healthz")
                told = connection.getresponse().status == 200
            except (OSError, http.client.HTTPException):
                told = False
            finally:
                connection.close()
            if told:
                self.answered_s.append(time.monotonic())
            else:
                self.failed += 1

    def stop(self) -> None:
        self._done.set()
        self._thread.join()

    def silence_s(self) -> float:
        """The longest time without an answer."""
        return max(after - before for before, after in zip(self.answered_s, self.answered_s[1:], strict=False))


class Cluster:
    """A head and a second node."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "ray"
        self.folder.mkdir()
        self.address = f"127.0.0.1:{free_port()}"
        self.nodes: list[Node] = []

    def start(self) -> None:
        self.head = self._head("head")
        self.second = self._node("second", "--join", self.address)

    def _head(self, name: str) -> "Node":
        return self._node(name, "--port", self.address.rpartition(":")[2])

    def _node(self, name: str, *words: str) -> "Node":
        self.nodes.append(RayNode(self.folder, name, *words))
        assert self.nodes[-1].address() == self.address
        return self.nodes[-1]

    def replace_head(self) -> None:
        """Another one in the place of one that is lost, as whoever looks after machines would."""
        self.head = self._head("new-head")

    def close(self) -> None:
        for node in reversed(self.nodes):
            node.stop()


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    made = Cluster(tmp_path)
    try:
        made.start()
        monkeypatch.setenv("RAY_ADDRESS", made.address)
        monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(made.folder / "ray.token"))
        yield made
    finally:
        made.close()


@pytest.fixture
def spread(cluster: Cluster, tmp_path: Path) -> Iterator["World"]:
    """A system on both nodes, with two fronts."""
    del cluster
    world = Whole(tmp_path)
    api = msgspec.structs.replace(world.settings.api, fronts=2)
    world.settings = msgspec.structs.replace(world.settings, api=api, accounts=())
    (tmp_path / "data.settings").write_bytes(dump_settings(world.settings))  # what the driver reads
    try:
        world.up()
        world.bound(*world.sims)
        yield world
    finally:
        world.close()


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Note:
    """Prints a measurement, and keeps it with the test's result."""

    def keep(name: str, value: object) -> None:
        print(f"{name}: {value}")
        request.node.user_properties.append((name, value))

    return keep


def actors_of(world: "World", node: "Node") -> list[str]:
    pids = node.pids()
    return sorted(name for name, row in world.overview().items() if row.get("pid") in pids)


def binds(world: "World", carriers: Sequence[str]) -> list[int]:
    """How often each was bound, as the carriers themselves count."""
    return [sum(world.sims[name].stats()["binds"].values()) for name in carriers]


def bound_again(world: "World", carriers: Sequence[str], before: Sequence[int]) -> bool:
    return all(now > then for now, then in zip(binds(world, carriers), before, strict=True))


@contextmanager
def under_load(world: "World", folder: Path, note: Note) -> Iterator[None]:
    """Around a fault: all that is sent meanwhile is accepted, ends, and stands in one place; the API answers throughout."""
    knocks = Knocks(world.api)
    arguments = ("--rate", str(RATE), "--duration", str(LOAD_S), "--retry", "--retry-limit", "20", "--follow")
    try:
        with world.load(folder, *arguments) as load:
            before = world.arrived()
            until(lambda: world.arrived() > before + 3 * RATE, "messages go out", within_s=40)
            yield
            result = load.result(240)
    finally:
        knocks.stop()
    note("longest silence of the API", f"{knocks.silence_s():.2f} s, {knocks.failed} of {len(knocks.answered_s)} asked in vain")
    note("ends", result["final"])
    note("accepted", told(result))
    assert (result["accepted"], result["lost"], result["refused"]) == (RATE * LOAD_S, 0, [])
    assert knocks.silence_s() < SILENT_S
    world.quiet()
    assert list(world.check().faults) == []


def told(result: dict[str, Any]) -> dict[str, Any]:
    return {word: result[word] for word in ("accepted", "lost", "errors")}


def test_a_node_is_lost(spread: "World", cluster: Cluster, tmp_path: Path, note: Note) -> None:
    world = spread
    theirs = actors_of(world, cluster.second)
    note("on the second node", theirs)
    lost = [carrier_of(name) for name in theirs if kind_of(name) == "carrier"]
    assert lost, "carriers are spread"
    assert sum(kind_of(name) == "front" for name in theirs) == 1, "each node has a front"
    with under_load(world, tmp_path, note):
        before = binds(world, lost)
        began_s = time.monotonic()
        cluster.second.kill()
        until(lambda: bound_again(world, lost, before), "carriers bound elsewhere", within_s=60)
        back_s = time.monotonic() - began_s
        note("carriers bound elsewhere after", f"{back_s:.1f} s; all was started in {world.took_s:.1f} s")
    assert back_s < max(BACK_S, SEEN_S + 1.5 * world.took_s)
    world.wait_ready(60)
    assert set(actors_of(world, cluster.head)) >= set(theirs)


def test_the_head_is_lost_and_replaced(spread: "World", cluster: Cluster, tmp_path: Path, note: Note) -> None:
    world = spread
    theirs = actors_of(world, cluster.head)
    note("on the head", theirs)
    note("on the other node", actors_of(world, cluster.second))
    stayed = [name for name in world.sims if carrier_actor(name) not in theirs]
    lost = [name for name in world.sims if name not in stayed]
    assert stayed, "carriers are spread"
    assert sum(kind_of(name) == "front" for name in theirs) == 1, "each node has a front"
    with under_load(world, tmp_path, note):
        world.driver.process.kill()  # it is attached to the head
        world.driver.stop()
        cluster.head.kill()
        before = binds(world, lost)
        arrived = [world.sims[name].stats()["messages"] for name in stayed]
        began_s = time.monotonic()
        accepted = [world.send("+447700900001", f"Without a head {i}") for i in range(20)]
        note("20 accepted without a head within", f"{time.monotonic() - began_s:.2f} s")

        def go_on() -> bool:
            return all(world.sims[name].stats()["messages"] > before for name, before in zip(stayed, arrived, strict=True))

        until(go_on, "carriers on the other node go on", within_s=30)
        replaced_s = time.monotonic()
        cluster.replace_head()
        note("new head up in", f"{time.monotonic() - replaced_s:.1f} s")
        until(lambda: bound_again(world, lost, before), "carriers bound", within_s=120)
        note("its carriers bound after the new head's start", f"{time.monotonic() - replaced_s:.1f} s")
        world.driver = Driver(world.data_dir, world.settings, ROOT)
        world.up()  # finds all that there is
        note("all actors ready after the new head's start", f"{time.monotonic() - replaced_s:.1f} s")
        for message_id in accepted:
            assert world.final(message_id)["status"] == "delivered"
    assert len(world.driver.ask("actors")) == len(set(world.driver.ask("actors"))) == len(world.overview()) + 1


def test_a_node_whose_raylet_ends_ends_too(tmp_path: Path) -> None:
    node = RayNode(tmp_path, "head", "--port", str(free_port()))
    try:
        node.address()
        below = incarnations(node.pids())
        (raylet,) = [pid for pid in node.pids() if program(pid) == "raylet"]
        os.kill(raylet, signal.SIGKILL)
        assert node.process.wait(BACK_S) == 1
        until(lambda: all(surely_dead(one) for one in below), "nothing of it is left", within_s=BACK_S)
    finally:
        node.stop()
