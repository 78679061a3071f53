"""A chaos run from beginning to end: start, load, break by the timetable, drain, gather, examine."""

import asyncio
import json
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, NamedTuple

from actors.cli.chaos.disk import Disk, DiskMissing
from actors.cli.chaos.done import Done
from actors.cli.chaos.evidence import gather, log_folder
from actors.cli.chaos.faults import Saboteur
from actors.cli.chaos.options import ChaosOptions
from actors.cli.chaos.victims import Customer, ready, until
from actors.cli.chaos.world import CARRIERS, World
from actors.gcs import GCS_STORAGE, ON_DISK
from actors.journal import RedisJournal
from actors.names import carrier_actor
from router.journal.port import JournalError
from sims.chaos.kinds import KINDS, touch
from sims.chaos.shim import Shim, ShimMissing
from sims.chaos.timetable import Planned, make_plan
from sims.invariants import History, Verdict, examine

LENGTHS: Final = "short=0.9,long=0.07,unicode=0.03"  # long: two to three segments
WARM_S: Final = 4.0
TAIL_S: Final = 2.0
BOUND_S: Final = 60.0
LOOK_S: Final = 0.5
AT_ONCE: Final = 8  # faults under way
AT_MOST: Final = 4  # times the length planned: recoveries may take longer
END_S: Final = 30.0  # for the load to sum up


class Outcome(NamedTuple):
    """What a run came to."""

    options: ChaosOptions
    plan: Sequence[Planned]
    done: Sequence[Done]
    not_run: dict[str, str]  # kind → why
    history: History
    verdict: Verdict
    load: dict[str, Any]
    drain_s: float | None  # None: not drained in the time given
    lag_s: float  # of the observer


class Chaos:
    """One run."""

    def __init__(self, options: ChaosOptions, say: Callable[[str], None], tell: Callable[[Done], None]) -> None:
        self._options = options
        self._say = say
        self._tell = tell
        self._not_run: dict[str, str] = {}
        self._world: World
        self._customer: Customer

    def run(self) -> Outcome:
        """Do it all; raises what ``System.up`` raises."""
        shim, disk = self._means()
        kinds = [name for name in self._options.kinds if name not in self._not_run]
        options = self._options
        plan = make_plan(options.seed, options.length_s, kinds, gap_s=options.gap_s, once=options.once, holds=options.holds)
        self._world = world = World(self._options, shim, disk, self._say)
        try:
            world.start()
            _quieten()
            self._customer = Customer(world)
            return self._live(plan)
        finally:
            world.stop()

    def _means(self) -> tuple[Shim | None, Disk | None]:
        """What some kinds need, as far as it can be had here."""
        wanted = {KINDS[name].needs for name in self._options.kinds}
        shim: Shim | None = None
        disk: Disk | None = None
        missing: dict[str, str] = {}
        if os.environ.get(GCS_STORAGE, ON_DISK) != ON_DISK:
            missing["gcs"] = "Ray's GCS keeps its tables in memory: its death is the cluster's"
        if "shim" in wanted:
            try:
                shim = Shim(self._options.folder / "shim")
            except ShimMissing as error:
                missing["shim"] = str(error)
        if "disk" in wanted:
            try:
                disk = Disk(self._options.folder / "disk.image")
            except DiskMissing as error:
                missing["disk"] = str(error)
        self._not_run = {name: missing[KINDS[name].needs] for name in self._options.kinds if KINDS[name].needs in missing}
        return shim, disk

    def _live(self, plan: Sequence[Planned]) -> Outcome:
        options, world = self._options, self._world
        if until(lambda: all(self._bound(name) for name in CARRIERS), BOUND_S) is None:
            raise RuntimeError("the carriers were not bound in time")
        record, result = options.folder / "accepted.txt", options.folder / "load.json"
        load = world.load(
            (
                *(
                    "--rate",
                    str(options.rate_mps),
                    "--duration",
                    str(AT_MOST * options.length_s + WARM_S),
                    "--seed",
                    str(options.seed),
                ),
                *("--lengths", LENGTHS, "--retry", "--retry-limit", "1000", "--timeout", "10", "--connections", "64"),
                *("--record", str(record), "--repeat", "0.02", "--json", str(result)),
            )
        )
        try:
            time.sleep(WARM_S)
            done = self._break(plan)
            time.sleep(TAIL_S)
            self._say("ending the load")
            load.terminate()
            load.wait(END_S)
        finally:
            if load.poll() is None:
                load.kill()
            load.wait()
        self._say("waiting until every message has its end")
        drained_s = until(self._drained, options.drain_s)
        self._say("gathering what everybody saw")
        history = gather(world, self._customer, done, record, log_folder(), options.patience)
        verdict = examine(history)
        told = dict(json.loads(result.read_text("utf-8"))) if result.exists() else {}
        return Outcome(options, plan, done, self._not_run, history, verdict, told, drained_s, world.wires.lag_s)

    def _bound(self, carrier: str) -> bool:
        return ready(carrier_actor(carrier))

    def _break(self, plan: Sequence[Planned]) -> list[Done]:
        """Make every fault at its time; one that would meet another that is not over waits for it."""
        saboteur = Saboteur(self._world, self._customer)
        done: list[Done] = []
        under_way: dict[Future[Done], Planned] = {}

        def settle() -> None:
            for future in [future for future in under_way if future.done()]:
                del under_way[future]
                done.append(future.result())
                self._tell(done[-1])

        began_s = time.monotonic()
        last_s = began_s - self._options.gap_s
        with ThreadPoolExecutor(AT_ONCE, "saboteur") as pool:
            for planned in plan:
                while (
                    time.monotonic() < max(began_s + planned.at_s, last_s + self._options.gap_s)
                    or self._in_the_way(planned, under_way)
                ):  # fmt: skip
                    settle()
                    time.sleep(0.05)
                if time.monotonic() - began_s > self._options.length_s and not self._options.once:
                    break  # recoveries took longer than planned: the rest has no place
                last_s = time.monotonic()
                under_way[pool.submit(saboteur.make, planned)] = planned
            while under_way:
                settle()
                time.sleep(0.05)
        rest_s = began_s + self._options.length_s - time.monotonic()
        if rest_s > 0:
            time.sleep(rest_s)
        return done

    @staticmethod
    def _in_the_way(planned: Planned, under_way: "dict[Future[Done], Planned]") -> bool:
        return len(under_way) >= AT_ONCE or any(
            touch(KINDS[planned.kind].scope, KINDS[other.kind].scope) for other in under_way.values()
        )

    def _drained(self) -> bool:
        """Whether nothing is live and every end has been told."""
        time.sleep(LOOK_S)
        try:
            counts = asyncio.run(self._counts())
        except JournalError:
            return False
        told = len({one.id for one in list(self._world.wires.receiver.told)})
        return counts["live"] == 0 and told >= counts["accepted"]

    async def _counts(self) -> dict[str, int]:
        journal = RedisJournal.connect(self._world.journal_url)
        try:
            found = await journal.check()
        finally:
            await journal.close()
        return dict(found.counts)


def _quieten() -> None:
    """Ray tells a driver of each worker that dies. Here they die by design, and what came of it is told by us."""
    from ray._private import worker

    worker.print_to_stdstream = lambda *_, **__: None
