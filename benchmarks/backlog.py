"""``python -m benchmarks.backlog``: one-time codes while very many marketing messages wait, on a real system.

Three carriers, slow by contract. First codes alone; then marketing is queued, as a front would put it there; then codes again, as many a second as
before, while the carriers are busy with it. The promise: their 99th percentile, from the front to the carrier, at most doubles.
"""

import asyncio
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import typer
from rich.console import Console

from benchmarks import result
from benchmarks.fill import fill, sealing
from benchmarks.goals import OTP
from benchmarks.machine import machine, server_of
from benchmarks.processes import OWN, spent_between
from benchmarks.strain.figures import Strain, common_breaches, keep, memory_figures, shown, tell
from benchmarks.strain.loads import CALM_S, Asked, put_on, record_of
from benchmarks.strain.looks import Look, Watch
from benchmarks.strain.notes import Notes, gather, planned_us, read_notes
from benchmarks.world import Shape, World, running
from router.ids import created_ms, from_text
from router.model import MessageClass
from sims.invariants import History, Verdict, examine

CARRIERS: Final = ("east", "west", "south")
PRICE_MICROS: Final = 20_000
# More than asked for is queued, because the carriers go on meanwhile: so fast is the filling at least, and so long may the rest take.
FILL_MPS: Final = 8_000
SPARE_S: Final = 20.0
SETTLE_S: Final = 3.0
QUEUED: Final = 1_000_000
SPEED_MPS: Final = 130  # of each carrier
OTP_MPS: Final = 20.0
ABOUT_FIGURES: Final = (
    "I6 codes before campaigns",
    " MB in the second quarter ",
)  # breaches that are missed goals, and nothing lost

console = Console()
app = typer.Typer(pretty_exceptions_enable=False)


class Options(NamedTuple):
    """One run."""

    queued: int
    speed_mps: int  # of each carrier
    otp_mps: float
    duration_s: float  # of each of the two loads of codes


class Run(NamedTuple):
    """What was seen."""

    idle: Notes
    loaded: Notes
    history: History
    verdict: Verdict
    looks: Sequence[Look]  # from the first message of the backlog on
    filled_s: float
    began: Look  # when the codes with the backlog began …
    ended: Look  # … and when they were over
    planned: Mapping[str, int]  # code → when it was planned
    faults: Sequence[str]  # that the journal's checker found
    cores: Mapping[str, float]  # by kind of process, what was used of one while the codes passed the backlog


@app.command()
def main(
    queued: Annotated[int, typer.Option(min=100, help="Marketing messages that wait.")] = QUEUED,
    speed: Annotated[int, typer.Option(min=10, help="Contracted messages a second of each of the three carriers.")] = SPEED_MPS,
    otp: Annotated[float, typer.Option(min=1, help="One-time codes a second.")] = OTP_MPS,
    duration: Annotated[float, typer.Option(min=5, help="Seconds of codes, without and with the backlog.")] = 60,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write everything here.")] = None,
) -> None:
    """Hold one-time codes with a backlog against those without. Exit code 1: something broke a promise."""
    signal.signal(signal.SIGTERM, _interrupted)
    options = Options(queued, speed, otp, duration)
    here = machine()
    with running(shape(speed)) as world:
        here.server = server_of(world.state.journal_url)
        run = asyncio.run(_live(world, options))
    strain = Strain(
        name="backlog",
        options=options._asdict(),
        figures=figures(run),
        delays_ms=_delays(run),
        breaches=list(breaches(options, run)),
        verdict=run.verdict.to_dict(),
        looks=shown(run.looks),
        machine=here,
    )
    keep(strain, json_file)
    tell(strain, console)
    if strain.breaches:
        raise typer.Exit(1)


def shape(speed_mps: int = SPEED_MPS) -> Shape:
    """The world that this needs."""
    return Shape(prices_micros=dict.fromkeys(CARRIERS, PRICE_MICROS), speed_mps=speed_mps, diaries=True)


def otp_beside(world: World, duration_s: float) -> result.Run:
    """The run as one of the benchmarks by name."""
    options = Options(QUEUED, SPEED_MPS, OTP_MPS, duration_s)
    run = asyncio.run(_live(world, options))
    found = figures(run)
    numbers = {name: float(value) for name, value in found.items() if isinstance(value, int | float)}
    return result.Run(
        duration_s=duration_s,
        accepted=len(run.idle.accepted) + len(run.loaded.accepted),
        latencies=_delays(run),
        up_s=round(world.up_s, 2),
        first_delivered_s=round(world.first_s, 2),
        faults=tuple(one for one in breaches(options, run) if not any(words in one for words in ABOUT_FIGURES)),
        figures={OTP: numbers.pop(OTP)} | numbers if OTP in numbers else numbers,
    )


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt  # so that everything is stopped


