"""A window that is to be found: it fills the line, makes no queue to speak of, and yields to complaints."""

import heapq
from collections import deque
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from carriers.smpp.finder import CUT, FIRST, GRACE_S, LEAST, MOST, SILENCE, WindowFinder


def drive(
    seed: int, base_s: float, per_s: float, *, seconds: float, jitter: float = 0.1
) -> tuple[WindowFinder, float, float, int]:
    """A sender with a backlog and a carrier that takes ``per_s`` one after the other, each ``base_s`` away.

    Returns the finder, the speed and the mean answer time of the last third, and the largest window seen.
    """
    rng = Random(seed)
    finder = WindowFinder(0.0)
    answers: list[tuple[float, float]] = []  # arrival, written at
    free_s = now_s = 0.0
    waits: list[float] = []
    largest = 0
    counted = 0
    while now_s < seconds:
        while len(answers) < finder.size:
            begin_s = max(now_s + base_s / 2, free_s)
            free_s = begin_s + 1.0 / per_s
            heapq.heappush(answers, (free_s + base_s / 2 * (1 + jitter * rng.random()), now_s))
        now_s = answers[0][0]
        read: deque[float] = deque()
        unanswered = len(answers)
        while answers and answers[0][0] <= now_s + 0.001:  # what a read brings together
            read.append(heapq.heappop(answers)[1])
        now_s += 0.001
        times = [now_s - written_s for written_s in read]
        finder.answered(len(times), sum(times), min(times), unanswered, now_s)
        largest = max(largest, finder.size)
        if now_s > seconds * 2 / 3:
            waits += times
            counted += len(times)
    return finder, counted / (seconds / 3), sum(waits) / len(waits), largest


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), base_s=st.sampled_from((0.002, 0.02, 0.08, 0.3)), per_s=st.sampled_from((20.0, 100.0, 1000.0)))
def test_it_fills_the_line_and_makes_no_long_queue(seed: int, base_s: float, per_s: float) -> None:
    _, speed, wait_s, largest = drive(seed, base_s, per_s, seconds=12.0 + 60 * base_s)
    within_s = base_s + 1.0 / per_s  # of a lone submit
    assert speed >= 0.7 * min(per_s, MOST / within_s)
    # What stands at the carrier is bounded: the tolerance, and room for a burst that grows as the root of the window.
    assert wait_s <= 4.0 * within_s + GRACE_S + 6.0 / per_s + 0.01
    assert LEAST <= largest <= MOST


def test_an_idle_line_is_no_reason_to_grow() -> None:
    finder = WindowFinder(0.0)
    for n in range(10_000):
        finder.answered(1, 0.05, 0.05, 1, n * 0.06)
    assert finder.size == FIRST


@given(
    st.lists(st.tuples(st.sampled_from(("answers", "throttled", "silent")), st.integers(1, 200), st.floats(0, 2)), max_size=200)
)
def test_it_stays_within_its_limits_and_only_a_quiet_carrier_makes_it_grow(steps: list[tuple[str, int, float]]) -> None:
    finder = WindowFinder(0.0)
    now_s = 0.0
    for what, count, wait_s in steps:
        before = finder.size
        written_s, now_s = now_s, now_s + wait_s
        match what:
            case "answers":
                finder.answered(count, count * wait_s, wait_s, count, now_s)
            case "throttled":
                finder.throttled(now_s, written_s)
                assert finder.size <= before
            case "silent":
                finder.silent(now_s, written_s)
                assert finder.size <= before
        assert LEAST <= finder.size <= MOST


def test_one_complaint_of_a_window_counts() -> None:
    finder = WindowFinder(0.0)
    for _ in range(10):
        finder.throttled(1.0, 0.9)
    assert finder.size == int(FIRST * CUT)
    finder.throttled(2.0, 1.5)
    assert finder.size == int(FIRST * CUT * CUT)
    finder.silent(3.0, 2.5)
    assert finder.size == int(FIRST * CUT * CUT * SILENCE)


def test_after_a_complaint_it_feels_its_way() -> None:
    finder = WindowFinder(0.0)
    finder.throttled(1.0, 0.9)
    sizes = []
    for n in range(20):
        finder.answered(50, 50 * 0.02, 0.02, 50, 1.1 + n)
        sizes.append(finder.size)
    assert sizes == [FIRST * 8 // 10 + n + 1 for n in range(20)]
    for n in range(5):
        finder.answered(500, 500 * 0.02, 0.02, 50, 100.0 + n)
    assert finder.size > sizes[-1] + 20


def test_a_slower_carrier_shrinks_it_and_a_new_normal_is_learned() -> None:
    finder = WindowFinder(0.0)
    for n in range(50):
        finder.answered(1000, 1000 * 0.02, 0.02, 1000, 0.1 + n * 0.1)
    full = finder.size
    for n in range(6):
        finder.answered(1000, 1000 * 0.5, 0.4, 1000, 6.0 + n)
    assert finder.size < full / 3
    for n in range(100):
        finder.answered(1000, 1000 * 0.5, 0.4, 1000, 20.0 + n)
    assert finder.size > full / 2
