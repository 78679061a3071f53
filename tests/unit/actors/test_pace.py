"""When a dispatcher's next turn begins."""

import pytest

from actors import pace
from actors.pace import (
    COMPANY_MPS,
    CROWD_PAUSE_MAX_S,
    CROWD_PAUSES,
    ENOUGH,
    OTHERS_PAUSE_MAX_S,
    PAUSE_MAX_S,
    PAUSES,
    Pace,
    Spacing,
)


class Clock:
    """Time that passes while somebody waits, and how long each waited: (seconds, whether a code may end it)."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.waits: list[tuple[float, bool]] = []

    async def sleep(self, wait_s: float) -> None:
        self.waits.append((round(wait_s, 6), False))
        self.now_s += wait_s

    async def woken(self, event, wait_s: float) -> bool:
        self.waits.append((0.0 if event.is_set() else round(wait_s, 6), True))
        self.now_s += self.waits[-1][0]
        return event.is_set()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(pace.machine, "monotonic", lambda: clock.now_s)
    monkeypatch.setattr(pace.asyncio, "sleep", clock.sleep)
    monkeypatch.setattr(pace, "woken", clock.woken)
    return clock


async def _codes(mine: Pace, clock: Clock, mps: float, took_s: float = 0.004) -> None:
    """Turns for ten seconds, in which so many codes a second went to carriers; the last one has just ended."""
    for _ in range(100):
        clock.now_s += 0.1
        mine.after(took_s, codes=round(mps * 0.1))


async def test_small_turns_keep_apart_four_times_as_long_as_they_take(clock: Clock) -> None:
    mine = Pace()
    await mine.before(0)
    assert clock.waits == []
    mine.after(0.003, codes=0)
    await mine.before(5)
    assert clock.waits == [(0.012, True)]
    mine.after(0.5, codes=0)
    await mine.before(5)
    assert clock.waits[1:] == [(PAUSE_MAX_S, True)]


async def test_a_turn_of_many_messages_and_one_that_comes_late_wait_for_nobody(clock: Clock) -> None:
    mine = Pace()
    mine.after(0.004, codes=0)
    await mine.before(ENOUGH)
    clock.now_s += 1.0
    await mine.before(1)
    assert clock.waits == []


async def test_a_code_cuts_the_pause_and_only_that_one(clock: Clock) -> None:
    mine = Pace()
    mine.after(0.004, codes=0)
    mine.hurry()
    await mine.before(5)
    assert clock.waits == [(0.0, True)]
    mine.after(0.004, codes=0)
    await mine.before(5)
    assert clock.waits[1:] == [(0.016, True)]


@pytest.mark.parametrize("share", [0.1, 0.5])
async def test_a_code_waits_the_less_the_fewer_of_them_come(clock: Clock, share: float) -> None:
    mine = Pace()
    await _codes(mine, clock, share * COMPANY_MPS)
    mine.hurry()
    await mine.before(5)
    (wait_s, endable), (rest_s, _) = clock.waits
    assert wait_s == pytest.approx(share * PAUSES * 0.004, rel=0.1)
    assert (endable, rest_s) == (False, 0.0)


async def test_dense_codes_keep_each_other_company(clock: Clock) -> None:
    mine = Pace()
    await _codes(mine, clock, 3 * COMPANY_MPS)
    mine.hurry()
    await mine.before(5)
    assert clock.waits == [(0.016, False)]


async def test_codes_that_have_ceased_are_forgotten(clock: Clock) -> None:
    mine = Pace()
    await _codes(mine, clock, 3 * COMPANY_MPS)
    clock.now_s += 60.0
    mine.after(0.004, codes=0)
    mine.hurry()
    await mine.before(5)
    assert clock.waits == [(0.0, True)]


async def test_until_others_are_due_only_a_code_is_worth_a_turn(clock: Clock) -> None:
    mine = Pace()
    await mine.before(ENOUGH, others_due_s=100.02)
    assert clock.waits == [(0.02, True)]
    mine.hurry()
    await mine.before(ENOUGH, others_due_s=100.05)
    assert clock.waits[1:] == [(0.0, True)]
    await mine.before(ENOUGH, others_due_s=100.02)
    assert len(clock.waits) == 2


def test_plans_for_others_keep_apart_four_times_as_long_as_they_take() -> None:
    mine = Spacing()
    assert mine.due_s == 0.0
    mine.after(100.0, 100.003, crowd=False)
    assert mine.took_s == pytest.approx(0.003)
    assert mine.due_s == pytest.approx(100.003 + PAUSES * 0.003)
    mine.after(200.0, 200.5, crowd=False)
    assert mine.due_s == pytest.approx(200.5 + OTHERS_PAUSE_MAX_S)


def test_with_a_crowd_in_hand_they_are_further_apart() -> None:
    mine = Spacing()
    mine.after(100.0, 100.003, crowd=True)
    assert mine.due_s == pytest.approx(100.003 + CROWD_PAUSES * 0.003)
    mine.after(200.0, 200.5, crowd=True)
    assert mine.due_s == pytest.approx(200.5 + CROWD_PAUSE_MAX_S)


def test_what_is_due_gives_way_to_codes_once_and_then_is_made() -> None:
    mine = Spacing()
    assert not mine.gives_way(codes=False)
    assert mine.gives_way(codes=True)
    assert not mine.gives_way(codes=True)
    mine.after(100.0, 100.003, crowd=True)
    assert mine.gives_way(codes=True)
