"""Listening sockets that go from front to front: no connection is lost on the way, accepted yet or not."""

import asyncio
import contextlib
import os
import socket

import pytest

from actors.handover import Desk, ask, offer
from actors.http_line import listen
from actors.listeners import Listeners

NAMES = ["front:#0", "front:#1"]
REQUEST = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


def app(name):
    """Answers with its name."""

    async def answer(scope, receive, send):
        body = name.encode()
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return answer


class Front:
    def __init__(self, family, name):
        self.name = name
        self.listeners = Listeners(family, name)
        self.gone = False

    @property
    def others(self):
        return [name for name in NAMES if name != self.name]

    async def start(self, port):
        self.server = await self.listeners.open(app(self.name), "127.0.0.1", port, self.others)
        return self

    async def leave(self, within_s=0.3):
        if not self.gone:
            self.gone = True
            await self.listeners.leave(self.others, within_s)
            await self.server.shutdown()


@pytest.fixture
def family():
    return os.urandom(8).hex()


@pytest.fixture
async def start(family):
    made = []

    async def started(name, port=0):
        made.append(await Front(family, name).start(port))
        return made[-1]

    yield started
    for front in made:
        await front.leave()


async def get(port, *, reader=None, writer=None):
    """Whose answer it is, and whether the connection ends with it."""
    own = writer is None
    if own:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(REQUEST)
        return await answer(reader)
    finally:
        if own:
            writer.close()
            await writer.wait_closed()


async def answer(reader):
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    body = await reader.readexactly(len("front:#0"))
    return body.decode(), b"connection: close" in head.lower()


async def test_what_waits_to_be_accepted_is_answered_by_the_heir(family, start):
    first = await start("front:#0")
    port = first.listeners.port
    second = await start("front:#1", port)
    # Connections that the kernel makes, and that the first front, whose loop does not turn meanwhile, cannot accept.
    waiting = [socket.create_connection(("127.0.0.1", port)) for _ in range(40)]
    for one in waiting:
        one.sendall(REQUEST)
    await first.leave()
    for one in waiting:
        one.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=one)
        assert (await answer(reader))[0] in NAMES
        writer.close()
        await writer.wait_closed()
    assert {(await get(port))[0] for _ in range(40)} == {"front:#1"}
    assert second.listeners.port == port


async def test_requests_that_come_all_the_while_are_all_answered(start):
    fronts = {name: await start(name) for name in NAMES[:1]}
    port = fronts["front:#0"].listeners.port
    fronts["front:#1"] = await start("front:#1", port)
    answered, over = [], asyncio.Event()

    async def ask_on():
        while not over.is_set():
            answered.append((await get(port))[0])

    asking = [asyncio.create_task(ask_on()) for _ in range(8)]
    for _ in range(3):
        for name in NAMES:
            await fronts[name].leave()
            fronts[name] = await start(name, port)
            seen = len(answered)
            while len(answered) < seen + 40:
                assert [task.exception() for task in asking if task.done()] == []
                await asyncio.sleep(0.01)
    over.set()
    await asyncio.gather(*asking)
    assert set(answered) == set(NAMES)


async def test_a_front_that_comes_back_has_its_own_socket_again(start):
    first = await start("front:#0")
    port = first.listeners.port
    second = await start("front:#1", port)
    inode = os.fstat(first.listeners._kept["front:#0"].listener.fileno()).st_ino
    await first.leave()
    assert set(second.listeners._kept) == set(NAMES)
    again = await start("front:#0", port)
    assert os.fstat(again.listeners._kept["front:#0"].listener.fileno()).st_ino == inode
    assert set(second.listeners._kept) == {"front:#1"}
    assert len(second.server.servers) == 1


async def test_a_kept_connection_is_told_to_end_with_its_next_answer(start):
    first = await start("front:#0")
    port = first.listeners.port
    await start("front:#1", port)
    while True:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        whose, ends = await get(port, reader=reader, writer=writer)
        assert not ends
        if whose == "front:#0":
            break
        writer.close()
        await writer.wait_closed()
    leaving = asyncio.create_task(first.leave(10.0))
    while not first.listeners._leaving.is_set():
        await asyncio.sleep(0)
    while first.server.servers[0].is_serving():
        await asyncio.sleep(0.01)
    assert await get(port, reader=reader, writer=writer) == ("front:#0", True)
    assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()
    await asyncio.wait_for(leaving, 10)


async def test_a_connection_that_asks_for_nothing_is_closed_in_the_end(start):
    first = await start("front:#0")
    reader, writer = await asyncio.open_connection("127.0.0.1", first.listeners.port)
    assert (await get(0, reader=reader, writer=writer))[0] == "front:#0"
    await asyncio.wait_for(first.leave(0.1), 10)
    assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()


async def test_a_socket_of_another_port_is_not_taken(start):
    first = await start("front:#0")
    await start("front:#1", first.listeners.port)
    await first.leave()
    other = listen("127.0.0.1", 0)
    port = other.getsockname()[1]
    other.close()
    again = await start("front:#0", port)
    assert again.listeners.port == port
    assert (await get(port))[0] == "front:#0"


async def test_whoever_leaves_too_keeps_nothing(family, start):
    first = await start("front:#0")
    second = await start("front:#1", first.listeners.port)
    second.listeners._leaving.set()
    with contextlib.closing(listen("127.0.0.1", 0)) as spare:
        assert await offer(family, "front:#0", spare, ["front:#1"]) == ""
    assert set(second.listeners._kept) == {"front:#1"}


async def test_nobody_is_asked_in_vain_for_long(family):
    assert await ask(family, "front:#0", NAMES) is None

    async def keep(_name, _listener):
        return False

    async def give(_name):
        return None

    desk = Desk(family, "front:#1", keep, give)
    desk.open()
    try:
        assert await ask(family, "front:#0", NAMES) is None
        with pytest.raises(OSError):
            Desk(family, "front:#1", keep, give).open()
    finally:
        desk.close()
