"""What a customer sees of the running system, one message at a time."""

import datetime as dt
import json
import time
import uuid
from typing import TYPE_CHECKING

import msgpack
import msgspec
import pytest
from cluster_around import SECRET, profile, until
from standardwebhooks.webhooks import Webhook

from tests.cluster.figures import counted

if TYPE_CHECKING:
    from tests.cluster.world import World

pytestmark = pytest.mark.timeout(240)  # the first test of a session starts the system, the last one stops it

LONG_GSM = "The quick brown fox jumps over the lazy dog. €{}[]~ " * 8  # escapes fall on the borders of parts
LONG_UNICODE = "Привет 👋 мир, 你好! " * 12


def number(world: "World") -> str:
    """One that no other test of this run has written to."""
    world.numbers += 1
    return f"+49151{20_000_000 + world.numbers}"


def test_one_message_from_the_request_to_the_signed_webhook(world: "World") -> None:
    to = number(world)
    message_id = world.send(to, "Your code is 4711", tenant="hooked", **{"class": "otp"})
    message = world.final(message_id, tenant="hooked")
    assert message["status"] == "delivered"
    assert message["carrier"] in world.sims

    [arrived] = world.at_simulators(to)
    assert arrived["text"] == "Your code is 4711"
    assert arrived["from"] == "Test"
    assert arrived["system_id"] == message["carrier"]

    events = world.events(message_id, "hooked")
    assert [event["kind"] for event in events] == ["accepted", "assigned", "submitted", "receipt", "final"]
    explanation = events[1]["explanation"]
    assert {row["carrier"] for row in explanation["considered"]} | explanation["excluded"].keys() == set(world.sims)
    assert explanation["class"] == "otp"
    assert events[2]["carrier_ids"] == arrived["message_ids"]

    [delivery] = until(lambda: world.hooks.of(message_id), "the webhook", within_s=15)
    told = Webhook(SECRET).verify(delivery.body, delivery.headers)
    assert told["type"] == "message.delivered"
    assert told["id"] == delivery.headers["webhook-id"]
    assert told["data"]["status"] == "delivered"
    with pytest.raises(Exception, match="signature"):
        Webhook(SECRET).verify(delivery.body + b" ", delivery.headers)


@pytest.mark.parametrize(("text", "encoding"), [(LONG_GSM, "gsm7"), (LONG_UNICODE, "ucs2")])
def test_long_texts_arrive_whole(world: "World", text: str, encoding: str) -> None:
    to = number(world)
    message = world.final(world.send(to, text))
    assert message["status"] == "delivered"
    assert message["encoding"] == encoding
    assert message["segments"] > 2
    [arrived] = world.at_simulators(to)
    assert arrived["text"] == text
    assert arrived["parts"] == message["segments"]


def test_a_scheduled_message_waits_for_its_time(world: "World") -> None:
    to = number(world)
    due = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=2)
    message_id = world.send(to, send_at=due.isoformat())
    assert world.message(message_id)["status"] == "scheduled"
    assert world.final(message_id)["status"] == "delivered"
    [arrived] = world.at_simulators(to)
    assert arrived["at"] >= due.timestamp() - 0.001


def test_a_cancelled_message_is_never_sent(world: "World") -> None:
    to = number(world)
    later = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=2)
    message_id = world.send(to, send_at=later.isoformat())
    answer = world.call("POST", f"/v1/messages/{message_id}/cancel")
    assert answer.status == 200
    assert world.message(message_id)["status"] == "canceled"
    marker = world.send(to, "after it", send_at=(later + dt.timedelta(seconds=1)).isoformat())
    assert world.final(marker)["status"] == "delivered"
    assert [arrived["text"] for arrived in world.at_simulators(to)] == ["after it"]
    assert world.call("POST", f"/v1/messages/{marker}/cancel").status == 409


def test_a_message_that_no_carrier_can_take_in_time_expires(world: "World") -> None:
    for sim in world.sims.values():
        sim.change(outage=True)
    until(lambda: not any(row["bound"] for row in world.carriers().values()), "no carrier bound", within_s=10)
    message_id = world.send(number(world), validity_period=2)
    message = world.final(message_id)
    assert message["status"] == "expired"
    assert message["attempts"] == 0


