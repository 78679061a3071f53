"""Which classes are refused at which pressure."""

import pytest

from router.model import MessageClass
from router.pressure import Pressure, refused, worst

OTP, TRANSACTIONAL, MARKETING = MessageClass


@pytest.mark.parametrize(
    ("memory", "disk", "expected"),
    [
        (0.0, 1.0, set()),
        (0.699, 0.10, set()),
        (0.70, 1.0, {MARKETING}),
        (0.849, 1.0, {MARKETING}),
        (0.85, 1.0, {MARKETING, TRANSACTIONAL}),
        (2.0, 1.0, {MARKETING, TRANSACTIONAL}),
        (0.0, 0.099, {OTP, TRANSACTIONAL, MARKETING}),
        (0.9, 0.0, {OTP, TRANSACTIONAL, MARKETING}),
    ],
)
def test_classes_go_in_the_order_of_what_they_are_worth(memory: float, disk: float, expected: set[MessageClass]) -> None:
    assert refused(Pressure(memory, disk)) == expected


def test_the_worst_of_several_servers_counts() -> None:
    assert worst([Pressure(0.2, 0.5), Pressure(0.7, 0.9)]) == Pressure(0.7, 0.5)
