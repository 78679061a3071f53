"""The loads of a run under strain: each a generator in a process of its own, with a record of every answer."""

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks.strain.looks import Look, Watch
from benchmarks.world import World

CALM_S: Final = 3.0  # after the first message, until nothing of the start is left
GRACE_S: Final = 120.0  # how long a generator may take beyond its load's own length
LOOK_S: Final = 0.5


class Asked(NamedTuple):
    """One load. ``first``: its texts are numbered from there on, so that they are told from those of other loads of the run."""

    name: str
    rate_mps: float  # 0: as fast as answers come
    mix: str
    first: int
    duration_s: float = 0.0
    messages: int = 0  # 0: the duration says when it ends
    batch: int = 0  # messages a request; 0: each has its own
    connections: int = 64


def record_of(world: World, name: str) -> Path:
    """Where a load's record is."""
    return world.folder / f"{name}.txt"


async def put_on(world: World, asked: Asked) -> dict[str, Any]:
    """Put a load on and wait for its end; what the generator found, {} when it did not end in time."""
    result = world.folder / f"{asked.name}.json"
    words = [
        *(sys.executable, "-m", "sims.load", "--url", world.state.api_url, "--key", world.state.key, "--quiet"),
        *("--rate", str(asked.rate_mps), "--duration", str(asked.duration_s), "--count", str(asked.messages)),
        *("--mix", asked.mix, "--lengths", "short=1", "--first", str(asked.first), "--connections", str(asked.connections)),
        *("--record", str(record_of(world, asked.name)), "--json", str(result)),
    ]
    if asked.batch:
        words += ["--mode", "batch", "--batch", str(asked.batch), "--format", "msgpack"]
    with (world.folder / f"{asked.name}.log").open("wb") as log:
        generator = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)  # noqa: ASYNC220 (milliseconds)
    try:
        deadline_s = time.monotonic() + asked.duration_s + GRACE_S + asked.messages / 500
        while generator.poll() is None and time.monotonic() < deadline_s:
            await asyncio.sleep(LOOK_S)
    finally:
        if generator.poll() is None:
            generator.terminate()
        generator.wait()
    return dict(json.loads(result.read_bytes())) if result.exists() else {}


async def emptied(watch: Watch, within_s: float) -> tuple[float, Look] | None:
    """Seconds until nothing was without an end, and the look that showed it; None: something still was."""
    began_s = time.monotonic()
    while time.monotonic() - began_s < within_s:
        look = await watch.look()
        if look.live == 0:
            return time.monotonic() - began_s, look
        await asyncio.sleep(LOOK_S)
    return None
