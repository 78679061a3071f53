"""Metrics: one catalogue, cheap counting, and totals that never go down."""

import re

import msgpack
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from actors import instruments
from actors.metrics import BY_NAME, TABLE, Kind, Metrics, Totals, markdown, merge, snapshot


def read(text: bytes) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


def process(kind: str = "carrier", started_ns: int = 1) -> Metrics:
    return Metrics(kind, started_ns=started_ns)


def test_the_catalogue_follows_the_conventions():
    assert len(BY_NAME) == len(TABLE)
    for metric in TABLE:
        assert re.fullmatch(r"trunkline(_[a-z0-9]+)+", metric.name), metric
        assert not metric.name.endswith("_total")
        assert metric.help.endswith(".")
        assert set(metric.labels).isdisjoint({"tenant", "number", "to", "from", "le"})
        assert bool(metric.buckets) == (metric.kind is Kind.HISTOGRAM)
        assert list(metric.buckets) == sorted(set(metric.buckets))


def test_the_markdown_table_has_every_metric_once():
    table = markdown()
    rows = table.splitlines()[2:]
    assert len(rows) == len(TABLE)
    for metric, row in zip(TABLE, rows, strict=True):
        assert row.startswith(f"| `{metric.name}{'_total' if metric.kind is Kind.COUNTER else ''}` | {metric.kind} |")
        assert row.count("|") == 5


def test_counters_and_histograms_add_up_over_processes():
    one, two = process(), process()
    one.counter("trunkline_submitted", "acme", "otp").add(3)
    two.counter("trunkline_submitted", "acme", "otp").add(4)
    two.counter("trunkline_submitted", "acme", "marketing").add()
    one.histogram("trunkline_accept_to_submit_seconds", "otp").observe(0.001)
    two.histogram("trunkline_accept_to_submit_seconds", "otp").observe_many([0.002, 700.0])
    found = read(merge({"a": snapshot(one), "b": snapshot(two)}))
    assert found["trunkline_submitted_total"][("carrier", "acme"), ("class", "otp")] == 7
    assert found["trunkline_submitted_total"][("carrier", "acme"), ("class", "marketing")] == 1
    buckets = found["trunkline_accept_to_submit_seconds_bucket"]
    assert buckets[("class", "otp"), ("le", "0.001")] == 1
    assert buckets[("class", "otp"), ("le", "0.0025")] == 2
    assert buckets[("class", "otp"), ("le", "600.0")] == 2
    assert buckets[("class", "otp"), ("le", "+Inf")] == 3
    assert found["trunkline_accept_to_submit_seconds_count"][("class", "otp"),] == 3
    assert found["trunkline_accept_to_submit_seconds_sum"][("class", "otp"),] == pytest.approx(700.003)


def test_gauges_follow_the_rule_of_the_catalogue():
    one, two = process(), process()
    for metrics, value in ((one, 5), (two, 3)):
        metrics.gauge("trunkline_window_used", "acme").set(value)  # sum
        metrics.gauge("trunkline_board_age_seconds").set(value)  # max
        metrics.gauge("trunkline_queue_depth", "otp").set(value)  # last
    older, newer = msgpack.unpackb(snapshot(one)), msgpack.unpackb(snapshot(two))
    older[3], newer[3] = 1_000, 2_000
    totals = Totals()
    totals.take({"b": msgpack.packb(newer), "a": msgpack.packb(older)})
    assert totals.value("trunkline_window_used", "acme") == 8
    assert totals.value("trunkline_board_age_seconds") == 5
    assert totals.value("trunkline_queue_depth", "otp") == 3


