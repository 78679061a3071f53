"""A server on 127.0.0.1 with customers behind it who note everything, and gateways that bind to it."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

import pytest

from carriers.smpp import commands as c
from carriers.smpp import events as e
from carriers.smpp.client import Address, connect
from carriers.smpp.messages import Message, pack_message, pack_message_id
from carriers.smpp.operations import Bind
from carriers.smpp.receipts import write_receipt
from carriers.smpp.server.listener import SmppListener
from carriers.smpp.server.port import Delivery, Line, Outcome
from carriers.smpp.session import Session, Side, Timers
from carriers.smpp.shell import SessionShell
from router.settings import SmppAccount, SmppServer
from tests.certificate import Certificate, self_signed

DEADLINE_S = 10.0
SECRET = "secret12"
HASH = "scrypt$2$1$1$00$" + "00" * 32
SUBMIT = pack_message(Message("12345", "447700900123", b"hello", registered_delivery=1))


async def until(condition: Callable[[], Any], what: str = "condition") -> Any:
    """Poll with a deadline."""
    deadline = time.monotonic() + DEADLINE_S
    while not (value := condition()):
        assert time.monotonic() < deadline, f"never: {what}"
        await asyncio.sleep(0.002)
    return value


def make_account(**fields: Any) -> SmppAccount:
    values: dict[str, Any] = {"system_id": "acme", "tenant": "acme", "password": HASH}
    return SmppAccount(**(values | fields))


class Behind:
    """Customers: accounts with plain passwords here; every submit is answered at once unless ``patient``."""

    def __init__(self) -> None:
        self.accounts: dict[str, tuple[str, SmppAccount]] = {"acme": (SECRET, make_account())}
        self.listener: SmppListener | None = None
        self.asked_: list[tuple[Line, e.Request]] = []
        self.batches: list[int] = []
        self.outcomes: list[Outcome] = []
        self.rooms: list[str] = []
        self.verified: list[str] = []
        self.verifying = 0
        self.most_verifying = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.patient = False
        self.made = 0

    async def verify(self, system_id: str, password: str) -> SmppAccount | None:
        self.verified.append(system_id)
        self.verifying += 1
        self.most_verifying = max(self.most_verifying, self.verifying)
        try:
            await asyncio.sleep(0)
            await self.gate.wait()
        finally:
            self.verifying -= 1
        expected, account = self.accounts.get(system_id, ("", None))
        return account if password == expected else None

    def asked(self, line: Line, requests: list[e.Request]) -> None:
        self.batches.append(len(requests))
        for request in requests:
            self.asked_.append((line, request))
            if not self.patient:
                self.answer(line, request)

    def answer(self, line: Line, request: e.Request, status: int = 0) -> None:
        self.made += 1
        line.answer(request, status, pack_message_id(f"M{self.made}") if status == 0 else None)

    def answer_all(self) -> None:
        lines = {}
        for line, request in self.asked_:
            self.answer(line, request)
            lines[id(line)] = line
        self.asked_.clear()
        for line in lines.values():
            line.flush()

    def open_account(self, system_id: str = "acme", secret: str = SECRET, **fields: Any) -> SmppAccount:
        """Add an account, or change it."""
        made = make_account(system_id=system_id, **fields)
        self.accounts[system_id] = (secret, made)
        return made

    def retune(self, **fields: Any) -> None:
        """Tell the server what accounts there are now, and its settings."""
        assert self.listener is not None
        settings = SmppServer(**({"port": 0, "tls_port": 0} | fields))
        self.listener.retune({name: account for name, (_, account) in self.accounts.items()}, settings)

    def deliver(self, *tokens: Any, bodies: int = 1, system_id: str = "acme") -> None:
        assert self.listener is not None
        made = [Delivery(token, lambda _, token=token: (receipt(f"{token}"),) * bodies) for token in tokens]
        self.listener.deliver(system_id, made)

    def settled(self, system_id: str, outcomes: list[Outcome]) -> None:
        self.outcomes += outcomes

    def room(self, system_id: str) -> None:
        self.rooms.append(system_id)


def receipt(message_id: str, stat: str = "DELIVRD") -> bytes:
    text, tlvs = write_receipt(message_id, stat, submitted_s=0, done_s=60)
    return pack_message(Message("447700900123", "12345", text, esm_class=4, tlvs=tlvs))


class Gateway:
    """A customer's side, made of the client half of the session core."""

    def __init__(self) -> None:
        self.bound: e.Bound | None = None
        self.refused: int | None = None
        self.answers: list[e.Answer] = []
        self.delivered: list[e.Request] = []
        self.order: list[tuple[str, str]] = []  # what came, in the order of the wire
        self.unbinding = False
        self.closed = ""
        self.status_of: Callable[[e.Request], int | None] = lambda _: 0  # None: no answer
        self.shell: SessionShell

    async def connect(self, port: int, context: ssl.SSLContext | None = None, **timers: Any) -> "Gateway":
        self.shell = await connect(
            Address("127.0.0.1", port),
            lambda: SessionShell(
                lambda now_s: Session(Side.ESME, Timers(**timers), now_s=now_s, window=10_000),
                clock=time.monotonic,
                on_events=self._on_events,
            ),
            timeout_s=DEADLINE_S,
            context=context,
            server_name="smpp.example" if context is not None else "",
        )
        return self

    async def bind(
        self, system_id: str = "acme", password: str = SECRET, command: int = c.BIND_TRANSCEIVER, version: int = 0x34
    ) -> "Gateway":
        self.shell.session.bind(command, Bind(system_id, password, interface_version=version), time.monotonic())
        self.shell.flush()
        await until(lambda: self.bound or self.refused is not None or self.closed, "answer to the bind")
        return self

    def submit(self, count: int = 1, body: bytes = SUBMIT, command: int = c.SUBMIT_SM) -> None:
        for _ in range(count):
            self.shell.session.request(command, body, "submit", time.monotonic())
        self.shell.flush()

    def unbind(self) -> None:
        self.shell.session.unbind(time.monotonic())
        self.shell.flush()

    def _on_events(self, shell: SessionShell, events: list[e.Event]) -> None:
        for event in events:
            match event:
                case e.Bound():
                    self.bound = event
                case e.BindRefused(status=status):
                    self.refused = status
                case e.Answered(answers):
                    self.answers += answers
                    self.order += [("answer", answer.message_id) for answer in answers]
                case e.Asked(requests):
                    self.delivered += requests
                    for request in requests:
                        self.order.append(("deliver", ""))
                        status = self.status_of(request)
                        if status is not None:
                            shell.session.respond(request.command, request.sequence, status)
                case e.Unbinding():
                    self.unbinding = True
                case e.Closed(reason=reason):
                    self.closed = reason


