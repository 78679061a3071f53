"""What a cluster would carry, foretold from costs."""

import io
from itertools import pairwise

import msgspec
import pytest
from rich.console import Console

from benchmarks.plots import draw
from benchmarks.result import Row, Run
from benchmarks.scale.model import BUSY, CPU, NODES, SHARDS, Cost, Layout, at_rate, fit, foretell, table
from benchmarks.scale.outcome import Scale, conclude, markdown, tables
from benchmarks.scale.points import Point

COSTS = {
    "front": Cost(0.01, 40.0),
    "dispatcher": Cost(0.01, 30.0),
    "carrier": Cost(0.01, 80.0),
    "brain": Cost(0.02, 5.0),
    "supervisor": Cost(0.01, 0.0),
    "journal": Cost(0.01, 50.0),
}
MEASURED = Layout(carriers=3)


def test_costs_are_what_a_rate_adds_to_what_there_is_at_rest():
    costs = fit({"front": 0.02, "carrier": 0.06}, {"front": 0.12, "carrier": 0.26, "brain": 0.05}, 1_000, {"carrier": 3})
    assert costs["front"] == Cost(0.02, 100.0)
    assert costs["carrier"] == Cost(0.02, 200.0)
    assert costs["brain"] == Cost(0.0, 50.0)
    # noise may make a kind cheaper under load than at rest: nothing is given back for that
    assert fit({"x": 0.2}, {"x": 0.1}, 100, {})["x"].each_us == 0.0


def test_what_was_measured_is_foretold():
    rate = 2_000.0
    layout = Layout(carriers=3)
    whole = at_rate(COSTS, layout, rate, COSTS)
    assert whole == pytest.approx(205.0 + (0.01 + 0.01 + 3 * 0.01 + 0.02 + 0.01 + 0.01) * 1e6 / rate)


def test_the_first_that_is_full_is_named():
    one = foretell(COSTS, Layout(carriers=3), MEASURED)
    assert one.bottleneck == CPU  # 1.8 cores for 155 µs, against a core for the journal's 50 µs
    assert one.mps == pytest.approx((BUSY * 2 - 0.08) * 1e6 / 155.0, abs=0.1)
    many = foretell(COSTS, Layout(nodes=16, carriers=48), MEASURED)
    assert many.bottleneck == "journal primaries"
    assert many.mps == pytest.approx((BUSY - 0.01) * 1e6 / 50.0, abs=0.1)
    lonely = foretell(COSTS, Layout(nodes=16, shards=32, carriers=1), MEASURED)
    assert lonely.bottleneck == "carrier processes"
    assert foretell(COSTS, Layout(nodes=64, shards=32, carriers=192), MEASURED).bottleneck == "brain processes"
    # who looks after all others is busy with them, whatever the rate
    watched = COSTS | {"supervisor": Cost(0.03, 0.0)}
    assert foretell(watched, Layout(nodes=64, shards=32, carriers=192), MEASURED).limits["supervisor processes"] == 0.0


def test_others_on_the_same_cores_and_a_journal_there_leave_less():
    apart = foretell(COSTS, Layout(carriers=3), MEASURED)
    shared = foretell(COSTS, Layout(carriers=3, apart=False, outside_us=60.0), MEASURED)
    assert shared.mps == pytest.approx((BUSY * 2 - 0.09) * 1e6 / 265.0, abs=0.1)
    assert shared.mps < apart.mps


def test_more_of_anything_never_carries_less_but_for_what_looks_after_it():
    found = {(one.layout.nodes, one.layout.shards): one.mps for one in table(COSTS, MEASURED)}
    assert set(found) == {(nodes, shards) for nodes in NODES for shards in SHARDS}
    for nodes in NODES:
        rates = [found[nodes, shards] for shards in SHARDS]
        assert rates == sorted(rates)
    for shards in SHARDS:
        rates = [found[nodes, shards] for nodes in NODES]
        assert all(after >= before for before, after in pairwise(rates))
    assert found[64, 32] > 20 * found[1, 1]


def test_a_layout_counts_its_processes():
    layout = Layout(nodes=4, shards=2, carriers_a_node=3, brains=2)
    assert [layout.count(kind) for kind in ("front", "carrier", "brain", "journal", "supervisor")] == [4, 12, 2, 2, 1]
    assert Layout(nodes=1, fronts=4).count("front") == 4


def point(workers=1, shards=1, **more):
    layout = Layout(fronts=workers, dispatchers=workers, carriers=2 + workers, shards=shards, apart=False)
    idle = {"front": 0.01, "carrier": 0.03, "journal": 0.01, "ray rest": 0.05}
    cores = {"front": 0.11, "carrier": 0.33, "journal": 0.11, "ray rest": 0.05, "simulators": 0.1, "load generator": 0.1}
    counts = {"front": 1, "carrier": 3, "journal": 1, "ray rest": 18}
    usual = {"mps": 2_000.0, "own_us": 220.0, "journal_us": 55.0, "octets": 900.0, "calls": 0.02}
    return Point(layout=layout, idle_cores=idle, cores=cores, counts=counts, **usual | more)


def test_what_was_measured_feeds_the_model_and_is_held_against_it():
    scale = conclude([point(sustained_mps=5_000.0), point(4, own_us=264.0), point(1, 4, octets=990.0)])
    assert scale.costs["front"] == Cost(0.01, 50.0)
    assert scale.costs["carrier"] == Cost(0.01, 150.0)
    assert scale.costs["ray rest"] == Cost(0.05, 0.0)
    assert [(cpu, octets) for _, cpu, octets in scale.flat] == [(1.0, 1.0), (1.16, 1.0), (1.0, 1.1)]
    here, more, journals, sustained = scale.checks
    assert (here.foretold, here.ratio) == (275.0, 1.0)  # what was put in comes out
    assert more.foretold == 275.0 + (3 * 0.01 + 3 * 0.01) * 1e6 / 2_000
    assert journals.foretold == 275.0 + 3 * 0.01 * 1e6 / 2_000
    # two cores, nine tenths of them, less what all use at rest; and simulators and load beside our 250 µs
    assert sustained.foretold == pytest.approx((1.8 - 0.01 - 0.03 - 0.01 - 0.05) * 1e6 / (50 + 150 + 50 + 100), abs=0.1)
    assert sustained.ratio == pytest.approx(sustained.foretold / 5_000)


def test_the_table_names_the_bottleneck_of_each_size(tmp_path):
    scale = conclude([point()])
    lines = markdown(scale).splitlines()
    assert len(lines) == 2 + len(NODES)
    assert lines[2].startswith("| 1 | ")
    assert "journal" in lines[-1].split("|")[2]
    out = io.StringIO()
    for made in tables(scale):
        Console(file=out, width=200).print(made)
    assert "64 nodes" in out.getvalue()
    (picture,) = draw([Row(name="scale", runs=[Run()], scale=scale)], tmp_path / "found")
    assert picture.name == "found-scale.png"
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_it_reads_back():
    scale = conclude([point()])
    assert msgspec.json.decode(msgspec.json.encode(scale), type=Scale) == scale
