"""``trunkline board`` with trust, and with ``--history``."""

import json
import time

import msgspec

from router.brain.cells import Cell, Cells
from router.brain.past import Past
from router.brain.port import Board, CarrierView


def made(at_s, submitted, trust):
    view = CarrierView("one", "closed", 0.0, "", False, submitted, 8, 1, 0.0, trust, "*")
    return Board(1, at_s, {"one": view}, Cells.of({f"one|*|{k}": Cell(0.9, 2.0, 5.0, 0.1) for k in range(3)}))


def test_the_board_shows_what_receipts_are_worth(here, served):
    served.front.newest = made(0.0, 9, 0.31)
    shown = here("board").stdout
    assert "31%" in shown
    assert "everywhere" in shown


def test_the_history_is_a_small_table(here, served):
    past, now_s = Past(), time.time()
    for step in range(100):
        at_s = now_s - 1_000 + 10 * step
        for name, octets, keep_s in past.take(made(at_s, step, 0.42), at_s):
            served.do(served.journal.put_value(name, octets, keep_s))
    result = here("board", "--history")
    assert result.exit_code == 0, result.output
    lines = [line for line in result.stdout.splitlines() if " one " in f" {line} "]
    assert 8 <= len(lines) <= 12
    assert all("42%" in line and "90.0%" in line for line in lines)
    shown = json.loads(here("board", "--history", "--hours", "0.1", "--json").stdout)
    assert 30 <= len(shown["data"]) <= 37


def test_no_history_yet(here):
    assert "nothing is kept" in here("board", "--history").output


def test_the_board_is_shown_anew_until_it_is_enough(here, served, monkeypatch):
    served.front.newest = made(0.0, 9, 0.31)
    looks = []

    def wait(_):
        looks.append(served.front.newest.version)
        if len(looks) == 3:
            raise KeyboardInterrupt
        served.front.newest = msgspec.structs.replace(served.front.newest, version=len(looks) + 1)

    monkeypatch.setattr(time, "sleep", wait)
    result = here("board", "--live", "--json")
    assert result.exit_code == 0, result.output
    assert [json.loads(line)["version"] for line in result.stdout.splitlines()] == [1, 2, 3]
    looks.clear()
    served.front.newest = made(0.0, 9, 0.31)
    result = here("board", "--live")
    assert result.exit_code == 0, result.output
    assert "board 3" in result.stdout
