"""``trunkline demo``: the whole system with three simulated carriers; one breaks half-way, and traffic leaves it and returns."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from actors.cli.api_client import Api
from actors.cli.demo_view import Sample, Summary, explain, headline, period, summary_table
from actors.cli.run import progress
from actors.cli.system import StartFailed, System
from actors.cli.terminal import console, fail
from actors.cli.world import CARRIERS, GATEWAY, World
from actors.journal import RedisJournal
from actors.journal.server import ServerFailed, ServerMissing
from router.journal.port import Conservation

RATE_MPS: Final = 160
SMPP_SHARE: Final = 0.25  # of these, by the customer who sends by SMPP
WARM_S: Final = 40.0
BROKEN_S: Final = 35.0
HEALED_S: Final = 50.0
LOOK_S: Final = 2.5
EXPLAIN_S: Final = 10.0
VICTIM: Final = "direct"
SETTLE_S: Final = 40.0


def demo(
    data_dir: Annotated[Path, typer.Option("--data-dir", help="Where this demo's journal and logs are kept.")] = Path(
        ".trunkline/demo"
    ),
    rate: Annotated[int, typer.Option(help="Messages a second.")] = RATE_MPS,
    speed: Annotated[float, typer.Option(help="2 shows the same in half the time.")] = 1.0,
) -> None:
    """Start everything, send traffic, break a carrier, heal it, and sum up. Two to three minutes."""
    system = System(data_dir, progress)
    world = World(data_dir, system)
    try:
        world.start(api_port=0, dashboard_port=0, detached=False)
        headline(console, world.state)
        result = _show(world, rate, speed)
        _sum_up(world, result)
    except (StartFailed, ServerFailed, ServerMissing) as error:
        fail(str(error))
    finally:
        world.stop()


def stay(
    data_dir: Annotated[Path, typer.Option("--data-dir", envvar="TRUNKLINE_DATA_DIR")] = Path(".trunkline"),
    api_port: Annotated[int, typer.Option(help="Port of the API.")] = 8080,
) -> None:
    """Start the demo's system and leave it running for one's own curl; ``trunkline down`` stops it."""
    system = System(data_dir, progress)
    world = World(data_dir, system)
    try:
        state = world.start(api_port=api_port, dashboard_port=0, detached=True)
    except (StartFailed, ServerFailed, ServerMissing) as error:
        world.stop()
        fail(str(error))
    headline(console, state)
    console.print(f"\n[bold]export TRUNKLINE_KEY={state.key}[/bold]", soft_wrap=True)
    body = '{"to":"+4915112345678","from":"ACME","text":"Your code is 123456","class":"otp"}'
    console.print(
        f'curl -s {state.api_url}/v1/messages -H "Authorization: Bearer $TRUNKLINE_KEY" '
        f"-H 'Content-Type: application/json' -d '{body}'",
        soft_wrap=True,
        highlight=False,
    )
    console.print(f"or bind with a gateway of your own to {state.smpp_address}, or the simulated one:")
    console.print(
        f".venv/bin/trunkline sim gateway --address {state.smpp_address} --system-id {GATEWAY} --password {world.smpp_password}",
        soft_wrap=True,
        highlight=False,
    )
    console.print("make down    stops it")


def _show(world: World, rate: int, speed: float) -> dict[str, Any]:
    """Send, watch, break, heal; returns what the load generator and the gateway found."""
    total_s = (WARM_S + BROKEN_S + HEALED_S) / speed
    gateway_rate = max(1, round(rate * SMPP_SHARE))
    customers = [
        Customer(
            world.data_dir,
            "load",
            ("--url", world.state.api_url, "--key", world.state.key, "--rate", str(rate - gateway_rate), "--follow", "--quiet"),
            total_s,
        ),
        Customer(
            world.data_dir,
            "gateway",
            (
                *("--address", world.state.smpp_address, "--system-id", GATEWAY, "--password", world.smpp_password),
                *("--rate", str(gateway_rate), "--priorities", "otp=3,transactional=1", "--seed", "2"),
            ),
            total_s,
        ),
    ]
    try:
        for phase, text, length_s in (
            ("learning", "All carriers are well. The brain learns what each is worth.", WARM_S),
            ("broken", f"{VICTIM} turns into a black hole: it takes everything and delivers nothing.", BROKEN_S),
            ("healed", f"{VICTIM} is well again. Probes find out, and traffic returns.", HEALED_S),
        ):
            console.rule(f"[bold]{text}[/bold]")
            if phase == "broken":
                world.simulators[VICTIM].change({"black_hole": True})
            elif phase == "healed":
                world.simulators[VICTIM].reset()
            for sample in _samples(world, length_s / speed):
                period(console, sample)
        console.print("[dim]waiting for the last receipts …[/dim]")
        for customer in customers:
            customer.process.wait(SETTLE_S + 30)
    finally:
        for customer in customers:
            customer.stop()
    return {customer.name: customer.result() for customer in customers}


class Customer:
    """A customer of the demo, in a process of its own: one sends over REST, one by SMPP."""

    def __init__(self, folder: Path, name: str, arguments: Sequence[str], total_s: float) -> None:
        self.name = name
        self._file = folder / f"{name}.json"
        with (folder / f"{name}.log").open("wb") as log:
            self.process = subprocess.Popen(  # noqa: S603 (our own interpreter)
                [
                    *(sys.executable, "-m", f"sims.{name}", *arguments, "--duration", str(total_s)),
                    *("--follow-timeout", str(SETTLE_S), "--retry", "--json", str(self._file)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )

    def stop(self) -> None:
        """End it if it still runs."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)

    def result(self) -> Mapping[str, Any]:
        """What it found."""
        return dict(json.loads(self._file.read_text("utf-8")))


