"""``python -m benchmarks.turns``: load on the batch API by many tenants, one request of each in turns. Otherwise as ``trunkline sim load``."""

import asyncio
import json
import os
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from sims.load.engine import Generator
from sims.load.flight import Flight
from sims.load.http import request_head
from sims.load.options import LoadOptions, split_url
from sims.load.result import LoadResult


class Turns(Generator):
    """A generator with a key for each request in turns."""

    def __init__(self, options: LoadOptions, keys: list[str]) -> None:
        super().__init__(options)
        parts = split_url(options.url)
        path = parts.path.rstrip("/") + "/v1/messages/batch"
        self._heads = [request_head("POST", path, parts.netloc, key, "application/msgpack") for key in keys]

    def _make(self, now_s: float) -> Flight:
        self._head = self._heads[self._next % len(self._heads)]
        return super()._make(now_s)


def main(
    url: Annotated[str, typer.Option()],
    keys: Annotated[Path, typer.Option(help="A key a line.")],
    out: Annotated[Path, typer.Option(help="Where the result goes.")],
    rate: Annotated[float, typer.Option()] = 1_000.0,
    duration: Annotated[float, typer.Option()] = 10.0,
    batch: Annotated[int, typer.Option(help="Messages a request.")] = 5,
    seed: Annotated[int, typer.Option()] = 1,
    first: Annotated[int, typer.Option()] = 0,
) -> None:
    """Put the load on, and write what was found."""
    options = LoadOptions(
        url=url, rate_mps=rate, duration_s=duration, mode="batch", format="msgpack", batch=batch, seed=seed, first=first
    )

    async def run() -> LoadResult:
        return await Turns(options, keys.read_text("ascii").split()).run()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(run())
    out.write_text(json.dumps(result.to_dict()) + os.linesep, "utf-8")


if __name__ == "__main__":
    typer.run(main)
