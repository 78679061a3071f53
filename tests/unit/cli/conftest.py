import io

import pytest
from rich.console import Console
from typer.testing import CliRunner

from actors.cli.main import app

VARIABLES = ("TRUNKLINE_DATA_DIR", "TRUNKLINE_URL", "TRUNKLINE_KEY", "TRUNKLINE_REDIS_URL")


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a command as a user would, in a data folder of its own where nothing runs."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TRUNKLINE_DATA_DIR", str(tmp_path / "data"))

    def invoke(*words):
        result = CliRunner().invoke(app, words)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke


@pytest.fixture
def printed():
    """What rich makes of something, as plain text of a wide terminal."""

    def show(*things):
        console = Console(file=io.StringIO(), width=140)
        console.print(*things)
        return console.file.getvalue()

    return show
