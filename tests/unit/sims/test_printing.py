import pytest
from rich.table import Table

from sims.printing import wide_console


def test_a_table_in_a_pipe_is_not_cut(capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"scenario_{number}_of_nine" for number in range(9)]
    wide_console().print(Table(*names))
    told = capsys.readouterr().out
    assert all(name in told for name in names)
