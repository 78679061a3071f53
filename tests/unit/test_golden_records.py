"""Records and messages between actors as earlier releases packed them, read by this one; and that this one packs as its golden files say."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack
import pytest

from actors.wire import (
    Lane,
    Offered,
    Reply,
    pack_lane,
    pack_observations,
    pack_offer,
    pack_reply,
    unpack_lane,
    unpack_observations,
    unpack_offer,
    unpack_reply,
)
from router.brain.port import Observation, Outcome
from router.brain.snapshot import pack_state, resume, unpack_state
from router.brain.state import BrainState, observe, tick
from router.ids import MessageId
from router.model import MessageClass
from router.record import Body, Client, Inbound, pack_body, unpack_body

FOLDER = Path(__file__).parents[1] / "data" / "records"
T0 = 1_790_000_000_000
ID = MessageId(bytes(range(16)))


def golden(name: str) -> dict[str, bytes]:
    lines = [line.split() for line in (FOLDER / name).read_text("ascii").splitlines() if not line.startswith("#")]
    return {form: bytes.fromhex(octets) for form, octets in lines}


# -- bodies ----------------------------------------------------------------------------------------------------------
FIRST = {
    "tenant": "acme",
    "to": "447700900123",
    "sender": "Acme",
    "text": "Your code is 4711",
    "klass": 0,
    "created_ms": T0,
    "expires_ms": T0 + 60_000,
    "encoding": "gsm7",
    "segments": 1,
    "country": "GB",
    "network": "23410",
    "send_at_ms": 1,
    "client_ref": "r",
    "batch_id": "b",
    "tags": ("x", "y"),
    "metadata": {"k": "v"},
    "webhook_url": "https://example.com/h",
    "policy": "fastest",
    "profile": "p",
    "cost_micros": 20_000,
    "currency": "EUR",
    "retention_s": 60,
    "max_segments": 2,
}
FLASH = {"flash": True, "tlvs": {0x1400: b"12"}}
CLIENT = Client(
    account="acme-gw",
    message_id="1",
    source="Acme",
    source_ton=5,
    source_npi=0,
    destination="447700900123",
    destination_ton=1,
    destination_npi=1,
    asked=(1, 0),
    service_type="X",
)
SMPP = {
    "client": CLIENT,
    "inbound": Inbound(carrier="a", account="acme-gw"),
    "udh": b"\x05\x04\x0b\x84\x0b\x84",
    "fault": "blocked",
}
BODIES = {
    "first": Body(**FIRST),
    "flash": Body(**FIRST, **FLASH),
    "smpp": Body(**FIRST, **FLASH, **SMPP),
}


def test_every_body_is_read_with_what_its_release_knew():
    kept = golden("bodies.txt")
    assert kept.keys() == BODIES.keys()
    assert {form: unpack_body(octets) for form, octets in kept.items()} == BODIES


def test_a_body_is_packed_as_its_golden_file_says():
    assert pack_body(BODIES["smpp"]) == golden("bodies.txt")["smpp"]


# -- between actors --------------------------------------------------------------------------------------------------
LANE = Lane(7, True, 50, "r", 12.5, "open", 3.5, "f")
OFFER = Offered(ID, 1, MessageClass.OTP, 1, b"body", b"event", copy=True)
SEEN = Observation(1.5, "a", "23410", MessageClass.OTP, Outcome.DELIVERED, 2.5, False, "acme", 1.0)
REPLY = Reply([(ID, "no room")], LANE)


def test_actors_of_both_releases_understand_each_other():
    kept = golden("wire.txt")
    first_lane = Lane(7, True, 50, "r")
    assert unpack_offer(kept["offer-first"]) == [OFFER._replace(copy=False)]
    assert unpack_lane(kept["lane-first"]) == first_lane
    assert unpack_reply(kept["reply-first"]) == Reply([(ID, "no room")], first_lane)
    assert unpack_observations(kept["observations-first"]) == [SEEN._replace(tenant="", after_s=-1.0)]
    assert unpack_offer(kept["offer-copies"]) == [OFFER]
    assert unpack_lane(kept["lane-copies"]) == LANE
    assert unpack_reply(kept["reply-copies"]) == REPLY
    assert unpack_observations(kept["observations-copies"]) == [SEEN]


def test_actors_speak_as_the_golden_file_says():
    kept = golden("wire.txt")
    assert pack_offer([OFFER]) == kept["offer-copies"]
    assert pack_lane(LANE) == kept["lane-copies"]
    assert pack_reply(REPLY) == kept["reply-copies"]
    assert pack_observations([SEEN]) == kept["observations-copies"]


@pytest.mark.parametrize("name", ["offer", "lane", "observations"])
def test_what_a_later_release_adds_at_the_end_is_passed_over(name):
    read = {"offer": unpack_offer, "lane": unpack_lane, "observations": unpack_observations}[name]
    octets = golden("wire.txt")[f"{name}-copies"]
    fields = msgpack.unpackb(octets)
    more = [*fields, "new"] if name == "lane" else [[*one, "new"] for one in fields]
    assert read(msgpack.packb(more)) == read(octets)


# -- the brain's memory ----------------------------------------------------------------------------------------------
NEWEST_BRAIN = "brain-3-spotless"


def story() -> BrainState:
    """A minute with two carriers, one of which loses every third message: what each file of the brain was made from."""
    begun_s = T0 / 1000
    state = BrainState(begun_s, [15.0, 120.0, 3600.0])
    for n in range(60):
        at_s = begun_s + n
        batch = []
        for carrier in ("a", "b"):

            def seen(outcome: Outcome, age_s: float, carrier: str = carrier, at_s: float = at_s) -> Observation:
                return Observation(at_s, carrier, "23410", MessageClass.OTP, outcome, age_s, True, "acme")

            batch.append(seen(Outcome.SUBMITTED, 0.1))
            if n >= 3:
                batch.append(seen(Outcome.UNDELIVERED if carrier == "b" and n % 3 == 0 else Outcome.DELIVERED, 3.0))
            if n >= 5:
                batch.append(seen(Outcome.CONVERTED, 5.0))
        observe(state, batch, at_s)
        tick(state, at_s)
    return state


def layout(value: Any, path: str = "") -> Iterator[str]:
    """Every place of a packed value, and what kind of thing stands there; not the figures, which differ from one processor to another."""
    if isinstance(value, dict):
        for key in sorted(value, key=str):
            yield from layout(value[key], f"{path}/{key}")
    elif isinstance(value, list) and value and all(isinstance(one, dict | list) for one in value):
        for number, one in enumerate(value):
            yield from layout(one, f"{path}/{number}")
    else:
        length = f" of {len(value)}" if isinstance(value, list) else ""
        yield f"{path} {type(value).__name__}{length}"


def test_the_brain_is_packed_as_its_golden_file_says():
    kept = msgpack.unpackb((FOLDER / f"{NEWEST_BRAIN}.msgpack").read_bytes())
    packed = msgpack.unpackb(pack_state(story()))
    assert list(layout(packed)) == list(layout(kept))
    assert packed["version"] == kept["version"]


@pytest.mark.parametrize("path", sorted(FOLDER.glob("brain-*.msgpack")), ids=lambda path: path.stem)
def test_every_brain_is_read_and_goes_on(path):
    state = unpack_state(path.read_bytes())
    assert (state.tallies["a"].submitted, state.tallies["a"].delivered, state.tallies["a"].undelivered) == (60, 57, 0)
    assert (state.tallies["b"].submitted, state.tallies["b"].delivered, state.tallies["b"].undelivered) == (60, 38, 19)
    assert state.ledger.keys == story().ledger.keys
    resume(state, T0 / 1000 + 120)
    observe(state, [Observation(T0 / 1000 + 121, "a", "23410", MessageClass.OTP, Outcome.SUBMITTED, 0.1)], T0 / 1000 + 121)
    tick(state, T0 / 1000 + 122)
    assert state.tallies["a"].submitted == 61
    assert unpack_state(pack_state(state)).tallies["a"].submitted == 61


def test_there_is_a_file_of_each_form():
    assert len(list(FOLDER.glob("brain-*.msgpack"))) == 5