def test_a_replay_gives_the_first_answer_again(world: "World") -> None:
    to = number(world)
    key = {"Idempotency-Key": uuid.uuid4().hex}
    first = world.call("POST", "/v1/messages", {"to": to, "from": "Test", "text": "Once"}, headers=key)
    again = world.call("POST", "/v1/messages", {"to": to, "from": "Test", "text": "Once"}, headers=key)
    other = world.call("POST", "/v1/messages", {"to": to, "from": "Test", "text": "Twice"}, headers=key)
    assert (first.status, again.status, other.status) == (202, 202, 422)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json["id"] == first.json["id"]
    assert other.json["code"] == "idempotency_key_reused"
    assert world.final(first.json["id"])["status"] == "delivered"
    assert len(world.at_simulators(to)) == 1


@pytest.mark.parametrize("form", ["json", "msgpack"])
def test_a_bad_item_of_a_batch_does_not_sink_its_neighbours(world: "World", form: str) -> None:
    to = [number(world) for _ in range(20)]
    items = [{"to": one, "from": "Test", "text": f"Nr {at}"} for at, one in enumerate(to)]
    items[3] = {"to": "no number", "from": "Test", "text": "bad"}
    items[11] = {"to": to[11], "from": "Test"}
    octets = msgpack.packb(items) if form == "msgpack" else json.dumps(items).encode()
    answer = world.call("POST", "/v1/messages/batch", octets, headers={"Content-Type": f"application/{form}"})
    assert answer.status in {200, 202, 207}
    told = msgpack.unpackb(answer.body) if "msgpack" in answer.headers["content-type"] else answer.json
    assert told["meta"]["accepted"] == 18
    ids = {row["index"]: row["id"] for row in told["data"] if "id" in row}
    assert sorted(set(range(20)) - ids.keys()) == [3, 11]
    for at, message_id in ids.items():
        assert world.final(message_id)["status"] == "delivered"
        assert [arrived["text"] for arrived in world.at_simulators(to[at])] == [f"Nr {at}"]


def test_a_preview_tells_all_and_sends_nothing(world: "World") -> None:
    to = number(world)
    body = {"to": to, "from": "Test", "text": LONG_GSM, "class": "marketing"}
    answer = world.call("POST", "/v1/messages/preview", body)
    assert answer.status == 200
    assert answer.json["accepted"] is True
    assert answer.json["country"] == "DE"
    assert answer.json["segments"] > 2
    assert answer.json["carrier"] in world.sims
    assert world.final(world.send(to, "after it"))["status"] == "delivered"
    assert [arrived["text"] for arrived in world.at_simulators(to)] == ["after it"]


def test_over_the_limit_is_429(world: "World") -> None:
    answers = [
        world.call("POST", "/v1/messages", {"to": number(world), "from": "Test", "text": "Hi"}, tenant="small") for _ in range(20)
    ]
    refused = [answer for answer in answers if answer.status != 202]
    assert 5 <= len(answers) - len(refused) < 20
    assert refused
    for answer in refused:
        assert answer.status == 429
        assert answer.json["code"] == "rate_limited"
        assert int(answer.headers["retry-after"]) >= 1
    assert counted(world, "trunkline_limiter_refusals_total") >= len(refused)


def test_a_refused_bind_is_told_and_the_others_carry_the_load(world: "World") -> None:
    locked = profile("locked", world.sims["alpha"].smpp, system_id="alpha", password="wrong")
    world.apply(msgspec.structs.replace(world.settings, carriers=(*world.settings.carriers, locked)))
    try:
        until(lambda: "bind" in world.carriers().get("locked", {}).get("reason", ""), "the reason", within_s=30)
        row = world.carriers()["locked"]
        assert row["bound"] == 0
        assert counted(world, "trunkline_carrier_sessions_bound", carrier="locked") == 0
        assert counted(world, "trunkline_carrier_sessions", carrier="locked") == 1
        ids = [world.send(number(world)) for _ in range(10)]
        assert {world.final(one)["status"] for one in ids} == {"delivered"}
        assert "locked" not in {world.message(one)["carrier"] for one in ids}
    finally:
        world.apply(world.settings)
    until(lambda: "carrier:locked#0" not in world.driver.ask("actors"), "the carrier's end", within_s=30)


def test_metrics_count_what_was_sent(world: "World") -> None:
    names = {"trunkline_accepted_total": {"class": "marketing"}, "trunkline_submitted_total": {"class": "marketing"}}
    before = {name: counted(world, name, **labels) for name, labels in names.items()}
    ids = [world.send(number(world), **{"class": "marketing"}) for _ in range(15)]
    for one in ids:
        assert world.final(one)["status"] == "delivered"
    after = {name: counted(world, name, **labels) for name, labels in names.items()}
    assert {name: after[name] - before[name] for name in names} == dict.fromkeys(names, 15.0)
    started_s = time.monotonic()
    assert world.call("GET", "/metrics").status == 200
    assert time.monotonic() - started_s < 5
