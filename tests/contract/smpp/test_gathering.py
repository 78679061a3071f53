"""A shell reads what comes densely together, and keeps nobody waiting for it."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from carriers.smpp import commands as c
from carriers.smpp.operations import Bind
from carriers.smpp.pdu import pack_pdu
from carriers.smpp.session import Session, Side, Timers
from carriers.smpp.shell import SessionShell

GATHER_S = 0.02
WINDOW = 10
DEADLINE_S = 10.0
BODY = b"\0\0\0447700900123\0\0\00012345\0" + bytes(9) + b"\x02hi"


class Wire(asyncio.Transport):
    """A transport that notes whether it is read from."""

    def __init__(self) -> None:
        super().__init__()
        self.reading = True
        self.written = b""
        self.closing = False

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def pause_reading(self) -> None:
        assert self.reading
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading
        assert not self.closing
        self.reading = True

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    abort = close


class Line:
    """A bound client whose clock stands still until told otherwise."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.wire = Wire()
        self.shell = SessionShell(
            lambda now_s: Session(Side.ESME, Timers(), now_s=now_s, window=WINDOW),
            clock=lambda: self.now_s,
            on_events=lambda _shell, _events: None,
            gather_s=GATHER_S,
        )
        self.shell.connection_made(self.wire)
        self.shell.session.bind(c.BIND_TRANSCEIVER, Bind("client", "secret"), self.now_s)
        self.shell.flush()
        self.read(pack_pdu(c.BIND_TRANSCEIVER | c.RESPONSE, 0, 1, b"smsc\0"))
        assert self.shell.session.bound

    def read(self, octets: bytes = b"", after_s: float = 0.001) -> None:
        self.now_s += after_s
        self.shell.data_received(octets or pack_pdu(c.ENQUIRE_LINK, 0, 7))

    def submit(self, count: int) -> None:
        for _ in range(count):
            self.shell.session.request(c.SUBMIT_SM, BODY, None, self.now_s)
        self.shell.flush()

    def reads(self) -> bool:
        return self.wire.reading


@pytest.fixture
async def line() -> Line:
    found = Line()
    found.now_s += 60.0
    return found


async def until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline_s
        await asyncio.sleep(0.001)


async def test_what_comes_densely_is_let_gather_and_read_again(line: Line) -> None:
    line.read(after_s=60.0)
    assert line.reads()
    line.read()
    assert not line.reads()
    await until(line.reads)
    line.read(after_s=GATHER_S * 1.5)  # the flow goes on
    assert not line.reads()
    await until(line.reads)


async def test_what_comes_seldom_never_waits(line: Line) -> None:
    for _ in range(5):
        line.read(after_s=GATHER_S * 3)
        assert line.reads()


async def test_reading_goes_on_while_most_of_the_window_is_unanswered(line: Line) -> None:
    line.submit(WINDOW // 2 + 1)
    for _ in range(5):
        line.read()
        assert line.reads()


async def test_filling_the_window_ends_the_gathering(line: Line) -> None:
    line.read()
    line.read()
    assert not line.reads()
    line.submit(WINDOW // 2)
    assert not line.reads()
    line.submit(1)
    assert line.reads()


async def test_the_end_of_a_gathering_does_not_release_who_is_held(line: Line) -> None:
    line.read()
    line.read()
    line.shell.hold()
    await until(lambda: line.shell._gathering is None)
    assert not line.reads()
    line.shell.release()
    assert line.reads()


async def test_a_connection_that_ends_meanwhile_is_not_read_from(line: Line) -> None:
    line.read()
    line.read()
    line.wire.closing = True
    line.shell.connection_lost(None)
    await until(lambda: line.shell._gathering is None)
    assert not line.reads()
