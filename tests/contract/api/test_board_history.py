"""The board's past over a real server."""

import pytest

from router.brain.cells import Cell, Cells
from router.brain.past import Past
from router.brain.port import Board, CarrierView


async def keep(api, ages_s, **fields):
    past, now_s = Past(), api.front.now_ms() / 1000
    view = {"breaker": "closed", "breaker_until_s": 0.0, "reason": "", "suspect": False, "submitted": 9}
    view |= {"delivered": 8, "undelivered": 1, "pending": 0.0}
    for age_s in ages_s:
        carriers = {name: CarrierView(name=name, **(view | fields)) for name in ("one", "two")}
        cells = {f"{name}|{to}|{k}": Cell(0.9, 2.0, 5.0, 0.1) for name in carriers for to in ("*", "23410") for k in range(3)}
        board = Board(1, now_s - age_s, carriers, Cells.of(cells))
        for name, octets, keep_s in past.take(board, now_s - age_s):
            await api.front.journal.put_value(name, octets, keep_s)


async def test_the_last_hour_and_the_last_day(api):
    await keep(api, [7_200, 1_000, 20, 5], trust=0.5)
    status, shown, _ = await api("GET", "/v1/board/history?carrier=one&network=23410", key="reader")
    assert status == 200
    assert (shown["network"], shown["step_s"], len(shown["data"])) == ("23410", 10.0, 3)
    point = shown["data"][-1]
    assert point | {"at": ""} == {
        "at": "",
        "carrier": "one",
        "breaker": "closed",
        "suspect": False,
        "trust": 0.5,
        "submitted": 9,
        "delivered": 8,
        "undelivered": 1,
        "pending": 0,
        "success": {"otp": 0.9, "transactional": 0.9, "marketing": 0.9},
        "wait_s": {"otp": 2.0, "transactional": 2.0, "marketing": 2.0},
    }
    assert [one["at"] for one in shown["data"]] == sorted(one["at"] for one in shown["data"])
    _, shown, _ = await api("GET", "/v1/board/history?hours=24", key="admin")
    assert shown["step_s"] == 60.0
    assert {one["carrier"] for one in shown["data"]} == {"one", "two"}
    assert len(shown["data"]) in {6, 8}  # the last two may share a minute
    _, shown, _ = await api("GET", "/v1/board/history?network=99999")
    assert all(one["success"] is None for one in shown["data"])


async def test_before_the_first_board_there_is_nothing(api):
    status, shown, _ = await api("GET", "/v1/board/history")
    assert (status, shown["data"]) == (200, [])


@pytest.mark.parametrize("hours", ["0", "25", "nan", "x", "-1"])
async def test_hours_that_are_none_are_refused(api, hours):
    status, shown, _ = await api("GET", f"/v1/board/history?hours={hours}")
    assert (status, shown["code"]) == (400, "invalid_query")
