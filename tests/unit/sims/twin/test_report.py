import io
import json
import math
import re
import sys

import pytest
from rich.console import Console
from typer.testing import CliRunner

from actors.cli.main import app
from sims.twin.plots import PlotsUnavailable, draw, load, timeline
from sims.twin.report import grouped, print_report, shares, to_dict
from sims.twin.run import Job, in_order, jobs, play, play_all
from sims.twin.statistics import mean_and_half, t_quantile

SMALL = {"minutes": 1.0, "rate_mps": 20.0, "burn_in_minutes": 0.2}


@pytest.fixture(scope="module")
def results():
    return [
        play(Job(scenario, policy, seed, **SMALL))
        for scenario in ("stationary", "blackhole")
        for policy in ("oracle", "static")
        for seed in (1, 2, 3)
    ]


def test_intervals_are_those_of_the_book():
    # NIST/SEMATECH e-Handbook 7.2.2.1: of 3, 4, 5 the mean is 4, s is 1, and t(0.975; 2) is 4.303.
    assert mean_and_half([3.0, 4.0, 5.0]) == (4.0, pytest.approx(4.303 / math.sqrt(3)))
    assert mean_and_half([2.0]) == (2.0, math.inf)
    assert all(math.isnan(value) for value in mean_and_half([]))
    assert [t_quantile(freedom) for freedom in (1, 9, 30, 35, 60, 5_000)] == [12.706, 2.262, 2.042, 2.042, 2.0, 1.96]


def test_shares_are_of_the_oracle_of_the_same_seed(results):
    runs = grouped(results)
    assert shares(runs, "stationary", "oracle") == [1.0, 1.0, 1.0]
    found = shares(runs, "blackhole", "static")
    assert len(found) == 3
    assert all(0.0 < share < 1.0 for share in found)


def test_tables_say_everything(results):
    console = Console(width=160, record=True, file=io.StringIO())
    print_report(results, console, detail=True)
    text = console.export_text()
    assert re.search(r"static\s*│\s*0\.\d{4} ±0\.\d{4}", text)
    assert "1.0000 ±0.0000" in text
    assert "hurt b.l." in text
    assert "% by minute" in text


def test_json_holds_runs_and_summary(results):
    read = json.loads(json.dumps(to_dict(results)))
    assert len(read["runs"]) == 12
    assert {(row["scenario"], row["policy"]) for row in read["summary"]} == {
        (scenario, policy) for scenario in ("stationary", "blackhole") for policy in ("oracle", "static")
    }


def test_jobs_include_the_oracle_once_and_keep_their_order():
    work = jobs(["stationary"], ["static", "oracle"], [1, 2], 1.0, 20.0, 0.2)
    assert [(job.policy, job.seed) for job in work] == [("oracle", 1), ("static", 1), ("oracle", 2), ("static", 2)]
    found = list(play_all(work, 1))
    assert in_order(work, found[::-1]) == found


def test_timelines_are_means_of_the_seeds(results):
    mine = [one for one in results if one.scenario == "blackhole"]
    lines = {line.policy: line for line in timeline(mine, "shares")}
    assert set(lines) == {"oracle", "static"}
    static = [one.shares for one in mine if one.policy == "static"]
    assert lines["static"].values[2] == pytest.approx(sum(shares[2] for shares in static) / 3)
    assert lines["static"].minutes[:2] == pytest.approx([5 / 60, 15 / 60])


def test_plots_without_matplotlib_say_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(PlotsUnavailable, match=r"pip install 'trunkline\[plots\]'"):
        load()
    answer = CliRunner().invoke(app, ["sim", "brain", "--plots", "nowhere"])
    assert answer.exit_code == 2
    assert "plots need matplotlib" in answer.output


def test_plots_are_drawn(results, tmp_path):
    pytest.importorskip("matplotlib")
    paths = draw(results, tmp_path / "pictures")
    assert [path.name for path in paths] == ["utility.png", "stationary.png", "blackhole.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)


def test_the_command_shows_one_run_and_writes_it(tmp_path):
    target = tmp_path / "result.json"
    command = [
        "sim",
        "brain",
        "--scenario",
        "blackhole",
        "--policy",
        "static,brain",
        "--seed",
        "3",
        "--minutes",
        "1",
        "--rate",
        "20",
    ]
    answer = CliRunner().invoke(app, [*command, "--processes", "1", "--quiet", "--json", str(target)])
    assert answer.exit_code == 0, answer.output
    assert "oracle" in answer.output
    assert "minute" in answer.output
    assert {run["policy"] for run in json.loads(target.read_text("utf-8"))["runs"]} == {"oracle", "static", "brain"}


@pytest.mark.parametrize("arguments", [["--scenario", "rain"], ["--policy", "luck"], ["--minutes", "0"], ["--seeds", "0"]])
def test_wrong_arguments_are_named(arguments):
    answer = CliRunner().invoke(app, ["sim", "brain", *arguments])
    assert answer.exit_code == 2
    assert arguments[0].lstrip("-") in answer.output
