"""The whole system on one machine: start, look at, stop. What ``trunkline up``, ``down`` and ``status`` do."""

import asyncio
import contextlib
import http.client
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from actors import machine
from actors.cli.ports import free_port, is_free
from actors.cluster import NAMESPACE, READY_LINE, OpenCluster, connect, disconnect, refuse_open
from actors.incarnation import incarnation_of, surely_dead
from actors.journal import EmbeddedServer, RedisJournal
from actors.journal.keyring import Keyring, KeysUnusable
from actors.names import SUPERVISOR
from actors.shell import KEYS_VALUE, SETTINGS_VALUE, JournalAddress
from router.config import dump_settings
from router.discreet import discreet
from router.settings import Settings

RAY_START_S: Final = 60.0
READY_S: Final = 90.0
LOOK_S: Final = 0.1
DRAIN_S: Final = 8.0
KEYS_FOLDER: Final = "keys"  # beside the journal's, and not in it: a backup of the journal must not hold its keys
STATE_FILE: Final = "system.json"


class StartFailed(Exception):
    """The system did not come up; the sentence says what did not, and where its log is."""


@discreet("key", "journal_url")
class Running(msgspec.Struct, kw_only=True):
    """What is known of a started system; kept in the data folder, readable by its owner only."""

    api_url: str
    dashboard_url: str
    ray_address: str
    journal_url: str
    config: str
    smpp_address: str = ""  # where gateways bind, once there are accounts
    key: str = ""  # a key for the command line, of the first tenant
    ray_process: str = ""  # incarnation of the head's process; "" when the cluster is not ours
    embedded: bool = True
    keys_dir: str = ""  # where the keys of texts and numbers are
    helpers: tuple[str, ...] = ()  # incarnations of further processes that end with the system: the demo's simulators


def load_state(data_dir: Path) -> Running | None:
    """The system of this data folder, None when none was started (or it was stopped)."""
    try:
        return msgspec.json.decode((data_dir / STATE_FILE).read_bytes(), type=Running)
    except FileNotFoundError:
        return None


def save_state(data_dir: Path, state: Running) -> None:
    """Keep it for the commands that follow."""
    path = data_dir / STATE_FILE
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(state)))