class Rig(NamedTuple):
    listener: SmppListener
    behind: Behind


@pytest.fixture
async def make_server() -> AsyncIterator[Callable[..., Any]]:
    made: list[SmppListener] = []

    async def make(**fields: Any) -> Rig:
        behind = Behind()
        settings = SmppServer(**({"port": 0, "tls_port": 0} | fields))
        listener = SmppListener(settings, behind, clock=time.monotonic)
        made.append(listener)
        await listener.start()
        behind.listener = listener
        return Rig(listener, behind)

    yield make
    for listener in made:
        await listener.close(0.0)


@pytest.fixture
async def server(make_server) -> Rig:
    return await make_server()


@pytest.fixture
async def dial(server) -> AsyncIterator[Callable[..., Any]]:
    """``await dial()``: a gateway that has bound to ``server``, or been refused; ``mode`` as a bind's command."""
    made: list[Gateway] = []

    async def make(
        system_id: str = "acme", password: str = SECRET, *, rig: Rig = server, bind: bool = True, **fields: Any
    ) -> Gateway:
        context = fields.pop("context", None)
        port = rig.listener.tls_port if context is not None else rig.listener.port
        timers = {name: fields.pop(name) for name in tuple(fields) if name.endswith("_s")}
        gateway = await Gateway().connect(port, context, **timers)
        made.append(gateway)
        return await gateway.bind(system_id, password, **fields) if bind else gateway

    yield make
    for gateway in made:
        gateway.shell.abort("test over")


@pytest.fixture
def poll() -> Callable[..., Any]:
    return until


@pytest.fixture(scope="session")
def certificate(tmp_path_factory) -> Certificate:
    return self_signed(tmp_path_factory.mktemp("tls"), "smpp.example")
