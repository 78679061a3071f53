"""A whole running system for tests: simulators, the system itself behind ``driver.py``, load, HTTP, /proc."""

import asyncio
import base64
import http.client
import http.server
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from actors.journal import EmbeddedServer, RedisJournal
from actors.shell import SETTINGS_VALUE
from router.config import dump_settings
from router.journal.port import Conservation
from router.keys import make_key
from router.passwords import hash_password
from router.settings import (
    DEFAULT_CLASSES,
    Api,
    CarrierProfile,
    InboundRule,
    Key,
    Price,
    Settings,
    SmppAccount,
    SmppServer,
    Tenant,
    Webhook,
    WebhookRules,
)

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
CARRIERS = ("alpha", "beta", "gamma")
PASSWORD = "opensesame"
WINDOW = 50
UP_S = 115.0  # the system's own limit is 90 s
DOWN_S = 60.0
GONE_S = 15.0
FINAL = frozenset({"delivered", "undelivered", "failed", "rejected", "expired", "canceled", "delivery_unconfirmed"})
SMPP_PASSWORD = "swordfis"  # eight characters: what every client sends
SMPP_HASH = hash_password(SMPP_PASSWORD, bytes(16))
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
CALM = {"answer_median_s": 0.01, "receipt_median_s": 0.2}


def until(look: Callable[[], T], what: str, *, within_s: float, every_s: float = 0.05) -> T:
    """The first true value of ``look``."""
    deadline_s = time.monotonic() + within_s
    while not (value := look()):
        assert time.monotonic() < deadline_s, f"not within {within_s} s: {what}"
        time.sleep(every_s)
    return value


# -- simulators ------------------------------------------------------------------------------------------------------
class Sim:
    """An SMSC simulator in a process of its own."""

    def __init__(self, folder: Path, name: str) -> None:
        with (folder / f"smsc-{name}.log").open("wb") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "sims.smsc",
                    "--port",
                    "0",
                    "--account",
                    f"{name}:{PASSWORD}",
                    "--track",
                    "--keep",
                    "60000",
                ],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        assert self.process.stdout is not None
        words = self.process.stdout.readline().decode().split()
        ports = dict(word.split("=") for word in words[1:])
        self.smpp, self._control = int(ports["smpp"]), int(ports["control"])
        self.calm()

    def _call(self, method: str, path: str, body: object = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self._control, timeout=10)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            assert answer.status in {200, 202}, answer.read()
            return json.loads(answer.read())
        finally:
            connection.close()

    def stats(self) -> dict[str, Any]:
        return dict(self._call("GET", "/stats"))

    def messages(self, to: str, limit: int = 100) -> list[dict[str, Any]]:
        return list(self._call("GET", f"/messages?limit={limit}&to={urllib.parse.quote(to)}")["data"])

    def change(self, **fields: object) -> None:
        self._call("POST", "/temperament", fields)

    def mo(self, source: str, to: str, text: str, *, long: bool = False) -> None:
        """A handset writes."""
        self._call("POST", "/mo", {"from": source, "to": to, "text": text, "long": long})

    def calm(self) -> None:
        """Back to a carrier without faults."""
        self._call("DELETE", "/temperament")
        self.change(**CALM)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()


# -- webhooks --------------------------------------------------------------------------------------------------------
class Delivery(NamedTuple):
    """One webhook as it came."""

    headers: dict[str, str]
    body: bytes


