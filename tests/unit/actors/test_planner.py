import msgspec

from actors.metrics import Metrics
from actors.planner import Planner
from router.brain.board import BOARD_VERSION, board, board_to_bytes
from router.brain.state import BrainState


def test_a_board_of_another_release_leaves_the_one_at_hand(caplog):
    planner = Planner(Metrics("dispatcher"))
    newest = board(BrainState(0.0), 0.0)
    assert planner.read(board_to_bytes(newest))
    for octets in (msgspec.msgpack.encode((BOARD_VERSION + 1, {"of": "tomorrow"})), b"junk"):
        assert not planner.read(octets)
    assert planner.board == newest
    assert f"version {BOARD_VERSION + 1}" in caplog.text
