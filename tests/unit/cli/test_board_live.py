"""``trunkline board --live`` on a terminal."""

import io
import time

import msgspec
import pytest
from rich.console import Console

from actors.cli import board
from actors.cli.api_client import ApiError
from router.api.examples import ANSWERS

BOARD = msgspec.to_builtins(ANSWERS["BoardView"])


class Looks:
    """An API that gives these one after the other; then the operator has seen enough."""

    def __init__(self, *answers):
        self._answers = iter(answers)

    def get(self, path, *, expect):
        assert path == "/v1/board?network=%2A"
        found = next(self._answers, None)
        if found is None:
            raise KeyboardInterrupt
        if isinstance(found, ApiError):
            raise found
        assert found.keys() >= set(expect)
        return found


@pytest.fixture
def follow(monkeypatch):
    screen = Console(file=io.StringIO(), force_terminal=True, width=140, color_system=None)
    monkeypatch.setattr(board, "console", screen)
    monkeypatch.setattr(time, "sleep", lambda _: None)

    def run(*answers):
        board._follow(Looks(*answers), "/v1/board?network=%2A", json=False)
        return screen.file.getvalue()

    return run


def test_the_table_is_renewed(follow):
    shown = follow(BOARD, BOARD | {"version": 1843}, BOARD | {"version": 1844})
    assert all(f"board {version}," in shown for version in (1842, 1843, 1844))


def test_an_api_that_is_away_is_waited_for(follow):
    shown = follow(BOARD, ApiError("the API does not answer", passing=True), BOARD | {"version": 1850})
    assert "the API does not answer" in shown
    assert shown.count("board 1842,") == 2, "the last board stands meanwhile"
    assert "board 1850," in shown


def test_what_does_not_pass_ends_it(follow):
    with pytest.raises(ApiError):
        follow(BOARD, ApiError("wrong key", status=401))
    with pytest.raises(ApiError):
        follow(ApiError("nobody is there", passing=True))
