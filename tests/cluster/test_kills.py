"""``kill -9`` of every kind of process under load: what was accepted is delivered, and the process is back by itself."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cluster_around import WINDOW, until

from actors.carrier import ASSIGN_LIMIT
from actors.spare import IDLE, titles

if TYPE_CHECKING:
    from tests.cluster.world import World

pytestmark = pytest.mark.timeout(240)  # the first test of a session starts the system, the last one stops it

RATE = 400
LOAD_S = 6
BACK_S = 15.0
KINDS = ("front:#0", "limiter:#0", "brain", "dispatcher:#0", "courier:#0", "supervisor")
BOUND_CARRIERS = ("alpha", "beta", "gamma")
Note = Callable[[str, object], None]
ARGUMENTS = ("--rate", str(RATE), "--duration", str(LOAD_S), "--retry", "--retry-limit", "20", "--follow", "--lengths", "short=1")


def kill(world: "World", actor: str) -> int:
    told = world.ping(actor)
    assert told is not None
    os.kill(told["pid"], signal.SIGKILL)
    return int(told["pid"])


def back(world: "World", actor: str, old_pid: int) -> float:
    """Seconds until the actor's new process was ready."""
    killed_s = time.monotonic()

    def look() -> dict[str, Any] | None:
        told = world.ping(actor)
        return told if told is not None and told["pid"] != old_pid and told["ready"] else None

    until(look, f"{actor} back", within_s=BACK_S)
    return time.monotonic() - killed_s


def flowing(world: "World", before: int) -> None:
    """The load has reached the carriers."""
    until(lambda: world.arrived() > before + RATE, "load", within_s=20)


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Note:
    """Keeps a measurement with the test's result, for whoever writes a JUnit file."""
    return lambda name, value: request.node.user_properties.append((name, value))


@pytest.fixture
def conserved(world: "World") -> Iterator[None]:
    """Afterwards every message stands in one place, and none of this test's is without an end."""
    waiting = world.quiet()
    yield
    verdict = world.check()
    assert list(verdict.faults) == []
    assert verdict.counts["live"] == waiting
    assert verdict.counts["accepted"] == verdict.counts["finished"] + waiting


def all_ended(result: dict[str, Any]) -> None:
    """Nothing was refused, given up or lost."""
    assert result["sent"] == result["accepted"] == RATE * LOAD_S
    assert result["refused"] == []
    assert result["errors"] == {}
    assert result["lost"] == 0


@pytest.mark.usefixtures("conserved")
@pytest.mark.parametrize("actor", KINDS)
def test_no_message_is_lost_or_doubled_when_a_process_is_killed(world: "World", tmp_path: Path, actor: str, note: Note) -> None:
    before = world.arrived()
    with world.load(tmp_path, *ARGUMENTS) as load:
        flowing(world, before)
        note("back_s", back(world, actor, kill(world, actor)))
        result = load.result(90)
    all_ended(result)
    assert result["final"] == {"delivered": RATE * LOAD_S}
    assert world.arrived() - before == RATE * LOAD_S


@pytest.mark.usefixtures("conserved")
@pytest.mark.parametrize("carrier", BOUND_CARRIERS)
def test_a_killed_carrier_doubles_no_more_than_its_window(world: "World", tmp_path: Path, carrier: str, note: Note) -> None:
    before = world.arrived()
    # Slow answers keep the window full: the worst moment to die.
    world.sims[carrier].change(answer_median_s=0.1)
    with world.load(tmp_path, *ARGUMENTS) as load:
        flowing(world, before)
        actor = f"carrier:{carrier}#0"
        note("back_s", back(world, actor, kill(world, actor)))
        world.bound(carrier)
        result = load.result(90)
    all_ended(result)
    # Marketing in doubt is not sent again: it ends unconfirmed, whether it was written or only bound to be.
    unconfirmed = result["final"].pop("delivery_unconfirmed", 0)
    assert unconfirmed <= WINDOW + ASSIGN_LIMIT
    assert result["final"] == {"delivered": RATE * LOAD_S - unconfirmed}
    submits = world.arrived() - before
    note("unconfirmed", unconfirmed)
    note("doubled", submits - RATE * LOAD_S)
    assert RATE * LOAD_S - unconfirmed <= submits <= RATE * LOAD_S + WINDOW


