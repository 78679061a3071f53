"""A shell looks at what comes densely together, keeps nobody waiting for it, and loses nothing of it."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from carriers.smpp import commands as c
from carriers.smpp.events import Answered, Closed, Event
from carriers.smpp.operations import Bind
from carriers.smpp.pdu import pack_pdu
from carriers.smpp.session import Session, Side, Timers
from carriers.smpp.shell import SessionShell

GATHER_S = 0.02
WINDOW = 10
DEADLINE_S = 10.0
BODY = b"\0\0\0447700900123\0\0\00012345\0" + bytes(9) + b"\x02hi"


class Wire(asyncio.Transport):
    """A transport without a plain socket, as with TLS: always read from, for nobody but it knows what has come."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closing = False

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def pause_reading(self) -> None:
        raise AssertionError("nobody has asked for that")

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
        self.told: list[Event] = []
        self.shell = SessionShell(
            lambda now_s: Session(Side.ESME, Timers(), now_s=now_s, window=WINDOW),
            clock=lambda: self.now_s,
            on_events=lambda _shell, events: self.told.extend(events),
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

    def answer(self, sequence: int) -> None:
        self.read(pack_pdu(c.SUBMIT_SM | c.RESPONSE, 0, sequence, b"id\0"))

    def answered(self) -> int:
        return sum(len(event.answers) for event in self.told if isinstance(event, Answered))

    def looks(self) -> bool:
        return self.shell._gathering is None


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


async def test_what_comes_densely_is_let_gather_and_looked_at_together(line: Line) -> None:
    line.submit(3)
    line.answer(2)
    assert line.answered() == 1
    line.read()
    line.answer(3)
    line.answer(4)
    assert not line.looks()
    assert line.answered() == 1
    await until(line.looks)
    assert line.answered() == 3


async def test_what_comes_seldom_never_waits(line: Line) -> None:
    for _ in range(5):
        line.read(after_s=GATHER_S * 3)
        assert line.looks()


async def test_nothing_waits_while_most_of_the_window_is_unanswered(line: Line) -> None:
    line.submit(WINDOW * 3 // 4 + 1)
    for _ in range(5):
        line.read()
        assert line.looks()


async def test_filling_the_window_ends_the_gathering(line: Line) -> None:
    line.submit(1)
    line.read()
    line.read()
    line.answer(2)
    line.submit(WINDOW * 3 // 4)
    assert line.answered() == 0  # not in the midst of writing
    await asyncio.sleep(0)  # but in the loop's next turn
    assert line.answered() == 1


async def test_what_came_before_the_connection_ended_is_known(line: Line) -> None:
    line.submit(2)
    line.read()
    line.read()
    line.answer(2)
    assert line.answered() == 0
    line.wire.closing = True
    line.shell.connection_lost(ConnectionResetError())
    assert line.answered() == 1
    (closed,) = [event for event in line.told if isinstance(event, Closed)]
    assert len(closed.unanswered) == 1
    assert line.looks()


async def test_what_has_come_is_not_overdue(line: Line) -> None:
    line.submit(1)
    line.read()
    line.read()
    line.answer(2)
    line.now_s += 3_600.0
    line.shell._due()
    assert line.answered() == 1
