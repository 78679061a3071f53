"""One load on a running world, measured from all sides."""

import asyncio
import json
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from benchmarks.counters import ask_counts, with_counts
from benchmarks.meter import STAGES, Meter, Progress, Traffic, latencies_of
from benchmarks.processes import spent_between
from benchmarks.result import Cost, Latency, Run, Series
from benchmarks.world import ACCOUNT, PASSWORD, World
from router.record import EventKind

LOOK_S: Final = 0.2
SETTLE_S: Final = 60.0  # how long the last messages may take before they count as lost
GRACE_S: Final = 120.0  # how long the generator may take beyond the load's own length
SESSIONS: Final = 4  # binds of the gateway, as many as an account may have by default: with two, answers that take 40 ms are the end at 5,000/s …
WINDOW: Final = 100  # … and the unanswered submits on each
CONNECTIONS: Final = (
    128  # of single messages, one request at a time on each: with 32, answers that take 10 ms would be the end at 3,200/s
)
ENDED_SAMPLES: Final = 2  # looks without a change before a drain counts as done
SCRIPTS: Final = frozenset({"evalsha", "eval"})
PLAIN: Final = frozenset(
    {"subscribe", "hello", "client|setinfo", "ping"}
)  # what scripts never call; GET and PUBLISH are nearly all theirs
OWN_ASKING: Final = frozenset({"hmget", "info", "config|get"})  # the meter's
SHOWN_DELAYS: Final = 3_000  # of the messages drawn at random


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of the system."""

    mode: Literal["single", "batch", "smpp"]
    batch: int = 500  # messages a request of the batch API
    tenants: int = 0  # so many of the world's send in turns; 0: the first
    rate_mps: float
    duration_s: float
    format: Literal["json", "msgpack"] = "json"
    webhooks: bool = False
    receipts: bool = True  # by SMPP: whether they are asked for and waited for
    record: str = ""  # a file of that name in the world's folder gets a line for each accepted message
    mix: str = ""  # shares of the classes; "": the generator's own
    seed: int = 1
    first: int = 0  # the number before that in the first text

    def arguments(self, world: World, result: Path) -> list[str]:
        """The generator's command line."""
        if self.mode == "smpp":
            return [
                *(sys.executable, "-m", "sims.gateway", "--address", world.state.smpp_address, "--system-id", ACCOUNT),
                *("--password", PASSWORD, "--sessions", str(SESSIONS), "--window", str(WINDOW), "--rate", str(self.rate_mps)),
                *("--duration", str(self.duration_s), "--seed", str(self.seed), "--json", str(result)),
                *("--priorities", "otp=3,transactional=1", "--lengths", "short=0.95,unicode=0.05"),
                "--receipts" if self.receipts else "--no-receipts",
            ]
        if self.tenants:
            keys = world.folder / "keys.txt"
            keys.write_text("\n".join(world.keys[: self.tenants]), "ascii")
            return [
                *(sys.executable, "-m", "benchmarks.turns", "--url", world.state.api_url, "--keys", str(keys)),
                *("--batch", str(self.batch), "--rate", str(self.rate_mps), "--duration", str(self.duration_s)),
                *("--seed", str(self.seed), "--first", str(self.first), "--out", str(result)),
            ]
        words = [
            *(sys.executable, "-m", "sims.load", "--url", world.state.api_url, "--key", world.state.key, "--quiet"),
            *("--batch", str(self.batch)),
            *("--mode", self.mode, "--format", self.format, "--rate", str(self.rate_mps), "--duration", str(self.duration_s)),
            *("--seed", str(self.seed), "--first", str(self.first), "--json", str(result)),
        ]
        words += ["--connections", str(CONNECTIONS)] if self.mode == "single" else []
        words += ["--mix", self.mix] if self.mix else []
        words += ["--record", str(world.folder / self.record)] if self.record else []
        if self.webhooks:
            words += ["--webhooks", "--webhook-secret", world.secret, "--follow-timeout", str(SETTLE_S)]
        return words


