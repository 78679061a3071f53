"""The head of a record: golden octets, and what scripts and Python both read from them."""

from pathlib import Path

import pytest

from actors.journal.head import CHANNELED, COPIED, KEYED, WANTS_EVENTS, first_head, history_of, owner_tag, read_head
from actors.journal.scripts import load, moves
from router.model import TRANSITIONS, MessageClass, State
from router.record import UnreadableRecord

GOLDEN = Path(__file__).parents[2] / "data" / "record_heads.txt"


def golden() -> dict[str, bytes]:
    lines = [line.split() for line in GOLDEN.read_text("ascii").splitlines() if line and not line.startswith("#")]
    return {name: bytes.fromhex(octets) for name, octets in lines}


def test_a_new_message_has_the_golden_head() -> None:
    heads = golden()
    assert first_head(State.QUEUED, MessageClass.OTP, 0, 1, "acme", 0) == heads["queued"]
    told = WANTS_EVENTS | CHANNELED
    assert first_head(State.QUEUED, MessageClass.TRANSACTIONAL, told, 2, "acme", 0) == heads["channeled"]
    assert first_head(State.RECEIVED, MessageClass.TRANSACTIONAL, CHANNELED, 1, "acme", 3600) + b"history" == heads["received"]
    assert first_head(State.SCHEDULED, MessageClass.MARKETING, WANTS_EVENTS | KEYED, 3, "globex", 86_400) == heads["scheduled"]


def test_every_golden_head_is_still_read() -> None:
    heads = golden()
    sent = read_head(heads["sent"])
    assert (sent.state, sent.klass, sent.attempts, sent.flags) == (State.SENT, MessageClass.TRANSACTIONAL, 2, WANTS_EVENTS)
    assert (sent.segments, sent.tenant, sent.owner, sent.mask) == (3, "acme", "carrier:a#0", b"\x05")
    assert (sent.tag, sent.history) == (owner_tag("carrier:a#0"), b"history")
    assert history_of(heads["sent"]) == b"history"
    first_failed = 16
    assert read_head(heads["copied"]) == sent._replace(flags=WANTS_EVENTS | COPIED | first_failed)
    assert read_head(heads["scheduled"]).retention_s == 86_400
    assert read_head(heads["channeled"]).flags == WANTS_EVENTS | CHANNELED
    received = read_head(heads["received"])
    assert (received.state, received.flags, received.retention_s, received.tenant) == (State.RECEIVED, CHANNELED, 3600, "acme")
    assert received.history == b"history"


@pytest.mark.parametrize("octets", [b"", b"\x01\x02", b"\x02" + bytes(20), b"\x01\x63" + bytes(20), b"\x01\x02\x09" + bytes(20)])
def test_other_octets_are_unreadable(octets: bytes) -> None:
    with pytest.raises(UnreadableRecord):
        read_head(octets)


def test_scripts_know_exactly_the_moves_of_the_table() -> None:
    table = moves()
    told = {(before, after) for before in range(32) for after in range(32) if table[before * 32 + after] == "1"}
    assert told == {(int(before), int(after)) for before, after in TRANSITIONS}


def test_every_state_has_a_row_in_that_table() -> None:
    assert max(State) < 32
    assert len(moves()) == 32 * 32
    assert "1" not in moves()[State.RECEIVED * 32 : (State.RECEIVED + 1) * 32]


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parents[3] / "actors" / "journal" / "scripts").glob("[!_]*.lua")), ids=lambda p: p.stem
)
def test_draining_scripts_may_run_at_the_memory_limit_and_what_takes_new_work_in_may_not(path: Path) -> None:
    first = load(path.stem).source.split(b"\n")[0]
    assert (
        first == b"#!lua"
        if path.stem in {"accept", "receive", "gather"}
        else first in {b"#!lua flags=allow-oom", b"#!lua flags=no-writes"}
    )
    assert b"--include" not in load(path.stem).source
