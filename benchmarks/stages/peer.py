"""The other ends of stages, each in a process of its own: a carrier that answers and sends receipts when it is told to, and a webhook's endpoint.

``smsc``: prints its port; then a line ``A 100`` on standard input has it answer the 100 oldest submits in one write, ``R 100`` send receipts
for the 100 that were answered first. ``hook``: prints its URL.
"""

import asyncio
import subprocess
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from carriers.smpp import events as e
from carriers.smpp.commands import DELIVER_SM, ROK, SUBMIT_SM
from carriers.smpp.messages import Message, pack_message, pack_message_id
from carriers.smpp.receipts import write_receipt
from carriers.smpp.session import Session, Side, Timers
from carriers.smpp.shell import SessionShell
from sims.load.receiver import WebhookReceiver

WINDOW: Final = 10_000


class Smsc:
    """One session at a time."""

    def __init__(self) -> None:
        self._shell: SessionShell | None = None
        self._submits: deque[int] = deque()  # sequence numbers
        self._answered: deque[str] = deque()
        self._number = 0

    def make(self) -> SessionShell:
        return SessionShell(
            lambda now_s: Session(Side.SMSC, Timers(), now_s=now_s, window=WINDOW),
            clock=time.monotonic,
            on_events=self._on_events,
        )

    def _on_events(self, shell: SessionShell, events: Sequence[e.Event]) -> None:
        self._shell = shell
        for event in events:
            if isinstance(event, e.Asked):
                self._submits.extend(sequence for _, sequence, _ in event.requests)
            elif isinstance(event, e.BindAsked):
                shell.session.answer_bind(event, ROK, time.monotonic(), system_id="peer")

    async def obey(self, line: str) -> None:
        word, count = line.split()
        shell = self._shell
        if shell is None:
            return
        line_up: deque[int] | deque[str] = self._submits if word == "A" else self._answered
        while len(line_up) < int(count):  # written a moment ago, and still on the way
            await asyncio.sleep(0.0005)
        for _ in range(int(count)):
            if word == "A":
                self._number += 1
                name = f"{self._number:016x}"
                shell.session.respond(SUBMIT_SM, self._submits.popleft(), ROK, pack_message_id(name))
                self._answered.append(name)
            else:
                text, tlvs = write_receipt(
                    self._answered.popleft(), "DELIVRD", submitted_s=int(time.time()), done_s=int(time.time())
                )
                body = pack_message(Message("4915100000000", "Bench", text, esm_class=4, tlvs=tlvs))
                shell.session.request(DELIVER_SM, body, None, time.monotonic())
        shell.flush()


async def smsc() -> None:
    """Serve until standard input ends."""
    made = Smsc()
    server = await asyncio.get_running_loop().create_server(made.make, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await _lines(made.obey)
    server.close()


async def hook() -> None:
    """Take events until standard input ends."""
    receiver = WebhookReceiver(lambda _: None)
    print(await receiver.start("127.0.0.1", "/events"), flush=True)

    async def nothing(_: str) -> None:
        return

    await _lines(nothing)
    await receiver.stop()


async def _lines(obey: Callable[[str], Awaitable[None]]) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async for line in reader:
        await obey(line.decode())


def beside(kind: str) -> "subprocess.Popen[bytes]":
    """One in a process of its own."""
    return subprocess.Popen([sys.executable, "-m", "benchmarks.stages.peer", kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


if __name__ == "__main__":
    asyncio.run({"smsc": smsc, "hook": hook}[sys.argv[1]]())
