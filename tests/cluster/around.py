"""What surrounds a running system in tests: simulated carriers, a webhook's endpoint, and the settings that name them."""

import base64
import http.client
import http.server
import json
import os
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

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
            Tenant(id="hooked", rate_mps=100_000, burst=100_000, webhook=Webhook(url=hook_url, secrets=(SECRET,), pipeline=4)),
            Tenant(id="small", rate_mps=1, burst=5),
        ),
        keys=tuple(records),
    )
    return settings, keys
