import itertools
import json

import msgspec
import pytest

from router.api.app import create_app
from router.api.local import LocalFront
from router.journal.memory import MemoryJournal
from router.keys import make_key
from router.settings import CarrierProfile, Price, Settings, Tenant
from router.terms import Terms

NOW_MS = 1_768_469_400_000


class Client:
    """The app, called as an ASGI server calls it, for two tenants."""

    def __init__(self):
        self.keys, records = {}, []
        for n, tenant in enumerate(("acme", "globex")):
            self.keys[tenant], record = make_key(bytes([n + 1]) * 38, tenant)
            records.append(record)
        carriers = (
            CarrierProfile(
                name="one", addresses=("127.0.0.1:1",), system_id="x", covers=("GB",), prices=(Price(to="*", micros=10),)
            ),
        )
        tenants = tuple(Tenant(id=tenant, rate_mps=1_000_000, burst=10_000_000) for tenant in self.keys)
        terms = Terms.compile(Settings(tenants=tenants, keys=tuple(records), carriers=carriers))
        chance = itertools.count(1)
        self.front = LocalFront(
            MemoryJournal(lambda: NOW_MS),
            terms,
            now_ms=lambda: NOW_MS,
            monotonic_s=lambda: 0.0,
            entropy=lambda octets: b"".join(next(chance).to_bytes(10, "big") for _ in range(-(-octets // 10)))[:octets],
        )
        self.app = create_app(self.front)

    async def __call__(
        self, method, path, body=b"", *, tenant="acme", media="application/json", query="", address="127.0.0.1", **headers
    ):
        sent = []
        raw = [(b"content-type", media.encode()), (b"content-length", str(len(body)).encode())]
        if tenant:
            raw.append((b"authorization", f"Bearer {self.keys[tenant]}".encode()))
        raw += [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]

        async def receive():
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message):
            sent.append(message)

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "scheme": "http",
            "headers": raw,
            "server": ("127.0.0.1", 1),
            "client": (address, 2),
        }
        await self.app(scope, receive, send)
        octets = b"".join(message.get("body", b"") for message in sent[1:])
        head = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        shown = json.loads(octets) if head["content-type"].endswith("json") else octets
        if head["content-type"] == "application/msgpack":
            shown = msgspec.msgpack.decode(octets)
        return sent[0]["status"], shown, head


@pytest.fixture(scope="module")
def client():
    return Client()
