"""What is kept of a measurement, and what is printed."""

import io

import msgspec
from rich.console import Console

from benchmarks.__main__ import whole
from benchmarks.goals import CARRIED, OWN_CPU
from benchmarks.machine import Machine
from benchmarks.report import number, print_row, summary
from benchmarks.result import Cost, Latency, Row, Run, Series

MACHINE = Machine(
    at="2026-01-02T03:04:05+00:00", commit="abc", cores=2, cpu="x", memory_gb=8.0, kernel="Linux 6", python="3.11", ray="2.60"
)


def run(carried=10_500.0, **more):
    return Run(
        asked_mps=10_500.0,
        duration_s=60.0,
        accepted=630_000,
        accepted_mps=carried,
        delivered_mps=carried,
        latencies={"accepted": Latency(count=9, p50=1.0, p90=2.0, p99=3.0, max=4.0)},
        cost=Cost(
            cpu_us_per_message={"front": 30.0, "all our own": 90.0},
            cpu_share={"front": 0.3, "all our own": 0.9},
            cpu_s={"front": 18.0, "all our own": 54.0},
            batches={"accept": 100.0},
        ),
        memory_mb={"front": (1, 90.0)},
        figures={CARRIED: carried, OWN_CPU: 75.0},
        steps=[(4_000.0, True), (11_000.0, False)],
        series=Series(at_s=[0.0, 1.0], accepted=[0, 10_500], finished=[0, 9_000], delays=[(0.5, 12.0, 600.0)]),
        **more,
    )


def rows():
    return [Row(name="batch-msgpack", runs=[run(), run(9_000.0), run(10_100.0)]).judged(), Row(name="lone", runs=[Run(lost=1)])]


def test_what_is_kept_reads_back():
    told = msgspec.json.decode(msgspec.json.encode(whole(MACHINE, rows(), {"smpp": "why"})))
    assert told["version"] == 1
    assert told["failed"] == {"smpp": "why"}
    assert told["machine"]["commit"] == "abc"
    back = msgspec.convert(told["rows"], list[Row])
    assert back == rows()
    assert [verdict["met"] for verdict in told["rows"][0]["verdicts"]] == [True, True]


def test_everything_that_counts_is_printed():
    out = io.StringIO()
    console = Console(file=out, width=200)
    for row in rows():
        print_row(row, console)
    summary(rows(), console)
    text = out.getvalue()
    for words in (
        "11,000 ✗",
        "10,100 (9,000-10,500)",
        "≥ 10,000 (aim 15,000)",
        "met",
        "aim reached",
        "script accept",
        "1 messages lost",
        "not clean",
    ):
        assert words in text


def test_numbers_are_as_long_as_they_are_worth():
    assert [number(value) for value in (12_345.6, 999.94, 0.012345)] == ["12,346", "999.9", "0.01235"]
