"""``trunkline sim gateway`` and ``python -m sims.gateway``."""

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Annotated, Literal, cast

import typer
import uvloop
from rich.console import Console

from sims.gateway.engine import Gateway
from sims.gateway.lines import TargetRefused
from sims.gateway.options import GatewayOptions
from sims.load.options import (
    DEFAULT_DESTINATIONS,
    DEFAULT_LENGTHS,
    DEFAULT_MIX,
    InvalidOptions,
    parse_destinations,
    parse_shares,
    write_shares,
)
from sims.load.report import print_result
from sims.load.result import LoadResult


def run(options: GatewayOptions) -> tuple[LoadResult, Gateway]:
    """One run on an event loop of its own. Ctrl-C ends it with the result so far. Raises ``TargetRefused``."""

    async def main() -> tuple[LoadResult, Gateway]:
        gateway = Gateway(options)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, gateway.stop)
        return await gateway.run(), gateway

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main())


def gateway(  # noqa: PLR0917 typer makes an option of each
    address: Annotated[str, typer.Option(help="The SMPP server, host:port.")] = "127.0.0.1:2775",
    system_id: Annotated[str, typer.Option(help="The account.")] = "gateway",
    password: Annotated[str, typer.Option(envvar="TRUNKLINE_SMPP_PASSWORD", help="Its password.")] = "",
    bind: Annotated[str, typer.Option(help="transceiver or transmitter_receiver.")] = "transceiver",
    tls: Annotated[bool, typer.Option("--tls", help="TLS, the certificate not verified.")] = False,
    sessions: Annotated[int, typer.Option(help="Binds of each kind.")] = 1,
    window: Annotated[int, typer.Option(help="Unanswered submits on each session.")] = 50,
    rate: Annotated[float, typer.Option(help="Messages a second, whatever the answers do; 0: as fast as windows allow.")] = 100,
    count: Annotated[int, typer.Option(help="Stop after so many messages.")] = 0,
    duration: Annotated[float, typer.Option(help="Stop after so many seconds; 10 when there is no --count.")] = 0,
    priorities: Annotated[str, typer.Option(help="priority_flag by class, such as otp=3,marketing=0.")] = "",
    mix: Annotated[str, typer.Option(help="Shares of the classes.")] = write_shares(DEFAULT_MIX),
    lengths: Annotated[str, typer.Option(help="Shares of short, long and unicode texts.")] = write_shares(DEFAULT_LENGTHS),
    to: Annotated[str, typer.Option(help="Destinations, prefix:random digits, comma-separated.")] = ",".join(
        DEFAULT_DESTINATIONS
    ),
    sender: Annotated[str, typer.Option(help="source_addr of every message.")] = "Trunkline",
    seed: Annotated[int, typer.Option(help="The same seed sends the same messages.")] = 1,
    retry: Annotated[bool, typer.Option("--retry", help="Send again what was throttled or cut.")] = False,
    receipts: Annotated[bool, typer.Option("--receipts/--no-receipts", help="Ask for receipts and wait for them.")] = True,
    follow_timeout: Annotated[float, typer.Option(help="Seconds to wait for receipts after the last answer.")] = 60,
    allow_remote: Annotated[bool, typer.Option("--allow-remote", help="Permit a target that is not this machine.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the result here.")] = None,
) -> None:
    """Be a customer's SMPP gateway: bind, submit at a rate, take the receipts, and measure from the intended send time."""
    console = Console()
    try:
        options = GatewayOptions(
            address=address,
            system_id=system_id,
            password=password,
            bind=cast("Literal['transceiver', 'transmitter_receiver']", bind),  # checked by the options
            tls=tls,
            sessions=sessions,
            window=window,
            rate_mps=rate,
            count=count,
            duration_s=duration if duration or count else 10.0,
            priorities={word: int(flag) for word, flag in parse_shares("priorities", priorities).items()} if priorities else {},
            mix=parse_shares("mix", mix),
            lengths=parse_shares("lengths", lengths),
            destinations=parse_destinations(tuple(to.split(","))),
            sender=sender,
            seed=seed,
            retry=retry,
            receipts=receipts,
            follow_timeout_s=follow_timeout,
            allow_remote=allow_remote,
        )
        result, ran = run(options)
    except (InvalidOptions, TargetRefused) as error:
        console.print(f"[red]{error}")
        raise typer.Exit(2) from error
    print_result(result, console)
    if ran.inbound_count:
        console.print(f"messages from handsets: {ran.inbound_count:,}")
    if json_file is not None:
        told = result.to_dict() | {"inbound": ran.inbound_count}
        json_file.write_text(json.dumps(told, indent=2) + os.linesep, encoding="utf-8")
    if result.lost:
        raise typer.Exit(1)
