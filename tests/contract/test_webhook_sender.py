"""The webhook sender against real endpoints, good ones and bad ones."""

import asyncio
import errno
import socket

import pytest
from aiohttp import web

from carriers import webhook
from carriers.webhook import ANSWER_LIMIT, WebhookSender
from carriers.webhook_guard import Resolver
from router.addresses import AllowList
from router.webhooks import WebhookAnswer
from tests.listening import listening

HEADERS = {"webhook-id": "evt_1", "content-type": "application/json"}


class Endpoint:
    """An HTTP server that answers as its path says, and remembers who came."""

    def __init__(self):
        self.seen = []
        self.peers = set()
        self.now = self.most = 0
        self.release = asyncio.Event()
        self.url = ""

    async def answer(self, request):
        self.peers.add(request.transport.get_extra_info("peername"))
        self.seen.append((request.method, request.path, dict(request.headers), await request.read()))
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            return await getattr(self, request.path[1:].partition("/")[0])(request)
        finally:
            self.now -= 1

    async def status(self, request):
        return web.Response(status=int(request.path.rsplit("/", 1)[1]), text="thanks")

    async def redirect(self, _request):
        return web.Response(status=302, headers={"Location": "http://169.254.169.254/latest/meta-data/"})

    async def later(self, _request):
        return web.Response(status=503, headers={"Retry-After": "120"})

    async def hang(self, _request):
        await self.release.wait()
        return web.Response()

    async def big(self, request):
        response = web.StreamResponse(status=200)
        response.content_length = 100 * ANSWER_LIMIT
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * ANSWER_LIMIT)
        except (ConnectionError, RuntimeError):
            return response

    async def endless(self, request):
        response = web.StreamResponse(status=200)
        await response.prepare(request)
        await response.write(b"x")
        await self.release.wait()
        return response

    async def bomb(self, _request):
        return web.Response(headers={"Content-Encoding": "gzip"}, body=b"this is no gzip")

    async def cookie(self, _request):
        return web.Response(headers={"Set-Cookie": "a=b"})


@pytest.fixture
async def endpoint():
    made = Endpoint()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    made.port = runner.addresses[0][1]
    yield made
    made.release.set()
    await runner.cleanup()


@pytest.fixture
def connects(monkeypatch):
    """All addresses that anything tries to connect to; nothing gets through."""
    tried = []

    async def refuse(_self, _sock, address):
        tried.append(address[0])
        raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")

    monkeypatch.setattr(asyncio.selector_events.BaseSelectorEventLoop, "sock_connect", refuse)
    return tried


def local(**more):
    return WebhookSender(allow_hosts=["127.0.0.1"], **more)


def names(**hosts):
    async def lookup(host, _port):
        return hosts[host.replace(".", "_")]

    return lookup


async def test_an_event_is_posted_as_it_is(endpoint):
    async with local() as sender:
        assert await sender.send(f"{endpoint.url}/status/200?a=b", HEADERS, b'{"a": 1}') == WebhookAnswer(200)
    method, path, headers, body = endpoint.seen[0]
    assert (method, path, body) == ("POST", "/status/200", b'{"a": 1}')
    assert headers["webhook-id"] == "evt_1"
    assert headers["Content-Type"] == "application/json"
    assert headers["User-Agent"].startswith("Trunkline-Webhooks/")


@pytest.mark.parametrize("status", [204, 400, 404, 410, 429, 500])
async def test_the_status_comes_back(endpoint, status):
    async with local() as sender:
        answer = await sender.send(f"{endpoint.url}/status/{status}", HEADERS, b"{}")
    assert answer.status == status
    assert answer.error == ("" if status == 204 else f"the endpoint answered {status}")
    assert not answer.refused


async def test_redirects_are_not_followed(endpoint):
    async with local() as sender:
        answer = await sender.send(f"{endpoint.url}/redirect", HEADERS, b"{}")
    assert answer == WebhookAnswer(302, None, "the endpoint answered 302, and redirects are not followed")
    assert len(endpoint.seen) == 1


