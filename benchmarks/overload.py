"""``python -m benchmarks.overload``: more than the carriers can take, for as long as asked, on a real system; then nothing, until it is empty.

Three carriers whose contracts are the capacity; a limit on the queues of so many seconds of it. First one-time codes alone, as many a second as
there will be of them later. Then all classes at ``factor`` times the capacity, open-loop and without repeating what is refused. What must hold:
the lesser classes are refused first and all refusals say when to come back; queues and memory stay within bounds; nothing that was accepted is
lost, and it drains without help; the rules of ``sims/invariants`` that can be checked.
"""

import asyncio
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import typer
from rich.console import Console

from benchmarks.machine import machine, server_of
from benchmarks.strain.figures import Strain, common_breaches, delays_ms, keep, memory_figures, shown, tell
from benchmarks.strain.loads import CALM_S, Asked, emptied, put_on, record_of
from benchmarks.strain.looks import Look, Watch
from benchmarks.strain.notes import Notes, PushBack, delays_us, gather, read_notes
from benchmarks.world import Shape, World, running
from router.model import MessageClass
from sims.invariants import History, Verdict, examine

CARRIERS: Final = ("east", "west", "south")
PRICE_MICROS: Final = 20_000
SHARES: Final = {MessageClass.OTP: 0.05, MessageClass.TRANSACTIONAL: 0.25, MessageClass.MARKETING: 0.70}
STATUS: Final = {MessageClass.OTP: 503, MessageClass.TRANSACTIONAL: 503, MessageClass.MARKETING: 429}  # of what is refused
OFFERED: Final = 0.95  # of what was to be offered: less is no overload of the size asked for
DRAIN_FACTOR: Final = 3.0  # times the time that the carriers need for what waits
DRAIN_S: Final = 60.0

console = Console()
app = typer.Typer(pretty_exceptions_enable=False)


class Options(NamedTuple):
    """One run."""

    duration_s: float
    speed_mps: int  # of each carrier
    factor: float
    queue_s: float  # the limit on the queues, in seconds of all carriers' speed
    idle_s: float

    @property
    def capacity_mps(self) -> int:
        """Of all carriers."""
        return self.speed_mps * len(CARRIERS)

    @property
    def offered_mps(self) -> float:
        """Of all classes."""
        return self.factor * self.capacity_mps

    @property
    def queue_limit(self) -> int:
        """Messages."""
        return int(self.queue_s * self.capacity_mps)


class Run(NamedTuple):
    """What was seen."""

    told: dict[str, Any]  # by the generator
    notes: Notes
    history: History
    verdict: Verdict
    looks: Sequence[Look]  # of the load
    drained: tuple[float, Look] | None
    carried_mps: float  # while the load was on
    idle: Notes


