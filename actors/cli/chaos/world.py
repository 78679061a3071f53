"""The system of a chaos run and all that surrounds it: simulated carriers, proxies, a webhook receiver, a second node."""

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from actors.cli.chaos.disk import Disk
from actors.cli.chaos.node import LABELS, SecondNode
from actors.cli.chaos.options import ChaosOptions
from actors.cli.chaos.wires import Wires
from actors.cli.system import Running, System
from actors.journal import EmbeddedServer
from router.keys import ENTROPY_OCTETS, make_key
from router.passwords import SALT_OCTETS, hash_password
from router.settings import (
    DEFAULT_CLASSES,
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
from sims.chaos.shim import Shim
from sims.smsc.process import SmscProcess
from sims.smsc.temperament import Temperament

CARRIERS: Final = ("alpha", "beta", "gamma")
ON_SECOND_NODE: Final = "gamma"
TENANT: Final = "chaos"
PASSWORD: Final = "opensesame"  # noqa: S105 (of a simulator on the loopback interface)
CALM: Final = Temperament(answer_median_s=0.02, answer_sigma=0.3, receipt_median_s=0.4, receipt_sigma=0.4)
NODE_TRIES: Final = 3  # Ray gives a node half a minute to start, which a busy machine may not have
HOLD_S: Final = {"otp": 1.0, "transactional": 2.0, "marketing": 2.0}  # submits in doubt; up to ten minutes in life
RECEIPT_HORIZON_S: Final = 60.0


class ChaosSystem(System):
    """A system whose actors reach the journal through a proxy, with a second Ray node and a shim under its processes."""

    def __init__(self, data_dir: Path, wires: Wires, shim: Shim | None, say: Callable[[str], None]) -> None:
        super().__init__(data_dir, say)
        self._wires = wires
        self._shim = shim
        self.second: SecondNode | None = None

    def up(self, settings: Settings, *, config: str, key: str = "") -> Running:
        """As ``System.up``; what is started from here runs under the shim."""
        with _environment(self._shim.environment | {"RAY_LD_PRELOAD_ON_WORKERS": "1"} if self._shim else {}):
            return super().up(settings, config=config, key=key)

    def _start_journal(self, settings: Settings) -> str:
        super()._start_journal(settings)
        socket = self.data_dir / "proxy.sock"
        self._wires.proxy_journal(self._server().socket_path, socket)
        return f"unix://{socket}?db=0"

    def start_supervisor(self, state: Running, settings: Settings) -> None:
        self.start_second(state.ray_address)
        super().start_supervisor(state, settings)

    def start_second(self, address: str) -> None:
        """Have the second node running."""
        with _environment(self._shim.environment | {"RAY_LD_PRELOAD_ON_WORKERS": "1"} if self._shim else {}):
            for left in reversed(range(NODE_TRIES)):
                try:
                    self.second = SecondNode(self.data_dir, address)
                except RuntimeError:
                    if not left:
                        raise
                else:
                    return

    def down(self) -> bool:
        """As ``System.down``, the second node included."""
        try:
            return super().down()
        finally:
            if self.second is not None:
                self.second.stop()
                self.second = None


class World:
    """Owns all of it; ``stop`` leaves nothing running."""

    def __init__(self, options: ChaosOptions, shim: Shim | None, disk: Disk | None, say: Callable[[str], None]) -> None:
        self.options = options
        self.shim = shim
        self.disk = disk
        self.data_dir = options.folder / "data"
        self.simulators: dict[str, SmscProcess] = {}
        self.secret = encode_secret(os.urandom(32))
        self.key, self._key_record = make_key(os.urandom(ENTROPY_OCTETS), TENANT, ("send", "read", "admin"))
        self.wires: Wires
        self.system: ChaosSystem
        self.state: Running
        self.settings: Settings
        self._say = say

    def diary(self, carrier: str) -> Path:
        """What a carrier's simulator has seen."""
        return self.options.folder / f"{carrier}.diary"

    @property
    def server(self) -> EmbeddedServer:
        """The journal's own server."""
        return EmbeddedServer(self.data_dir / "journal", fsync="everysec" if self.options.fsync == "everysec" else "always")

    @property
    def journal_url(self) -> str:
        """The journal behind the proxy."""
        return self.server.url

    def start(self) -> None:
        """Start everything; raises what ``System.up`` raises."""
        (self.data_dir / "journal" / "data").mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.disk is not None:
            self.disk.mount(self.data_dir / "journal" / "data")
        self._say("starting simulated carriers")
        for name in CARRIERS:
            self.simulators[name] = SmscProcess(
                CALM,
                account=f"{name}:{PASSWORD}",
                log=self.options.folder / f"smsc-{name}.log",
                arguments=("--diary", str(self.diary(name))),
            )
        self.wires = Wires({name: sim.address for name, sim in self.simulators.items()}, self.secret, self.options.seed)
        self.wires.start()
        self.system = ChaosSystem(self.data_dir, self.wires, self.shim, self._say)
        self.settings = self._settings()
        self.state = self.system.up(self.settings, config="(chaos)", key=self.key)

    def _settings(self) -> Settings:
        classes = {
            word: msgspec.structs.replace(
                rules, unknown_hold_s=HOLD_S[word], attempts=20, validity_s=max(rules.validity_s, 7_200)
            )
            for word, rules in DEFAULT_CLASSES.items()
        }
        return Settings(
            data_dir=str(self.data_dir),
            dashboard_port=0,
            api=Api(port=0),
            journal=JournalSettings(fsync="everysec" if self.options.fsync == "everysec" else "always"),
            webhooks=WebhookRules(allow_hosts=("127.0.0.1",), timeout_s=2.0),
            smpp=SmppServer(port=0),
            accounts=(
                SmppAccount(system_id="chaos-gw", tenant=TENANT, password=hash_password(PASSWORD, os.urandom(SALT_OCTETS))),
            ),
            classes=classes,  # type: ignore[arg-type]  # words of the three classes
            carriers=tuple(self._profile(name) for name in CARRIERS),
            tenants=(
                Tenant(
                    id=TENANT,
                    rate_mps=20_000,
                    burst=50_000,
                    # several on a connection: what a cut leaves unanswered must come again
                    webhook=Webhook(url=self.wires.hook_url, secrets=(self.secret,), pipeline=8),
                ),
            ),
            keys=(self._key_record,),
            workers=Workers(dispatchers=2),
        )

    def _profile(self, name: str) -> CarrierProfile:
        return CarrierProfile(
            name=name,
            addresses=(self.wires.carriers[name].proxy.address,),
            system_id=name,
            password=PASSWORD,
            window=self.options.window,
            speed_mps=self.options.speed_mps,
            response_timeout_s=3.0,
            rebind_min_s=0.2,
            rebind_max_s=1.0,
            receipt_horizon_s=RECEIPT_HORIZON_S,
            prices=(Price(to="*", micros=20_000),),
            labels=LABELS if name == ON_SECOND_NODE else {},
        )

    def stop(self) -> None:
        """Stop all of it."""
        with contextlib.ExitStack() as stack:  # one that fails does not leave the others running
            if self.disk is not None:
                stack.callback(self.disk.unmount)
            if self.shim is not None:
                stack.callback(self.shim.close)
            if hasattr(self, "wires"):
                stack.callback(self.wires.stop)
            for simulator in self.simulators.values():
                stack.callback(simulator.stop)
            if hasattr(self, "system"):
                stack.callback(self.system.down)

    def load(self, arguments: tuple[str, ...]) -> "subprocess.Popen[bytes]":
        """The load generator in a process of its own."""
        import sys

        with (self.options.folder / "load.log").open("wb") as log:
            return subprocess.Popen(  # noqa: S603 (our own interpreter)
                [sys.executable, "-m", "sims.load", "--quiet", "--url", self.state.api_url, "--key", self.key, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )


@contextlib.contextmanager
def _environment(words: Mapping[str, str]) -> Iterator[None]:
    """These variables for whatever is started meanwhile."""
    before = {name: os.environ.get(name) for name in words}
    os.environ.update(words)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
