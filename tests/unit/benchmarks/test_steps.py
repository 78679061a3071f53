"""The search for the greatest rate that is sustained, and what counts as sustained."""

import pytest

from benchmarks.load import left_behind
from benchmarks.meter import Progress
from benchmarks.result import Run
from benchmarks.steps import MOST_STEPS, PRECISION, Search


def searched(limit, first=1_000.0):
    search, tried = Search(first), []
    while search.rate is not None:
        tried.append(search.rate)
        search.tell(held=search.rate <= limit)
    return search.found, tried


@pytest.mark.parametrize("limit", [120, 700, 1_000, 1_301, 4_800, 9_000])
def test_it_comes_close_from_below(limit):
    found, tried = searched(limit)
    assert found <= limit <= found * PRECISION * 1.0001
    assert len(tried) <= MOST_STEPS


def test_it_ends_where_nothing_holds_and_where_everything_does():
    assert searched(0.0)[0] == 0.0
    found, tried = searched(float("inf"))
    assert len(tried) == MOST_STEPS
    assert found == tried[-1]


def test_the_end_is_the_end():
    search = Search(10.0)
    while search.rate is not None:
        search.tell(held=False)
    with pytest.raises(ValueError, match="over"):
        search.tell(held=True)


def progress(*pairs):
    return [Progress(0.2 * place, accepted, finished) for place, (accepted, finished) in enumerate(pairs)]


def test_what_stays_behind_is_told_of_the_second_half():
    steady = progress((0, 0), (100, 50), (200, 150), (300, 250), (400, 350), (400, 400))
    assert left_behind(steady) == 0.0
    falling = progress((0, 0), (100, 50), (200, 100), (300, 150), (400, 200), (500, 250), (500, 500))
    assert left_behind(falling) == pytest.approx(0.5)


def test_what_drains_is_not_behind():
    assert left_behind(progress((0, 0))) == 0.0
    assert left_behind(progress((5, 5), (100, 5), (200, 105), (300, 290), (300, 300))) == 0.0


GOOD = {"asked_mps": 1_000.0, "accepted_mps": 995.0, "delivered_mps": 950.0, "drain_s": 1.2, "duration_s": 60.0, "behind": 0.01}


@pytest.mark.parametrize(
    "bad", [{"accepted_mps": 970.0}, {"drain_s": 2.1}, {"refused": 1}, {"errors": 1}, {"behind": 0.03}, {"behind": 0.06}]
)
def test_sustained_is_all_of_it(bad):
    assert Run(**GOOD).sustained
    assert not Run(**GOOD | bad).sustained


def test_short_loads_may_swing_a_little():
    assert Run(**GOOD | {"duration_s": 6.0, "behind": 0.05}).sustained


def test_what_was_not_sustained_counts_as_what_was_ended():
    assert Run(**GOOD).carried_mps == 995.0
    assert Run(**GOOD | {"drain_s": 9.0, "delivered_mps": 800.0}).carried_mps == 800.0
