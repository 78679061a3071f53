"""Requests on one connection of the server that fronts use: whole, in pieces, in a row, and cut short."""

import asyncio
import contextlib
import itertools
import json
import time

import pytest

from actors import http_line
from router.api.app import create_app
from router.api.local import LocalFront
from router.journal.memory import MemoryJournal
from router.keys import make_key
from router.settings import CarrierProfile, Price, Settings, Tenant
from router.terms import Terms

KEY, RECORD = make_key(b"\x01" * 38, "acme")
DEADLINE_S = 20.0
BODY = b'{"to":"+447700900123","text":"hello"}'
CARRIER = CarrierProfile(name="one", addresses=("127.0.0.1:1",), system_id="x", prices=(Price(to="*", micros=10),))


class Front(LocalFront):
    """Messages become durable when the test says so."""

    gate = None

    async def submit(self, items):
        if self.gate is not None:
            await self.gate.wait()
        return await super().submit(items)


class Served:
    def __init__(self, front, server, port):
        self.front = front
        self.server = server
        self.port = port

    async def connect(self):
        return await asyncio.open_connection("127.0.0.1", self.port)

    @property
    def lines(self):
        return self.server.server_state.connections


@pytest.fixture
async def served():
    terms = Terms.compile(Settings(tenants=(Tenant(id="acme"),), keys=(RECORD,), carriers=(CARRIER,)))
    chance = itertools.count(1)
    now_ms = lambda: time.time_ns() // 1_000_000  # noqa: E731 (a clock)
    front = Front(
        MemoryJournal(now_ms),
        terms,
        now_ms=now_ms,
        monotonic_s=time.monotonic,
        entropy=lambda octets: b"".join(next(chance).to_bytes(10, "big") for _ in range(-(-octets // 10)))[:octets],
    )
    listener = http_line.listen("127.0.0.1", 0)
    server = await http_line.serve(create_app(front), listener)
    ticking = asyncio.create_task(server.main_loop())
    yield Served(front, server, listener.getsockname()[1])
    server.should_exit = server.force_exit = True
    await ticking
    await server.shutdown()
    listener.close()


def request(*more, path="/v1/messages", method="POST", body=BODY, version="1.1"):
    lines = [
        f"{method} {path} HTTP/{version}",
        "host: x",
        f"authorization: Bearer {KEY}",
        "content-type: application/json",
        *more,
    ]
    if not any(line.startswith("transfer-encoding") for line in more):
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


async def answered(reader):
    """One answer: its status, headers and value."""
    async with asyncio.timeout(DEADLINE_S):
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
        headers = dict(line.split(": ", 1) for line in lines)
        value = json.loads(await reader.readexactly(int(headers["content-length"])))
        return int(first.split(" ")[1]), headers, value


async def until(condition):
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0.002)


@pytest.fixture
def ways(monkeypatch):
    """Which requests were whole."""
    seen = []
    take = http_line.Line._take

    def noted(line, endpoint):
        seen.append(taken := take(line, endpoint))
        return taken

    monkeypatch.setattr(http_line.Line, "_take", noted)
    return seen


@pytest.fixture
def reads(monkeypatch):
    """The pieces that were read."""
    seen = []
    received = http_line.Line.data_received

    def noted(line, data):
        received(line, data)
        seen.append(data)

    monkeypatch.setattr(http_line.Line, "data_received", noted)
    return seen


async def test_an_answer_is_the_same_whether_its_request_came_whole_or_in_pieces(served, ways, reads):
    octets = request()
    told = []
    for cuts in ([], [10], [len(octets) - len(BODY)], [len(octets) - 5], [len(octets) - 20, len(octets) - 5]):
        reader, writer = await served.connect()
        read = len(reads)
        for begin, end in itertools.pairwise([0, *cuts, len(octets)]):
            writer.write(octets[begin:end])
            await writer.drain()
            read += 1
            await until(lambda: len(reads) == read)  # noqa: B023 (awaited at once)
        status, headers, value = await answered(reader)
        told.append((status, sorted(headers), sorted(value)))
        assert headers["location"] == f"/v1/messages/{value['id']}"
        assert "date" in headers
        writer.close()
    assert all(one == told[0] for one in told)
    assert told[0][0] == 202
    assert ways == [True, True], "only what is whole when its head ends takes the short way"


async def test_a_chunked_body_may_be_whole_too(served, ways):
    reader, writer = await served.connect()
    chunks = b"%x\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (7, BODY[:7], len(BODY) - 7, BODY[7:])
    writer.write(request("transfer-encoding: chunked", body=chunks))
    assert (await answered(reader))[0] == 202
    assert ways == [True]
    writer.close()


async def test_requests_in_a_row_are_answered_in_their_order(served, ways):
    served.front.gate = asyncio.Event()
    reader, writer = await served.connect()
    texts = [b'{"to":"+447700900123","text":"%d","class":"otp"}' % number for number in range(4)]
    writer.write(
        request(body=texts[0])
        + request(method="GET", path="/readyz", body=b"")
        + request("idempotency-key: a", body=texts[1])
        + request(body=texts[2])
    )
    await until(lambda: ways)
    await asyncio.sleep(0)
    served.front.gate.set()
    told = [await answered(reader) for _ in range(4)]
    assert [status for status, *_ in told] == [202, 200, 202, 202]
    writer.write(request(body=texts[3]))
    assert (await answered(reader))[0] == 202
    assert ways == [True, True], "a request behind another one waits for its turn, uvicorn's way"
    writer.close()


async def test_a_connection_is_not_idle_while_a_request_is_under_way(served):
    """The first of two in one read is answered at once, before the second begins."""
    served.front.gate = asyncio.Event()
    reader, writer = await served.connect()
    writer.write(request(body=b"{") + request())
    assert (await answered(reader))[0] == 400
    await until(lambda: served.front._offers)
    loop = asyncio.get_running_loop()
    assert http_line.cut_late(served.server, loop.time() + 2 * http_line.KEEP_ALIVE_S) == 0
    served.front.gate.set()
    assert (await answered(reader))[0] == 202
    writer.close()


async def test_a_client_that_goes_away_harms_nobody(served):
    served.front.gate = asyncio.Event()
    _, gone = await served.connect()
    reader, writer = await served.connect()
    gone.write(request())
    writer.write(request())
    await until(lambda: len(served.front._offers) == 2)
    gone.transport.abort()
    await until(lambda: len(served.lines) == 1)
    served.front.gate.set()
    assert (await answered(reader))[0] == 202
    await until(lambda: served.front.counts["request", "/v1/messages", "202"] == 2)
    writer.close()


async def test_a_connection_ends_with_its_answer_when_somebody_says_so(served):
    reader, writer = await served.connect()
    writer.write(request("connection: close"))
    status, headers, _ = await answered(reader)
    assert (status, headers["connection"]) == (202, "close")
    assert await reader.read() == b""
    writer.close()
    served.front.gate = asyncio.Event()
    reader, writer = await served.connect()
    writer.write(request())
    await until(lambda: served.front._offers)
    leaving = asyncio.create_task(http_line.leave(served.server, DEADLINE_S))
    await asyncio.sleep(0)
    served.front.gate.set()
    status, headers, _ = await answered(reader)
    assert (status, headers["connection"]) == (202, "close")
    assert await reader.read() == b""
    await asyncio.wait_for(leaving, DEADLINE_S)
    writer.close()


async def test_a_client_that_asks_before_it_sends_is_told_to(served, ways):
    reader, writer = await served.connect()
    writer.write(request("expect: 100-continue"))
    async with asyncio.timeout(DEADLINE_S):
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
    assert (await answered(reader))[0] == 202
    assert ways == []
    writer.close()


async def test_what_would_be_another_protocol_has_no_body(served, ways):
    """What follows an upgrade's head is the other protocol's, to the parser."""
    reader, writer = await served.connect()
    writer.write(request("connection: upgrade", "upgrade: h2c"))
    status, _, value = await answered(reader)
    assert (status, value["code"]) == (400, "malformed_body")
    assert ways == []
    writer.close()


async def test_an_old_client_gets_its_answer_and_the_end(served, ways):
    reader, writer = await served.connect()
    writer.write(request(version="1.0"))
    assert (await answered(reader))[0] == 202
    assert await reader.read() == b""
    assert ways == []
    writer.close()


async def test_a_broken_body_is_refused_once(served):
    reader, writer = await served.connect()
    writer.write(request("transfer-encoding: chunked", body=b"zz\r\n"))
    async with asyncio.timeout(DEADLINE_S):
        told = await reader.read()
    assert told.count(b"HTTP/1.1 ") == 1
    assert told.startswith(b"HTTP/1.1 400 ")
    writer.close()


async def test_an_idle_connection_is_closed_in_the_end(served, monkeypatch):
    monkeypatch.setattr(http_line, "KEEP_ALIVE_S", 0.05)
    monkeypatch.setattr(http_line, "LOOK_S", 0.01)
    cut = []
    cutting = asyncio.create_task(http_line.keep_cutting(served.server, cut.append))
    reader, writer = await served.connect()
    writer.write(request())
    assert (await answered(reader))[0] == 202
    async with asyncio.timeout(DEADLINE_S):
        assert await reader.read() == b""
    assert cut == [], "it was not late with anything"
    cutting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await cutting
    writer.close()