async def _live(world: World, options: Options) -> Run:
    await asyncio.sleep(CALM_S)
    console.print(f"[dim]one-time codes alone, {options.otp_mps:g}/s for {options.duration_s:g} s …[/dim]")
    await put_on(world, Asked("idle", options.otp_mps, "otp=1", 0, options.duration_s))
    sending_s = options.queued / FILL_MPS + options.duration_s + SPARE_S
    messages = int(options.queued + sending_s * options.speed_mps * len(CARRIERS))
    console.print(f"[dim]{messages:,} marketing messages …[/dim]")
    async with Watch.over(world) as watch:
        began_s = time.monotonic()
        journal = sealing(world.state.journal_url, Path(world.state.keys_dir))
        try:
            await fill(journal, world.used, messages)
        finally:
            await journal.close()
        filled_s = time.monotonic() - began_s
        await asyncio.sleep(SETTLE_S)
        console.print("[dim]one-time codes again …[/dim]")
        began, processes = await watch.look(), world.processes()
        cpu, at_s = processes.cpu_s(), time.monotonic()
        await put_on(world, Asked("loaded", options.otp_mps, "otp=1", 1_000_000, options.duration_s))
        spent = spent_between(cpu, processes.cpu_s())
        cores = {kind: round(used_s / (time.monotonic() - at_s), 3) for kind, used_s in spent.items() if used_s}
        ended = await watch.look()
        looks = list(watch.looks)
    await asyncio.sleep(SETTLE_S)  # for the last codes to arrive
    console.print("[dim]gathering what everybody saw …[/dim]")
    idle, loaded = read_notes(record_of(world, "idle")), read_notes(record_of(world, "loaded"))
    history, faults = await asyncio.to_thread(gather, world, idle, loaded, looks, whole=False)
    planned = await planned_us(world.state.journal_url, idle.accepted + loaded.accepted)
    return Run(idle, loaded, history, examine(history), looks, filled_s, began, ended, planned, faults, cores)


def figures(run: Run) -> dict[str, Any]:
    """The figures that count."""
    took_s = (run.ended.at_us - run.began.at_us) / 1e6
    idle, loaded = (_latency(found).p99 for found in (run.history.otp_idle_us, run.history.otp_loaded_us))
    return {
        "waiting when the codes began": run.began.queued,
        "waiting when they were over": run.ended.queued,
        "filled/s": round(run.looks[-1].accepted / run.filled_s, 0),
        "ended/s meanwhile": round((run.ended.finished - run.began.finished) / took_s, 1),
        "cores used meanwhile": round(sum(used for kind, used in run.cores.items() if kind != OWN), 2),
        "… by our own processes": run.cores.get(OWN, 0.0),
        "… by the journal": run.cores.get("journal", 0.0),
        "… by dispatchers": run.cores.get("dispatcher", 0.0),
        "… by carriers": run.cores.get("carrier", 0.0),
        OTP: round(loaded / idle, 2) if idle else "unknown",
    } | memory_figures(run.looks)


def _latency(found_us: Sequence[int] | None) -> result.Latency:
    return result.latency_of([us / 1e3 for us in found_us or ()])


def _delays(run: Run) -> dict[str, result.Latency]:
    found = {}
    for when, notes, delays in (
        ("alone", run.idle, run.history.otp_idle_us),
        ("with the backlog", run.loaded, run.history.otp_loaded_us),
    ):
        plans = [
            run.planned[fact.id] - created_ms(from_text(fact.id)) * 1_000 for fact in notes.accepted if fact.id in run.planned
        ]
        found[f"otp, {when}"] = _latency(delays)
        found[f"… until planned, {when}"] = _latency(plans)
    return found


def breaches(options: Options, run: Run) -> Iterator[str]:
    """Everything that must not be."""
    yield from common_breaches(run.verdict, run.looks)
    yield from run.faults
    least = min(run.began.waiting[MessageClass.MARKETING], run.ended.waiting[MessageClass.MARKETING])
    if least < options.queued:
        yield f"only {least} marketing messages waited"
    for when, notes, found in (("alone", run.idle, run.history.otp_idle_us), ("loaded", run.loaded, run.history.otp_loaded_us)):
        if len(found or ()) < len(notes.accepted):
            yield f"{when}: of {len(notes.accepted)} codes {len(found or ())} came to a carrier"
        if notes.pushed_back:
            yield f"{when}: {len(notes.pushed_back)} codes were refused"


if __name__ == "__main__":
    app()
