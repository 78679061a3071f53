"""Customers' software that is not ours, from its submit to its receipt through the whole running system."""

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from cluster_around import ROOT, SMPP_PASSWORD, until
from cluster_customer import Lines

if TYPE_CHECKING:
    from tests.cluster.world import World

pytestmark = pytest.mark.timeout(240)

PROGRAMS = ROOT / "tests" / "interop" / "programs"
TO = "+447700900123"  # as the programs write it
LONG = "Long enough for two parts, if one looks at it. " * 6


@pytest.mark.parametrize("name", ["smpplib", "aiosmpplib", "jasmin"])
def test_a_gateway_sends_and_hears_of_it(world: "World", name: str) -> None:
    text = f"{name} {world.numbers} {LONG}"
    world.numbers += 1
    program = subprocess.Popen(
        [sys.executable, str(PROGRAMS / f"{name}_esme.py"), world.smpp.rpartition(":")[2], "load-gw", SMPP_PASSWORD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with Lines(program) as lines:
        lines.tell("bind transceiver")
        assert lines.next("bound")["status"] == "0"
        lines.tell(f"submit udh {text.encode().hex()}")
        answers = [lines.next("answer") for _ in range(2)]
        assert [answer["status"] for answer in answers] == ["0", "0"]
        ids = {answer["id"] for answer in answers}
        receipt = lines.next("receipt")  # Jasmin asks for one on the last part only
        while receipt["id"] not in ids:  # what the gateway before had not answered when it left is delivered again
            receipt = lines.next("receipt")
        assert receipt["stat"] == "DELIVRD"
    [arrived] = until(lambda: [one for one in world.at_simulators(TO) if one["text"] == text], "it", within_s=10)
    assert arrived["parts"] == 2