def test_a_restarted_process_never_makes_a_counter_go_down():
    totals = Totals()
    first = process(started_ns=10)
    first.counter("trunkline_submitted", "acme", "otp").add(100)
    first.histogram("trunkline_plan_duration_seconds").observe_many([0.001] * 50)
    first.gauge("trunkline_window_used", "acme").set(9)
    dead = snapshot(first)
    totals.take({"carrier:acme#0": dead})
    second = process(started_ns=20)
    second.counter("trunkline_submitted", "acme", "otp").add(1)
    totals.take({"carrier:acme#0": snapshot(second)})
    assert totals.value("trunkline_submitted", "acme", "otp") == 101
    assert totals.value("trunkline_plan_duration_seconds") == 50
    assert totals.value("trunkline_window_used", "acme") == 0, "a gauge dies with its process"
    totals.take({"carrier:acme#0": dead})
    assert totals.value("trunkline_submitted", "acme", "otp") == 101, "a late snapshot of the dead one changes nothing"
    second.counter("trunkline_submitted", "acme", "otp").add(1)
    totals.take({"carrier:acme#0": snapshot(second)})
    assert totals.value("trunkline_submitted", "acme", "otp") == 102


def test_a_process_that_does_not_answer_keeps_its_counters_and_loses_its_gauges():
    totals = Totals()
    metrics = process()
    metrics.counter("trunkline_submitted", "acme", "otp").add(5)
    metrics.gauge("trunkline_window_used", "acme").set(9)
    taken = snapshot(metrics)
    totals.take({"a": taken})
    totals.take({})
    assert (totals.value("trunkline_submitted", "acme", "otp"), totals.value("trunkline_window_used", "acme")) == (5, 0)
    totals.take({"a": taken})
    assert (totals.value("trunkline_submitted", "acme", "otp"), totals.value("trunkline_window_used", "acme")) == (5, 9)


def test_an_overtaken_snapshot_is_ignored():
    totals = Totals()
    metrics = process()
    counter = metrics.counter("trunkline_limiter_leases")
    counter.add()
    early = snapshot(metrics)
    counter.add()
    totals.take({"a": snapshot(metrics)})
    totals.take({"a": early})
    assert totals.value("trunkline_limiter_leases") == 2


def test_totals_survive_their_keeper():
    totals = Totals()
    first = process(started_ns=10)
    first.counter("trunkline_submitted", "acme", "otp").add(100)
    first.histogram("trunkline_plan_duration_seconds").observe(1)
    totals.take({"a": snapshot(first)})
    second = process(started_ns=20)
    second.counter("trunkline_submitted", "acme", "otp").add(7)
    totals.take({"a": snapshot(second)})
    kept = Totals.load(totals.dump())
    assert kept.value("trunkline_submitted", "acme", "otp") == 107
    second.counter("trunkline_submitted", "acme", "otp").add(1)
    kept.take({"a": snapshot(second)})
    assert kept.value("trunkline_submitted", "acme", "otp") == 108
    assert kept.value("trunkline_plan_duration_seconds") == 1
    for damaged in (b"", b"\xc1", msgpack.packb([99]), msgpack.packb({"a": 1}), msgpack.packb([1, [[1]], []])):
        assert Totals.load(damaged).value("trunkline_submitted", "acme", "otp") == 0


def test_snapshots_of_other_releases_are_read_as_far_as_they_agree():
    taken = msgpack.unpackb(snapshot(process()))
    taken[4] = {
        "trunkline_from_the_future": [[["x"], 1]],
        "trunkline_limiter_leases": [[["a", "label", "too", "many"], 1], [[], 4]],
        "trunkline_plan_duration_seconds": [[[], [[1, 2], 0.5]]],
        "trunkline_canceled": [[[], [[1], 2]]],
    }
    totals = Totals()
    assert totals.take({"a": msgpack.packb(taken), "b": b"\xc1", "c": msgpack.packb([9, 1, 1, 1, {}]), "d": b""}) == [
        "b",
        "c",
        "d",
    ]
    assert totals.value("trunkline_limiter_leases") == 4
    assert totals.value("trunkline_plan_duration_seconds") == 0
    assert totals.value("trunkline_canceled") == 0


