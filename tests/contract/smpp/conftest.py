"""A small SMSC on 127.0.0.1 made of the server side of the session core, and a link to it."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from random import Random
from typing import Any

import pytest

from carriers.link import SmppLink
from carriers.port import Answer, InboundIn, Outgoing, ReceiptIn
from carriers.smpp import commands as c
from carriers.smpp import events as e
from carriers.smpp.messages import Data, Message, pack_data, pack_message
from carriers.smpp.operations import Found, Query, pack_found
from carriers.smpp.receipts import write_receipt
from carriers.smpp.session import Session, Side, Timers
from carriers.smpp.shell import SessionShell
from router.ids import make_id
from router.model import MessageClass
from router.record import Body
from router.settings import CarrierProfile

DEADLINE_S = 10.0


async def until(condition: Callable[[], Any], what: str = "condition") -> Any:
    """Poll with a deadline."""
    deadline = time.monotonic() + DEADLINE_S
    while not (value := condition()):
        assert time.monotonic() < deadline, f"never: {what}"
        await asyncio.sleep(0.005)
    return value


class Smsc:
    """Answers every submit with ROK and an id, unless told otherwise by ``status_of`` (None: no answer at all)."""

    def __init__(self) -> None:
        self.shells: list[SessionShell] = []
        self.submits: list[tuple[SessionShell, e.Request]] = []
        self.arrivals: list[float] = []
        self.binds: list[e.BindAsked] = []
        self.answers: list[e.Answer] = []
        self.closed: list[e.Closed] = []
        self.bind_statuses: list[int] = []  # for the next binds; then ROK
        self.status_of: Callable[[e.Request], int | None] = lambda _: 0
        self.queries: list[tuple[SessionShell, e.Request]] = []
        self.found_of: Callable[[Query], Found | int | None] = lambda _: c.RINVMSGID  # None: no answer at all
        self.server: asyncio.Server | None = None
        self.connections = 0

    async def listen(self, context: ssl.SSLContext | None = None) -> None:
        loop = asyncio.get_running_loop()
        self.server = await loop.create_server(self._shell, "127.0.0.1", 0, ssl=context)

    @property
    def address(self) -> str:
        assert self.server is not None
        return f"127.0.0.1:{self.server.sockets[0].getsockname()[1]}"

    def _shell(self) -> SessionShell:
        return SessionShell(
            lambda now_s: Session(Side.SMSC, Timers(), now_s=now_s, window=100),
            clock=time.monotonic,
            on_events=self._on_events,
            on_connected=self._connected,
        )

    def _connected(self, shell: SessionShell) -> None:
        self.connections += 1

    def _on_events(self, shell: SessionShell, events: list[e.Event]) -> None:
        for event in events:
            match event:
                case e.BindAsked():
                    self.binds.append(event)
                    status = self.bind_statuses.pop(0) if self.bind_statuses else 0
                    shell.session.answer_bind(event, status, time.monotonic(), system_id="smsc")
                    if status == 0:
                        self.shells.append(shell)
                case e.Asked(requests):
                    for request in requests:
                        if isinstance(request.body, Query):
                            self.queries.append((shell, request))
                            self._answer_query(shell, request, self.found_of(request.body))
                            continue
                        self.arrivals.append(time.monotonic())
                        self.submits.append((shell, request))
                        status_or_none = self.status_of(request)
                        if status_or_none is not None:
                            self.answer(shell, request, status_or_none)
                case e.Answered(answers):
                    self.answers += answers
                case e.Closed():
                    self.closed.append(event)
                    if shell in self.shells:
                        self.shells.remove(shell)

    def _answer_query(self, shell: SessionShell, request: e.Request, found: Found | int | None) -> None:
        if isinstance(found, Found):
            shell.session.respond(c.QUERY_SM, request.sequence, 0, pack_found(found))
        elif found is not None:
            shell.session.respond(c.QUERY_SM, request.sequence, found)

    def answer(self, shell: SessionShell, request: e.Request, status: int = 0) -> None:
        body = f"id{len(self.submits)}".encode() + b"\0" if status == 0 else b""
        shell.session.respond(request.command, request.sequence, status, body)

    def receipt(self, shell: SessionShell, carrier_id: str, stat: str = "DELIVRD", *, by_data: bool = False) -> None:
        text, tlvs = write_receipt(carrier_id, stat, submitted_s=0, done_s=60)
        now_s = time.monotonic()
        if by_data:
            data = Data("447700900123", "12345", esm_class=4, tlvs={**tlvs, c.TLV_MESSAGE_PAYLOAD: text})
            shell.session.request(c.DATA_SM, pack_data(data), carrier_id, now_s)
        else:
            message = Message("447700900123", "12345", text, esm_class=4, tlvs=tlvs)
            shell.session.request(c.DELIVER_SM, pack_message(message), carrier_id, now_s)
        shell.flush()

    async def close(self) -> None:
        assert self.server is not None
        self.server.close()
        for shell in tuple(self.shells):
            shell.abort("test over")
        await self.server.wait_closed()


class Rig:
    """A link and everything that it has told."""

    def __init__(self, profile: CarrierProfile) -> None:
        self.answers: list[Answer] = []
        self.receipts: list[ReceiptIn] = []
        self.inbound: list[InboundIn] = []
        self.inbound_status = 0  # of every message from a handset
        self.inbound_gate = asyncio.Event()  # nothing of it is kept while this is not set
        self.inbound_gate.set()
        self.fail_inbound = 0  # of the next calls
        self.changes = 0
        self.fail_receipts = 0  # of the next calls
        self.made = 0
        self.link = SmppLink(
            profile,
            on_answers=self.answers.extend,
            on_receipts=self._on_receipts,
            on_inbound=self._on_inbound,
            on_change=self._on_change,
            clock=time.monotonic,
            wall=time.time,
            rng=Random(7),
        )

    async def _on_receipts(self, receipts: list[ReceiptIn]) -> None:
        await asyncio.sleep(0)
        if self.fail_receipts:
            self.fail_receipts -= 1
            raise ConnectionError("journal is down")
        self.receipts += receipts

    async def _on_inbound(self, messages: list[InboundIn]) -> list[int]:
        await self.inbound_gate.wait()
        if self.fail_inbound:
            self.fail_inbound -= 1
            raise ConnectionError("journal is down")
        self.inbound += messages
        return [self.inbound_status] * len(messages)

    def _on_change(self) -> None:
        self.changes += 1

    def outgoing(
        self, text: str = "Your code is 123456", klass: MessageClass = MessageClass.TRANSACTIONAL, **fields: Any
    ) -> Outgoing:
        self.made += 1
        now_ms = int(time.time() * 1000)
        values: dict[str, Any] = {
            "tenant": "acme",
            "to": "447700900123",
            "sender": "12345",
            "text": text,
            "klass": int(klass),
            "created_ms": now_ms,
            "expires_ms": now_ms + 3_600_000,
            "encoding": "gsm7",
            "segments": 1,
            "country": "GB",
            "network": "23410",
        }
        body = Body(**(values | fields))
        return Outgoing(make_id(now_ms, 3, self.made.to_bytes(10, "big")), 1, klass, body)

    async def bound(self, sessions: int = 1) -> "Rig":
        await self.link.start()
        await until(lambda: self.link.state.bound == sessions, "bound")
        return self

    async def answered(self, count: int = 1) -> list[Answer]:
        await until(lambda: len(self.answers) >= count, f"{count} answers")
        return self.answers


MakeRig = Callable[..., Rig]


@pytest.fixture
async def smsc() -> AsyncIterator[Smsc]:
    made = Smsc()
    await made.listen()
    yield made
    await made.close()


@pytest.fixture
async def make_rig(smsc: Smsc) -> AsyncIterator[MakeRig]:
    rigs: list[Rig] = []

    def make(**fields: Any) -> Rig:
        values: dict[str, Any] = {
            "name": "acme",
            "addresses": (smsc.address,),
            "system_id": "trunk",
            "password": "a-long-password",
            "rebind_min_s": 0.02,
            "rebind_max_s": 0.1,
        }
        rig = Rig(CarrierProfile(**(values | fields)))
        rigs.append(rig)
        return rig

    yield make
    for rig in rigs:
        await rig.link.close(0.0)


@pytest.fixture
def poll() -> Callable[..., Awaitable[Any]]:
    return until
