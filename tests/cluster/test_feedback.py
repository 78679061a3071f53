"""Feedback in the running system: into the history, to the brain, and what the brain keeps of its boards."""

from typing import TYPE_CHECKING

import pytest
from cluster_world import until
from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from tests.cluster.world import World

pytestmark = pytest.mark.timeout(240)  # the first test of a session starts the system, the last one stops it


def conversions(world: "World") -> float:
    page = world.call("GET", "/metrics").body.decode()
    return sum(
        sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == "trunkline_observations_total" and sample.labels.get("outcome") == "converted"
    )


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
