"""What comes densely is handed up together, and nobody waits for company that does not come."""

from collections.abc import Sequence

import pytest

from carriers.smpp.tray import ENOUGH, PAUSE_S, QUIET_S, SHORT, SHORT_S, Tray
from sims.swarm.loop import VirtualLoop


class Desk:
    """A tray in virtual time, and when which batch was handed up."""

    def __init__(self) -> None:
        self.loop = VirtualLoop(self.failed)  # type: ignore[abstract]  # what is left out, nothing here asks for
        self.batches: list[tuple[float, list[int]]] = []
        self.answered: list[int] = []
        self.tray = Tray[int, int]("test", keep=self.keep, answer=lambda tickets, _: self.answered.extend(tickets))
        self.loop.create_task(self.tray.run())

    def failed(self, where: str, error: BaseException) -> None:
        pytest.fail(f"{where}: {error}")

    async def keep(self, items: list[int]) -> Sequence[int]:
        self.batches.append((round(self.loop.time(), 4), items))
        return [0] * len(items)

    def put(self, at_s: float, *items: int) -> None:
        self.loop.call_at(at_s, self.tray.put, items, items)


def test_the_first_goes_at_once_and_what_follows_closely_goes_together():
    desk = Desk()
    apart_s = 0.35 * QUIET_S
    for number in range(10):
        desk.put(1.0 + number * apart_s, number)
    desk.loop.run(2.0)
    assert desk.batches[0] == (1.0, [0])
    assert desk.batches[1] == (round(1.0 + PAUSE_S, 4), [number for number in range(1, 10) if number * apart_s < PAUSE_S])
    assert desk.answered == list(range(10))


def test_what_is_followed_by_nothing_goes_when_it_has_been_quiet():
    desk = Desk()
    desk.put(1.0, 0)
    desk.put(1.001, 1, 2)
    desk.loop.run(2.0)
    assert desk.batches == [(1.0, [0]), (round(1.001 + QUIET_S, 4), [1, 2])]


def test_a_peer_that_waits_for_its_answers_is_soon_not_kept_waiting():
    desk = Desk()
    desk.put(1.0, 0)
    desk.put(1.001, 1)  # nothing more comes before this one is answered
    began_s = 1.0 + QUIET_S
    for number in range(2, 2 + SHORT):
        desk.put(began_s + 1.01 * SHORT_S * number, number)
    desk.loop.run(2.0)
    assert [at_s for at_s, _ in desk.batches[2:]] == [
        round(began_s + 1.01 * SHORT_S * number, 4) for number in range(2, 2 + SHORT)
    ]
    late_s = began_s + 1.01 * SHORT_S * (2 + SHORT)
    desk.put(late_s, 98)
    desk.put(late_s + 0.001, 99)
    desk.loop.run(3.0)
    assert [items for _, items in desk.batches[-2:]] != [[98], [99]]  # company is waited for again


def test_many_wait_for_nobody():
    desk = Desk()
    desk.put(1.0, 0)
    desk.put(1.001, *range(1, ENOUGH + 1))
    desk.loop.run(2.0)
    assert desk.batches == [(1.0, [0]), (1.001, list(range(1, ENOUGH + 1)))]


def test_nobody_waits_long_after_the_last_batch():
    desk = Desk()
    for number in range(5):
        desk.put(1.0 + number * PAUSE_S * 1.1, number)
    desk.loop.run(2.0)
    assert [items for _, items in desk.batches] == [[0], [1], [2], [3], [4]]
    assert [at_s for at_s, _ in desk.batches] == [round(1.0 + number * PAUSE_S * 1.1, 4) for number in range(5)]