class Hooks:
    """Takes webhooks, and keeps them."""

    def __init__(self) -> None:
        deliveries: list[Delivery] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                deliveries.append(Delivery({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.deliveries = deliveries
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hooks"

    def of(self, message_id: str) -> list[Delivery]:
        return [d for d in list(self.deliveries) if json.loads(d.body)["data"]["id"] == message_id]

    def received(self, source: str) -> list[dict[str, Any]]:
        """Messages from this handset."""
        told = [json.loads(d.body) for d in list(self.deliveries)]
        return [t["data"] for t in told if t["type"] == "message.received" and t["data"]["from"].lstrip("+") == source]

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()


# -- settings --------------------------------------------------------------------------------------------------------
def profile(name: str, port: int, **fields: Any) -> CarrierProfile:
    """A carrier at a simulator; quick to notice and quick to bind again, so that tests are short."""
    defaults: dict[str, Any] = {
        "name": name,
        "addresses": (f"127.0.0.1:{port}",),
        "system_id": name,
        "password": PASSWORD,
        "window": WINDOW,
        "prices": (Price(to="*", micros=20_000),),
        "response_timeout_s": 5.0,
        "rebind_min_s": 0.2,
        "rebind_max_s": 1.0,
    }
    return CarrierProfile(**(defaults | fields))


def settings_for(sims: Mapping[str, Sim], hook_url: str) -> tuple[Settings, dict[str, str]]:
    """Settings, and a key for each tenant. Submits in doubt are held for a second or two instead of up to ten minutes."""
    holds = {"otp": 1.0, "transactional": 2.0, "marketing": 2.0}
    classes = {
        word: msgspec.structs.replace(rules, unknown_hold_s=holds[word], attempts=8, validity_s=max(rules.validity_s, 3_600))
        for word, rules in DEFAULT_CLASSES.items()
    }
    keys: dict[str, str] = {}
    records: list[Key] = []
    for tenant in ("load", "hooked", "small"):
        keys[tenant], record = make_key(os.urandom(38), tenant, ("send", "read", "admin"))
        records.append(record)
    settings = Settings(
        dashboard_port=0,
        api=Api(port=0),
        webhooks=WebhookRules(allow_hosts=("127.0.0.1",)),
        smpp=SmppServer(port=0, deliver_timeout_s=2.0, parts_timeout_s=12.0),
        accounts=tuple(
            SmppAccount(system_id=f"{tenant}-gw", tenant=tenant, password=SMPP_HASH, priorities={"3": "otp"}, max_binds=8)
            for tenant in ("load", "hooked", "small")
        ),
        inbound=(
            InboundRule(to="88222", tenant="load", account="load-gw"),
            InboundRule(to="88333", tenant="hooked", account="hooked-gw"),
        ),
        classes=classes,  # type: ignore[arg-type]  # words of the three classes
        carriers=tuple(profile(name, sim.smpp) for name, sim in sims.items()),
        tenants=(
            Tenant(id="load", rate_mps=100_000, burst=100_000),
            Tenant(id="hooked", rate_mps=100_000, burst=100_000, webhook=Webhook(url=hook_url, secrets=(SECRET,))),
            Tenant(id="small", rate_mps=1, burst=5),
        ),
        keys=tuple(records),
    )
    return settings, keys


# -- the system ------------------------------------------------------------------------------------------------------
class Answer(NamedTuple):
    """What the API answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Driver:
    """The process that starts and stops the system, and speaks with Ray."""

    def __init__(self, data_dir: Path, settings: Settings, code: Path) -> None:
        file = data_dir.with_name(data_dir.name + ".settings")
        file.write_bytes(dump_settings(settings))
        with data_dir.with_name(data_dir.name + ".log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("driver.py")), str(data_dir), str(file)],
                cwd=code,
                env=os.environ | {"PYTHONPATH": str(code)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                # A Ctrl-C is for the tests: this process must live long enough to stop the system.
                start_new_session=True,
            )
        self._answers: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self._answers.put(line)
        self._answers.put("")

    def ask(self, word: str, *arguments: object, within_s: float = 20.0) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([word, *arguments]) + "\n")
        self.process.stdin.flush()
        line = self._answers.get(timeout=within_s)
        assert line, f"the driver ended while it was asked for {word}"
        return json.loads(line)

    def stop(self) -> None:
        """End the input: it stops the system and ends."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(DOWN_S)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self._reader.join(10)


class World:
    """One system and all that surrounds it."""

    def __init__(self, folder: Path, code: Path | None = None) -> None:
        self.data_dir = folder / "data"
        self.hooks = Hooks()
        self.sims = {name: Sim(folder, name) for name in CARRIERS}
        self.settings, self.keys = settings_for(self.sims, self.hooks.url)
        self.driver = Driver(self.data_dir, self.settings, code or ROOT)
        self.api = ""
        self.smpp = ""
        self.journal_url = ""
        self.numbers = 0  # handed out by tests
        self.took_s = 0.0  # the start

    # -- life
    def up(self) -> float:
        """Seconds that it took."""
        told = self.driver.ask("up", self.keys["load"], within_s=UP_S)
        self.api, self.smpp, self.journal_url = told["api"], told["smpp"], told["journal"]
        self.took_s = float(told["took_s"])
        return self.took_s

    def down(self) -> None:
        self.driver.ask("down", within_s=DOWN_S)

    def close(self) -> None:
        """Stop everything, and see that nothing is left."""
        try:
            self.driver.stop()
        finally:
            for sim in self.sims.values():
                sim.stop()
            self.hooks.stop()
            left = self.pids()
            with suppress(AssertionError):
                until(lambda: not self.pids(), "", within_s=GONE_S)
            remaining = self.pids()
            for pid in remaining:  # so that one test's failure is not the next one's
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            assert not remaining, f"processes are left: {remaining} of {left}"
            if self.api:
                with suppress(ConnectionRefusedError):
                    socket.create_connection(("127.0.0.1", urllib.parse.urlsplit(self.api).port or 0), 5).close()
                    raise AssertionError("somebody still listens on the API's port")

    # -- what runs
    def pids(self) -> list[int]:
        """Every process of this system: its command line or its environment names the data folder."""
        mark = os.fsencode(self.data_dir)
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            with suppress(OSError):
                if mark in (entry / "cmdline").read_bytes() or mark in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
        return sorted(found)

    def ping(self, actor: str) -> dict[str, Any] | None:
        told = self.driver.ask("ping", actor)
        return None if told is None else dict(told)

    def overview(self) -> dict[str, dict[str, Any]]:
        return {row["name"]: row for row in self.driver.ask("overview")}

    def wait_ready(self, within_s: float = 30.0) -> None:
        """Every actor is ready."""

        def ready() -> bool:
            rows = self.overview()
            return bool(rows) and all(row.get("ready") and (row["seen_s"] or 0) < 4 for row in rows.values())

        until(ready, "every actor ready", within_s=within_s, every_s=0.2)

    @property
    def server(self) -> EmbeddedServer:
        return EmbeddedServer(self.data_dir / "journal")

    # -- the journal
    def _with_journal(self, work: Callable[[RedisJournal], Any]) -> Any:
        async def run() -> Any:
            journal = RedisJournal.connect(self.journal_url)
            try:
                return await work(journal)
            finally:
                await journal.close()

        return asyncio.run(run())

    def check(self) -> Conservation:
        return self._with_journal(lambda journal: journal.check())

    def quiet(self) -> int:
        """Once nothing moves any more: how many messages wait for a receipt, which a black hole will never send."""
        last = -1

        def still() -> bool:
            nonlocal last
            counts = self.check().counts
            before, last = last, counts["live"]
            return before == last == counts.get("SENT", 0)

        until(still, "nothing moves", within_s=30, every_s=0.3)
        return last

    def apply(self, settings: Settings) -> None:
        """Change the settings of the running system."""
        api = msgspec.structs.replace(settings.api, port=urllib.parse.urlsplit(self.api).port)
        smpp = msgspec.structs.replace(settings.smpp, port=int(self.smpp.rpartition(":")[2]))
        octets = dump_settings(msgspec.structs.replace(settings, api=api, smpp=smpp))
        self._with_journal(lambda journal: journal.put_value(SETTINGS_VALUE, octets))

    # -- the API
    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        tenant: str = "load",
        headers: Mapping[str, str] | None = None,
        within_s: float = 20.0,
    ) -> Answer:
        """One request. A body of octets goes as it is, any other as JSON; raises ``OSError`` when nobody answers."""
        sent = {"Authorization": f"Bearer {self.keys[tenant]}"} | dict(headers or {})
        if body is not None and "Content-Type" not in sent:
            sent["Content-Type"] = "application/json"
        octets = body if isinstance(body, bytes) or body is None else json.dumps(body)
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(self.api).netloc, timeout=within_s)
        try:
            connection.request(method, path, octets, sent)
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        except http.client.HTTPException as error:
            raise ConnectionError(str(error)) from error
        finally:
            connection.close()

    def send(self, to: str, text: str = "Hello", *, tenant: str = "load", **fields: object) -> str:
        """Accepted; returns its id."""
        answer = self.call("POST", "/v1/messages", {"to": to, "from": "Test", "text": text, **fields}, tenant=tenant)
        assert answer.status == 202, answer
        return str(answer.json["id"])

    def message(self, message_id: str, tenant: str = "load") -> dict[str, Any]:
        answer = self.call("GET", f"/v1/messages/{message_id}", tenant=tenant)
        assert answer.status == 200, answer
        return dict(answer.json)

    def final(self, message_id: str, within_s: float = 20.0, tenant: str = "load") -> dict[str, Any]:
        """The message, once it has ended."""

        def ended() -> dict[str, Any] | None:
            seen = self.message(message_id, tenant)
            return seen if seen["status"] in FINAL else None

        found = until(ended, f"the end of {message_id}", within_s=within_s)
        assert found is not None
        return found

    def events(self, message_id: str, tenant: str = "load") -> list[dict[str, Any]]:
        answer = self.call("GET", f"/v1/messages/{message_id}/events", tenant=tenant)
        assert answer.status == 200, answer
        return list(answer.json["data"])

    def carriers(self) -> dict[str, dict[str, Any]]:
        answer = self.call("GET", "/v1/carriers")
        assert answer.status == 200, answer
        return {row["name"]: row for row in answer.json["data"]}

    def bound(self, *names: str, within_s: float = 20.0) -> None:
        """These carriers are bound."""
        until(lambda: all(self.carriers()[name]["bound"] for name in names), f"{names} bound", within_s=within_s)

    # -- the simulators
    def arrived(self) -> int:
        """Whole messages that the simulators took."""
        return sum(sim.stats()["messages"] for sim in self.sims.values())

    def at_simulators(self, to: str) -> list[dict[str, Any]]:
        return [message for sim in self.sims.values() for message in sim.messages(to)]

    # -- load
    @contextmanager
    def load(self, folder: Path, *arguments: str) -> Iterator["Load"]:
        """The load generator in a process of its own; it is ended when the block is."""
        load = Load(folder, ("--url", self.api, "--key", self.keys["load"], *arguments))
        try:
            yield load
        finally:
            load.stop()


class Load:
    """One run of the load generator."""

    def __init__(self, folder: Path, arguments: Sequence[str]) -> None:
        self._file = folder / "load.json"
        self._file.unlink(missing_ok=True)
        with (folder / "load.log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "sims.load", "--quiet", "--json", str(self._file), *arguments],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def result(self, within_s: float) -> dict[str, Any]:
        """What it found, once it is over."""
        self.process.wait(within_s)
        return dict(json.loads(self._file.read_text()))

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
