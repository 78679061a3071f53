import numpy as np
import pytest

from router.brain.ages import BINS, EDGES_S, WIDTHS_S
from router.brain.doubt import LIE
from router.brain.lately import KEPT, MANY, SLICE_S, Lately

WORTH = np.array([0.5])
HERE = np.zeros(1, dtype=np.int64)
SOON = np.where(EDGES_S[:-1] < 8.0, 1.0, 0.0) / WIDTHS_S[EDGES_S[:-1] < 8.0].sum()  # all is due within the first bins


def lately(given=(), used=(), rows=1):
    found = Lately(0.0, rows)
    for name, times in (("given", given), ("used", used)):
        found.add(getattr(found, name), np.zeros(len(times), dtype=np.int64), np.array(times, dtype=float))
    return found


def sums(found, now_s, places=1, worth=WORTH, number=HERE):
    return found.sums(worth, SOON, now_s, number, places)


def test_receipts_promise_by_their_age_and_count_from_each_slice_on():
    found = lately(given=[1.2, 1.8, 30.0])
    seen, promised = sums(found, 40.0)
    assert seen.shape == promised.shape == (KEPT, 1)
    assert not seen.any()
    since = 40 - np.arange(KEPT)  # the slice that each line begins with
    assert promised[:, 0] == pytest.approx(np.where(since <= 1, 1.5, np.where(since <= 30, 0.5, 0.0)))


def test_a_receipt_of_this_moment_promises_nothing_yet():
    assert sums(lately(given=[10.0]), 10.4)[1].max() == 0.0


def test_what_is_older_than_the_ring_is_left_out_and_forgotten():
    found = lately(given=[5.0], used=[5.0])
    assert sums(found, 5.0 + KEPT * SLICE_S)[1].max() == 0.0
    found.add(found.given, HERE, np.array([1.0]))
    assert sums(found, 5.0 + KEPT * SLICE_S)[1].max() == 0.0


def test_a_closed_code_is_due_at_once():
    found = lately(given=[10.0])
    found.add(found.closed, HERE, np.array([10.0]))
    assert sums(found, 10.4)[1][0, 0] == pytest.approx(0.5)


def test_rows_are_counted_with_their_places():
    found = Lately(0.0, 3)
    found.add(found.given, np.array([0, 1, 2, 2]), np.full(4, 20.0))
    _, promised = sums(found, 40.0, 2, np.array([0.5, 0.25, 1.0]), np.array([0, 0, 1]))
    assert promised[-1] == pytest.approx([0.75, 2.0])
    found.forget(np.array([2]))
    assert sums(found, 40.0, 2, np.array([0.5, 0.25, 1.0]), np.array([0, 0, 1]))[1][-1] == pytest.approx([0.75, 0.0])


def test_codes_delivered_before_the_lie_do_not_speak_for_the_liar():
    honest, lied = np.arange(0.0, 30.0, 0.25), np.arange(30.0, 42.0, 0.25)
    found = lately(given=[*honest, *lied], used=honest[::2])
    seen, promised = sums(found, 45.0)
    recent = found.recent(seen, promised, np.zeros(1), np.array([-np.inf]))
    assert recent.seen[0] <= 1.0
    assert recent.likeliest[0] == pytest.approx((1.0 - LIE) * promised[45 - 30, 0], abs=1.0)
    assert recent.score[0] == pytest.approx(recent.likeliest[0] - MANY)


def test_who_keeps_its_promises_is_not_accused():
    honest = np.arange(0.0, 30.0, 0.25)
    found = lately(given=honest, used=honest[::2])
    seen, promised = sums(found, 45.0)
    assert found.recent(seen, promised, np.zeros(1), np.array([-np.inf])).score[0] < 1.0


def test_a_suspicion_says_when_the_lie_began():
    given = np.arange(20.0, 42.0, 0.5)
    found = lately(given=given, used=[22.0, 23.0])
    seen, promised = sums(found, 45.0)
    recent = found.recent(seen, promised, np.array([3.0]), np.array([20.5]))
    begun = 45 - 20
    assert recent.score[0] == pytest.approx(seen[begun, 0] * np.log(LIE) + (1.0 - LIE) * promised[begun, 0] + 3.0)
    assert recent.seen[0] == 2.0


def test_an_old_suspicion_has_been_weighed_by_the_clock_already():
    found = lately(given=np.arange(60.0, 100.0))
    newest = sums(found, 110.0)
    old = found.recent(*newest, np.array([3.0]), np.array([110.0 - KEPT - 1.0]))
    assert old.score[0] == pytest.approx(old.likeliest[0] - MANY)


def test_two_counts_join_as_one():
    given, used = np.arange(30.0, 60.0, 0.5), np.arange(31.0, 50.0)
    late = lately(given=given[::2], used=used[::2])
    early = Lately(0.0, 1)
    early.add(early.given, np.zeros(len(given[1::2]), dtype=np.int64), given[1::2])
    early.add(early.used, np.zeros(len(used[1::2]), dtype=np.int64), used[1::2])
    both, whole = Lately(0.0, 1), lately(given=given, used=used)
    both.join(late, HERE)
    both.join(early, HERE)
    for one, other in zip(sums(both, 70.0), sums(whole, 70.0), strict=True):
        assert one == pytest.approx(other)


def test_joining_keeps_only_what_both_rings_reach():
    old, new = lately(given=[5.0]), lately(given=[5.0 + KEPT])
    for first, second in ((old, new), (new, old)):
        both = Lately(0.0, 1)
        both.join(first, HERE)
        both.join(second, HERE)
        assert sums(both, 80.0)[1].max() == pytest.approx(0.5)


def test_more_rows_find_room():
    found = lately(given=[10.0])
    found.grow(BINS)
    assert found.given.shape == (KEPT, BINS)
    assert found.given.sum() == 1.0
