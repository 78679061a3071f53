"""The world of a measurement: three quick and faultless simulated carriers, the whole system, one tenant without limits."""

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from actors.cli.system import Running, System, overview
from actors.journal import EmbeddedServer, RedisJournal
from actors.names import directory
from actors.shell import SETTINGS_VALUE
from benchmarks.client import Client, Refused
from benchmarks.processes import Processes
from router.config import dump_settings
from router.keys import ENTROPY_OCTETS, make_key
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
    Workers,
)
from router.webhooks import encode_secret
from sims.smsc.process import SmscProcess
from sims.smsc.temperament import Temperament

PASSWORD: Final = "benchmark"  # noqa: S105 (of a simulator on the loopback interface)
TENANT: Final = "bench"
ACCOUNT: Final = "bench-gw"
# Two carriers of one price share the traffic, and a dearer one stands by: what the brain spreads over, it must plan.
PRICES_MICROS: Final = {"east": 20_000, "west": 20_000, "south": 40_000}
SPEED_MPS: Final = 5_000  # contracted, each
WINDOW: Final = 200
KEEP: Final = 5_000  # messages that a simulator can show: all of a measurement that looks at single ones
TEMPERAMENT: Final = Temperament(answer_median_s=0.005, receipt_median_s=0.5, receipt_sigma=0.2)
PIPELINE: Final = 16  # webhooks that may go out together, as a receiver may allow that is made for many of them
NOWHERE: Final = "http://127.0.0.1:9/"  # the tenant's own endpoint; every message brings its own address
NOBODY: Final = "127.0.0.1:9"  # a carrier that there is not
FIRST_S: Final = 30.0
LOOK_S: Final = 0.01
CHANGED_LOOK_S: Final = 1.0
HOME: Final = Path(".trunkline")  # on a disk: where /tmp is memory, a commit there would cost nothing


class Shape(NamedTuple):
    """What is particular to a world."""

    webhooks: bool = False
    smpp: bool = False
    prices_micros: Mapping[str, int] = PRICES_MICROS  # carrier → its price anywhere
    speed_mps: int = SPEED_MPS
    queue_limit: int = 0
    diaries: bool = False  # whether the simulators write down all they see: ``World.diary``
    simulators: int = 0  # processes that the carriers share in turns; 0: each has its own
    later: Sequence[str] = ()  # carriers that simulators let bind, too: ``World.with_carriers``
    fronts: int = 1
    dispatchers: int = 1
    journals: int = 1  # independent servers that share the partitions; 1: the system's own
    tenants: int = 1  # each with a key of its own: ``World.keys``


