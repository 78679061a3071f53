"""Rules, own policies and look-ups of moved numbers, changed while the system runs."""

import http.server
import json
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec
import pytest
from cluster_around import until

from router.rule_settings import PolicyRules, Portability, Rule

if TYPE_CHECKING:
    from tests.cluster.world import World

pytestmark = pytest.mark.timeout(240)  # the first test of a session starts the system, the last one stops it

MOVED = "+4915130000001"
STAYED = "+4915130000002"


@pytest.fixture
def service() -> Iterator[tuple[str, list[str]]]:
    """The address of a look-up service, and what it was asked."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            moved = MOVED[1:] in self.path
            octets = json.dumps({"network": "26203"}).encode() if moved else b"{}"
            self.send_response(200 if moved else 404)
            self.send_header("Content-Length", str(len(octets)))
            self.end_headers()
            self.wfile.write(octets)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1/{{number}}", asked
    server.shutdown()
    thread.join(5)
    server.server_close()


def test_rules_hold_from_the_request_to_the_carrier(world: "World", service: tuple[str, list[str]]) -> None:
    url, asked = service
    first, second = sorted(world.sims)[:2]
    rules = (
        Rule(name="quiet", tags=("ads",), deny=True, reason="Not now."),
        Rule(name="moved", to=("net:26203",), allow=(second,)),
        Rule(name="own", tags=("own",), pin="mine", policy="patient"),
    )
    ruled = msgspec.structs.replace(
        world.settings,
        routing=rules,
        groups={"mine": (first,)},
        policies={"patient": PolicyRules(time_factor=0.0)},
        portability=Portability(url=url, answer=("network",), countries=("DE",), timeout_s=2),
    )
    world.apply(ruled)
    try:
        denied = {"to": STAYED, "text": "x", "tags": ["ads"]}
        until(
            lambda: world.call("POST", "/v1/messages/preview", denied).json["refused_by"], "the rules in the front", within_s=15
        )
        answer = world.call("POST", "/v1/messages", denied)
        assert (answer.status, answer.json["code"]) == (403, "denied")
        assert "quiet" in answer.json["detail"]

        def ruled_by_now() -> dict[str, object] | None:
            message_id = world.send(STAYED, "x", tags=["own"])
            assert world.final(message_id)["status"] == "delivered"
            assigned = next(event for event in world.events(message_id) if event["kind"] == "assigned")
            return assigned if assigned["explanation"]["rule"] else None

        assigned = until(ruled_by_now, "the rules in the dispatcher", within_s=20)
        assert assigned["carrier"] == first
        assert (assigned["explanation"]["rule"], assigned["explanation"]["policy"]) == ("own", "patient")

        message_id = world.send(MOVED, "x")
        message = world.final(message_id)
        assert (message["status"], message["carrier"]) == ("delivered", second)
        explanation = next(event for event in world.events(message_id) if event["kind"] == "assigned")["explanation"]
        assert (explanation["network"], explanation["rule"], explanation["excluded"][first]) == ("26203", "moved", "rule moved")
        assert sum(MOVED[1:] in path for path in asked) == 1
    finally:
        world.apply(world.settings)
        until(lambda: not world.call("POST", "/v1/messages/preview", denied).json["refused_by"], "the old settings", within_s=15)
