"""Where a tenant's webhook address may not lead, by whatever way it gets there: no socket is ever connected to such a place."""

import asyncio
import errno
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from carriers import webhook
from carriers.webhook import WebhookSender

HEADERS = {"webhook-id": "evt_1", "content-type": "application/json"}
PUBLIC = "8.8.8.8"
# One of each way inwards. The boundaries of each block are held by the unit test of router.addresses.
INWARDS = {
    "loopback": "127.0.0.1",
    "loopback, its far end": "127.255.255.254",
    "unspecified": "0.0.0.0",
    "private": "10.1.2.3",
    "private B": "172.20.0.1",
    "private C": "192.168.1.1",
    "carriers' NAT": "100.64.0.1",
    "a cloud's metadata": "169.254.169.254",
    "broadcast": "255.255.255.255",
    "multicast": "224.0.0.251",
    "6to4 relay": "192.88.99.1",
    "protocol assignments": "192.0.0.8",
    "IPv6 loopback": "::1",
    "IPv6 unspecified": "::",
    "mapped": "::ffff:127.0.0.1",
    "mapped metadata": "::ffff:169.254.169.254",
    "compatible": "::7f00:1",
    "NAT64 of metadata": "64:ff9b::a9fe:a9fe",
    "local NAT64": "64:ff9b:1::a00:1",
    "6to4 of loopback": "2002:7f00:1::",
    "6to4 of metadata": "2002:a9fe:a9fe::1",
    "Teredo": "2001:0:53aa:64c:0:fbff:f5fe:fefe",
    "ISATAP": "2606:4700::5efe:a00:1",
    "unique local": "fd00:ec2::254",
    "link-local": "fe80::1",
    "site-local": "fec0::1",
    "IPv6 multicast": "ff02::1",
}
each = pytest.mark.parametrize("address", INWARDS.values(), ids=INWARDS)


@pytest.fixture
def connects(monkeypatch):
    """All addresses that anything tries to connect to; nothing gets through."""
    tried = []

    async def refuse(_self, _sock, address):
        tried.append(address[0])
        raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")

    monkeypatch.setattr(asyncio.selector_events.BaseSelectorEventLoop, "sock_connect", refuse)
    return tried


def resolver(*answers):
    """A name whose addresses are others each time it is asked for; the last answer stays."""
    left = list(answers)

    async def lookup(_host, _port):
        return left.pop(0) if len(left) > 1 else left[0]

    return lookup


def url_of(address):
    return f"https://[{address}]/" if ":" in address else f"https://{address}/"


@each
async def test_by_its_address(connects, address):
    async with WebhookSender() as sender:
        answer = await sender.send(url_of(address), HEADERS, b"{}")
    assert answer.refused
    assert connects == []


@each
async def test_by_a_name(connects, address):
    async with WebhookSender(lookup=resolver([address])) as sender:
        answer = await sender.send("https://hooks.example/", HEADERS, b"{}")
    assert answer.refused
    assert address not in answer.error, "what a name resolves to is not for tenants"
    assert connects == []


@each
async def test_by_a_name_that_leads_outwards_too(connects, address):
    for answers in ([PUBLIC, address], [address, PUBLIC]):
        async with WebhookSender(lookup=resolver(answers)) as sender:
            assert (await sender.send("https://hooks.example/", HEADERS, b"{}")).refused
    assert connects == []


@each
async def test_by_a_name_that_is_rebound_after_it_was_looked_at(connects, monkeypatch, address):
    monkeypatch.setattr(webhook, "NAMES_KEPT_S", 0)
    async with WebhookSender(lookup=resolver([PUBLIC], [address])) as sender:
        assert not (await sender.send("https://rebind.example/", HEADERS, b"{}")).refused
        for _ in range(2):
            assert (await sender.send("https://rebind.example/", HEADERS, b"{}")).refused
    assert connects == [PUBLIC]


@pytest.mark.parametrize(
    "host",
    ["0x7f000001", "2130706433", "0177.0.0.1", "127.1", "127.0.0.1.", "[::ffff:7f00:1]", "[0:0:0:0:0:0:0:1]", "[fe80::1%25lo]"],
)
async def test_by_another_way_of_writing_it(connects, host):
    async with WebhookSender(lookup=resolver(["127.0.0.1"])) as sender:
        assert (await sender.send(f"https://{host}/", HEADERS, b"{}")).refused
    assert connects == []


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "https://hooks.example:22/",
        "https://hooks.example@127.0.0.1/",
        "https://127.0.0.1\\@hooks.example/",
        "https://hooks.example#@127.0.0.1/\n",
        "https:///127.0.0.1/",
    ],
)
async def test_by_a_url_that_means_something_else(connects, url):
    async with WebhookSender(lookup=resolver(["127.0.0.1"])) as sender:
        assert (await sender.send(url, HEADERS, b"{}")).refused
    assert connects == []


@asynccontextmanager
async def serving(handler):
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_by_a_redirect(status):
    """The endpoint may be reached and sends us on to a neighbour that may be reached as well: it is not, nor is any other."""
    seen = []

    async def inner(request):
        seen.append(request.path)
        return web.Response()

    async with serving(inner) as secret:

        async def outer(_request):
            return web.Response(status=status, headers={"Location": f"http://127.0.0.1:{secret}/metadata"})

        async with serving(outer) as port, WebhookSender(allow_hosts=["127.0.0.1"]) as sender:
            answer = await sender.send(f"http://127.0.0.1:{port}/", HEADERS, b"{}")
    assert (answer.status, seen) == (status, [])
