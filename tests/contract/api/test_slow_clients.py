"""Clients that take their time, against the server that fronts use: they are cut off, and nobody else waits for them."""

import asyncio
import contextlib
import json
import time

import aiohttp
import pytest

from actors import http_line
from router.api.app import create_app
from router.api.local import LocalFront
from router.journal.memory import MemoryJournal
from router.keys import make_key
from router.settings import Settings, Tenant
from router.terms import Terms

KEY, RECORD = make_key(b"\x01" * 38, "acme")
DEADLINE_S = 20.0
HEAD_S = 0.4


class Served:
    def __init__(self, port):
        self.port = port
        self.cut = 0

    def count(self, number):
        self.cut += number

    async def connect(self):
        return await asyncio.open_connection("127.0.0.1", self.port)


@pytest.fixture
async def served(monkeypatch):
    monkeypatch.setattr(http_line, "HEAD_TIMEOUT_S", HEAD_S)
    monkeypatch.setattr(http_line, "LOOK_S", 0.02)
    terms = Terms.compile(Settings(tenants=(Tenant(id="acme"),), keys=(RECORD,)))
    now_ms = lambda: time.time_ns() // 1_000_000  # noqa: E731 (a clock)
    front = LocalFront(MemoryJournal(now_ms), terms, now_ms=now_ms, monotonic_s=time.monotonic, entropy=lambda n: b"\x01" * n)
    listener = http_line.listen("127.0.0.1", 0)
    server = await http_line.serve(create_app(front), listener)
    made = Served(listener.getsockname()[1])
    cutting = asyncio.create_task(http_line.keep_cutting(server, made.count))
    yield made
    server.should_exit = server.force_exit = True
    cutting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await cutting
    await server.shutdown()
    listener.close()


async def drip(writer, octets, pause_s=0.03):
    with contextlib.suppress(ConnectionError):
        for octet in octets:
            writer.write(bytes([octet]))
            await writer.drain()
            await asyncio.sleep(pause_s)


async def answer_to(reader):
    async with asyncio.timeout(DEADLINE_S):
        with contextlib.suppress(ConnectionError):
            return await reader.read()
    return b""


def request(path="/v1/messages", *, body=b"", length=None, key=KEY, method="POST"):
    head = f"{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(body) if length is None else length}\r\n\r\n".encode() + body


async def answered(reader):
    """One answer: its status and body."""
    async with asyncio.timeout(DEADLINE_S):
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")).split(b":")[1])
        return int(head.split(b" ")[1]), await reader.readexactly(length)


async def test_a_dripped_head_is_cut_while_others_are_served(served):
    lines = [await served.connect() for _ in range(50)]
    octets = request() + b""
    drips = [asyncio.create_task(drip(writer, octets)) for _, writer in lines]
    begun_s, took = time.monotonic(), []
    async with aiohttp.ClientSession() as session:
        ends = asyncio.gather(*(answer_to(reader) for reader, _ in lines))
        while not ends.done():
            async with session.get(f"http://127.0.0.1:{served.port}/readyz") as answer:
                assert answer.status == 200
            took.append(time.monotonic())
            assert time.monotonic() < begun_s + DEADLINE_S
        told = await ends
    assert len(took) > 5
    assert all(one.startswith(b"HTTP/1.1 408 ") for one in told if one)
    assert served.cut == 50
    await asyncio.gather(*drips)
    for _, writer in lines:
        writer.close()


async def test_a_head_that_stops_is_answered_with_the_reason(served):
    reader, writer = await served.connect()
    writer.write(b"GET /readyz HTTP/1.1\r\nhost:")
    head, _, body = (await answer_to(reader)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert json.loads(body)["status"] == 408
    assert b"content-length: %d" % len(body) in head
    writer.close()


async def test_a_connection_that_never_says_anything_is_closed_without_a_word(served):
    reader, writer = await served.connect()
    assert await answer_to(reader) == b""  # a client that asks at this moment would take it for its answer
    assert served.cut == 1
    writer.close()


async def test_blank_lines_between_requests_are_no_way_to_stay(served):
    reader, writer = await served.connect()
    writer.write(request("/readyz", method="GET"))
    assert (await answered(reader))[0] == 200
    dripping = asyncio.create_task(drip(writer, b"\r\n" * 1_000))
    assert await answer_to(reader) == b""
    assert served.cut == 1
    await dripping
    writer.close()


async def test_a_head_without_an_end_is_cut_by_its_size(served, monkeypatch):
    monkeypatch.setattr(http_line, "HEAD_TIMEOUT_S", DEADLINE_S)
    reader, writer = await served.connect()
    writer.write(b"GET /readyz HTTP/1.1\r\nhost: x\r\n")
    sent = 0
    with contextlib.suppress(ConnectionError):
        while sent < 4_000_000 and not writer.is_closing() and not reader.at_eof():
            writer.write(b"x-%d: " % sent + b"a" * 8_000 + b"\r\n")
            sent += 8_000
            await writer.drain()
            await asyncio.sleep(0)
    told = await answer_to(reader)
    assert not told or told.startswith(b"HTTP/1.1 431 ")
    assert sent < 4_000_000
    writer.close()


async def test_a_slow_body_is_not_a_slow_head(served):
    body = b'{"to":"+447700900123","text":"hello"}'
    reader, writer = await served.connect()
    writer.write(request(length=len(body)))
    await drip(writer, body, 3 * HEAD_S / len(body))
    status, shown = await answered(reader)
    assert (status, json.loads(shown)["code"]) == (422, "no_route")
    writer.close()


async def test_an_idle_connection_stays_for_the_next_request(served):
    reader, writer = await served.connect()
    for pause_s in (2 * HEAD_S, 2 * HEAD_S, 0.0):
        writer.write(request("/readyz", method="GET"))
        assert (await answered(reader))[0] == 200
        await asyncio.sleep(pause_s)
    assert served.cut == 0
    writer.close()


async def test_the_rest_of_a_body_that_nobody_read_costs_nothing(served):
    """401 is told before the body is read; the rest comes, and the connection serves the next request."""
    reader, writer = await served.connect()
    body = b"x" * 200_000
    writer.write(request(body=b"", length=len(body), key="tl_wrong"))
    assert (await answered(reader))[0] == 401
    writer.write(body)
    await writer.drain()
    await asyncio.sleep(2 * HEAD_S)
    writer.write(request("/readyz", method="GET"))
    assert (await answered(reader))[0] == 200
    writer.close()