class World:
    """A running system. ``up_s``: from the start to ready; ``first_s``: from the start to the first delivered message."""

    def __init__(self, folder: Path, shape: Shape) -> None:
        self.folder = folder
        self.shape = shape
        self.secret = encode_secret(os.urandom(32)) if shape.webhooks else ""
        self.simulators: dict[str, SmscProcess] = {}
        self.keys: list[str] = []  # of the tenants
        self.system = System(folder)
        self.state: Running
        self.used: Settings
        self.up_s = self.first_s = 0.0
        self._servers = [
            EmbeddedServer(folder / f"journal-{number}") for number in range(shape.journals if shape.journals > 1 else 0)
        ]

    def start(self) -> None:
        """Simulators, system, and one message from end to end; raises ``StartFailed``."""
        names = list(self.shape.prices_micros)
        # Each carrier has an account of its own: one that shared it would get the other's receipts.
        accounts = [word for name in (*names, *self.shape.later) for word in ("--account", f"{name}:{PASSWORD}")]
        for name in names[: self.shape.simulators or len(names)]:
            self.simulators[name] = SmscProcess(
                TEMPERAMENT,
                account=f"{name}:{PASSWORD}",
                log=self.folder / f"smsc-{name}.log",
                # They share the machine with what is measured: one write each 5 ms, as a busy SMSC does, instead of one a receipt.
                arguments=(
                    *accounts,
                    "--tick-ms",
                    "5",
                    *(("--diary", str(self.diary(name))) if self.shape.diaries else ("--track", "--keep", str(KEEP))),
                ),
            )
        for server in self._servers:
            asyncio.run(server.start())
        key, self.used = self.settings()
        started_s = time.monotonic()
        self.state = self.system.up(self.used, config="(benchmark)", key=key)
        self.up_s = time.monotonic() - started_s
        self._first_message()
        self.first_s = time.monotonic() - started_s

    def stop(self) -> None:
        """Stop all of it."""
        import ray  # the system has loaded it by now, after the environment was set that Ray reads once

        ray.shutdown()  # the system's own way down connects anew, and drains
        self.system.down()
        for server in self._servers:
            asyncio.run(server.stop())
        for simulator in self.simulators.values():
            simulator.stop()

    def settings(self) -> tuple[str, Settings]:
        """The first tenant's key, and what the system is started with."""
        shape = self.shape
        webhook = Webhook(url=NOWHERE, secrets=(self.secret,), pipeline=PIPELINE) if self.secret else None
        names = [TENANT, *(f"{TENANT}-{number}" for number in range(1, shape.tenants))]
        made = [make_key(os.urandom(ENTROPY_OCTETS), name, ("send", "read", "admin")) for name in names]
        self.keys = [plaintext for plaintext, _ in made]
        return self.keys[0], Settings(
            data_dir=str(self.folder),
            dashboard_port=0,
            api=Api(port=0, fronts=shape.fronts),
            journal=JournalSettings(queue_limit=shape.queue_limit, url=",".join(server.url for server in self._servers)),
            workers=Workers(dispatchers=shape.dispatchers),
            webhooks=WebhookRules(allow_hosts=("127.0.0.1",)),
            carriers=self._carriers(),
            tenants=tuple(Tenant(id=name, rate_mps=200_000, burst=400_000, webhook=webhook) for name in names),
            keys=tuple(key for _, key in made),
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
            if shape.smpp
            else (),
        )

    def _carriers(self) -> tuple[CarrierProfile, ...]:
        homes = [simulator.address for simulator in self.simulators.values()] or [NOBODY]
        return tuple(
            CarrierProfile(
                name=name,
                addresses=(homes[number % len(homes)],),
                system_id=name,
                password=PASSWORD,
                window=WINDOW,
                speed_mps=self.shape.speed_mps,
                prices=(Price(to="*", micros=micros),),
            )
            for number, (name, micros) in enumerate(self.shape.prices_micros.items())
        )

    def with_carriers(self) -> Settings:
        """What is in force, with the carriers that ``shape`` names now."""
        return msgspec.structs.replace(self.used, carriers=self._carriers())

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

    async def change(self, settings: Settings, within_s: float) -> float:
        """Have other settings in force, and every actor that they ask for ready; seconds that took. Raises ``Refused``."""
        journal = RedisJournal.connect(self.state.journal_url)
        began_s = time.monotonic()
        try:
            await journal.put_value(SETTINGS_VALUE, dump_settings(settings))
        finally:
            await journal.close()
        wanted = set(directory(settings))
        while time.monotonic() - began_s < within_s:
            rows = await asyncio.to_thread(overview)
            if wanted <= {row["name"] for row in rows if row.get("ready")}:
                self.used = settings
                return time.monotonic() - began_s
            await asyncio.sleep(CHANGED_LOOK_S)
        raise Refused(f"not all actors were ready within {within_s:g} s")

    def diary(self, carrier: str) -> Path:
        """What a carrier's simulator has seen."""
        return self.folder / f"{carrier}.diary"

    # -- what is measured ----------------------------------------------------------------------------------------
    def processes(self) -> Processes:
        """The processes of system and simulators."""
        servers = self._servers or [EmbeddedServer(self.folder / "journal")]
        return Processes(
            int(self.state.ray_process.split(":")[1]),
            {
                "journal": [pid for server in servers if (pid := server.pid())],
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
