import math
from collections import Counter

import pytest

from carriers.smpp.messages import Message
from router.text.segments import split
from sims.smsc.agenda import Agenda
from sims.smsc.decisions import Decider
from sims.smsc.inbox import Inbox
from sims.smsc.message_ids import write_id
from sims.smsc.seconds import SlidingMaximum, Throttle
from sims.smsc.temperament import (
    PRESETS,
    Change,
    Failure,
    InvalidTemperament,
    Temperament,
    Timetable,
    changed,
    parse_setting,
    preset,
    read_script,
)

MANY = 20_000


def fates(temperament, seed=1, times=MANY):
    decider = Decider(seed)
    return [decider.next(temperament) for _ in range(times)]


def share(values):
    values = list(values)
    return sum(values) / len(values)


# -- temperament and timetable


def test_changes_apply_from_their_beginning_until_before_their_end():
    table = Timetable(
        changes=(
            Change(from_s=10, to_s=20, set={"throttle_mps": 5}),
            Change(from_s=15, to_s=30, set={"throttle_mps": 7, "black_hole": True}),
        )
    )
    base = Temperament(throttle_mps=1)
    assert [table.at(base, t).throttle_mps for t in (0, 9.99, 10, 14.9, 15, 20, 29.9, 30, 1e6)] == [1, 1, 5, 5, 7, 7, 7, 1, 1]
    assert table.at(base, 15).black_hole
    assert table.at(base, 40) is base


def test_a_repeated_timetable_begins_anew():
    table = Timetable(changes=(Change(from_s=0, to_s=1, set={"outage": True}),), repeat_s=10)
    states = [table.at(Temperament(), t).outage for t in (0, 0.5, 1, 9.9, 10, 10.5, 11, 100.2, 105)]
    assert states == [True, True, False, False, True, True, False, True, False]


@pytest.mark.parametrize(
    "wrong",
    [
        {"delivered": 1.5},
        {"delivered": -0.1},
        {"errors": {"0x08": 0.6, "0x45": 0.6}},
        {"errors": {"zero": 0.1}},
        {"errors": {"0": 0.1}},
        {"throttle_by": "week"},
        {"throttle_mps": "fast"},
        {"no_such_field": 1},
        {"failures": [{"stat": "DELIVRD"}]},
        {"delivered": 0.5, "failures": []},
    ],
)
def test_a_temperament_that_makes_no_sense_is_refused_and_says_why(wrong):
    with pytest.raises(InvalidTemperament):
        changed(Temperament(), wrong)
    with pytest.raises(InvalidTemperament):
        Timetable(changes=(Change(from_s=0, to_s=1, set=wrong),)).check(Temperament())


def test_scripts_presets_and_settings_are_read():
    base, table = read_script(
        """
        preset = "flaky"
        [temperament]
        throttle_mps = 50
        failures = [{stat = "UNDELIV", err = "012", weight = 2.0}, {stat = "EXPIRED"}]
        [timetable]
        repeat_s = 60
        [[timetable.changes]]
        from_s = 30
        to_s = 40
        set = {outage = true}
        """
    )
    assert (base.throttle_mps, base.delivered) == (50, PRESETS["flaky"]["delivered"])
    assert base.failures[0] == Failure(stat="UNDELIV", err="012", weight=2.0)
    assert table.at(base, 95).outage
    assert changed(base, parse_setting("throttle_by=calendar")).throttle_by == "calendar"
    assert changed(base, parse_setting('errors={"0x58"=0.25}')).errors == {"0x58": 0.25}
    assert all(preset(name) != Temperament() for name in PRESETS)
    for wrong in (
        "[temperament]\nspeed = 1",
        "preset = 'mad'",
        "not toml",
        "[timetable]\nchanges = [{from_s = 2, to_s = 1, set = {}}]",
    ):
        with pytest.raises(InvalidTemperament):
            read_script(wrong)
    with pytest.raises(InvalidTemperament):
        parse_setting("outage")


# -- decisions


def test_the_same_seed_decides_the_same_and_each_submit_by_its_place_alone():
    lively = preset("flaky")
    assert fates(lively) == fates(lively)
    assert fates(lively) != fates(lively, seed=2)
    # whatever the temperament was before, the tail is the same
    decider = Decider(1)
    for _ in range(5_000):
        decider.next(Temperament(black_hole=True))
    assert [decider.next(lively) for _ in range(1_000)] == fates(lively, times=6_000)[5_000:]


def test_shares_come_out_as_asked():
    t = Temperament(
        delivered=0.8,
        failures=(Failure(stat="UNDELIV", err="001", weight=3), Failure(stat="EXPIRED", err="000", weight=1)),
        no_answer=0.1,
        errors={"0x08": 0.05, "0x0B": 0.15},
        receipt_loss=0.3,
        intermediate=0.5,
        duplicate_receipts=0.2,
        early_receipts=0.4,
    )
    all_fates = fates(t)
    statuses = Counter(fate.status for fate in all_fates)
    assert statuses[0x08] / MANY == pytest.approx(0.05, abs=0.01)
    assert statuses[0x0B] / MANY == pytest.approx(0.15, abs=0.01)
    taken = [fate for fate in all_fates if fate.status == 0]
    assert share(not fate.answered for fate in taken) == pytest.approx(0.1, abs=0.01)
    assert share(fate.delivered for fate in taken) == pytest.approx(0.8, abs=0.015)
    stats = Counter(fate.stat for fate in taken)
    assert stats["UNDELIV"] / len(taken) == pytest.approx(0.15, abs=0.015)
    assert stats["EXPIRED"] / len(taken) == pytest.approx(0.05, abs=0.01)
    assert share(fate.lost for fate in taken) == pytest.approx(0.3, abs=0.015)
    assert share(fate.enroute for fate in taken) == pytest.approx(0.5, abs=0.015)
    assert share(fate.copies == 2 for fate in taken) == pytest.approx(0.2, abs=0.015)
    assert share(fate.early for fate in taken) == pytest.approx(0.4, abs=0.015)


