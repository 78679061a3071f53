"""Pictures of what was measured."""

import builtins

import pytest

from benchmarks.plots import draw, percentiles, rates, stacked
from benchmarks.result import Cost, Row, Run, Series, Stage
from sims.twin.plots import PlotsUnavailable


def row(name="batch-msgpack", runs=1):
    times = [0.2 * place for place in range(50)]
    counts = [100 * place for place in range(50)]
    series = Series(at_s=times, accepted=counts, finished=counts, delays=[(0.01 * place, 5.0, 600.0) for place in range(900)])
    cost = Cost(cpu_us_per_message={"front": 30.0, "journal": 40.0, "ray raylet": 1.0, "ray rest": 2.0, "all our own": 30.0})
    return Row(name=name, runs=[Run(asked_mps=500.0, accepted=4_900, series=series, cost=cost)] * runs)


def test_counts_become_rates():
    times, found = rates([0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2], [0, 0, 0, 60, 60, 60, 180])
    assert times == pytest.approx([0.3, 0.9])
    assert found == pytest.approx([100.0, 200.0])
    assert rates([0.0], [5]) == ([], [])


def test_delays_are_told_where_there_are_enough():
    delays = [(0.1, float(n), 0.0) for n in range(10)] + [(5.0, 1.0, 0.0)]
    times, found = percentiles(delays, 1, 50)
    assert found == [5.0]
    assert times == pytest.approx([0.35])
    assert percentiles([], 1, 50) == ([], [])


def test_a_bar_counts_everything_once():
    bar = stacked(row())
    assert bar["ray"] == 3.0
    assert sum(bar.values()) == 73.0


def test_every_picture_is_made(tmp_path):
    stages = Row(name="stages", stages=[Stage(stage="accept", batch=batch, own_us=50.0 / batch) for batch in (1, 10)])
    made = draw([row(), row("single", 2), Row(name="idle", runs=[Run()]), stages], tmp_path / "found")
    names = ["batch-msgpack", "single-1", "single-2", "stages", "cpu"]
    assert [path.name for path in made] == [f"found-{name}.png" for name in names]
    assert all(path.read_bytes().startswith(b"\x89PNG") and path.stat().st_size > 5_000 for path in made)


def test_without_matplotlib_it_is_told_what_to_do(tmp_path, monkeypatch):
    real = builtins.__import__

    def refuse(name, *rest):
        if name.partition(".")[0] == "matplotlib":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(PlotsUnavailable, match="plots"):
        draw([row()], tmp_path / "found")