def carry(world: World, load: Load) -> Run:
    """Put the load on, wait until all of it has ended, check, and tell."""
    return asyncio.run(carried(world, load))


async def carried(world: World, load: Load, *, check: bool = True, drain: bool = True) -> Run:
    """As ``carry``, inside a running loop.

    ``check``: the journal's checker walks all records, and latencies are read; a step needs neither. ``drain``: what is measured ends with the
    last message, and all must have ended; without it, with the load: others may be queued before it and after it.
    """
    meter = Meter(world.state.journal_url)
    try:
        processes, result_file = world.processes(), world.folder / "load.json"
        doubles = _duplicates(world)
        counts = await asyncio.to_thread(ask_counts, world.state.api_url)
        since_ms = time.time_ns() // 1_000_000
        cpu, traffic, first = processes.cpu_s(), await meter.traffic(), await meter.progress()
        started_s = time.monotonic()
        used_before = resource.getrusage(resource.RUSAGE_CHILDREN)
        result_file.unlink(missing_ok=True)
        with (world.folder / "load.log").open("ab") as log:
            generator = subprocess.Popen(  # noqa: ASYNC220 (milliseconds, and nothing else runs in this loop)
                load.arguments(world, result_file), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            samples, written = await _watch(meter, generator, first, load.duration_s + GRACE_S, drain=drain)
        finally:
            if generator.poll() is None:
                generator.terminate()
            generator.wait()
        took_s = time.monotonic() - started_s
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = spent_between(cpu, processes.cpu_s())
        spent["load generator"] = used.ru_utime + used.ru_stime - used_before.ru_utime - used_before.ru_stime
        last = samples[-1]
        ended = last.finished - first.finished
        cost = cost_of(spent, took_s, (traffic, await meter.traffic()), ended)
        cost = msgspec.structs.replace(cost, journal_aof_per_message=round(written / max(ended, 1), 1))
        cost = with_counts(cost, counts, await asyncio.to_thread(ask_counts, world.state.api_url), ended)
        told: dict[str, Any] = json.loads(result_file.read_bytes())
        faults = tuple((await meter.check()).faults) if check else ()
        lives = await meter.lives(since_ms) if check else []
        accept_s, ended_s = _when(samples, "accepted"), _when(samples, "finished")
        began_s = next((sample.at_s for sample in samples if sample.accepted > first.accepted), accept_s) - LOOK_S
        return Run(
            asked_mps=round(load.rate_mps, 1),
            duration_s=load.duration_s,
            accepted=told["accepted"],
            finished=ended,
            refused=sum(entry["messages"] for entry in told["refused"]),
            errors=sum(told["errors"].values()) + told["unsent"],
            accepted_mps=told["accepted_mps"],
            delivered_mps=round(ended / max(ended_s - began_s, LOOK_S), 1),
            drain_s=round(ended_s - accept_s, 2),
            behind=round(left_behind(samples), 4),
            latencies=told_latencies(told) | latencies_of(lives),
            cost=cost,
            memory_mb=processes.memory_mb() if check else {},
            up_s=round(world.up_s, 2),
            first_delivered_s=round(world.first_s, 2),
            lost=max(0, told["accepted"] - (ended if drain else last.accepted - first.accepted), told["lost"]),
            duplicates=_duplicates(world) - doubles,
            bad_signatures=told["bad_signatures"],
            faults=faults,
            series=_series(samples, lives, since_ms) if check else None,
        )
    finally:
        await meter.close()


async def _watch(
    meter: Meter, generator: "subprocess.Popen[bytes]", first: Progress, limit_s: float, *, drain: bool
) -> tuple[list[Progress], int]:
    """Look until the generator is gone and nothing is left, or ``SETTLE_S`` after it is gone; also octets written to the append-only file."""
    samples, written, size = [first], 0, await meter.aof()
    deadline_s = time.monotonic() + limit_s
    quiet = 0
    gone_s = float("inf")
    while quiet < ENDED_SAMPLES and time.monotonic() < min(deadline_s, gone_s + SETTLE_S):
        await asyncio.sleep(LOOK_S)
        samples.append(await meter.progress())
        before, size = size, await meter.aof()
        written += max(0, size - before)  # a rewrite makes it smaller
        if generator.poll() is not None:
            if not drain:
                break
            gone_s = min(gone_s, time.monotonic())
            quiet = quiet + 1 if samples[-1].accepted == samples[-1].finished else 0
    return samples, written


def _when(samples: Sequence[Progress], field: Literal["accepted", "finished"]) -> float:
    """When a counter reached its last value."""
    final = getattr(samples[-1], field)
    return next(sample.at_s for sample in samples if getattr(sample, field) == final)


def left_behind(samples: Sequence[Progress]) -> float:
    """By how much the messages without an end grew in the second half of a load, as a share of those taken in it."""
    began = next((place for place, one in enumerate(samples) if one.accepted > samples[0].accepted), 0)
    ended = next(place for place, one in enumerate(samples) if one.accepted == samples[-1].accepted)
    # The last look of the load may have been after its end, when fewer were left.
    middle, last = samples[(began + ended) // 2], samples[max(began, ended - 1)]
    taken = last.accepted - middle.accepted
    grown = (last.accepted - last.finished) - (middle.accepted - middle.finished)
    return max(0.0, grown / taken) if taken else 0.0


def _series(samples: Sequence[Progress], lives: Sequence[Mapping[str, float]], since_ms: int) -> Series:
    first = samples[0]
    submit, end = STAGES[EventKind.ASSIGNED], STAGES[EventKind.FINAL]
    shown = lives[:: max(1, len(lives) // SHOWN_DELAYS)]
    return Series(
        at_s=[round(one.at_s - first.at_s, 2) for one in samples],
        accepted=[one.accepted - first.accepted for one in samples],
        finished=[one.finished - first.finished for one in samples],
        delays=sorted(
            (round((one["created"] - since_ms) / 1e3, 2), one[submit], one[end]) for one in shown if submit in one and end in one
        ),
    )


def _duplicates(world: World) -> int:
    return sum(stats["duplicates"] for stats in world.stats().values())


def cost_of(spent_s: Mapping[str, float], took_s: float, traffic: tuple[Traffic, Traffic], messages: int) -> Cost:
    """What was used, a message and of a core."""
    before, after = traffic
    calls = {name: number - before.calls.get(name, 0) for name, number in after.calls.items()}
    outside = {name: number for name, number in calls.items() if name in SCRIPTS | PLAIN and number > 0}
    inside = sum(number for name, number in calls.items() if name not in SCRIPTS | PLAIN | OWN_ASKING)
    each = max(messages, 1)
    return Cost(
        cpu_us_per_message={kind: round(cpu_s * 1e6 / each, 1) for kind, cpu_s in spent_s.items()},
        cpu_share={kind: round(cpu_s / took_s, 4) for kind, cpu_s in spent_s.items()},
        cpu_s={kind: round(cpu_s, 2) for kind, cpu_s in spent_s.items()},
        journal_calls_per_message=round(sum(outside.values()) / each, 4),
        journal_commands_per_message=round(inside / each, 2),
        journal_in_per_message=round((after.octets_in - before.octets_in) / each, 1),
        journal_out_per_message=round((after.octets_out - before.octets_out) / each, 1),
        journal_calls=outside,
    )


def told_latencies(told: Mapping[str, Any]) -> dict[str, Latency]:
    """The generator's own latencies."""
    found = {}
    for name, source in (("accepted", "accept_ms"), ("final by webhook", "end_to_end_ms")):
        for klass, figures in told[source].items():
            if figures["count"]:
                word = name if klass == "all" else f"{name}, {klass}"
                found[word] = Latency(**{field: figures[field] for field in ("count", "p50", "p90", "p99", "max")})
    return found
