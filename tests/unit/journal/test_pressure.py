"""Which classes are refused at which pressure."""

import pytest

from router.model import MessageClass
from router.pressure import Gate, Pressure, refused, worst

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


@pytest.mark.parametrize(
    ("queue", "expected"),
    [
        (0.699, set()),
        (0.70, {MARKETING}),
        (0.849, {MARKETING}),
        (0.85, {MARKETING, TRANSACTIONAL}),
        (9.0, {MARKETING, TRANSACTIONAL}),
    ],
)
def test_a_queue_is_as_full_as_memory_and_never_shuts_out_a_code(queue: float, expected: set[MessageClass]) -> None:
    assert refused(Pressure(queue_share=queue)) == expected
    assert refused(Pressure(memory_share=0.75, queue_share=queue)) == expected | {MARKETING}


def test_a_gate_counts_on_between_two_looks() -> None:
    gate = Gate()
    assert not any(gate.why(klass) for klass in MessageClass)
    gate.looked(Pressure(), 600, 1_000)
    gate.took(99)
    assert gate.why(MARKETING) == ""
    gate.took(1)
    assert (gate.why(MARKETING), gate.why(TRANSACTIONAL)) == ("the queues are 70% full", "")
    gate.took(150)
    assert (gate.why(TRANSACTIONAL), gate.why(OTP)) == ("the queues are 85% full", "")
    gate.looked(Pressure(), 200, 1_000)
    assert not any(gate.why(klass) for klass in MessageClass)


def test_a_gate_without_a_limit_knows_memory_and_disk_only() -> None:
    gate = Gate()
    gate.looked(Pressure(0.72), 10**9, 0)
    gate.took(10**9)
    assert gate.why(MARKETING) == "the journal is 72% full, 100% of its disk is free"
    assert gate.why(TRANSACTIONAL) == ""
    gate.looked(Pressure(0.1, 0.05, 0.0), 999, 1_000)
    assert gate.why(OTP) == "the journal is 10% full, 5% of its disk is free"


def test_the_worst_of_several_servers_counts() -> None:
    assert worst([Pressure(0.2, 0.5), Pressure(0.7, 0.9)]) == Pressure(0.7, 0.5)
    assert worst([Pressure(queue_share=0.3), Pressure(queue_share=0.1)]).queue_share == 0.3
