from typing import get_args

import pytest

from carriers.smpp.statuses import SAME_TIMES, Reaction, parse_overrides, react, status_name
from router.model import Again, ErrorName, Fault
from router.settings import Reaction as ReactionWord

NEVER, SAME, OTHER, PAUSE = Again.NEVER, Again.SAME, Again.OTHER, Again.PAUSE


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (0x00, "ESME_ROK (0x00)"),
        (0x08, "ESME_RSYSERR (0x08)"),
        (0x0E, "ESME_RINVPASWD (0x0E)"),
        (0x58, "ESME_RTHROTTLED (0x58)"),
        (0x104, "ESME_RINVDCS (0x104)"),
        (0x400, "vendor status (0x400)"),
        (0x4FF, "vendor status (0x4FF)"),
        (0x500, "unlisted status (0x500)"),
        (0xFFFFFFFF, "unlisted status (0xFFFFFFFF)"),
        (0x09, "unlisted status (0x09)"),
    ],
)
def test_names(status: int, name: str) -> None:
    assert status_name(status) == name


@pytest.mark.parametrize(
    ("statuses", "again", "fault", "lane", "alert"),
    [
        ([0x01, 0x02, 0x43], NEVER, Fault.OURS, "", True),
        ([0x03, 0x0C, 0x33, 0x44, 0x67], NEVER, Fault.OURS, "", True),
        ([0x04, 0x05, 0x0D], PAUSE, Fault.CARRIER, "rebind", False),
        ([0x0E, 0x0F], PAUSE, Fault.OURS, "rebind", True),
        ([0x06, 0x07, 0x15, 0x48, 0x49, 0x50, 0x51, 0x53, 0x61, 0x62, 0xC0, 0xC4, 0x104], OTHER, Fault.OURS, "", True),
        ([0x08, 0x45, 0xFE, 0xFF, 0x102], SAME, Fault.CARRIER, "", False),
        ([0x0A], OTHER, Fault.SENDER, "", False),
        ([0x0B], OTHER, Fault.RECIPIENT, "", False),
        ([0x14], PAUSE, Fault.CARRIER, "queue_full", False),
        ([0x58], PAUSE, Fault.CARRIER, "throttled", False),
        ([0x64], SAME, Fault.RECIPIENT, "", False),
        ([0x65, 0x66], NEVER, Fault.RECIPIENT, "", False),
        ([0x101], NEVER, Fault.SENDER, "", False),
        ([0x09, 0x400, 0x4FF, 0x12345678], SAME, Fault.CARRIER, "", True),  # unlisted
    ],
)
def test_reactions(statuses: list[int], again: Again, fault: Fault, lane: str, alert: bool) -> None:
    for status in statuses:
        reaction = react(status, {})
        assert (reaction.again, reaction.fault, reaction.lane, reaction.alert) == (again, fault, lane, alert), hex(status)


def test_what_is_ambiguous_or_unknown_is_tried_here_once_more_and_what_passes_a_few_times() -> None:
    assert {react(status, {}).times for status in (0x45, 0xFE, 0xFF, 0x09, 0x400, 0x4FF)} == {1}
    assert {react(status, {}).times for status in (0x08, 0x64, 0x102)} == {SAME_TIMES}
    assert react(0x45, {0x45: "same"}).times == SAME_TIMES


def test_what_can_be_mended_by_leaving_something_out() -> None:
    mends = {status: react(status, {}).mend for status in range(1, 0x500) if react(status, {}).mend}
    assert mends == {0x43: "marks", 0x62: "validity"} | dict.fromkeys(range(0xC0, 0xC5), "tlvs")
    assert not any(react(status, {status: "other"}).mend for status in mends)  # the profile has said what it means


def test_errors_have_the_name_users_know() -> None:
    assert react(0x0A, {}).error is ErrorName.INVALID_SENDER
    assert react(0x0B, {}).error is ErrorName.INVALID_DESTINATION
    assert react(0x01, {}).error is ErrorName.INVALID_MESSAGE
    assert react(0x08, {}).error is ErrorName.REFUSED_BY_CARRIER


def test_pauses_are_what_a_lane_reacts_to_and_nothing_else() -> None:
    for status in range(1, 0x500):
        reaction = react(status, {})
        assert (reaction.again is PAUSE) == (reaction.lane != ""), hex(status)


@pytest.mark.parametrize(
    ("word", "again", "fault", "lane"),
    [
        ("permanent", NEVER, Fault.RECIPIENT, ""),
        ("same", SAME, Fault.CARRIER, ""),
        ("other", OTHER, Fault.CARRIER, ""),
        ("throttle", PAUSE, Fault.CARRIER, "throttled"),
        ("queue_full", PAUSE, Fault.CARRIER, "queue_full"),
        ("rebind", PAUSE, Fault.CARRIER, "rebind"),
    ],
)
def test_a_profile_goes_before_the_table(word: str, again: Again, fault: Fault, lane: str) -> None:
    assert react(0x45, {0x45: word}) == Reaction(again, fault, ErrorName.REFUSED_BY_CARRIER, lane, alert=False)  # type: ignore[arg-type] # lane is one of the words


def test_an_override_keeps_fault_and_name_of_its_row() -> None:
    assert react(0x0A, {0x0A: "permanent"}) == Reaction(NEVER, Fault.SENDER, ErrorName.INVALID_SENDER, "", alert=False)
    assert react(0x0B, {0x0B: "same"}) == Reaction(SAME, Fault.RECIPIENT, ErrorName.INVALID_DESTINATION, "", alert=False)


def test_every_word_of_the_settings_is_understood() -> None:
    for word in get_args(ReactionWord):
        react(0x45, {0x45: word})
    with pytest.raises(ValueError, match="sometimes"):
        react(0x45, {0x45: "sometimes"})


def test_parse_overrides() -> None:
    assert parse_overrides({"0x45": "other", "0X040A": "permanent", "88": "same"}) == {
        0x45: "other",
        0x40A: "permanent",
        88: "same",
    }


@pytest.mark.parametrize("key", ["", "0x", "45h", "zz", "0", "0x100000000", "-1"])
def test_parse_overrides_names_the_key(key: str) -> None:
    with pytest.raises(ValueError, match=repr(key)):
        parse_overrides({key: "other"})