async def test_retry_after_comes_back(endpoint):
    async with local() as sender:
        assert (await sender.send(f"{endpoint.url}/later", HEADERS, b"{}")).retry_after_s == 120


@pytest.mark.parametrize("path", ["hang", "endless"])
async def test_an_endpoint_that_hangs_costs_the_timeout(endpoint, path):
    async with local(timeout_s=0.2) as sender:
        async with asyncio.timeout(5):
            assert await sender.send(f"{endpoint.url}/{path}", HEADERS, b"{}") == WebhookAnswer(0, None, "no answer in 0.2 s")
        assert sender._lanes == {}


async def test_a_big_answer_is_cut(endpoint):
    async with local() as sender, asyncio.timeout(5):
        assert await sender.send(f"{endpoint.url}/big", HEADERS, b"{}") == WebhookAnswer(200)
        assert await sender.send(f"{endpoint.url}/status/200", HEADERS, b"{}") == WebhookAnswer(200)
    assert len(endpoint.peers) == 2, "the connection of a big answer is not used again"


async def test_answers_are_not_unpacked_and_cookies_not_kept(endpoint):
    async with local() as sender:
        assert (await sender.send(f"{endpoint.url}/bomb", HEADERS, b"{}")).status == 200
        assert (await sender.send(f"{endpoint.url}/cookie", HEADERS, b"{}")).status == 200
        assert (await sender.send(f"{endpoint.url}/cookie", HEADERS, b"{}")).status == 200
    assert all("Cookie" not in headers and "Accept-Encoding" not in headers for _, _, headers, _ in endpoint.seen)


async def test_connections_are_kept(endpoint):
    async with local() as sender:
        for _ in range(20):
            await sender.send(f"{endpoint.url}/status/200", HEADERS, b"{}")
    assert len(endpoint.peers) == 1


async def test_one_endpoint_gets_no_more_than_its_places(endpoint):
    async with local(concurrency=3) as sender:
        tasks = [asyncio.create_task(sender.send(f"{endpoint.url}/hang", HEADERS, b"{}")) for _ in range(10)]
        async with asyncio.timeout(5):
            while endpoint.now < 3:
                await asyncio.sleep(0.005)
            endpoint.release.set()
            answers = await asyncio.gather(*tasks)
        assert {answer.status for answer in answers} == {200}
        assert endpoint.most == 3
        assert sender._lanes == {}


async def test_all_endpoints_together_get_no_more_than_the_total(endpoint):
    hosts = [f"h{number}.internal" for number in range(6)]

    async def lookup(_host, _port):
        return ["127.0.0.1"]

    async with WebhookSender(allow_hosts=hosts, concurrency=3, total=4, lookup=lookup) as sender:
        tasks = [
            asyncio.create_task(sender.send(f"http://{h}:{endpoint.port}/hang", HEADERS, b"{}")) for h in hosts for _ in "ab"
        ]
        async with asyncio.timeout(5):
            while endpoint.now < 4:
                await asyncio.sleep(0.005)
            endpoint.release.set()
            answers = await asyncio.gather(*tasks)
        assert {answer.status for answer in answers} == {200}
        assert endpoint.most == 4


async def test_waiting_for_a_place_is_not_the_endpoints_fault(endpoint):
    async with local(concurrency=1, timeout_s=0.3) as sender:
        async with asyncio.timeout(5):
            answers = await asyncio.gather(
                *(sender.send(f"{endpoint.url}/{path}", HEADERS, b"{}") for path in ["hang", "status/200"])
            )
        assert [answer.status for answer in answers] == [0, 200]


