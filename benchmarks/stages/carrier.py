"""``python -m benchmarks.stages.carrier``: what a message costs a carrier's actor, without Ray.

One process holds the actor as it is, given offers as dispatchers make them, and beside it run a journal of its own and a simulated SMSC, each
a process. Messages are accepted and claimed beforehand. Counted is this process's CPU, kernel included, from the first offer to the last
receipt: unpacking offers, assigning, composing, the sessions, answers and receipts into the journal, observations, metrics.
"""

import asyncio
import cProfile
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import typer

from actors.brain_client import BrainCall
from actors.carrier import Carrier
from actors.journal import EmbeddedServer, RedisJournal
from actors.shell import SETTINGS_VALUE, JournalAddress
from actors.wire import Offered, pack_observations, pack_offer
from router.brain.port import Observation
from router.config import dump_settings
from router.ids import PARTITIONS, make_id
from router.journal.port import Intake
from router.model import MessageClass
from router.record import Body, EventKind, pack_body, pack_event
from router.settings import CarrierProfile, Price, Settings
from sims.smsc.process import SmscProcess
from sims.smsc.temperament import Temperament

CARRIER: Final = "east"
PASSWORD: Final = "benchmark"  # noqa: S105 (of a simulator on the loopback interface)
TEMPERAMENT: Final = Temperament(answer_median_s=0.005, receipt_median_s=0.5, receipt_sigma=0.2)
WINDOW: Final = 200
TOGETHER: Final = 50  # messages of one partition after each other: an intake's
CLAIM: Final = 1_000
BOUND_S: Final = 30.0
SETTLE_S: Final = 30.0
LOOK_S: Final = 0.02


class Cost(NamedTuple):
    """Of one load."""

    messages: int
    cpu_us: float  # of the actor's process, a message
    server_us: float  # of the journal's
    calls: dict[str, int]  # of scripts, by name


class Silent(BrainCall):
    """A brain that is told and says nothing; what it is told is packed as it would be."""

    def observe(self, brain: str, batch: Sequence[Observation]) -> bool:  # noqa: ARG002 (there is one)
        pack_observations(batch)
        return True


