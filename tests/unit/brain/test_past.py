import pytest

from router.brain.cells import Cell, Cells
from router.brain.past import COARSE, FINE, MOST_PLACES, Past, points, read_chunk, value_name, value_names
from router.brain.port import Board, CarrierView


def made(at_s, networks=("*", "23410"), **fields):
    view = {"breaker": "closed", "breaker_until_s": 0.0, "reason": "", "suspect": False, "submitted": int(at_s)}
    carriers = {"one": CarrierView(name="one", **(view | {"delivered": 3, "undelivered": 1, "pending": 2.4} | fields))}
    cells = {
        f"one|{network}|{klass}": Cell(0.9 - klass / 10, 3.04, float(n), 0.1)
        for n, network in enumerate(networks)
        for klass in range(3)
    }
    return Board(1, at_s, carriers, Cells.of(cells))


def kept(end_s, step_s=0.5, past=None, begin_s=0.0):
    """The journal's values after so long, with their lifetimes."""
    past, values, now = past or Past(), {}, begin_s
    while now < end_s:
        values.update({name: (octets, keep_s) for name, octets, keep_s in past.take(made(now), now)})
        now += step_s
    return values


def test_a_sample_every_ten_seconds_and_one_every_minute():
    values = kept(600.0)
    assert set(values) == {"board:fine:0", "board:fine:1", "board:coarse:0"}
    fine = [point for name in value_names(FINE, 0.0, 599.0) for point in points(read_chunk(values[name][0]), 0.0, "", "")]
    assert [point.at_s for point in fine] == [10.0 * n for n in range(60)]
    coarse = points(read_chunk(values["board:coarse:0"][0]), 0.0, "", "")
    assert [point.at_s for point in coarse] == [60.0 * n for n in range(10)]
    assert values["board:fine:0"][1] >= FINE.keep_s
    assert values["board:coarse:0"][1] >= COARSE.keep_s


def test_a_point_is_the_board():
    past = Past()
    ((name, octets, _), _) = past.take(made(7.0, breaker="half_open", suspect=True, trust=0.4567), 7.0)
    (point,) = points(read_chunk(octets), 0.0, "one", "23410")
    assert name == value_name(FINE, 7.0)
    assert (point.carrier, point.breaker, point.suspect, point.trust) == ("one", "half_open", True, 0.457)
    assert (point.submitted, point.delivered, point.undelivered, point.pending) == (7, 3, 1, 2)
    assert point.success == pytest.approx((0.9, 0.8, 0.7))
    assert point.wait_s == (3.0, 3.0, 3.0)
    assert points(read_chunk(octets), 0.0, "one", "nowhere")[0].success is None
    assert points(read_chunk(octets), 0.0, "other", "") == []
    assert points(read_chunk(octets), 8.0, "", "") == []


def test_a_process_goes_on_where_another_ended():
    first = kept(45.0)
    past = Past()
    for name, (octets, _) in first.items():
        past.resume(name, octets)
    second = kept(120.0, past=past, begin_s=46.0)
    fine = points(read_chunk(second["board:fine:0"][0]), 0.0, "", "")
    assert [point.at_s for point in fine] == [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 100.0, 110.0]


def test_what_is_kept_is_bounded():
    past = Past()
    many = [f"{mcc}{mnc:02d}" for mcc in range(200, 240) for mnc in range(20)]
    ((_, octets, _), _) = past.take(made(0.0, networks=("*", *many)), 0.0)
    chunk = read_chunk(octets)
    assert len(chunk.places) == MOST_PLACES
    assert "one|*" in chunk.places
    assert f"one|{many[-1]}" in chunk.places
    assert len(octets) < 40 * MOST_PLACES


@pytest.mark.parametrize("octets", [None, b"", b"nonsense", b"\x93\x09\x90\x90"])
def test_what_cannot_be_read_is_empty(octets):
    assert read_chunk(octets).samples == []
