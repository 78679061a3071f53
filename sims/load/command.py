"""``trunkline sim load`` and ``python -m sims.load``."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, cast

import typer
import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from sims.load.engine import Generator
from sims.load.options import (
    DEFAULT_DESTINATIONS,
    DEFAULT_LENGTHS,
    DEFAULT_MIX,
    InvalidOptions,
    LoadOptions,
    parse_destinations,
    parse_shares,
    write_shares,
)
from sims.load.pool import TargetUnreachable
from sims.load.record import Recording
from sims.load.report import print_result
from sims.load.result import LoadResult


def run(
    options: LoadOptions,
    *,
    console: Console | None = None,
    record: Path | None = None,
    repeat: float = 0.0,
    check: bool = False,
) -> LoadResult:
    """One run on an event loop of its own, with a progress bar when a console is given. Ctrl-C ends it with the result so far.

    Raises ``TargetUnreachable``.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run_async(options, console=console, record=record, repeat=repeat, check=check))


async def run_async(
    options: LoadOptions,
    *,
    console: Console | None = None,
    record: Path | None = None,
    repeat: float = 0.0,
    check: bool = False,
) -> LoadResult:
    """As ``run``, inside a running loop."""
    if check and not (options.follow or options.webhooks):
        raise InvalidOptions("check: what was accepted must be followed, by --follow or --webhooks")
    plain = record is None and not check
    generator = Generator(options) if plain else Recording(options, record, repeat=repeat, check=check)
    task = asyncio.ensure_future(generator.run())
    with _stop_on_signal(generator):
        if console is not None:
            await _show_progress(generator, task, console)
        return await task


def load(  # noqa: PLR0917 typer makes an option of each
    url: Annotated[str, typer.Option(help="The API.")] = "http://127.0.0.1:8080",
    key: Annotated[str, typer.Option(envvar="TRUNKLINE_KEY", help="API key, tl_…")] = "",
    rate: Annotated[float, typer.Option(help="Messages a second, whatever the answers do; 0: as fast as answers come.")] = 100,
    count: Annotated[int, typer.Option(help="Stop after so many messages.")] = 0,
    duration: Annotated[float, typer.Option(help="Stop after so many seconds; 10 when there is no --count.")] = 0,
    mode: Annotated[str, typer.Option(help="single or batch.")] = "single",
    batch: Annotated[int, typer.Option(help="Messages in a request of batch mode.")] = 500,
    format_: Annotated[str, typer.Option("--format", help="json or msgpack.")] = "json",
    mix: Annotated[str, typer.Option(help="Shares of the classes.")] = write_shares(DEFAULT_MIX),
    lengths: Annotated[str, typer.Option(help="Shares of short, long and unicode texts.")] = write_shares(DEFAULT_LENGTHS),
    to: Annotated[str, typer.Option(help="Destinations, prefix:random digits, comma-separated.")] = ",".join(
        DEFAULT_DESTINATIONS
    ),
    sender: Annotated[str, typer.Option(help="`from` of every message.")] = "Trunkline",
    connections: Annotated[int, typer.Option(help="Connections kept open; each carries one request at a time.")] = 32,
    seed: Annotated[int, typer.Option(help="The same seed sends the same messages.")] = 1,
    first: Annotated[int, typer.Option(help="The first text carries the number after this one.")] = 0,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for an answer.")] = 30,
    retry: Annotated[
        bool, typer.Option("--retry", help="Repeat what was pushed back or cut, under its Idempotency-Key.")
    ] = False,
    retry_limit: Annotated[int, typer.Option(help="How often one request is repeated.")] = 5,
    follow: Annotated[bool, typer.Option("--follow", help="Poll every accepted message until it is final.")] = False,
    webhooks: Annotated[bool, typer.Option("--webhooks", help="Follow through webhooks to a receiver of our own.")] = False,
    webhook_secret: Annotated[str, typer.Option(help="whsec_…: verify their signatures.")] = "",
    follow_timeout: Annotated[float, typer.Option(help="Seconds to wait for finals after the last answer.")] = 60,
    allow_remote: Annotated[bool, typer.Option("--allow-remote", help="Permit a target that is not this machine.")] = False,
    record: Annotated[Path | None, typer.Option(help="Write each accepted message and each push-back here.")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Hold the run against the invariants; with --follow or --webhooks.")
    ] = False,
    repeat: Annotated[
        float, typer.Option(help="With --record or --check, and --retry: share of the accepted requests sent again.")
    ] = 0,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the result here.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar.")] = False,
) -> None:
    """Put open-loop load on the REST API and measure true latencies, from the intended send time."""
    console = Console()
    try:
        options = LoadOptions(
            url=url,
            key=key,
            rate_mps=rate,
            count=count,
            duration_s=duration if duration or count else 10.0,
            mode=cast("Literal['single', 'batch']", _one_of("mode", mode, ("single", "batch"))),
            batch=batch,
            format=cast("Literal['json', 'msgpack']", _one_of("format", format_, ("json", "msgpack"))),
            mix=parse_shares("mix", mix),
            lengths=parse_shares("lengths", lengths),
            destinations=parse_destinations(tuple(to.split(","))),
            sender=sender,
            connections=connections,
            seed=seed,
            first=first,
            timeout_s=timeout,
            retry=retry,
            retry_limit=retry_limit,
            follow=follow,
            webhooks=webhooks,
            webhook_secret=webhook_secret,
            follow_timeout_s=follow_timeout,
            allow_remote=allow_remote,
        )
        result = run(options, console=None if quiet else console, record=record, repeat=repeat, check=check)
    except (InvalidOptions, TargetUnreachable) as error:
        console.print(f"[red]{error}")
        raise typer.Exit(2) from error
    print_result(result, console)
    if json_file is not None:
        json_file.write_text(json.dumps(result.to_dict(), indent=2) + os.linesep, encoding="utf-8")
    if result.lost or result.bad_signatures or (result.verdict is not None and not result.verdict.clean):
        raise typer.Exit(1)


def _one_of(name: str, word: str, allowed: tuple[str, ...]) -> str:
    if word not in allowed:
        raise InvalidOptions(f"{name}: {word!r} is not one of {', '.join(allowed)}")
    return word


@contextlib.contextmanager
def _stop_on_signal(generator: Generator) -> Iterator[None]:
    """The first SIGINT or SIGTERM ends the run with a result; only in the main thread, where Python receives signals."""
    loop = asyncio.get_running_loop()
    handled = []
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(ValueError, RuntimeError, NotImplementedError):
            loop.add_signal_handler(number, generator.stop)
            handled.append(number)
    try:
        yield
    finally:
        for number in handled:
            loop.remove_signal_handler(number)


async def _show_progress(generator: Generator, task: "asyncio.Future[LoadResult]", console: Console) -> None:
    """Redraw five times a second until the run is over."""
    result = generator.result
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[figures]}"),
    )
    with Progress(*columns, console=console, auto_refresh=False, transient=True) as progress:
        bar = progress.add_task("sending", total=generator.planned, figures="")
        while not task.done():
            await asyncio.wait({task}, timeout=0.2)
            p99_ms = result.accept_all().percentile_us(99) / 1e3
            final = f" · final {result.finished:,}" if result.followed else ""
            backlog = f" · [red]backlog {generator.backlog:,}[/]" if generator.backlog > generator.options.connections else ""
            figures = f"accepted {result.accepted:,} · refused {result.refused_total:,} · p99 {p99_ms:.1f} ms{final}{backlog}"
            progress.update(bar, completed=result.sent, figures=figures, refresh=True)
