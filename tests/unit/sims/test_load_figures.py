import math
import random
from fractions import Fraction

import pytest

from router.model import MessageClass
from sims.load.follow import EARLY_LIMIT, Tracker
from sims.load.histogram import Histogram
from sims.load.result import LoadResult
from sims.load.schedule import Schedule


def exact_percentile(values, percent):
    ordered = sorted(values)
    return ordered[max(1, math.ceil(Fraction(str(percent)) * len(ordered) / 100)) - 1]


@pytest.mark.parametrize("percent", [1, 50, 90, 99, 99.9, 100])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_percentile_is_never_below_the_true_one_and_at_most_a_bucket_above(seed, percent):
    rng = random.Random(seed)
    values = [rng.lognormvariate(7, 2) + 1 for _ in range(5_000)]
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    true = exact_percentile(values, percent)
    assert true * (1 - 1e-9) <= histogram.percentile_us(percent) <= true * 1.011
    assert histogram.max_us == max(values)
    assert histogram.min_us == min(values)
    assert histogram.mean_us == pytest.approx(sum(values) / len(values))


def test_an_outlier_among_a_thousand_shows_at_p99_9_and_not_at_p99():
    histogram = Histogram()
    histogram.add(1_000, times=998)
    histogram.add(1_000_000, times=2)
    assert histogram.percentile_us(99) == pytest.approx(1_000, rel=0.011)
    assert histogram.percentile_us(99.9) == 1_000_000


def test_merging_is_counting_together():
    both, left, right = Histogram(), Histogram(), Histogram()
    for index in range(1, 2_000):
        both.add(index * 7)
        (left if index % 3 else right).add(index * 7)
    left.merge(right)
    left.merge(Histogram())
    assert left.summary_ms() == both.summary_ms()
    assert left.min_us == both.min_us


def test_nothing_counted_gives_zeros_and_tiny_and_huge_values_have_a_place():
    assert set(Histogram().summary_ms().values()) == {0}
    histogram = Histogram()
    histogram.add(-5.0)
    histogram.add(1e15)
    assert histogram.percentile_us(50) >= 1.0
    assert histogram.percentile_us(100) <= 1e15
    assert histogram.count == 2


def test_requests_are_due_at_even_distances_whatever_happens():
    schedule = Schedule(rate_mps=1_000, per_request=10, count=0, duration_s=2)
    assert schedule.requests == 200
    assert schedule.intended_s(0) == 0
    assert schedule.intended_s(150) == pytest.approx(1.5)
    for index in (0, 1, 57, 199):
        assert schedule.due(schedule.intended_s(index)) == index + 1  # its own time makes it due
        assert schedule.due(schedule.intended_s(index) - 1e-6) == index  # and not a moment sooner
    assert schedule.due(3_600) == 200
    assert not schedule.ended(199, 5.0)
    assert schedule.ended(200, 0.0)


def test_the_last_request_of_a_count_is_smaller():
    schedule = Schedule(rate_mps=100, per_request=500, count=1_201, duration_s=0)
    assert schedule.requests == 3
    assert [schedule.size(index) for index in range(3)] == [500, 500, 201]


def test_the_tighter_of_two_bounds_holds():
    assert Schedule(rate_mps=10, per_request=1, count=1_000, duration_s=3).requests == 30
    assert Schedule(rate_mps=10, per_request=1, count=5, duration_s=3).requests == 5
    assert Schedule(rate_mps=0.1 * 3, per_request=1, count=0, duration_s=10).requests == 3  # 0.1 × 3 × 10 is a little above 3


def test_without_a_rate_everything_is_due_until_the_time_is_over():
    schedule = Schedule(rate_mps=0, per_request=1, count=0, duration_s=2)
    assert schedule.requests is None
    assert schedule.due(1.9) is None
    assert not schedule.ended(10**6, 1.9)
    assert schedule.due(2.0) == 0
    assert schedule.ended(0, 2.0)
    assert Schedule(rate_mps=0, per_request=1, count=7, duration_s=0).due(0.0) == 7


def test_a_message_is_final_once_whichever_comes_first():
    result = LoadResult(followed=True)
    tracker = Tracker(result)
    tracker.seen("B", "delivered", 3.0)  # the webhook overtakes the answer
    tracker.accepted("A", 1.0, MessageClass.OTP)
    tracker.accepted("B", 1.0, MessageClass.MARKETING)
    tracker.accepted("C", 1.0, MessageClass.MARKETING)
    result.accepted = 3
    tracker.seen("A", "sent", 1.5)
    tracker.seen("A", "undelivered", 2.0)
    tracker.seen("A", "undelivered", 2.5)  # a repetition
    assert tracker.pending(10) == ["C"]
    tracker.close()
    assert result.final == {"delivered": 1, "undelivered": 1}
    assert result.lost == 1
    assert result.unmatched_events == 1
    assert result.end_to_end[MessageClass.OTP].max_us == pytest.approx(1e6)
    assert result.end_to_end[MessageClass.MARKETING].max_us == pytest.approx(2e6)


def test_what_never_matches_is_bounded():
    result = LoadResult(followed=True)
    tracker = Tracker(result)
    for index in range(EARLY_LIMIT + 10):
        tracker.seen(str(index), "delivered", 0.0)
    tracker.close()
    assert len(tracker._early) == EARLY_LIMIT
    assert result.unmatched_events == EARLY_LIMIT + 10


def test_a_result_as_json_has_every_figure():
    result = LoadResult(elapsed_s=2.0, sent=10, accepted=6)
    result.refused[429, "rate_limited"] = 3
    result.errors["timeout"] = 1
    result.accept[MessageClass.OTP].add(1_500, 6)
    told = result.to_dict()
    assert told["refused"] == [{"status": 429, "code": "rate_limited", "messages": 3}]
    assert told["accepted_mps"] == 3.0
    assert set(told["accept_ms"]) == {"all", "otp"}
    assert told["accept_ms"]["all"]["p99"] == pytest.approx(1.5, rel=0.011)
    assert told["lost"] == 0  # not followed: nothing can be said
