"""What the running system tells of its brain: why a message went where it went, how carriers stand, and what became of feedback."""

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from cluster_around import until

from router.rule_settings import Rule
from tests.cluster.figures import counted

if TYPE_CHECKING:
    from tests.cluster.world import World

pytestmark = pytest.mark.timeout(240)  # the first test of a session starts the system, the last one stops it


def conversions(world: "World") -> float:
    return counted(world, "trunkline_observations_total", outcome="converted")


def test_a_code_that_was_used_reaches_the_brain(world: "World") -> None:
    before = conversions(world)
    world.numbers += 1
    message_id = world.send(f"+49151{20_000_000 + world.numbers}", "Your code is 4711", **{"class": "otp"})
    assert world.final(message_id)["status"] == "delivered"
    for fresh in (True, False):
        answer = world.call("POST", f"/v1/messages/{message_id}/feedback", {"outcome": "converted"})
        assert (answer.status, answer.json["fresh"]) == (202, fresh)
    assert world.events(message_id)[-1]["kind"] == "feedback"
    assert until(lambda: conversions(world) - before, "the brain's count", within_s=15) == 1


def test_the_brain_keeps_the_past_of_its_boards(world: "World") -> None:
    shown = until(lambda: world.call("GET", "/v1/board/history").json["data"], "a sample", within_s=30)
    assert {point["carrier"] for point in shown} <= set(world.sims)
    assert all(point["trust"] == 1.0 for point in shown)


def assignment(world: "World", **fields: object) -> dict[str, Any]:
    """The event that says where a new message went, and why."""
    world.numbers += 1
    message_id = world.send(f"+49151{20_000_000 + world.numbers}", "Hello", **fields)
    assert world.final(message_id)["status"] == "delivered"
    return next(event for event in world.events(message_id) if event["kind"] == "assigned")


def test_a_message_explains_its_route(world: "World") -> None:
    until(lambda: world.call("GET", "/v1/board").json["version"], "a board", within_s=15)
    dispatched = counted(world, "trunkline_planned_total", **{"class": "otp"})

    def by_the_board() -> dict[str, Any] | None:
        found = assignment(world, **{"class": "otp"})
        return found if found["explanation"]["board"] else None

    event = until(by_the_board, "a choice by the board", within_s=20)
    told = event["explanation"]
    assert (event["attempt"], told["class"], told["network"], told["policy"], told["rule"]) == (1, "otp", "DE", "balanced", "")
    assert told["note"] == ""
    assert {one["carrier"] for one in told["considered"]} | told["excluded"].keys() == set(world.sims)
    totals = [one["total_micros"] for one in told["considered"]]
    assert totals == sorted(totals)
    for one in told["considered"]:
        assert one["price_micros"] == 20_000
        assert 0.0 < one["success"] < 1.0
        assert one["wait_s"] > 0.0
        assert 0.0 < one["spread"] < 0.5
        assert one["total_micros"] > one["price_micros"] + one["shadow_micros"]
    if event["explored"]:
        assert event["explored_why"] in {"draw", "half_open", "suspect", "new", "unused"}
        assert counted(world, "trunkline_explored_total", reason=event["explored_why"]) >= 1
    else:
        assert "explored_why" not in event
        assert event["carrier"] == told["considered"][0]["carrier"]
    assert counted(world, "trunkline_planned_total", **{"class": "otp"}) > dispatched


def test_a_breaker_is_seen_from_its_opening_to_its_probe(world: "World") -> None:
    """The only carrier that a rule leaves refuses: messages say so, and one of them says that it asked again."""
    name = min(world.sims)
    world.apply(msgspec.structs.replace(world.settings, routing=(Rule(name="only", tags=("only",), allow=(name,)),)))
    sent: list[str] = []

    def send() -> str:
        world.numbers += 1
        sent.append(world.send(f"+49151{20_000_000 + world.numbers}", "Hello", **{"class": "otp", "tags": ["only"]}))
        return sent[-1]

    def breaker() -> dict[str, Any]:
        shown = world.call("GET", "/v1/board").json["carriers"]
        return next((one for one in shown if one["carrier"] == name), {})

    def asked_again() -> bool:
        send()
        events = [event for message_id in sent for event in world.events(message_id)]
        return any(event.get("explored_why") == "half_open" for event in events)

    def rule() -> str:
        message = {"to": "+4915120000000", "text": "x", "class": "otp", "tags": ["only"]}
        return str(world.call("POST", "/v1/messages/preview", message).json["route"]["rule"])

    try:
        until(lambda: rule() == "only", "the rules in the front", within_s=15)
        opened = counted(world, "trunkline_breaker_changes_total", carrier=name, state="open")
        world.sims[name].change(errors={"0x08": 1.0})
        until(lambda: send() and breaker().get("breaker") in {"open", "half_open"}, "an open breaker", within_s=20, every_s=0.2)
        assert breaker()["reason"] == "refused three in a row"
        assert counted(world, "trunkline_breaker_changes_total", carrier=name, state="open") > opened
        world.sims[name].calm()
        until(asked_again, "a message that asked again", within_s=40, every_s=0.3)
        until(lambda: breaker()["breaker"] == "closed", "a closed breaker", within_s=20)
    finally:
        world.sims[name].calm()
        world.apply(world.settings)
        until(lambda: not rule(), "the old settings", within_s=15)


def test_the_board_and_its_figures(world: "World") -> None:
    shown = until(lambda: world.call("GET", "/v1/board?network=*").json, "a board", within_s=15)
    assert {one["carrier"] for one in shown["carriers"]} == set(world.sims)
    assert shown["currency"] == "EUR"
    assert shown["age_s"] < 15.0
    assert all(one["shadow_micros_per_s"] >= 0 for one in shown["carriers"])

    def agree() -> bool:
        """Board and metrics are of different moments, and a carrier may still be under suspicion for what other tests did to it."""
        carriers = world.call("GET", "/v1/board?network=*").json["carriers"]
        return all(
            counted(world, "trunkline_receipt_trust_ratio", carrier=one["carrier"]) == one["trust"]
            and counted(world, "trunkline_carrier_suspect", carrier=one["carrier"]) == float(bool(one["suspect_in"]))
            and counted(world, "trunkline_receipts_lost", carrier=one["carrier"]) == float(bool(one["unheard"]))
            for one in carriers
        )

    until(agree, "figures that say what the board says", within_s=15)
    assert 0.0 < counted(world, "trunkline_board_age_seconds") < 15.0