@app.command()
def main(
    duration: Annotated[float, typer.Option(min=5, help="Seconds of overload.")] = 600,
    speed: Annotated[int, typer.Option(min=10, help="Contracted messages a second of each of the three carriers.")] = 130,
    factor: Annotated[float, typer.Option(min=1.1, help="How much of the capacity is offered.")] = 2.0,
    queue: Annotated[float, typer.Option(min=1, help="Limit on the queues, in seconds of the capacity.")] = 60,
    idle: Annotated[float, typer.Option(min=3, help="Seconds of one-time codes alone, before.")] = 30,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write everything here.")] = None,
) -> None:
    """Offer more than there is room for. Exit code 1: something broke a promise."""
    signal.signal(signal.SIGTERM, _interrupted)
    options = Options(duration, speed, factor, queue, idle)
    shape = Shape(
        prices_micros=dict.fromkeys(CARRIERS, PRICE_MICROS), speed_mps=speed, queue_limit=options.queue_limit, diaries=True
    )
    here = machine()
    with running(shape) as world:
        here.server = server_of(world.state.journal_url)
        run = asyncio.run(_live(world, options))
    strain = Strain(
        name="overload",
        options=options._asdict() | {"queue_limit": options.queue_limit},
        figures=figures(options, run),
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


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt  # so that everything is stopped


async def _live(world: World, options: Options) -> Run:
    mix = ",".join(f"{klass.word}={share}" for klass, share in SHARES.items())
    otp_mps = options.offered_mps * SHARES[MessageClass.OTP]
    await asyncio.sleep(CALM_S)
    console.print(f"[dim]one-time codes alone, {otp_mps:g}/s for {options.idle_s:g} s …[/dim]")
    await put_on(world, Asked("idle", otp_mps, "otp=1", 0, options.idle_s))
    console.print(f"[dim]all classes, {options.offered_mps:g}/s for {options.duration_s:g} s …[/dim]")
    async with Watch.over(world) as watch:
        before = await watch.look()
        told = await put_on(world, Asked("overload", options.offered_mps, mix, 10_000_000, options.duration_s))
        looks = list(watch.looks)
        carried = (looks[-1].finished - before.finished) / ((looks[-1].at_us - before.at_us) / 1e6)
        console.print(f"[dim]nothing, until {looks[-1].live:,} messages have ended …[/dim]")
        drained = await emptied(watch, DRAIN_S + DRAIN_FACTOR * looks[-1].live / options.capacity_mps)
    console.print("[dim]gathering what everybody saw …[/dim]")
    idle, notes = read_notes(record_of(world, "idle")), read_notes(record_of(world, "overload"))
    history, _ = await asyncio.to_thread(gather, world, idle, notes, looks, whole=True)
    return Run(told, notes, history, examine(history), looks, drained, carried, idle)


def figures(options: Options, run: Run) -> dict[str, Any]:
    """The figures that count."""
    taken = Counter(fact.klass for fact in run.notes.accepted)
    refused = Counter(one.klass for one in run.notes.pushed_back)
    found: dict[str, Any] = {
        "capacity/s": options.capacity_mps,
        "offered/s": run.told.get("sent_mps", 0.0),
        "ended/s under load": round(run.carried_mps, 1),
        "queue limit": options.queue_limit,
    }
    for klass in MessageClass:
        found[f"{klass.word}: accepted"] = taken[klass]
        found[f"{klass.word}: refused"] = refused[klass]
    found |= memory_figures(run.looks)
    found["waiting at the end of the load"] = run.looks[-1].queued
    found["drained after, s"] = round(run.drained[0], 1) if run.drained else "never"
    found["lost"] = _lost(run.history)
    return found


def _lost(history: History) -> int:
    return len({fact.id for fact in history.accepted or ()} - {fact.id for fact in history.ended or ()})


def _delays(run: Run) -> Any:
    submits = run.history.submits or []
    return delays_ms(delays_us(run.idle.accepted, submits), "alone") | delays_ms(
        delays_us(run.notes.accepted, submits), "under load"
    )


def breaches(options: Options, run: Run) -> Iterator[str]:
    """Everything that must not be."""
    yield from common_breaches(run.verdict, run.looks)
    yield from shedding(run.notes.pushed_back)
    most = max(look.queued for look in run.looks)
    if most > options.queue_limit:
        yield f"{most} messages waited, {options.queue_limit} may"
    if run.drained is None:
        yield "not drained in the time given"
    if run.told.get("sent_mps", 0.0) < OFFERED * options.offered_mps:
        yield f"only {run.told.get('sent_mps', 0.0)} messages a second were offered, {options.offered_mps:g} were to be"
    if run.told.get("errors") or run.told.get("unsent"):
        yield f"without an answer: {run.told.get('errors')}, never sent: {run.told.get('unsent')}"
    odd = [entry for entry in run.told.get("refused", ()) if entry["code"] not in {"shed", "journal_full"}]
    if odd:
        yield f"refused for another reason: {odd}"


def shedding(pushed_back: Sequence[PushBack]) -> Iterator[str]:
    """What is wrong with what was refused: at an overload the least is, and told when to come back; a code never."""
    count = Counter(one.klass for one in pushed_back)
    if not count[MessageClass.MARKETING]:
        yield "nothing was refused"
    if count[MessageClass.OTP]:
        yield f"{count[MessageClass.OTP]} one-time codes were refused"
    hasty = sum(1 for one in pushed_back if one.retry_after_s is None)
    if hasty:
        yield f"{hasty} refusals did not say when to come back"
    wrong = Counter((one.klass.word, one.status) for one in pushed_back if one.status != STATUS[one.klass])
    for (word, status), number in sorted(wrong.items()):
        yield f"{number} of {word} were refused with {status}"


if __name__ == "__main__":
    app()
