"""Where `trunkline bench` looks for the benchmarks, and what it hands on to them."""

import os
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from actors.cli import bench
from actors.cli.main import app


def tree(folder):
    for name in ("benchmarks/__main__.py", "actors/cli/bench.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_the_nearest_tree_above_is_found(tmp_path):
    outer = tree(tmp_path / "outer")
    inner = tree(outer / "inner")
    deep = inner / "sims" / "load"
    deep.mkdir(parents=True)
    assert bench.source_tree([deep]) == inner
    assert bench.source_tree([outer / "docs", deep]) == outer


def test_benchmarks_alone_are_no_tree(tmp_path):
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "__main__.py").touch()
    assert bench.source_tree([tmp_path]) is None


def test_arguments_are_handed_on_as_they_are(monkeypatch):
    seen = []
    monkeypatch.setattr(os, "execve", lambda *arguments: seen.append(arguments))
    CliRunner().invoke(app, ["bench", "single", "--duration", "5", "--help"])
    (program, words, environment), *_ = seen
    assert program == sys.executable
    assert words[1:] == ["-m", "benchmarks", "single", "--duration", "5", "--help"]
    assert (Path(environment["PYTHONPATH"].split(os.pathsep)[0]) / "benchmarks").is_dir()


@pytest.mark.usefixtures("tmp_path")
def test_without_a_tree_it_says_where_to_run(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bench.actors, "__file__", str(tmp_path / "site-packages" / "actors" / "__init__.py"))
    result = CliRunner().invoke(app, ["bench"])
    assert result.exit_code == 2
    assert "source tree" in result.output