def _samples(world: World, length_s: float) -> Iterator[Sample]:
    """What happens, looked at every few seconds."""
    client = Api(world.state.api_url, world.state.key)

    def get(path: str) -> Any:
        return client.get(path, expect=())

    deadline_s = time.monotonic() + length_s
    explained_s = time.monotonic() - EXPLAIN_S / 2
    before = {name: simulator.stats() for name, simulator in world.simulators.items()}
    before_s = time.monotonic()
    while time.monotonic() < deadline_s:
        time.sleep(max(0.0, min(LOOK_S, deadline_s - time.monotonic())))
        now = {name: simulator.stats() for name, simulator in world.simulators.items()}
        now_s = time.monotonic()
        rates = {name: (now[name]["submits"] - before[name]["submits"]) / (now_s - before_s) for name in now}
        why: list[Mapping[str, Any]] = []
        if now_s - explained_s > EXPLAIN_S:
            explained_s = now_s
            why = explain(get)
        yield Sample(rates=rates, board=get("/v1/board?network=DE"), why=why)
        before, before_s = now, now_s


def _sum_up(world: World, result: Mapping[str, Any]) -> None:
    import asyncio

    submits = {name: simulator.stats()["submits"] for name, simulator in world.simulators.items()}
    cost_micros = sum(submits[carrier.name] * carrier.price_micros for carrier in CARRIERS)
    checked = asyncio.run(_check(world))
    console.print(
        summary_table(
            Summary(result=result["load"], gateway=result["gateway"], submits=submits, cost_micros=cost_micros, checked=checked)
        )
    )
    console.print(f"API docs       {world.state.api_url}/docs")
    console.print(f"Ray dashboard  {world.state.dashboard_url}")
    console.print("[dim]make up starts the same system and leaves it running[/dim]")


async def _check(world: World) -> Conservation:
    journal = RedisJournal.connect(world.state.journal_url, retention_s=86_400.0)
    try:
        return await journal.check()
    finally:
        await journal.close()
