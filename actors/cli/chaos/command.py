"""``trunkline chaos``."""

import os
import shutil
import signal
import tempfile
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from actors.cli.chaos.done import Done
from actors.cli.chaos.options import LENGTH_S, RATE_MPS, ChaosOptions
from actors.cli.chaos.report import as_json, breaches, fault_table, totals
from actors.cli.chaos.run import Chaos
from actors.cli.run import progress
from actors.cli.system import StartFailed
from actors.cli.terminal import FAILED, MISUSED, counted, errors, fail, say, show
from actors.journal.server import ServerFailed, ServerMissing
from sims.chaos.kinds import FAMILIES, KINDS
from sims.chaos.timetable import InvalidPlan

# What still kills each kind of process once, in little time: what needs minutes, and what is much alike, is left out.
SHORT: Final = (
    *(name for name in KINDS if name.startswith("kill.")),
    "smpp.cut",
    "redis.reset",
    "webhook.reset",
    "store.power_cut",
)


def chaos(
    duration: Annotated[float, typer.Option(min=10, help="Seconds of faults.")] = LENGTH_S,
    rate: Annotated[float, typer.Option(min=1, help="Messages a second.")] = RATE_MPS,
    seed: Annotated[int, typer.Option(help="The same seed makes the same timetable; 0: by chance, and shown.")] = 0,
    faults: Annotated[
        str, typer.Option(help=f"Kinds or families, comma-separated; `all`, `short`, or of: {', '.join((*FAMILIES, *KINDS))}.")
    ] = "all",
    hold: Annotated[list[str] | None, typer.Option(help="kind=seconds: how long such faults last; repeatable.")] = None,
    only_once: Annotated[bool, typer.Option("--only-once", help="Of each kind one fault, and no more.")] = False,
    gap: Annotated[float, typer.Option(min=0, help="Least seconds between two faults.")] = 2.0,
    patience: Annotated[float, typer.Option(min=1, help="Times to recover may be so many times the bars.")] = 1.0,
    drain: Annotated[float, typer.Option(min=1, help="Seconds in which every message must end after the load.")] = 180.0,
    fsync: Annotated[str, typer.Option(help="always; or everysec, which a power cut shows to lose messages.")] = "always",
    json_file: Annotated[Path | None, typer.Option("--json", help="Write everything here.")] = None,
    folder: Annotated[
        Path | None, typer.Option(help="Keep journal, logs and notes here; otherwise they go with the run.")
    ] = None,
) -> None:
    """Break a real system under load, in every way and to a timetable, and prove that nothing is lost. Exit code 1: something was."""
    seed = seed or int.from_bytes(os.urandom(3), "big")
    base = folder or Path(tempfile.mkdtemp(prefix="trunkline-chaos-"))
    base.mkdir(parents=True, exist_ok=True)
    try:
        options = ChaosOptions(
            folder=base.resolve(),
            seed=seed,
            length_s=duration,
            rate_mps=rate,
            kinds=chosen(faults),
            holds=dict(_held(text) for text in hold or ()),
            gap_s=gap,
            once=only_once,
            patience=patience,
            drain_s=drain,
            fsync=fsync,
        )
        say(f"seed {seed}")
        signal.signal(signal.SIGTERM, _interrupted)
        outcome = Chaos(options, progress, _tell).run()
    except InvalidPlan as error:
        fail(str(error), MISUSED)
    except (StartFailed, ServerFailed, ServerMissing, RuntimeError) as error:
        fail(str(error))
    finally:
        if folder is None:
            shutil.rmtree(base, ignore_errors=True)
    if json_file is not None:
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(as_json(outcome))))
    show(fault_table(outcome))
    for name, value in totals(outcome).items():
        say(f"{name:17} {value}")
    verdict = outcome.verdict
    say(f"{len(verdict.passed)} invariants held, {len(verdict.breached)} did not, {len(verdict.unchecked)} not checked")
    found = breaches(outcome)
    for one in found:
        errors.print(one, markup=False, soft_wrap=True, style="red")
    say(f"seed {seed}: {counted(len(found), 'breach') if len(found) == 1 else f'{len(found)} breaches'}")
    if found:
        raise typer.Exit(FAILED)


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt  # so that everything is stopped


def chosen(words: str) -> tuple[str, ...]:
    """Kinds by name, by family, ``all`` or ``short``; raises ``InvalidPlan``."""
    found: dict[str, None] = {}
    for word in words.split(","):
        if word == "all":
            names: tuple[str, ...] = tuple(KINDS)
        elif word == "short":
            names = SHORT
        elif word in FAMILIES:
            names = tuple(name for name in KINDS if name.startswith(f"{word}."))
        elif word in KINDS:
            names = (word,)
        else:
            raise InvalidPlan(f"{word!r} is no kind of fault, no family, not `all` and not `short`")
        found |= dict.fromkeys(names)
    return tuple(found)


def _held(text: str) -> tuple[str, float]:
    name, _, seconds = text.partition("=")
    try:
        return name, float(seconds)
    except ValueError:
        raise InvalidPlan(f"{text!r} is not kind=seconds") from None


def _tell(done: Done) -> None:
    """A fault is over."""
    if done.failed:
        progress(f"{done.kind} could not be made: {done.failed}")
        return
    back = "never back" if done.back_s is None else f"well after {done.back_s:.1f} s"
    progress(f"{done.kind} of {done.victim}: {back}")
