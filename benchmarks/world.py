"""The world of a measurement: three quick and faultless simulated carriers, the whole system, one tenant without limits."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from actors.cli.system import Running, System
from actors.journal import EmbeddedServer
from benchmarks.client import Client, Refused
from benchmarks.processes import Processes
from router.keys import make_key
from router.passwords import hash_password
from router.settings import (
    Api,
    CarrierProfile,
    JournalSettings,
    Price,
    Settings,
    SmppAccount,
    SmppServer,
    Tenant,
    Webhook,
    WebhookRules,
)
from router.webhooks import encode_secret
from sims.smsc.process import SmscProcess
from sims.smsc.temperament import Temperament

SYSTEM_ID: Final = "trunkline"
PASSWORD: Final = "benchmark"  # noqa: S105 (of a simulator on the loopback interface)
TENANT: Final = "bench"
ACCOUNT: Final = "bench-gw"
# Two carriers of one price share the traffic, and a dearer one stands by: what the brain spreads over, it must plan.
PRICES_MICROS: Final = {"east": 20_000, "west": 20_000, "south": 40_000}
SPEED_MPS: Final = 5_000  # contracted, each
WINDOW: Final = 200
KEEP: Final = 5_000  # messages that a simulator can show: all of a measurement that looks at single ones
TEMPERAMENT: Final = Temperament(answer_median_s=0.005, receipt_median_s=0.5, receipt_sigma=0.2)
NOWHERE: Final = "http://127.0.0.1:9/"  # the tenant's own endpoint; every message brings its own address
FIRST_S: Final = 30.0
LOOK_S: Final = 0.01
HOME: Final = Path(".trunkline")  # on a disk: where /tmp is memory, a commit there would cost nothing


class Shape(NamedTuple):
    """What is particular to a world."""

    webhooks: bool = False
    smpp: bool = False
    prices_micros: Mapping[str, int] = PRICES_MICROS  # carrier → its price anywhere
    speed_mps: int = SPEED_MPS
    queue_limit: int = 0
    diaries: bool = False  # whether the simulators write down all they see: ``World.diary``


class World:
    """A running system. ``up_s``: from the start to ready; ``first_s``: from the start to the first delivered message."""

    def __init__(self, folder: Path, shape: Shape) -> None:
        self.folder = folder
        self.shape = shape
        self.secret = encode_secret(os.urandom(32)) if shape.webhooks else ""
        self.simulators: dict[str, SmscProcess] = {}
        self.system = System(folder)
        self.state: Running
        self.up_s = self.first_s = 0.0

    def start(self) -> None:
        """Simulators, system, and one message from end to end; raises ``StartFailed``."""
        for name in self.shape.prices_micros:
            self.simulators[name] = SmscProcess(
                TEMPERAMENT,
                account=f"{SYSTEM_ID}:{PASSWORD}",
                log=self.folder / f"smsc-{name}.log",
                arguments=("--diary", str(self.diary(name))) if self.shape.diaries else ("--track", "--keep", str(KEEP)),
            )
        key, settings = self._settings()
        started_s = time.monotonic()
        self.state = self.system.up(settings, config="(benchmark)", key=key)
        self.up_s = time.monotonic() - started_s
        self._first_message()
        self.first_s = time.monotonic() - started_s

    def stop(self) -> None:
        """Stop all of it."""
        import ray  # the system has loaded it by now, after the environment was set that Ray reads once

        ray.shutdown()  # the system's own way down connects anew, and drains
        self.system.down()
        for simulator in self.simulators.values():
            simulator.stop()

    def _settings(self) -> tuple[str, Settings]:
        plaintext, key = make_key(os.urandom(38), TENANT, ("send", "read", "admin"))
        webhook = Webhook(url=NOWHERE, secrets=(self.secret,)) if self.secret else None
        carriers = tuple(
            CarrierProfile(
                name=name,
                addresses=(self.simulators[name].address,),
                system_id=SYSTEM_ID,
                password=PASSWORD,
                window=WINDOW,
                speed_mps=self.shape.speed_mps,
                prices=(Price(to="*", micros=micros),),
            )
            for name, micros in self.shape.prices_micros.items()
        )
        settings = Settings(
            data_dir=str(self.folder),
            dashboard_port=0,
            api=Api(port=0),
            journal=JournalSettings(queue_limit=self.shape.queue_limit),
            webhooks=WebhookRules(allow_hosts=("127.0.0.1",)),
            carriers=carriers,
            tenants=(Tenant(id=TENANT, rate_mps=200_000, burst=400_000, webhook=webhook),),
            keys=(key,),
            smpp=SmppServer(port=0),
            accounts=(
                SmppAccount(
                    system_id=ACCOUNT,
                    tenant=TENANT,
                    password=hash_password(PASSWORD, os.urandom(16)),
                    klass="marketing",
                    priorities={"3": "otp", "1": "transactional"},
                    window=100,
                ),
            )
            if self.shape.smpp
            else (),
        )
        return plaintext, settings

    def _first_message(self) -> None:
        client = Client(self.state.api_url, self.state.key)
        try:
            message_id = client.send("4915199999999", f"First {self.folder.name}")
            deadline_s = time.monotonic() + FIRST_S
            while client.status(message_id) != "delivered":
                if time.monotonic() > deadline_s:
                    raise Refused("the first message was not delivered in time")
                time.sleep(LOOK_S)
        finally:
            client.close()

    def diary(self, carrier: str) -> Path:
        """What a carrier's simulator has seen."""
        return self.folder / f"{carrier}.diary"

    # -- what is measured ----------------------------------------------------------------------------------------
    def processes(self) -> Processes:
        """The processes of system and simulators."""
        server = EmbeddedServer(self.folder / "journal").pid()
        return Processes(
            int(self.state.ray_process.split(":")[1]),
            {
                "journal": [server] if server else [],
                "simulators": [simulator.process.pid for simulator in self.simulators.values()],
            },
        )

    def stats(self) -> dict[str, dict[str, Any]]:
        """Every simulator's counters."""
        return {name: simulator.stats() for name, simulator in self.simulators.items()}

    def arrived(self) -> dict[str, float]:
        """Destination → when its message was whole at a simulator, seconds since 1970; the newest ``KEEP`` of each."""
        found: dict[str, float] = {}
        for simulator in self.simulators.values():
            for message in simulator.messages(KEEP):
                found[message["to"].lstrip("+")] = message["at"]
        return found


PLAIN: Final = Shape()


@contextmanager
def running(shape: Shape = PLAIN) -> Iterator[World]:
    """A world of its own in a folder of its own, both gone afterwards. One in the life of a process: Ray connects once."""
    HOME.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=HOME)).resolve()
    world = World(folder, shape)
    try:
        world.start()
        yield world
    finally:
        world.stop()
        shutil.rmtree(folder, ignore_errors=True)