async def test_a_connection_closed_while_idle_does_not_fail_the_next_event():
    """The server takes one request on each connection and closes it without saying so."""
    served = []

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n{}")
        served.append(1)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await reader.read(1)  # the next request begins
        writer.transport.abort()

    async with listening(serve) as port, local() as sender, asyncio.timeout(5):
        url = f"http://127.0.0.1:{port}/"
        assert [(await sender.send(url, HEADERS, b"{}")).status for _ in range(3)] == [200, 200, 200]
    assert len(served) == 3


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA" + b"a" * 100_000,
    ],
)
async def test_an_endpoint_that_speaks_no_http_raises_nothing(octets):
    async def serve(reader, writer):
        await reader.read(10)
        writer.write(octets)
        await writer.drain()

    async with listening(serve) as port, local() as sender, asyncio.timeout(5):
        answer = await sender.send(f"http://127.0.0.1:{port}/", HEADERS, b"{}")
    assert answer.status == 0
    assert answer.error
    assert not answer.refused


async def test_nobody_listening_is_told():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        async with local() as sender:
            answer = await sender.send(f"http://127.0.0.1:{free.getsockname()[1]}/", HEADERS, b"{}")
    assert answer == WebhookAnswer(0, None, "could not connect (Connection refused)")


async def test_a_name_that_does_not_resolve_is_told():
    async def lookup(_host, _port):
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    async with WebhookSender(lookup=lookup) as sender:
        answer = await sender.send("https://nowhere.example/", HEADERS, b"{}")
    assert answer == WebhookAnswer(0, None, "the host name could not be resolved")


# -- what must not be reached -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["169.254.169.254"],
        ["::1"],
        ["::ffff:10.0.0.1"],
        ["64:ff9b::a9fe:a9fe"],
        ["8.8.8.8", "127.0.0.1"],
        ["10.0.0.1", "8.8.8.8"],
    ],
)
async def test_a_public_name_that_leads_inwards_is_refused(connects, addresses):
    async with WebhookSender(lookup=names(hooks_example=addresses)) as sender:
        answer = await sender.send("https://hooks.example/", HEADERS, b"{}")
    assert answer.refused
    assert answer.status == 0
    assert answer.error.startswith("hooks.example leads to an address that is ")
    assert connects == []


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]:8443/",
        "http://hooks.example/",
        "https://u:p@hooks.example/",
        "https://127.1/",
    ],
)
async def test_urls_that_must_not_be_used_are_refused(connects, url):
    async with WebhookSender(lookup=names(hooks_example=["8.8.8.8"])) as sender:
        answer = await sender.send(url, HEADERS, b"{}")
    assert answer.refused
    assert connects == []


async def test_a_name_that_changes_its_address_is_checked_each_time(connects, monkeypatch):
    monkeypatch.setattr(webhook, "NAMES_KEPT_S", 0)
    answers = iter((["8.8.8.8"], ["127.0.0.1"], ["8.8.4.4"]))

    async def lookup(_host, _port):
        return next(answers)

    async with WebhookSender(lookup=lookup) as sender:
        outcomes = [await sender.send("https://rebind.example/", HEADERS, b"{}") for _ in range(3)]
    assert [outcome.refused for outcome in outcomes] == [False, True, False]
    assert connects == ["8.8.8.8", "8.8.4.4"]


async def test_no_socket_is_made_even_if_the_resolver_were_passed_by(connects):
    class Careless(Resolver):
        async def resolve(self, host, port):
            return ["127.0.0.1"]

    async with WebhookSender() as sender:
        sender._resolver = Careless(None, AllowList(), lambda: 0.0)
        answer = await sender.send("https://hooks.example/", HEADERS, b"{}")
    assert answer.status == 0
    assert answer.refused
    assert connects == []


async def test_a_name_on_the_allow_list_opens_no_other(connects):
    async with WebhookSender(
        allow_hosts=["hooks.internal"], lookup=names(hooks_internal=["10.0.0.1"], a_example=["10.0.0.1"])
    ) as sender:
        assert not (await sender.send("http://hooks.internal:9000/", HEADERS, b"{}")).refused
        assert connects == ["10.0.0.1"]
        assert (await sender.send("https://a.example/", HEADERS, b"{}")).refused
        assert connects == ["10.0.0.1"]


async def test_proxies_of_the_environment_are_not_used(endpoint, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with local() as sender:
        assert (await sender.send(f"{endpoint.url}/status/200", HEADERS, b"{}")).status == 200
