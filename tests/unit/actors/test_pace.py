"""When a dispatcher's next turn begins."""

import pytest

from actors import pace
from actors.pace import ENOUGH, OTHERS_PAUSE_MAX_S, PAUSE_MAX_S, PAUSES, Pace, Spacing


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


async def test_small_turns_keep_apart_four_times_as_long_as_they_take(clock: Clock) -> None:
    mine = Pace()
    await mine.before(0)
    assert clock.waits == []
    mine.after(0.003, codes=0)
    await mine.before(5)
    assert clock.waits == [(0.003, False), (0.009, True)]
    mine.after(0.5, codes=0)
    await mine.before(5)
    assert sum(wait_s for wait_s, _ in clock.waits[2:]) == pytest.approx(PAUSE_MAX_S)


async def test_a_turn_of_many_messages_and_one_that_comes_late_wait_for_nobody(clock: Clock) -> None:
    mine = Pace()
    mine.after(0.004, codes=0)
    await mine.before(ENOUGH)
    clock.now_s += 1.0
    await mine.before(1)
    assert clock.waits == []


async def test_a_lone_code_cuts_the_pause_to_a_quarter_and_only_that_one(clock: Clock) -> None:
    mine = Pace()
    mine.after(0.004, codes=1)
    mine.hurry()
    await mine.before(5)
    assert clock.waits == [(0.004, False), (0.0, True)]
    mine.after(0.004, codes=0)
    await mine.before(5)
    assert clock.waits[2:] == [(0.004, False), (0.012, True)]


async def test_codes_that_come_together_keep_each_other_company(clock: Clock) -> None:
    mine = Pace()
    mine.after(0.004, codes=2)
    mine.hurry()
    await mine.before(5)
    assert clock.waits == [(0.016, False)]


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
    mine.after(100.0, 100.003)
    assert mine.took_s == pytest.approx(0.003)
    assert mine.due_s == pytest.approx(100.003 + PAUSES * 0.003)
    mine.after(200.0, 200.5)
    assert mine.due_s == pytest.approx(200.5 + OTHERS_PAUSE_MAX_S)
