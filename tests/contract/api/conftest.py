import itertools
import time

import aiohttp
import pytest
import uvicorn

from actors.http_line import Line
from router.api.app import create_app
from router.api.local import LocalFront
from router.journal.memory import MemoryJournal
from router.keys import make_key
from router.settings import CarrierProfile, Network, Price, Settings, Tenant, Webhook
from router.terms import Terms

KEYS = {
    name: make_key(bytes([n + 1]) * 38, tenant, scopes)
    for n, (name, tenant, scopes) in enumerate(
        [
            ("acme", "acme", ("send", "read")),
            ("globex", "globex", ("send", "read")),
            ("reader", "acme", ("read",)),
            ("sender", "acme", ("send",)),
            ("admin", "ops", ("admin",)),
            ("small", "small", ("send", "read")),
            ("poor", "poor", ("send", "read")),
            ("orphan", "gone", ("send", "read")),
        ]
    )
}
HOOK = Webhook(url="https://example.com/hook", secrets=("whsec_x",))
SETTINGS = Settings(
    tenants=(
        Tenant(id="acme", rate_mps=1_000_000, burst=10_000_000, webhook=HOOK),
        Tenant(id="globex", rate_mps=1_000_000, burst=10_000_000, webhook=HOOK),
        Tenant(id="ops"),
        Tenant(id="small", rate_mps=1, burst=5),
        Tenant(id="poor", daily_spend_micros=400_000),
    ),
    keys=tuple(record for _, record in KEYS.values()),
    carriers=(
        CarrierProfile(
            name="one",
            addresses=("127.0.0.1:1",),
            system_id="x",
            password="hidden",
            covers=("GB",),
            prices=(Price(to="GB", micros=10_000),),
        ),
        CarrierProfile(name="two", addresses=("127.0.0.1:1",), system_id="x", covers=("FR",), enabled=False),
    ),
    networks=(Network(prefix="447700", mcc_mnc="23410"),),
)


class Front(LocalFront):
    """A front whose journal can be made to fail, and whose commits can be made to wait."""

    failure = None
    gate = None
    offset_ms = 0

    async def submit(self, items):
        if self.gate is not None:
            await self.gate.wait()
        if self.failure is not None:
            self.failure(items)
        return await super().submit(items)


class Api:
    """A client of the served app."""

    def __init__(self, front, session, url):
        self.front = front
        self.session = session
        self.url = url
        self.keys = {name: plain for name, (plain, _) in KEYS.items()}

    async def __call__(self, method, path, value=None, *, key="acme", data=None, **headers):
        headers = {name.replace("_", "-"): text for name, text in headers.items()}
        if key:
            headers.setdefault("Authorization", f"Bearer {KEYS[key][0]}")
        async with self.session.request(method, self.url + path, json=value, data=data, headers=headers) as answer:
            body = await answer.read()
            shown = await answer.json(content_type=None) if "json" in answer.content_type else body
            return answer.status, shown, answer.headers


@pytest.fixture(params=[Line, "httptools"], ids=["line", "uvicorn"])
async def api(request):
    """Over the server of fronts, whose requests need no ASGI where they are whole, and over uvicorn's own, where they do."""
    chance = itertools.count(1)
    now_ms = lambda: time.time_ns() // 1_000_000 + Front.offset_ms  # noqa: E731 - a clock
    front = Front(
        MemoryJournal(now_ms),
        Terms.compile(SETTINGS, secret=b"s"),
        now_ms=now_ms,
        monotonic_s=time.perf_counter,
        entropy=lambda octets: b"".join(next(chance).to_bytes(10, "big") for _ in range(-(-octets // 10)))[:octets],
    )
    config = uvicorn.Config(
        create_app(front),
        http=request.param,
        host="127.0.0.1",
        port=0,
        log_level="warning",
        lifespan="off",
        ws="none",
        server_header=False,
    )
    server = uvicorn.Server(config)
    # Without ``serve``, whose loop ticks ten times a second and would make every test wait for a tick
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    port = server.servers[0].sockets[0].getsockname()[1]
    async with aiohttp.ClientSession() as session:
        yield Api(front, session, f"http://127.0.0.1:{port}")
    server.force_exit = True  # nothing is under way: do not wait for it
    await server.shutdown()
