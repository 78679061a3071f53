"""The stages at a carrier: encode and send, answer, receipt. A link of its own over a real socket to a peer that answers when it is told to."""

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any, Final

from actors.metrics import Metrics
from actors.outcomes import Outcomes
from benchmarks.stages.lab import CARRIER, KLASS, OWNER, Cost, Lab, chunks, count_for
from benchmarks.stages.peer import beside
from carriers.link import SmppLink
from carriers.port import Answer, Outgoing
from router.brain.port import Observation
from router.record import unpack_body
from router.settings import CarrierProfile, Price

WINDOW: Final = 10_000  # everything may be unanswered: each stage is measured by itself
WITHIN_S: Final = 60.0


class Wire:
    """A link as a carrier's actor has it, with its outcomes; and the peer."""

    def __init__(self, lab: Lab, peer: "subprocess.Popen[bytes]", port: int) -> None:
        self.lab = lab
        self._peer = peer
        profile = CarrierProfile(
            name=CARRIER, addresses=(f"127.0.0.1:{port}",), system_id="me", window=WINDOW, prices=(Price(to="*", micros=1),)
        )
        self._seen: list[Observation] = []
        self.outcomes = Outcomes(
            lab.journal, OWNER, profile, Metrics("carrier"), rules=lab.settings.rules, observe=self._seen.extend
        )
        self.answers = 0
        self.receipts = 0
        self._came = asyncio.Event()
        self.link = SmppLink(
            profile,
            on_answers=self._on_answers,
            on_receipts=self._on_receipts,
            on_inbound=self._on_inbound,
            on_change=lambda: None,
            clock=time.monotonic,
            wall=time.time,
            rng=Random(1),
        )

    @classmethod
    @asynccontextmanager
    async def opened(cls, lab: Lab) -> AsyncIterator["Wire"]:
        """One for a block of code, bound."""
        peer = beside("smsc")
        try:
            assert peer.stdout is not None  # noqa: S101 (asked for above)
            wire = cls(lab, peer, int(await asyncio.to_thread(peer.stdout.readline)))
            await wire.link.start()
            async with asyncio.timeout(WITHIN_S):
                while not wire.link.state.bound:
                    await asyncio.sleep(0.01)
            yield wire
            await wire.link.close(1.0)
        finally:
            peer.terminate()
            peer.communicate()

    def _on_answers(self, answers: list[Answer]) -> None:
        self.outcomes.on_answers(answers)
        self.answers += len(answers)
        self._came.set()

    async def _on_receipts(self, receipts: list[Any]) -> None:
        await self.outcomes.receipts.on_receipts(receipts)
        self.receipts += len(receipts)
        self._came.set()

    @staticmethod
    async def _on_inbound(batch: list[Any]) -> list[int]:
        return [0] * len(batch)

    def tell(self, word: str, count: int) -> None:
        """Have the peer do something."""
        assert self._peer.stdin is not None  # noqa: S101 (asked for at its start)
        self._peer.stdin.write(f"{word} {count}\n".encode())
        self._peer.stdin.flush()

    async def until(self, what: str, count: int) -> None:
        """Wait until so many answers or receipts have come in all."""
        async with asyncio.timeout(WITHIN_S):
            while getattr(self, what) < count:
                self._came.clear()
                await self._came.wait()


async def at_carrier(lab: Lab, wire: Wire, batch: int) -> list[Cost]:
    """The three stages, one after the other, of the same messages."""
    claimed = await lab.assigned(min(count_for(batch), WINDOW - 1_000))
    count, journal = len(claimed), lab.journal
    before = await lab.spent()
    for some in chunks(claimed, batch):
        outgoing = [Outgoing(one.id, one.attempts + 1, KLASS, unpack_body(one.body)) for one in some]
        wire.outcomes.sent(outgoing)
        wire.link.send(outgoing)
        await asyncio.sleep(0)  # the loop's turn, in which octets go to the socket
    sent = await lab.cost("encode, send", batch, count, before)
    before, had = await lab.spent(), wire.answers
    for number, some in enumerate(chunks(claimed, batch), 1):
        wire.tell("A", len(some))
        await wire.until("answers", had + min(count, number * batch))
        await journal.submitted(OWNER, CARRIER, list(wire.outcomes.submitted.items))
        wire.outcomes.submitted._items.clear()
    answered = await lab.cost("answer", batch, count, before)
    before, had = await lab.spent(), wire.receipts
    for number, some in enumerate(chunks(claimed, batch), 1):
        wire.tell("R", len(some))
        await wire.until("receipts", had + min(count, number * batch))
    return [sent, answered, await lab.cost("receipt", batch, count, before)]
