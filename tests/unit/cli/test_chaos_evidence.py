"""What a chaos run makes of the notes of others."""

import pytest

from actors.cli.chaos.command import SHORT, chosen
from actors.cli.chaos.evidence import read_diary, read_load
from actors.cli.chaos.power import newest_file
from router.model import MessageClass
from sims.chaos.kinds import KINDS
from sims.chaos.timetable import InvalidPlan, make_plan
from sims.invariants import Fault

DIARY = """\
S 1 1000000 4915123456789 00000001 0 1 1
A 1 1010000 0 77
R 77 1500000 DELIVRD
K 77 1510000
S 2 2000000 4915123456780 - 0 1 1
A 2 2010000 88 -
S 3 9100000 4915123456789 00000001 0 1 1
S 4 30000
"""


def test_a_load_record_names_ids_by_their_marks(tmp_path):
    file = tmp_path / "record"
    file.write_text("0 5 a otp 0 0\n1 6 b marketing 1 0\n0 9 a otp 0 0\n2 7 c ot")
    accepted, marks = read_load(file)
    assert [(one.at_us, one.id, one.klass, one.key) for one in accepted] == [
        (5, "a", MessageClass.OTP, "load-0"),
        (6, "b", MessageClass.MARKETING, "load-1"),
        (9, "a", MessageClass.OTP, "load-0"),
    ]
    assert marks == {1: "a", 2: "b"}


def test_a_diary_tells_submits_by_their_marks(tmp_path):
    file = tmp_path / "diary"
    file.write_text(DIARY)
    carried = read_diary(file, "alpha", {1: "a"})
    assert [(one.id, one.number) for one in carried.submits] == [("a", 1), ("unknown alpha 2", 2), ("a", 3)]
    assert [(one.number, one.taken) for one in carried.answers] == [(1, True), (2, False)]
    assert [(one.id, one.delivered, one.acked) for one in carried.receipts] == [("a", True, True)]
    assert carried.numbers == {"4915123456789", "4915123456780"}


def test_the_segments_of_a_long_message_are_one_message_s(tmp_path):
    file = tmp_path / "diary"
    file.write_text(
        "S 1 1 491 - 7 2 3\nS 2 2 491 00000001 7 1 3\nS 3 3 491 - 7 3 3\nS 4 4 492 - 7 2 2\nS 5 5 491 00000002 8 1 2\nA 3 9 0 x\nR x 9 DELIVRD\n"
    )
    carried = read_diary(file, "alpha", {1: "a", 2: "b"})
    assert [(one.id, one.segment) for one in carried.submits] == [("a", 2), ("a", 1), ("a", 3), ("unknown alpha 4", 2), ("b", 1)]
    assert carried.segments == {"a": 3, "b": 2}
    assert [(one.id, one.segment) for one in carried.receipts] == [("a", 3)]


def test_what_comes_out_of_a_stalled_link_left_before(tmp_path):
    file = tmp_path / "diary"
    file.write_text(DIARY)
    stall = Fault(4_000_000, "smpp.stall", "alpha", 50, 9_000_000)
    assert [one.at_us for one in read_diary(file, "alpha", {1: "a"}, [stall]).submits] == [1_000_000, 2_000_000, 4_000_000]


def test_the_file_that_is_written_is_the_newest_of_its_kind(tmp_path):
    folder = tmp_path / "appendonlydir"
    folder.mkdir()
    manifest = folder / "appendonly.aof.manifest"
    manifest.write_text("file a.base.rdb seq 9 type b\nfile a.9.incr.aof seq 9 type i\nfile a.10.incr.aof seq 10 type i\n")
    assert newest_file(tmp_path) == folder / "a.10.incr.aof"
    manifest.write_text("file a.base.rdb seq 9 type b\n")
    with pytest.raises(RuntimeError):
        newest_file(tmp_path)


def test_faults_are_chosen_by_name_family_and_mix():
    assert chosen("all") == tuple(KINDS)
    assert chosen("short") == SHORT
    assert chosen("kill.front,webhook,kill.front") == ("kill.front", *(name for name in KINDS if name.startswith("webhook.")))
    with pytest.raises(InvalidPlan):
        chosen("kill.nobody")


def test_the_short_mix_fits_into_a_minute():
    assert {name for name in KINDS if name.startswith("kill.")} <= set(SHORT)
    for seed in range(10):
        assert len(make_plan(seed, 55.0, SHORT, once=True)) == len(SHORT)


def test_references_that_come_again_tell_messages_apart_by_what_is_near(tmp_path):
    file = tmp_path / "diary"
    file.write_text("".join(f"S {n} {n} 4915123456789 {mark} 7 {part} 2\n" for n, mark, part in (
        (1, "00000001", 1), (2, "-", 2), (90, "-", 2), (91, "00000002", 1),
    )))  # fmt: skip
    submits = read_diary(file, "alpha", {1: "a", 2: "b"}).submits
    assert [(one.id, one.segment) for one in submits] == [("a", 1), ("a", 2), ("b", 2), ("b", 1)]