@pytest.mark.usefixtures("conserved")
def test_the_journals_server_is_started_again(world: "World", tmp_path: Path, note: Note) -> None:
    before = world.arrived()
    with world.load(tmp_path, *ARGUMENTS) as load:
        flowing(world, before)
        pid = world.server.pid()
        assert pid is not None
        killed_s = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        until(lambda: world.server.running() and world.server.pid() != pid, "the server back", within_s=BACK_S)
        note("back_s", time.monotonic() - killed_s)
        until(lambda: world.call("GET", "/readyz").status == 200, "the front ready", within_s=BACK_S)
        note("ready_s", time.monotonic() - killed_s)
        result = load.result(90)
    all_ended(result)
    assert result["final"] == {"delivered": RATE * LOAD_S}
    assert world.arrived() - before == RATE * LOAD_S


@pytest.mark.usefixtures("conserved")
def test_without_a_journal_the_api_refuses_and_then_recovers(world: "World") -> None:
    supervisor = world.ping("supervisor")
    assert supervisor is not None
    os.kill(supervisor["pid"], signal.SIGSTOP)  # or it would start the server again before this test has looked
    try:
        pid = world.server.pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        for path in ("/v1/messages", "/v1/messages/batch"):
            body = {"to": "+4915123456789", "from": "Test", "text": "Hi"}
            answer = world.call("POST", path, [body] if path.endswith("batch") else body)
            assert answer.status == 503
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json["code"] == "journal_unavailable"
            assert int(answer.headers["retry-after"]) >= 1
        until(lambda: world.call("GET", "/readyz").status == 503, "the front not ready", within_s=5)
        assert world.call("GET", "/healthz").json["durability"] == "unknown"
    finally:
        os.kill(supervisor["pid"], signal.SIGCONT)
    until(lambda: world.call("GET", "/readyz").status == 200, "recovery", within_s=BACK_S)
    started_s = time.monotonic()
    assert world.final(world.send("+4915123456789", "Hi again"))["status"] == "delivered"
    assert time.monotonic() - started_s < 10


def test_journal_and_supervisor_killed_together_come_back(world: "World") -> None:
    message_id = world.send("+4915123456780")
    world.final(message_id)
    server = world.server.pid()
    assert server is not None
    old = kill(world, "supervisor")
    os.kill(server, signal.SIGKILL)
    until(lambda: world.server.running() and world.server.pid() != server, "the server back", within_s=BACK_S)
    back(world, "supervisor", old)
    until(lambda: world.call("GET", "/readyz").status == 200, "the front ready", within_s=BACK_S)
    assert world.message(message_id)["status"] == "delivered"


def test_a_new_supervisor_starts_nothing_twice(world: "World") -> None:
    world.wait_ready()
    before = {name: row["pid"] for name, row in world.overview().items()}
    pid = kill(world, "supervisor")
    back(world, "supervisor", pid)
    world.wait_ready()
    assert {name: row["pid"] for name, row in world.overview().items()} == before
    assert world.driver.ask("actors") == sorted([*before, "supervisor"])


def test_an_actor_that_is_killed_goes_on_in_the_worker_in_reserve(world: "World") -> None:
    told = world.ping("courier:#0")
    assert told is not None
    raylet = int(Path(f"/proc/{told['pid']}/stat").read_text().rpartition(")")[2].split()[1])
    reserve = until(lambda: [pid for pid, title in titles(raylet).items() if title == IDLE], "a worker in reserve", within_s=60)
    old = kill(world, "courier:#0")
    back(world, "courier:#0", old)
    now = world.ping("courier:#0")
    assert now is not None
    assert now["pid"] in reserve
    until(lambda: IDLE in titles(raylet).values(), "another one", within_s=60)
