"""``trunkline sim swarm``: seeds of the simulated system, with the actors that run in earnest."""

import functools
import gc
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Annotated

import typer

from actors.cli.terminal import console, say
from sims.swarm.run import Outcome, play

MANY = 1_000  # seeds, where nobody says how many
COLLECT_EVERY = 10  # seeds: some hundred megabytes


def play_quietly(seed: int) -> Outcome:
    """Play a seed without its logs."""
    # Brings Ray, which reads how it authenticates when it is imported: not before somebody wants a troupe.
    from actors.cli.troupe import Troupe

    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        return play(seed, Troupe())
    finally:
        logging.disable(disabled)
        if seed % COLLECT_EVERY == 0:
            _forget_apps()
            gc.collect()


def _forget_apps() -> None:
    """FastAPI keeps the last functions that it has looked at, and with them the fronts that they belong to: some megabytes a seed."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "fastapi":
            for value in vars(module).values():
                if isinstance(value, functools._lru_cache_wrapper):  # noqa: SLF001 (the type has no other name)
                    value.cache_clear()


def play_all(seeds: Sequence[int], processes: int) -> Iterator[Outcome]:
    """Outcomes as they come, in order of the seeds."""
    if processes <= 1 or len(seeds) <= 1:
        yield from map(play_quietly, seeds)
        return
    # Spawned, not forked: this process may have threads.
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        yield from pool.map(play_quietly, seeds, chunksize=max(1, min(20, len(seeds) // (4 * processes))))


def swarm(
    seeds: Annotated[int, typer.Option(help="So many runs, each with its own world, traffic and faults. 0: 1,000.")] = 0,
    seed: Annotated[int, typer.Option(help="Only this one, told in full; or the first of --seeds.")] = 0,
    processes: Annotated[int, typer.Option(help="Runs at the same time; 0: as many as there are cores.")] = 0,
    keep_going: Annotated[bool, typer.Option("--keep-going", help="Do not stop at the first failure.")] = False,
) -> None:
    """Run the system's own processes in virtual time, break them by seed, and hold what happened against the invariants."""
    single = seed > 0 and seeds == 0
    first = max(1, seed)
    wanted = range(first, first + (1 if single else seeds or MANY))
    began_s = time.perf_counter()
    failed = _tell(play_all(wanted, processes or os.cpu_count() or 1), keep_going=keep_going, one=single)
    say(f"{time.perf_counter() - began_s:.0f} s")
    if failed:
        raise typer.Exit(1)


def _tell(outcomes: Iterable[Outcome], *, keep_going: bool, one: bool) -> list[int]:
    """Tell of each failure, and of all of them together; the seeds that failed."""
    failed: list[int] = []
    kinds: Counter[str] = Counter()
    count = messages = submits = duplicates = 0
    for outcome in outcomes:
        count += 1
        messages += outcome.accepted
        submits += outcome.submits
        duplicates += outcome.verdict.duplicates or 0
        kinds.update(outcome.kinds)
        if one:
            console.print(
                f"seed {outcome.seed}  {outcome.digest}  {outcome.virtual_s:.0f} s of virtual time, {outcome.steps} steps"
            )
        if not outcome.clean:
            failed.append(outcome.seed)
            console.print(outcome.report, markup=False, highlight=False)
            if not keep_going:
                break
    say(f"{count} seeds, {messages} messages accepted, {submits} submits, {duplicates} second copies, all of them with a cause")
    say("broken on purpose: " + ", ".join(f"{kind} in {times}" for kind, times in kinds.most_common()))
    say(f"failed: {', '.join(map(str, failed))}" if failed else "none failed")
    return failed
