from msgspec.structs import replace

from actors.brain_figures import COUNTERS, GAUGES, BoardFigures
from actors.exposition import Totals
from actors.metrics import Metrics, snapshot
from router.brain.cells import Cells
from router.brain.port import Board, CarrierView
from router.brain.state import BrainState


def a_board(*views):
    return Board(1, 0.0, {view.name: view for view in views}, Cells())


ACME = CarrierView("acme", "closed", 0.0, "", False, 9, 8, 1, 4.6)
GLOBEX = CarrierView("globex", "open", 9.0, "no session is bound", True, 9, 8, 1, 0.0, 0.31, "*")


class Told:
    """What Prometheus would read."""

    def __init__(self):
        self.metrics = Metrics("brain")
        self.figures = BoardFigures(self.metrics)

    def value(self, name, *labels):
        totals = Totals()
        totals.take({"brain": snapshot(self.metrics)})
        return totals.value(name, *labels)

    def names(self):
        return {name for name, rows in self.metrics.samples() if rows}


def test_how_carriers_stand():
    told = Told()
    told.figures.show(a_board(ACME, GLOBEX))
    assert [told.value(name, "acme") for name in GAUGES] == [0, 0, 1.0, 0, 5]
    assert [told.value(name, "globex") for name in GAUGES] == [2, 1, 0.31, 1, 0]
    assert told.figures.carriers == ["acme", "globex"]


def test_changes_of_breakers_are_counted_and_first_sights_are_not():
    told = Told()
    for breaker in ("open", "open", "half_open", "open", "half_open", "closed"):
        told.figures.show(a_board(replace(ACME, breaker=breaker), GLOBEX))
    counts = {state: told.value("trunkline_breaker_changes", "acme", state) for state in ("open", "half_open", "closed")}
    assert counts == {"open": 1, "half_open": 2, "closed": 1}
    assert told.value("trunkline_breaker_changes", "globex", "open") == 0


def test_what_is_not_on_the_board_is_not_told():
    told = Told()
    told.figures.show(a_board(ACME, GLOBEX))
    told.figures.show(a_board(ACME))
    assert [labels for _, rows in told.metrics.samples() for labels, _ in rows] == [("acme",)] * len(GAUGES)
    told.figures.hide()
    assert told.names() == set()
    assert told.figures.carriers == []


def test_what_was_counted_before_a_restart_is_not_counted_again():
    told = Told()
    told.figures.restored({"alarms_down": 5, "alarms_up": 1, "observations": 9})
    told.figures.found({"alarms_down": 7, "alarms_up": 1, "epochs": 2})
    told.figures.found({"alarms_down": 7, "alarms_up": 2, "epochs": 3})
    told.figures.found({"alarms_down": 1, "alarms_up": 2, "epochs": 3})
    found = [told.value("trunkline_alarms", way) for way in ("down", "up")]
    assert (found, told.value("trunkline_epochs")) == ([2, 1], 3)


def test_the_counters_are_the_brains():
    assert COUNTERS.keys() <= BrainState(0.0).counters.keys()
