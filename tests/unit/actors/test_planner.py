import time

import msgspec

from actors.exposition import Totals
from actors.lanes import CarrierLane
from actors.metrics import Metrics, snapshot
from actors.planner import Planner
from actors.pool import Pending
from actors.wire import Lane
from router.brain.board import BOARD_VERSION, board, board_to_bytes
from router.brain.port import Want
from router.brain.rows import NO_BOARD
from router.brain.sight import OLD_BOARD, OLD_S
from router.brain.state import BrainState
from router.journal.port import Claimed
from router.model import MessageClass, State
from router.settings import CarrierProfile, Price, Settings


def test_a_board_of_another_release_leaves_the_one_at_hand(caplog):
    planner = Planner(Metrics("dispatcher"))
    newest = board(BrainState(0.0), 0.0)
    assert planner.read(board_to_bytes(newest))
    for octets in (msgspec.msgpack.encode((BOARD_VERSION + 1, {"of": "tomorrow"})), b"junk"):
        assert not planner.read(octets)
    assert planner.board == newest
    assert f"version {BOARD_VERSION + 1}" in caplog.text


def test_what_is_planned_without_a_new_board_says_so_and_is_counted():
    metrics = Metrics("dispatcher")
    planner = Planner(metrics)
    prices = {"cheap": 1_000, "dear": 60_000}
    profiles = tuple(
        CarrierProfile(name=name, addresses=("h:1",), system_id="x", prices=(Price(to="*", micros=micros),))
        for name, micros in prices.items()
    )
    planner.retune(Settings(carriers=profiles))
    lanes = {name: CarrierLane(name, None, lambda: None) for name in prices}
    lanes["dear"].heard(Lane(1, True, 10))
    claimed = Claimed(bytes(16), 0, State.QUEUED, b"", b"")
    item = Pending(claimed, MessageClass.OTP, Want("23410", "GB", "447700900123", MessageClass.OTP, 1), time.monotonic(), False)

    def planned():
        done = planner.plan(MessageClass.OTP, [item], dict.fromkeys(prices, 10), lanes)
        assert done.choices[0].carrier == "dear"
        return done.decisions[0]

    row = planned()
    assert (row["note"], row["excluded"]) == (NO_BOARD, {"cheap": "breaker open: not heard of yet"})
    planner.read(board_to_bytes(board(BrainState(0.0), time.time() - OLD_S)))
    assert planned()["note"] == OLD_BOARD
    lanes["cheap"].heard(Lane(1, True, 10, "", 0.0, "open", time.time() + 60, "refused"))
    assert planned()["excluded"] == {"cheap": "breaker open: refused"}
    totals = Totals()
    totals.take({"dispatcher": snapshot(metrics)})
    assert [totals.value("trunkline_plans_blind", word) for word in ("none", "old")] == [1, 2]
    planner.read(board_to_bytes(board(BrainState(0.0), time.time())))
    assert "note" not in planner.plan(MessageClass.OTP, [item], {"dear": 10}, lanes).decisions[0]
    shadow = planner.shadow()
    assert shadow["cheap"] > shadow["dear"] == 0, "it had no room for one whom it would have served cheaper"
