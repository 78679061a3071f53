"""``python -m benchmarks.smpp``: what the SMPP session core, and the SMPP server, carry on one core of this machine.

One process and one thread hold both ends of loopback TCP connections: a client (``Side.ESME``) that keeps its window full of
submit_sm, and a server (``Side.SMSC``) that answers each with a message id and sends its receipt, which the client reads and
answers. Counted are messages whose receipt has been answered, so each stands for four PDUs written, framed, parsed and matched:
submit_sm, submit_sm_resp, deliver_sm, deliver_sm_resp. Bodies of submits and receipts are packed beforehand, as composing
them is no part of a session; ids are packed one by one. With ``--server`` the server's end is ``SmppListener`` with customers
behind it who answer at once.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Annotated, Any, Final, NamedTuple

import typer

from carriers.smpp import events as e
from carriers.smpp.client import Address, connect
from carriers.smpp.commands import BIND_TRANSCEIVER, DELIVER_SM, ROK, SUBMIT_SM
from carriers.smpp.messages import Message, pack_message, pack_message_id
from carriers.smpp.operations import Bind
from carriers.smpp.receipts import write_receipt
from carriers.smpp.server.listener import SmppListener
from carriers.smpp.server.port import Delivery, Line, Outcome
from carriers.smpp.session import Session, Side, Timers
from carriers.smpp.shell import SessionShell
from router.settings import SmppAccount, SmppServer

MESSAGE_ID: Final = "M01ARZ3NDEKTSV4RRFFQ69G5FAV"
SUBMIT: Final = pack_message(Message("12345", "447700900123", b"Your code is 123456", registered_delivery=1))
WARM_UP_S: Final = 0.5
CONNECTED_S: Final = 10.0
_HASH: Final = "scrypt$2$1$1$00$" + "00" * 32


class Rate(NamedTuple):
    """What was carried."""

    messages: int
    seconds: float
    cpu_seconds: float

    @property
    def by_core(self) -> float:
        """Messages a second of CPU, both ends and the kernel's part of the sockets included."""
        return self.messages / self.cpu_seconds


class _Server:
    """Answers and sends receipts; those that the window does not hold wait."""

    def __init__(self) -> None:
        text, tlvs = write_receipt(MESSAGE_ID, "DELIVRD", submitted_s=0, done_s=60)
        self._receipt = pack_message(Message("447700900123", "12345", text, esm_class=4, tlvs=tlvs))
        self._waiting = 0
        self.done = 0

    def on_events(self, shell: SessionShell, events: Sequence[e.Event]) -> None:
        session = shell.session
        now_s = time.monotonic()
        for event in events:
            match event:
                case e.Asked(requests):
                    for command, sequence, _ in requests:
                        session.respond(command, sequence, ROK, pack_message_id(MESSAGE_ID))
                    self._waiting += len(requests)
                case e.Answered(answers):
                    self.done += len(answers)
                case e.BindAsked():
                    session.answer_bind(event, ROK, now_s, system_id="server")
                case _:
                    pass
        count = min(self._waiting, session.room)
        for _ in range(count):
            session.request(DELIVER_SM, self._receipt, None, now_s)
        self._waiting -= count


