"""What the properties of the SMPP server share: conversations of ``tests/fuzz``, and a server without sockets."""

import asyncio
import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from carriers.smpp import events as e
from carriers.smpp.messages import pack_message_id
from carriers.smpp.server.listener import SmppListener
from carriers.smpp.server.port import Delivery, Line, Outcome, Verdict
from carriers.smpp.shell import SessionShell
from router.settings import SmppAccount, SmppServer

HASH = "scrypt$2$1$1$00$" + "00" * 32
BODY = b"\0\0\0447700900123\0\0\00012345\0" + bytes(9) + b"\x02hi"


@pytest.fixture(scope="session")
def fuzz() -> ModuleType:
    """``tests/fuzz/smpp.py``, which stands alone so that it runs without pytest."""
    spec = importlib.util.spec_from_file_location("fuzz_smpp", Path(__file__).parents[2] / "fuzz" / "smpp.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Wire(asyncio.Transport):
    """A transport that keeps what is written; ``Any`` is what asyncio would give."""

    def __init__(self) -> None:
        super().__init__()
        self.protocol: Any = None
        self.written = bytearray()
        self.reading = True
        self.closing = False

    def join(self, protocol: SessionShell) -> None:
        self.protocol = protocol
        protocol.connection_made(self)

    def write(self, data: Any) -> None:
        assert not self.closing
        self.written += data

    def taken(self) -> bytes:
        octets = bytes(self.written)
        self.written.clear()
        return octets

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        if not self.closing:
            self.closing = True
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    abort = close

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass


class World:
    """A server whose clock stands still until told otherwise; its customers deliver again what is RETRY."""

    def __init__(self, **account: Any) -> None:
        self.now_s = 0.0
        self.account = SmppAccount(system_id="acme", tenant="acme", password=HASH, **account)
        self.settings = SmppServer()
        self.listener = SmppListener(self.settings, self, clock=lambda: self.now_s)
        self.in_hand: list[tuple[Line, e.Request]] = []
        self.queue: list[int] = []
        self.under_way: set[int] = set()
        self.ended: list[tuple[int, Verdict]] = []

    def connect(self) -> Wire:
        shell = self.listener._enter("127.0.0.1", tls=False)
        assert shell is not None
        wire = Wire()
        wire.join(shell)
        return wire

    def pass_time(self, seconds: float, wires: list[Wire]) -> None:
        self.now_s += seconds
        for wire in wires:
            if not wire.closing:
                wire.protocol._due()

    def deliver(self) -> None:
        """As much of the queue as there is room for."""
        room = self.listener.room("acme")
        tokens, self.queue = self.queue[:room], self.queue[room:]
        assert not self.under_way & set(tokens)
        self.under_way |= set(tokens)
        self.listener.deliver("acme", [Delivery(token, lambda _, token=token: (BODY,) * (1 + token % 4)) for token in tokens])

    def answer(self, count: int) -> None:
        taken, self.in_hand = self.in_hand[:count], self.in_hand[count:]
        for line, request in taken:
            line.answer(request, 0, pack_message_id("M1"))
        for line in {id(line): line for line, _ in taken}.values():
            line.flush()

    async def verify(self, system_id: str, password: str) -> SmppAccount | None:
        return self.account if (system_id, password) == ("acme", "secret") else None

    def asked(self, line: Line, requests: list[e.Request]) -> None:
        self.in_hand += [(line, request) for request in requests]

    def settled(self, system_id: str, outcomes: list[Outcome]) -> None:
        waiting = len(self.queue)
        for token, verdict, _ in outcomes:
            assert token in self.under_way, "settled twice"
            self.under_way.remove(token)
            if verdict is Verdict.RETRY:
                self.queue.append(token)
            else:
                self.ended.append((token, verdict))
        if len(self.queue) > waiting:
            asyncio.get_running_loop().call_soon(self.deliver)  # where there is no room, it is told when there is again

    def room(self, system_id: str) -> None:
        self.deliver()


@pytest.fixture(scope="session")
def make_world() -> Callable[..., World]:
    return World
