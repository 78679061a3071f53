"""A carrier's SMSC on the simulated network: the simulator's own office, with a witness at its counter."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from carriers.smpp import commands as c
from carriers.smpp.commands import ESM_UDHI
from carriers.smpp.messages import Message
from router.text.udh import read_udh
from sims.invariants import Answer, HangUp, Receipt, Submit
from sims.smsc.account import Line
from sims.smsc.office import Office
from sims.smsc.options import SmscOptions
from sims.smsc.temperament import Temperament
from sims.swarm.loop import VirtualLoop
from sims.swarm.node import EPOCH_NS
from sims.swarm.trace import Trace

SWEEP_S: Final = 0.25


class Witness:
    """Writes down what one carrier gets and gives, by the number that a message is for: each message has one of its own."""

    def __init__(self, carrier: str, now_us: Callable[[], int], trace: Trace) -> None:
        self.carrier = carrier
        self.submits: list[Submit] = []
        self.answers: list[Answer] = []
        self.hang_ups: list[HangUp] = []
        self._now_us = now_us
        self._trace = trace
        self._numbers: dict[str, int] = {}  # of submits, by the id that their answer told
        self._due: dict[str, tuple[int, str]] = {}  # final receipts by message id: when, and what they say
        self._acked: dict[str, int] = {}

    def submitted(self, message: Message, now_s: float) -> int:
        """A submit came; returns its number, from 1."""
        del now_s
        segment = 1
        if message.esm_class & ESM_UDHI:
            found, _ = read_udh(message.short_message)
            segment = found.number if found is not None else 1
        number = len(self.submits) + 1
        self.submits.append(Submit(self._now_us(), message.destination, self.carrier, number, segment))
        self._trace.add(self.carrier, "submit", message.destination, str(segment))
        return number

    def answered(self, number: int, status: int, message_id: str, now_s: float) -> None:
        """The answer to a submit was written."""
        del now_s
        submit = self.submits[number - 1]
        self._numbers[message_id] = number
        self.answers.append(Answer(self._now_us(), submit.id, self.carrier, number, status == c.ROK))
        self._trace.add(self.carrier, "answer", submit.id, f"{status:#x}", message_id)

    def receipt(self, message_id: str, stat: str, now_s: float) -> None:
        """A final receipt is due."""
        del now_s
        self._due.setdefault(message_id, (self._now_us(), stat))
        self._trace.add(self.carrier, "receipt", message_id, stat)

    def acknowledged(self, message_id: str, now_s: float) -> None:
        """A receipt was answered with ROK."""
        del now_s
        if message_id in self._due:  # else it was an intermediate one
            self._acked.setdefault(message_id, self._now_us())
        self._trace.add(self.carrier, "acked", message_id)

    def hung_up(self) -> None:
        """It ends a connection."""
        self.hang_ups.append(HangUp(self._now_us(), self.carrier))
        self._trace.add(self.carrier, "hung up")

    def flush(self) -> None:
        """It is all in memory."""

    def close(self) -> None:
        """Nothing is open."""

    def receipts(self) -> list[Receipt]:
        """Of submits that were answered: nobody can know whose the others are."""
        found = []
        for message_id, (at_us, stat) in self._due.items():
            number = self._numbers.get(message_id)
            if number is not None:
                submit, acked_us = self.submits[number - 1], self._acked.get(message_id)
                told_us = at_us if acked_us is None else acked_us
                delivered, acked = stat == "DELIVRD", acked_us is not None
                found.append(Receipt(told_us, submit.id, self.carrier, number, delivered, acked, submit.segment))
        return found


class Counter:
    """One SMSC: octets and time for its office."""

    def __init__(self, loop: VirtualLoop, witness: Witness, temperament: Temperament, seed: int) -> None:
        self._loop = loop
        self.witness = witness
        options = SmscOptions(seed=seed, receipt_answer_s=5.0, receipt_repeat_s=0.5)
        self.office = Office(options, temperament, first_id=1_000_000, wall_offset_s=EPOCH_NS / 1e9)
        self.office.custody.diary = witness
        self._peers: dict[Line, _Peer] = {}
        self._due_s = float("inf")
        loop.call_later(SWEEP_S, self._sweep)

    def accept(self) -> asyncio.Protocol:
        """Somebody connects."""
        return _Peer(self)

    @property
    def temperament(self) -> Temperament:
        """How it behaves now."""
        return self.office.custody.temperament

    @temperament.setter
    def temperament(self, value: Temperament) -> None:
        self.office.custody.temperament = value

    def connected(self, peer: "_Peer") -> Line:
        """A connection came."""
        line = self.office.connect(self._loop.time())
        self._peers[line] = peer
        return line

    def received(self, line: Line, data: bytes) -> None:
        """Octets came."""
        self.office.receive(line, data, self._loop.time())
        self._attend()

    def lost(self, line: Line) -> None:
        """A connection is gone."""
        self._peers.pop(line, None)
        self.office.lost(line, self._loop.time())
        self._attend()

    def _attend(self) -> None:
        touched, self.office.touched = self.office.touched, {}
        for line in touched:
            peer = self._peers.get(line)
            if peer is None or peer.transport is None:
                continue
            octets = line.session.bytes_to_send()
            if octets:
                peer.transport.write(octets)
            if line.ended:
                self.witness.hung_up()
                peer.transport.close()
        next_s = self.office.custody.agenda.next_s()
        if next_s is not None and next_s < self._due_s:
            self._due_s = next_s
            self._loop.call_at(max(next_s, self._loop.time() + 0.001), self._due)

    def _due(self) -> None:
        self._due_s = float("inf")
        self.office.due(self._loop.time())
        self._attend()

    def _sweep(self) -> None:
        self.office.sweep(self._loop.time())
        self._attend()
        self._loop.call_later(SWEEP_S, self._sweep)


class _Peer(asyncio.Protocol):
    """One connection."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._line: Line | None = None
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self._line = self._counter.connected(self)

    def data_received(self, data: bytes) -> None:
        if self._line is not None:
            self._counter.received(self._line, data)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.transport = None
        if self._line is not None:
            self._counter.lost(self._line)