class _Customers:
    """Behind a listener: answers at once and delivers a receipt for each, as room allows."""

    def __init__(self) -> None:
        text, tlvs = write_receipt(MESSAGE_ID, "DELIVRD", submitted_s=0, done_s=60)
        bodies = (pack_message(Message("447700900123", "12345", text, esm_class=4, tlvs=tlvs)),)
        self._delivery = Delivery(None, lambda _: bodies)
        self._account: SmppAccount | None = None
        self._waiting = 0
        self.listener: SmppListener
        self.done = 0

    async def listen(self, window: int) -> int:
        self._account = SmppAccount(system_id="client", tenant="client", password=_HASH, max_binds=1_000, window=window)
        self.listener = SmppListener(SmppServer(port=0), self, clock=time.monotonic)
        await self.listener.start()
        return self.listener.port

    async def verify(self, system_id: str, password: str) -> SmppAccount | None:  # noqa: ARG002 anybody may
        return self._account

    def asked(self, line: Line, requests: list[e.Request]) -> None:
        for request in requests:
            line.answer(request, ROK, pack_message_id(MESSAGE_ID))
        self._waiting += len(requests)
        self.room("client")

    def settled(self, system_id: str, outcomes: list[Outcome]) -> None:
        self.done += len(outcomes)
        if self._waiting:
            self.room(system_id)

    def room(self, system_id: str) -> None:
        count = min(self._waiting, self.listener.room(system_id))
        if count:
            self._waiting -= count
            self.listener.deliver(system_id, [self._delivery] * count)


def _submit_all(shell: SessionShell) -> None:
    session = shell.session
    now_s = time.monotonic()
    for _ in range(session.room):
        session.request(SUBMIT_SM, SUBMIT, None, now_s)


def _on_client(shell: SessionShell, events: Sequence[e.Event]) -> None:
    session = shell.session
    for event in events:
        if isinstance(event, e.Asked):
            for command, sequence, _ in event.requests:
                session.respond(command, sequence)
    _submit_all(shell)


async def _measure(seconds: float, window: int, sessions: int, *, server: bool) -> Rate:
    loop = asyncio.get_running_loop()
    servers: list[_Server | _Customers] = []
    customers = _Customers()

    def accept() -> SessionShell:
        made = _Server()
        servers.append(made)
        return _shell(Side.SMSC, window, made.on_events)

    def dial() -> SessionShell:
        return _shell(Side.ESME, window, _on_client)

    listening = await loop.create_server(accept, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    if server:
        port = await customers.listen(window)
        servers.append(customers)
    shells = []
    for _ in range(sessions):
        shell = await connect(Address("127.0.0.1", port), dial, timeout_s=CONNECTED_S)
        shell.session.bind(BIND_TRANSCEIVER, Bind("client", "secret"), time.monotonic())
        shell.flush()
        shells.append(shell)
    await asyncio.sleep(WARM_UP_S)
    before, began_s, began_cpu_s = sum(made.done for made in servers), time.monotonic(), time.process_time()
    await asyncio.sleep(seconds)
    after, ended_s, ended_cpu_s = sum(made.done for made in servers), time.monotonic(), time.process_time()
    for shell in shells:
        shell.abort("measured")
    listening.close()
    await listening.wait_closed()
    if server:
        await customers.listener.close(0.0)
    return Rate(after - before, ended_s - began_s, ended_cpu_s - began_cpu_s)


def _shell(side: Side, window: int, on_events: Any) -> SessionShell:
    return SessionShell(
        lambda now_s: Session(side, Timers(), now_s=now_s, window=window), clock=time.monotonic, on_events=on_events
    )


def core(seconds: float = 5.0, window: int = 50, sessions: int = 1, *, server: bool = False) -> Rate:
    """Submit, answer, receipt and its answer, as fast as both ends go in one thread; ``server``: with ``SmppListener``."""
    return asyncio.run(_measure(seconds, window, sessions, server=server))


def main(
    seconds: Annotated[float, typer.Option(min=0.1)] = 5.0,
    window: Annotated[int, typer.Option(min=1, help="Unanswered requests of each side.")] = 50,
    sessions: Annotated[int, typer.Option(min=1)] = 1,
    server: Annotated[bool, typer.Option("--server", help="The server's end is the listener.")] = False,
) -> None:
    """Print what was carried."""
    rate = core(seconds, window, sessions, server=server)
    print(
        f"{rate.messages / rate.seconds:,.0f} messages a second, {rate.by_core:,.0f} a second of CPU "
        f"(both ends, window {window}, {sessions} sessions)"
    )


if __name__ == "__main__":
    typer.run(main)