class Bench:
    """An actor with its journal and its SMSC, once."""

    def __init__(self, folder: Path, speed_mps: int) -> None:
        self._smsc = SmscProcess(TEMPERAMENT, account=f"{CARRIER}:{PASSWORD}", log=folder / "smsc.log")
        self._server = EmbeddedServer(folder / "journal")
        self._speed_mps = speed_mps
        self._carrier: Carrier
        self._journal: RedisJournal  # the feeder's

    async def start(self) -> None:
        """Bring everything up and bind."""
        await self._server.start()
        self._journal = RedisJournal.connect(self._server.url)
        profile = CarrierProfile(
            name=CARRIER,
            addresses=(self._smsc.address,),
            system_id=CARRIER,
            password=PASSWORD,
            window=WINDOW,
            speed_mps=self._speed_mps,
            prices=(Price(to="*", micros=20_000),),
        )
        await self._journal.put_value(SETTINGS_VALUE, dump_settings(Settings(carriers=(profile,))))
        self._carrier = Carrier(f"carrier:{CARRIER}#0", JournalAddress(self._server.url), CARRIER, Silent())
        async with asyncio.timeout(BOUND_S):
            await self._carrier.started.wait()
            while not (await self._carrier.status())["bound"]:
                await asyncio.sleep(LOOK_S)
        epoch, _, _ = await self._journal.register("dispatcher:0", "stage", 600)
        await self._journal.lease_partitions("dispatcher:0", epoch, range(PARTITIONS), 600)
        self._epoch = epoch

    async def stop(self) -> None:
        """End everything."""
        await self._carrier.stop()
        await self._journal.close()
        self._smsc.stop()
        await self._server.stop()

    async def load(self, count: int) -> list[Offered]:
        """Accept and claim messages, as fronts and a dispatcher do."""
        for start in range(0, count, TOGETHER):
            some = [_intake(n, start // TOGETHER % PARTITIONS) for n in range(start, min(start + TOGETHER, count))]
            await self._journal.accept(some)
        offers: list[Offered] = []
        decision, now_ms = os.urandom(8), time.time_ns() // 1_000_000
        while len(offers) < count:
            klass = MessageClass.TRANSACTIONAL
            claimed, _ = await self._journal.claim("dispatcher:0", self._epoch, range(PARTITIONS), {klass: CLAIM})
            for row, one in enumerate(claimed):
                event = pack_event(now_ms, EventKind.ASSIGNED, CARRIER, one.attempts + 1, decision, row % 7, False)
                offers.append(Offered(one.id, one.attempts, klass, 1, one.body, event))
        return offers

    async def carry(self, offers: Sequence[Offered], batch: int, rate_mps: float, profiler: cProfile.Profile | None) -> Cost:
        """Have all of these sent, ``batch`` an offer, and wait for their receipts."""
        packed = [pack_offer(offers[start : start + batch]) for start in range(0, len(offers), batch)]
        done, calls = self._finished() + len(offers), self._calls()
        server_s = _cpu_s(self._server.pid() or 0)
        tasks: set[asyncio.Task[bytes]] = set()
        if profiler is not None:
            profiler.enable()
        cpu_s, began_s = time.process_time(), time.monotonic()
        for number, octets in enumerate(packed):
            if (left_s := began_s + number * batch / rate_mps - time.monotonic()) > 0:
                await asyncio.sleep(left_s)
            task = asyncio.create_task(self._carrier.offer(octets))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        async with asyncio.timeout(SETTLE_S):
            while self._finished() < done:
                await asyncio.sleep(LOOK_S)
        cpu_s = time.process_time() - cpu_s
        if profiler is not None:
            profiler.disable()
        server_s = _cpu_s(self._server.pid() or 0) - server_s
        more = {name: count - calls.get(name, 0) for name, count in self._calls().items()}
        return Cost(
            len(offers), cpu_s * 1e6 / len(offers), server_s * 1e6 / len(offers), {name: n for name, n in more.items() if n}
        )

    def _finished(self) -> float:
        samples = dict(self._carrier.metrics.samples())
        return float(sum(value for _, value in samples.get("trunkline_finished", ())))

    def _calls(self) -> dict[str, int]:
        rows = dict(self._carrier.metrics.samples()).get("trunkline_journal_call_duration_seconds", ())
        return {labels[0]: sum(counts) for labels, (counts, _) in rows}


def _intake(number: int, partition: int) -> Intake:
    now_ms = time.time_ns() // 1_000_000
    body = Body(
        tenant="acme",
        to=f"4479{number % 10**8:08d}",
        sender="Acme",
        text=f"Your parcel {number:06d} is on its way. Follow it in the app, or call us.",
        klass=MessageClass.TRANSACTIONAL,
        created_ms=now_ms,
        expires_ms=now_ms + 3_600_000,
        encoding="gsm7",
        segments=1,
        country="GB",
        network="23410",
    )
    message_id = make_id(now_ms, partition, os.urandom(10))
    return Intake(message_id, "acme", MessageClass.TRANSACTIONAL, pack_body(body), body.expires_ms)


def _cpu_s(pid: int) -> float:
    # man 5 proc_pid_stat: utime is field 14, stime 15; the list begins with field 3
    fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _measure(batches: Sequence[int], rate_mps: float, seconds: float, profile: Path | None) -> list[tuple[int, Cost]]:
    found = []
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        bench = Bench(Path(folder), max(5_000, int(rate_mps * 1.5)))
        await bench.start()
        try:
            await bench.carry(await bench.load(1_000), 50, 1_000, None)  # warm
            for batch in batches:
                profiler = cProfile.Profile() if profile is not None else None
                offers = await bench.load(int(rate_mps * seconds))
                found.append((batch, await bench.carry(offers, batch, rate_mps, profiler)))
                if profiler is not None:
                    profiler.dump_stats(str(profile))
        finally:
            await bench.stop()
    return found


def rows(batch_sizes: Sequence[int], rate_mps: float = 1_500, seconds: float = 4.0) -> list[tuple[str, int, float]]:
    """(stage, messages an offer, µs of CPU a message) for each batch size."""
    return [("carrier actor", batch, cost.cpu_us) for batch, cost in asyncio.run(_measure(batch_sizes, rate_mps, seconds, None))]


def main(
    batch: Annotated[list[int] | None, typer.Option(min=1, help="Messages an offer; repeatable.")] = None,
    rate: Annotated[float, typer.Option(min=1, help="Messages a second.")] = 1_500,
    seconds: Annotated[float, typer.Option(min=0.1, help="Of load.")] = 4.0,
    profile: Annotated[Path | None, typer.Option(help="Write a profile here.")] = None,
) -> None:
    """Print what a message costs."""
    for size, cost in asyncio.run(_measure(batch or [10, 25, 100], rate, seconds, profile)):
        calls = " ".join(f"{name} {cost.messages / count:.0f}" for name, count in sorted(cost.calls.items()))
        print(f"{size:4d} an offer: {cost.cpu_us:6.1f} µs actor, {cost.server_us:6.1f} µs journal; messages a call: {calls}")


if __name__ == "__main__":
    typer.run(main)