def test_labels_are_escaped_and_the_whole_exposition_parses():
    metrics = process()
    odd = 'a"b\\c\nd – ñ'
    for metric in TABLE:
        labels = (odd,) * len(metric.labels)
        match metric.kind:
            case Kind.COUNTER:
                metrics.counter(metric.name, *labels).add(2)
            case Kind.GAUGE:
                metrics.gauge(metric.name, *labels).set(2)
            case Kind.HISTOGRAM:
                metrics.histogram(metric.name, *labels).observe(2)
    found = read(merge({"a": snapshot(metrics)}))
    assert found["trunkline_submitted_total"] == {(("carrier", odd), ("class", odd)): 2}
    for metric in TABLE:
        suffix = {Kind.COUNTER: "_total", Kind.GAUGE: "", Kind.HISTOGRAM: "_count"}[metric.kind]
        assert len(found[metric.name + suffix]) == 1, metric


def test_what_nobody_counted_is_shown_with_its_help():
    families = {family.name for family in text_string_to_metric_families(merge({}).decode())}
    assert families == {metric.name for metric in TABLE}


@pytest.mark.parametrize("size", [0, 1, 5, 32, 1_000])
def test_a_batch_counts_as_its_values_do_one_by_one(size):
    rng = np.random.default_rng(size)
    values = (
        np.concatenate([rng.lognormal(0, 3, size), BY_NAME["trunkline_submit_to_answer_seconds"].buckets])
        if size
        else np.zeros(0)
    )
    one, many, listed = (process().histogram("trunkline_submit_to_answer_seconds", "acme", "otp") for _ in range(3))
    for value in values.tolist():
        one.observe(value)
    many.observe_many(values)
    listed.observe_many(values.tolist())
    assert one.counts == many.counts == listed.counts
    assert many.total == pytest.approx(one.total)
    assert sum(many.counts) == len(values)
    assert all(type(count) is int for count in many.counts)


def test_a_metric_that_is_not_in_the_catalogue_is_a_bug():
    metrics = process()
    with pytest.raises(LookupError):
        metrics.counter("trunkline_submited", "acme", "otp")
    with pytest.raises(LookupError):
        metrics.counter("trunkline_submitted", "acme")
    with pytest.raises(LookupError):
        metrics.gauge("trunkline_submitted", "acme", "otp")
    with pytest.raises(LookupError):
        metrics.drop("trunkline_submitted", "acme", "otp")
    with pytest.raises(ValueError):
        metrics.counter("trunkline_canceled").add(-1)


def test_children_are_kept_and_gauges_can_be_dropped():
    metrics = process()
    gauge = metrics.gauge("trunkline_window_used", "acme")
    assert metrics.gauge("trunkline_window_used", "acme") is gauge
    gauge.set(4)
    gauge.add(-1)
    assert read(merge({"a": snapshot(metrics)}))["trunkline_window_used"] == {(("carrier", "acme"),): 3}
    metrics.drop("trunkline_window_used", "acme")
    assert "trunkline_window_used" not in read(merge({"a": snapshot(metrics)}))


def test_too_many_label_sets_count_as_other(monkeypatch):
    monkeypatch.setattr(instruments, "MAX_CHILDREN", 3)
    metrics = process()
    for number in range(10):
        metrics.counter("trunkline_http_requests", f"/{number}", "404").add()
    totals = Totals()
    totals.take({"a": snapshot(metrics)})
    assert totals.value("trunkline_http_requests", "other", "other") == 7
    assert totals.value("trunkline_metric_overflows", "trunkline_http_requests") == 7


def test_a_process_tells_its_own_cost():
    metrics = process("front")
    metrics.sample_process()
    metrics.sample_process()
    totals = Totals()
    totals.take({"a": snapshot(metrics)})
    assert totals.value("trunkline_processes", "front") == 1
    assert totals.value("trunkline_process_cpu_seconds", "front") > 0
    assert totals.value("trunkline_process_resident_memory_bytes", "front") > 1_000_000
