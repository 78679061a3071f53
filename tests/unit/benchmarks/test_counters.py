"""What the processes' own counters tell of a run."""

from benchmarks.counters import Counts, read_counts, with_counts
from benchmarks.result import Cost

TEXT = """\
# HELP trunkline_calls_total Calls from one actor to another, by method.
# TYPE trunkline_calls_total counter
trunkline_calls_total{method="offer"} 40.0
trunkline_calls_total{method="ping"} 900.0
trunkline_journal_call_duration_seconds_bucket{le="0.1",script="accept"} 7.0
trunkline_journal_call_duration_seconds_count{script="accept"} 30.0
trunkline_journal_call_duration_seconds_sum{script="accept"} 1.5
trunkline_accepted_total{class="otp"} 12.0
"""


def test_calls_are_read_by_script_and_by_method():
    assert read_counts(TEXT) == Counts({"accept": 30}, {"offer": 40, "ping": 900})
    assert read_counts("") == Counts({}, {})


def test_a_cost_is_told_of_the_time_between():
    before, after = read_counts(TEXT), Counts({"accept": 50, "retire": 3}, {"offer": 60, "ping": 990, "lease": 0})
    cost = with_counts(Cost(cpu_s={"front": 1.0}), before, after, 2_000)
    assert cost.cpu_s == {"front": 1.0}
    assert cost.scripts == {"accept": 20, "retire": 3}
    assert cost.batches == {"accept": 100.0}
    assert cost.actor_calls == {"offer": 20, "ping": 90}
    assert cost.actor_calls_per_message == 0.01  # what asks how others do is none of a message's