class System:
    """One system in one data folder. ``say`` tells the user what happens."""

    def __init__(self, data_dir: Path, say: Callable[[str], None] = lambda _: None) -> None:
        self.data_dir = data_dir.resolve()
        self._say = say

    def up(self, settings: Settings, *, config: str, key: str = "") -> Running:
        """Start everything and wait until it takes messages; raises ``StartFailed``. Starting twice is harmless."""
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        before = load_state(self.data_dir)
        if before and before.ray_process and surely_dead(before.ray_process):
            before = None
        ray_address, dashboard, process = os.environ.get("RAY_ADDRESS", ""), "", ""
        if ray_address and before is None:
            try:
                refuse_open(ray_address)
            except OpenCluster as error:
                raise StartFailed(str(error)) from None
        settings = self._with_ports(settings, before)
        embedded = not settings.journal.url
        url = settings.journal.url or self._start_journal(settings)
        keys = self._keys(settings)
        try:
            asyncio.run(self._seed(url, settings, keys))
        except (KeysUnusable, OSError) as error:
            raise StartFailed(str(error)) from None
        if before is not None:
            ray_address, dashboard, process = before.ray_address, before.dashboard_url, before.ray_process
        elif not ray_address:
            self._say("starting Ray")
            try:
                ray_address, dashboard, process = self._start_ray(settings.dashboard_port)
            except StartFailed:
                if embedded:
                    asyncio.run(self._server().stop())
                raise
        host = settings.api.host if settings.api.host not in {"", "::"} else "127.0.0.1"
        state = Running(
            api_url=f"http://{host}:{settings.api.port}",
            dashboard_url=dashboard,
            ray_address=ray_address,
            journal_url=url,
            config=config,
            smpp_address=f"{settings.smpp.host}:{settings.smpp.port}",
            key=key,
            ray_process=process,
            embedded=embedded,
            keys_dir=str(keys),
        )
        save_state(self.data_dir, state)
        self._say("starting actors")
        self.start_supervisor(state, settings)
        self._await_ready(state)
        return state

    @staticmethod
    def _with_ports(settings: Settings, before: Running | None) -> Settings:
        """Settle the ports of API and SMPP, and see that those asked for by number can be had; raises ``StartFailed``."""
        port, smpp_port = settings.api.port, settings.smpp.port
        if before is not None:
            port = port or urlsplit(before.api_url).port or 0
            smpp_port = smpp_port or int(before.smpp_address.rpartition(":")[2] or 0)
        else:
            asked = [("api.port", port), ("dashboard_port", settings.dashboard_port)]
            if settings.accounts:
                asked += [("smpp.port", smpp_port)]
                asked += [("smpp.tls_port", settings.smpp.tls_port)] if settings.smpp.tls_certificate else []
            for name, number in asked:
                if number and not is_free(number):
                    raise StartFailed(f"port {number} ({name}) is taken by another process; 0 takes any free one")
        return msgspec.structs.replace(
            settings,
            api=msgspec.structs.replace(settings.api, port=port or free_port()),
            smpp=msgspec.structs.replace(settings.smpp, port=smpp_port or free_port()),
        )

    def _start_journal(self, settings: Settings) -> str:
        server = self._server(settings.journal.fsync)
        self._say("starting the journal")
        asyncio.run(server.start())
        return server.url

    def _server(self, fsync: str = "always") -> EmbeddedServer:
        return EmbeddedServer(self.data_dir / "journal", fsync="everysec" if fsync == "everysec" else "always")

    def _keys(self, settings: Settings) -> Path:
        return Path(settings.journal.keys_dir).resolve() if settings.journal.keys_dir else self.data_dir / KEYS_FOLDER

    @staticmethod
    async def _seed(url: str, settings: Settings, keys: Path) -> None:
        """Put the settings into the journal, with a key for each tenant outside it; raises ``KeysUnusable``."""
        journal = RedisJournal.connect(url, retention_s=settings.journal.retention_s)
        try:
            known = await journal.get_value(KEYS_VALUE)
            if settings.journal.encrypt or known is not None:
                ring = Keyring(keys).ensure([tenant.id for tenant in settings.tenants], machine.now_ms())
                if known is None:
                    await journal.put_value(KEYS_VALUE, ring)
                elif known[:16] != ring:
                    raise KeysUnusable(f"the journal was written with other keys than those in {keys}")
            await journal.put_value(SETTINGS_VALUE, dump_settings(settings))
        finally:
            await journal.close()

    def _start_ray(self, dashboard_port: int) -> tuple[str, str, str]:
        log = self.data_dir / "ray.log"
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 (our own interpreter)
                [sys.executable, "-m", "actors.cluster", str(self.data_dir), "--dashboard-port", str(dashboard_port)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline_s = time.monotonic() + RAY_START_S
        while time.monotonic() < deadline_s:
            for line in log.read_text("utf-8", "replace").splitlines():
                if line.startswith(READY_LINE):
                    address, dashboard = line.removeprefix(READY_LINE).split()
                    return address, f"http://{dashboard}", incarnation_of(process.pid)
            if process.poll() is not None:
                break
            time.sleep(LOOK_S)
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        words = log.read_text("utf-8", "replace").strip().splitlines()
        raise StartFailed(f"Ray did not start: {words[-1] if words else 'it said nothing'} (its log is {log})")

    def start_supervisor(self, state: Running, settings: Settings) -> None:
        """Have it running; nothing happens when it is."""
        connect(state.ray_address, self.data_dir)
        from actors.runtime import start_supervisor

        journal = settings.journal
        start_supervisor(
            JournalAddress(
                state.journal_url,
                journal.replicas,
                journal.confirm_timeout_s,
                float(journal.retention_s),
                folder=str(self._server().folder) if state.embedded else "",
                fsync=journal.fsync,
                keys=str(self._keys(settings)),
                encrypt=journal.encrypt,
            )
        )

    def _await_ready(self, state: Running) -> None:
        deadline_s = time.monotonic() + READY_S
        said = ""
        while time.monotonic() < deadline_s:
            try:
                with urllib.request.urlopen(f"{state.api_url}/readyz", timeout=2) as answer:  # noqa: S310 (our own)
                    if answer.status == 200 and self._all_ready():
                        return
            except (OSError, http.client.HTTPException) as error:
                said = str(error)
            time.sleep(LOOK_S)
        raise StartFailed(f"the API does not answer at {state.api_url} ({said}); logs are under the Ray session's folder")

    @staticmethod
    def _all_ready() -> bool:
        rows = overview()
        return bool(rows) and all(row.get("ready") for row in rows)

    def down(self) -> bool:
        """Drain and stop everything that ``up`` started; False when nothing runs."""
        state = load_state(self.data_dir)
        if state is None:
            return False
        ours = bool(state.ray_process)
        if not ours or not surely_dead(state.ray_process):
            self._say("draining")
            self._drain(state)
        if ours and not surely_dead(state.ray_process):
            self._say("stopping Ray")
            _end(state.ray_process)
        if state.embedded:
            self._say("stopping the journal")
            asyncio.run(self._server().stop())
        for helper in state.helpers:
            _end(helper)
        (self.data_dir / STATE_FILE).unlink(missing_ok=True)
        return True

    def _drain(self, state: Running) -> None:
        """Have the actors finish what they hold. What they cannot finish stays in the journal, so a failure here loses nothing."""
        try:
            connect(state.ray_address, self.data_dir)
            import ray

            supervisor: Any = ray.get_actor(SUPERVISOR, NAMESPACE)
            ray.get(supervisor.shut_down.remote(DRAIN_S), timeout=3 * DRAIN_S)
            ray.kill(supervisor)
        except Exception as error:
            self._say(f"the actors did not drain ({type(error).__name__}); their messages stay in the journal")
        finally:
            disconnect()


def overview() -> list[dict[str, Any]]:
    """Every actor as the supervisor last saw it; the caller is connected to Ray."""
    import ray

    try:
        supervisor = ray.get_actor(SUPERVISOR, NAMESPACE)
        return list(ray.get(supervisor.overview.remote(), timeout=5))
    except (ValueError, ray.exceptions.RayError):
        return []


def _end(process: str, within_s: float = 20.0) -> None:
    """Terminate a process by its incarnation; kill it when it does not go."""
    pid = int(process.split(":")[1])
    deadline_s = time.monotonic() + within_s
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        while not surely_dead(process):
            if time.monotonic() > deadline_s:
                os.killpg(pid, signal.SIGKILL)
                return
            time.sleep(LOOK_S)