def test_delays_are_lognormal_around_their_median():
    delays = sorted(fate.answer_s for fate in fates(Temperament(answer_median_s=0.2, answer_sigma=0.5)))
    assert delays[MANY // 2] == pytest.approx(0.2, rel=0.03)
    assert delays[int(MANY * 0.8413)] == pytest.approx(0.2 * math.exp(0.5), rel=0.05)  # one sigma up
    assert {fate.receipt_s for fate in fates(Temperament(receipt_median_s=3), times=50)} == {3.0}


def test_a_black_hole_takes_and_a_liar_claims():
    assert {(f.status, f.answered, f.delivered, f.stat) for f in fates(Temperament(black_hole=True), times=100)} == {
        (0, True, False, "")
    }
    assert {(f.delivered, f.stat) for f in fates(Temperament(fake_receipts=True, delivered=0.1), times=100)} == {
        (False, "DELIVRD")
    }


# -- seconds, agenda, ids


def test_the_sliding_throttle_never_lets_more_pass_in_any_second():
    throttle = Throttle()
    passed = []
    for step in range(3_000):
        now_s = step * 0.0017
        if throttle.room(now_s, 50, "sliding"):
            throttle.passed(now_s, 1)
            passed.append(now_s)
    assert len(passed) > 200
    assert all(later - first >= 1.0 for first, later in zip(passed, passed[50:], strict=False))


def test_the_calendar_throttle_fills_anew_each_second():
    throttle = Throttle()
    assert throttle.room(10.9, 50, "calendar") == 50
    throttle.passed(10.9, 50)
    assert throttle.room(10.99, 50, "calendar") == 0
    assert throttle.room(11.0, 50, "calendar") == 50  # 100 within a tenth of a second, as contracts by the calendar allow


def test_the_maximum_of_any_sliding_second_is_kept():
    maximum = SlidingMaximum()
    for now_s, events in ((0.0, 5), (0.5, 5), (0.999, 5), (1.0, 5), (1.4, 1), (9.0, 14)):
        maximum.add(now_s, events)
    assert maximum.maximum == 16  # 0.5, 0.999, 1.0 and 1.4: what came at 0.0 is a second before 1.0


def test_the_agenda_gives_everything_in_time_and_order_and_nothing_early():
    agenda = Agenda()
    assert agenda.next_s() is None
    for name, due_s in (("c", 2.0), ("a", 1.0), ("b", 1.0004), ("d", 2.5)):
        agenda.add(due_s, name)
    assert agenda.next_s() == 1.0
    assert agenda.take(0.9999) == []
    assert agenda.take(1.0) == ["a"]
    assert agenda.take(2.1) == ["b", "c"]
    assert agenda.take(2.4) == []
    assert agenda.next_s() == 2.5


def test_ids_are_distinct_in_every_form():
    for form in ("decimal", "hex", "padded", "uuid"):
        ids = {write_id(number, form) for number in range(10_000, 12_000)}
        assert len(ids) == 2_000
        assert all(len(text) < 65 for text in ids)
    assert int(write_id(1_234_567, "hex"), 16) == int(write_id(1_234_567, "padded")) == 1_234_567


# -- inbox


def parts_of(text, reference=9, **more):
    found = split(text, "gsm7", reference)
    return [Message("Acme", "49151", octets, esm_class=0x40 if len(found.parts) > 1 else 0, **more) for octets in found.parts]


def test_parts_in_any_order_make_one_message():
    text = "All work and no play makes Jack a dull boy. " * 8
    parts = parts_of(text)
    assert len(parts) == 3
    inbox = Inbox(keep=10, track=True)
    for number in (2, 0, 2, 1):
        inbox.take("acme", parts[number], f"id{number}", 5.0)
    assert (inbox.parts, inbox.messages, inbox.incomplete, inbox.duplicates) == (4, 1, 0, 0)
    shown = inbox.recent[0].shown()
    assert (shown["text"], shown["parts"], shown["message_ids"]) == (text, 3, ["id0", "id1", "id2"])


def test_sar_and_payload_are_read_too():
    inbox = Inbox(keep=10, track=False)
    for number, octets in ((1, b"Hello "), (2, b"world")):
        tlvs = {0x020C: b"\0\7", 0x020E: b"\2", 0x020F: bytes((number,))}
        inbox.take("acme", Message("A", "49", octets, tlvs=tlvs), str(number), 0.0)
    inbox.take("acme", Message("A", "49", tlvs={0x0424: b"as payload"}), "3", 0.0)
    assert [arrived.shown()["text"] for arrived in inbox.recent] == ["Hello world", "as payload"]


def test_the_same_message_twice_is_a_duplicate_whatever_its_reference():
    text = "x" * 200
    inbox = Inbox(keep=10, track=True)
    for reference in (1, 2):
        for part in parts_of(text, reference):
            inbox.take("acme", part, "id", 0.0)
    inbox.take("acme", Message("Acme", "49152", b"x" * 10), "id", 0.0)
    inbox.take("acme", Message("Acme", "49153", b"x" * 10), "id", 0.0)
    assert (inbox.messages, inbox.duplicates) == (4, 1)


def test_recent_messages_are_bounded():
    inbox = Inbox(keep=3, track=False)
    for number in range(10):
        inbox.take("acme", Message("A", str(number), b"x"), "id", 0.0)
    assert [arrived.destination for arrived in inbox.recent] == ["7", "8", "9"]
    assert inbox.messages == 10
