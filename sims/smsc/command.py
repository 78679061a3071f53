"""``trunkline sim smsc`` and ``python -m sims.smsc``."""

import asyncio
import contextlib
import gc
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from sims.smsc.control import Control
from sims.smsc.options import SmscOptions
from sims.smsc.server import Smsc
from sims.smsc.temperament import PRESETS, InvalidTemperament, Temperament, Timetable, changed, parse_setting, preset, read_script


def run(
    options: SmscOptions, temperament: Temperament | None = None, timetable: Timetable | None = None, *, control_port: int = 0
) -> None:
    """Serve until SIGINT or SIGTERM. The first line on standard output is ``listening smpp=PORT control=PORT``.

    Raises ``OSError`` when a port is taken and ``InvalidTemperament``.
    """
    # Hundreds of thousands of messages may be outstanding, none of them in a cycle: looking for cycles seldom saves a fifth of the time and more.
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run_async(options, temperament, timetable, control_port=control_port))


async def run_async(
    options: SmscOptions, temperament: Temperament | None = None, timetable: Timetable | None = None, *, control_port: int = 0
) -> None:
    """As ``run``, inside a running loop."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(ValueError, RuntimeError, NotImplementedError):  # not the main thread
            loop.add_signal_handler(number, stopped.set)
    smsc = Smsc(options, temperament, timetable)
    control = Control(smsc, port=control_port)
    port = await smsc.start()
    try:
        sys.stdout.write(f"listening smpp={port} control={await control.start()}\n")
        sys.stdout.flush()
        await stopped.wait()
    finally:
        await control.stop()
        await smsc.stop()


def smsc(  # noqa: PLR0917 typer makes an option of each
    port: Annotated[int, typer.Option(help="SMPP port; 0: any free one.")] = 2775,
    host: Annotated[str, typer.Option(help="Interface to listen on.")] = "127.0.0.1",
    control_port: Annotated[
        int,
        typer.Option(help="Control endpoint on 127.0.0.1 (/stats, /messages, /temperament, /timetable, /mo); 0: any free one."),
    ] = 0,
    preset_name: Annotated[str, typer.Option("--preset", help=f"Start from one of: {', '.join(PRESETS)}.")] = "",
    script: Annotated[Path | None, typer.Option(help="TOML with preset, [temperament] and [timetable].")] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="field=value of the temperament: throttle_mps=50; repeatable.")
    ] = None,
    account: Annotated[list[str] | None, typer.Option(help="system_id:password; repeatable. None: anybody may bind.")] = None,
    name: Annotated[str, typer.Option(help="system_id given in bind answers.")] = "TRUNKLINE",
    seed: Annotated[int, typer.Option(help="The same seed decides the same.")] = 1,
    track: Annotated[bool, typer.Option("--track", help="Count messages that come twice.")] = False,
    keep: Annotated[int, typer.Option(help="Recent messages to show.")] = 1_000,
    diary: Annotated[Path | None, typer.Option(help="Write every submit, answer and receipt here.")] = None,
    receipt_window: Annotated[int, typer.Option(help="Unanswered receipts on a connection.")] = 100,
    tick_ms: Annotated[
        float, typer.Option(min=1, help="Answers and receipts go out together, so late at most: fewer writes at high rates.")
    ] = 1.0,
    tls_certificate: Annotated[str, typer.Option(help="PEM file; TLS from the first octet.")] = "",
    tls_key: Annotated[str, typer.Option(help="PEM file; none: the key is in the certificate's file.")] = "",
) -> None:
    """An SMSC to point any SMPP client at, with a temperament."""
    try:
        temperament, timetable = preset(preset_name), Timetable()
        if script is not None:
            temperament, timetable = read_script(script.read_text(encoding="utf-8"), temperament)
        for text in setting or ():
            temperament = changed(temperament, parse_setting(text))
        options = SmscOptions(
            host=host,
            port=port,
            accounts=dict(_account(text) for text in account or ()),
            name=name,
            seed=seed,
            track=track,
            keep=keep,
            diary=str(diary or ""),
            receipt_window=receipt_window,
            tick_s=tick_ms / 1_000,
            tls_certificate=tls_certificate,
            tls_key=tls_key,
        )
        run(options, temperament, timetable, control_port=control_port)
    except (InvalidTemperament, OSError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error


def _account(text: str) -> tuple[str, str]:
    system_id, _, password = text.partition(":")
    return system_id, password
