"""One outcome of many answers."""

import pytest

from carriers.smpp.server.parcel import Parcel
from carriers.smpp.server.port import Outcome, Verdict


def test_taken_when_all_are():
    parcel = Parcel("it", 2)
    assert parcel.answered(0) is None
    assert parcel.answered(0) == Outcome("it", Verdict.TAKEN)
    assert not parcel.failed


@pytest.mark.parametrize(
    ("ends", "outcome"),
    [
        ((0x58, 0), Outcome("it", Verdict.RETRY, 0x58)),
        ((0, 0x66), Outcome("it", Verdict.REFUSED, 0x66)),
        ((0x58, 0x66), Outcome("it", Verdict.REFUSED, 0x66)),
        ((0x66, 0x58), Outcome("it", Verdict.REFUSED, 0x66)),
        ((None, 0), Outcome("it", Verdict.RETRY)),
        ((None, 0x66), Outcome("it", Verdict.REFUSED, 0x66)),
        ((0x14, 0x58), Outcome("it", Verdict.RETRY, 0x14)),
    ],
)
def test_the_gravest_counts(ends, outcome):
    parcel = Parcel("it", 2)
    made = [parcel.unanswered() if status is None else parcel.answered(status) for status in ends]
    assert made == [None, outcome]


def test_what_is_not_written_any_more_ends_it():
    parcel = Parcel("it", 5)
    assert parcel.answered(0x58) is None
    assert parcel.failed
    assert parcel.unanswered(3) is None
    assert parcel.answered(0) == Outcome("it", Verdict.RETRY, 0x58)
