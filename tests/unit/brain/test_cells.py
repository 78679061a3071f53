import msgspec
import numpy as np
import pytest

from router.brain.cells import Cell, Cells
from router.model import MessageClass

SOME = {
    "one|23410|0": Cell(0.9, 2.0, 40.0, 0.01),
    "one|23410|2": Cell(0.8, 20.0, 4.0, 0.02),
    "two|*|1": Cell(0.5, 9.0, 0.0, 0.3),
}


def test_it_is_a_mapping():
    cells = Cells.of(SOME)
    assert dict(cells.items()) == {**cells} == SOME
    assert len(cells) == len(list(cells.values())) == 3
    assert (cells["two|*|1"], cells.get("two|*|0"), cells.get("two|23410|1")) == (SOME["two|*|1"], None, None)
    assert "one|23410|0" in cells
    assert "one|23410|1" not in cells
    with pytest.raises(KeyError):
        cells["three|*|0"]
    assert not Cells()


def test_a_pair_tells_its_classes():
    cells = Cells.of(SOME)
    assert [klass for klass, _ in cells.of_pair(cells.places["one|23410"])] == [MessageClass.OTP, MessageClass.MARKETING]


def test_columns_lie_in_the_octets():
    cells = msgspec.msgpack.decode(msgspec.msgpack.encode(Cells.of(SOME)), type=Cells)
    assert cells == Cells.of(SOME)
    carrier, scope, figures = cells.columns
    assert [(cells.carriers[c], cells.scopes[s]) for c, s in zip(carrier, scope, strict=True)] == [("one", "23410"), ("two", "*")]
    assert np.isnan(figures[:, 1, 0]).all()
    assert figures.base is not None
    assert not figures.flags.writeable


@pytest.mark.parametrize(
    "fields",
    [
        [["a"], ["*"], b"123", b""],
        [["a"], ["*"], b"\0" * 8, b"\0" * 95],
        [["a"], ["*"], b"\1" + b"\0" * 7, b"\0" * 96],
        [[], [], b"\0" * 8, b"\0" * 96],
        [["a"], ["*"], b"\xff" * 8, b"\0" * 96],
    ],
)
def test_octets_that_do_not_fit_are_refused(fields):
    with pytest.raises(msgspec.ValidationError):
        msgspec.msgpack.decode(msgspec.msgpack.encode(fields), type=Cells)
