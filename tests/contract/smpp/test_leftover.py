"""What a shell leaves with the kernel while it gathers is neither lost nor late, on the loops that we run on."""

import asyncio
import fcntl
import socket
import struct
import termios
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import uvloop

from carriers.smpp import commands as c
from carriers.smpp.events import Answered, Asked, Closed, Event
from carriers.smpp.leftover import NO_SOCKET, read_leftover
from carriers.smpp.operations import Bind
from carriers.smpp.pdu import pack_pdu
from carriers.smpp.session import Session, Side, Timers
from carriers.smpp.shell import SessionShell

LONG_S = 60.0  # a test would not end if anything waited for it
DEADLINE_S = 10.0
BODY = b"\0\0\0447700900123\0\0\00012345\0" + bytes(9) + b"\x02hi"
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close with a reset

Loop = Callable[[], asyncio.AbstractEventLoop]


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Callable[[Callable[[], Awaitable[None]]], None]:
    """Run a test on a loop of either kind."""

    def now(test: Callable[[], Awaitable[None]]) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(asyncio.wait_for(test(), 2 * DEADLINE_S))

    return now


class Line:
    """A bound client, and the other end of its connection as a plain socket."""

    def __init__(self, gather_s: float) -> None:
        self.told: list[Event] = []
        self.shell = SessionShell(
            lambda now_s: Session(Side.ESME, Timers(), now_s=now_s, window=10),
            clock=time.monotonic,
            on_events=lambda _shell, events: self.told.extend(events),
            gather_s=gather_s,
        )
        self.peer: socket.socket

    def say(self, *pdus: bytes) -> None:
        self.peer.setblocking(True)
        self.peer.sendall(b"".join(pdus))

    def submit(self, count: int) -> None:
        for _ in range(count):
            self.shell.session.request(c.SUBMIT_SM, BODY, None, time.monotonic())
        self.shell.flush()

    @property
    def answered(self) -> int:
        return sum(len(event.answers) for event in self.told if isinstance(event, Answered))

    @property
    def asked(self) -> int:
        return sum(len(event.requests) for event in self.told if isinstance(event, Asked))

    @property
    def closed(self) -> bool:
        return any(isinstance(event, Closed) for event in self.told)

    async def left(self, octets: int) -> None:
        """So many stand in the kernel."""
        descriptor = self.shell._descriptor
        await until(lambda: struct.unpack("i", fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4))) == (octets,))

    async def gathers(self) -> None:
        """It has been read from twice, and leaves what comes now."""
        for asked in (1, 2):
            self.say(receipt(asked))
            await until(lambda asked=asked: self.asked == asked)  # type: ignore[misc]  # mypy knows no defaults of lambdas
            if asked == 1:
                self.shell.answered()


def answer(sequence: int) -> bytes:
    return pack_pdu(c.SUBMIT_SM | c.RESPONSE, 0, sequence, b"id\0")


def receipt(sequence: int) -> bytes:
    return pack_pdu(c.DELIVER_SM, 0, sequence, BODY)


async def until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline_s
        await asyncio.sleep(0.001)


@asynccontextmanager
async def line(gather_s: float = LONG_S) -> AsyncIterator[Line]:
    loop = asyncio.get_running_loop()
    found = Line(gather_s)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        connecting = asyncio.create_task(loop.create_connection(lambda: found.shell, *server.getsockname()))
        found.peer, _ = await loop.sock_accept(server)
        await connecting
    found.shell.session.bind(c.BIND_TRANSCEIVER, Bind("client", "secret"), time.monotonic())
    found.shell.flush()
    found.say(pack_pdu(c.BIND_TRANSCEIVER | c.RESPONSE, 0, 1, b"smsc\0"))
    await until(lambda: found.shell.session.bound)
    try:
        yield found
    finally:
        found.shell.abort("over")
        await until(lambda: found.closed)
        found.peer.close()


def test_what_comes_densely_is_left_and_found_together(run):
    async def test() -> None:
        async with line() as found:
            found.submit(4)
            await found.gathers()
            looks = len(found.told)
            for sequence in (2, 3, 4):
                found.say(answer(sequence))
            await found.left(3 * len(answer(2)))
            assert found.answered == 0
            found.shell._due()
            assert found.answered == 3
            assert len(found.told) == looks + 1

    run(test)


def test_what_is_left_is_looked_at_by_itself_after_a_while(run):
    async def test() -> None:
        async with line(gather_s=0.05) as found:
            found.submit(1)
            await found.gathers()
            found.say(answer(2))
            await until(lambda: found.answered == 1)

    run(test)


@pytest.mark.parametrize("writes", [True, False])
def test_answers_that_came_before_a_reset_are_known(run, writes):
    async def test() -> None:
        async with line(LONG_S if writes else 0.1) as found:
            found.submit(2)
            await found.gathers()
            found.say(answer(2))
            found.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            found.peer.close()
            if writes:
                found.submit(1)  # which is how we learn of it
            await until(lambda: found.closed)
            assert found.answered == 1
            assert [len(event.unanswered) for event in found.told if isinstance(event, Closed)] == [1 + writes]

    run(test)


def test_the_peers_end_is_seen_when_its_last_octets_are_looked_at(run):
    async def test() -> None:
        async with line(gather_s=0.1) as found:
            found.submit(1)
            await found.gathers()
            found.say(answer(2))
            found.peer.close()
            await until(lambda: found.closed)
            assert found.answered == 1

    run(test)


def test_a_peer_that_waits_for_our_answers_is_read_from_once_it_has_them(run):
    async def test() -> None:
        async with line() as found:
            await found.gathers()
            found.shell.answered()
            found.say(receipt(3))
            await until(lambda: found.asked == 3)

    run(test)


def test_a_peer_of_whom_more_has_come_is_not(run):
    async def test() -> None:
        async with line() as found:
            await found.gathers()
            found.say(receipt(3))
            await found.left(len(receipt(3)))
            found.shell.answered()
            await asyncio.sleep(0.05)
            assert found.asked == 2

    run(test)


def test_who_is_held_is_not_read_from_at_all(run):
    async def test() -> None:
        async with line(gather_s=0.02) as found:
            await found.gathers()
            found.shell.hold()
            found.say(receipt(3))
            await asyncio.sleep(0.1)
            assert found.asked == 2
            found.shell.release()
            await until(lambda: found.asked == 3)

    run(test)


def test_more_than_one_read_takes_is_read_too():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1_000_000)
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1_000_000)
        theirs.sendall(b"x" * 300_000)
        assert read_leftover(ours.fileno()) == (b"x" * 300_000, True)
        assert read_leftover(ours.fileno()) == (b"", True)
        theirs.sendall(b"y")
        theirs.close()
        assert read_leftover(ours.fileno()) == (b"y", True)
        assert read_leftover(ours.fileno()) == (b"", False)
    with pytest.raises(OSError, match="Bad file descriptor"):
        read_leftover(NO_SOCKET)
