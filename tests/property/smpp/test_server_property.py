"""Gateways come, answer as they like, fall silent and go: every delivery ends once, every request is answered once."""

import asyncio
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from carriers.smpp import commands as c
from carriers.smpp import events as e
from carriers.smpp.law import Side
from carriers.smpp.messages import Message, pack_message
from carriers.smpp.operations import Bind
from carriers.smpp.server.port import Verdict
from carriers.smpp.session import Session, Timers

SUBMIT = pack_message(Message("12345", "447700900123", b"hello"))
MODES = (c.BIND_RECEIVER, c.BIND_TRANSMITTER, c.BIND_TRANSCEIVER, c.BIND_TRANSCEIVER)


class Gateway:
    """A client session at the other end of a wire that cuts octets anywhere."""

    def __init__(self, world, rng: Random) -> None:
        self.wire = world.connect()
        self.rng = rng
        self.session = Session(Side.ESME, Timers(), now_s=0, window=20)
        self.session.bind(rng.choice(MODES), Bind("acme", "secret"), 0)
        self.delivered: list[e.Request] = []
        self.answered: list[int] = []
        self.unanswered: list[int] = []
        self.sent = 0
        self._in = bytearray()
        self._out = bytearray()

    def move(self, now_s: float, *, all_of_it: bool = False) -> None:
        """Some octets go each way."""
        rng = self.rng
        self._out += self.session.bytes_to_send()
        self._in += self.wire.taken()
        for octets, hear in ((self._out, self._server_hears), (self._in, self._hear)):
            size = len(octets) if all_of_it else rng.choice((0, 1, 15, 16, 50, 500))
            part = bytes(octets[:size])
            del octets[:size]
            if part:
                hear(part, now_s)
        if self.wire.closing:
            self._hear(bytes(self._in + self.wire.taken()), now_s)
            self._in.clear()
            self._take(self.session.lost("cut"))

    def answer(self, statuses: tuple[int, ...]) -> None:
        self.rng.shuffle(self.delivered)
        for request in self.delivered:
            self.session.respond(request.command, request.sequence, self.rng.choice(statuses))
        self.delivered.clear()

    def submit(self) -> None:
        if c.SUBMIT_SM in self.session._sendable and self.session.room:
            self.session.request(c.SUBMIT_SM, SUBMIT, self.sent, 0)
            self.sent += 1

    def _server_hears(self, octets: bytes, now_s: float) -> None:
        if not self.wire.closing:
            self.wire.protocol.data_received(octets)

    def _hear(self, octets: bytes, now_s: float) -> None:
        self._take(self.session.receive(octets, now_s))

    def _take(self, events: list[e.Event]) -> None:
        for event in events:
            match event:
                case e.Asked(requests):
                    self.delivered += requests
                case e.Answered(answers):
                    self.answered += [answer.context for answer in answers]
                case e.Closed(_, requests):
                    self.unanswered += [request.context for request in requests]
                    self.wire.close()
                case _:
                    pass


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), window=st.integers(1, 6), count=st.integers(0, 40))
def test_every_delivery_ends_once_and_every_submit_is_answered_or_given_back(make_world, seed, window, count):
    asyncio.run(_live(make_world, Random(seed), window, count))


async def _live(make_world, rng: Random, window: int, count: int) -> None:
    world = make_world(window=window, max_binds=1_000)
    world.queue = list(range(count))
    gateways: list[Gateway] = []
    for _ in range(150):
        match rng.randrange(12):
            case 0 if len(gateways) < 8:
                gateways.append(Gateway(world, rng))
            case 1 if gateways and rng.random() < 0.2:
                rng.choice(gateways).wire.close()
            case 2 if gateways and rng.random() < 0.2:
                rng.choice(gateways).session.unbind(world.now_s)
            case 3 | 4 if gateways:
                rng.choice(gateways).answer((0, 0, 0, 0x58, 0x14, 0x66))
            case 5 if gateways:
                rng.choice(gateways).submit()
            case 6:
                world.answer(rng.randrange(4))
            case 7:
                world.deliver()
            case 8 if rng.random() < 0.3:
                world.pass_time(rng.choice((0.1, 5.0, 29.0, 31.0)), [gateway.wire for gateway in gateways])
            case _:
                for gateway in gateways:
                    gateway.move(world.now_s)
        await asyncio.sleep(0)
    # All behave from now on, and one that receives is there: everything comes to its end.
    last = Gateway(world, Random(4))
    last.session = Session(Side.ESME, Timers(), now_s=0, window=20)
    last.session.bind(c.BIND_TRANSCEIVER, Bind("acme", "secret"), 0)
    gateways.append(last)
    for _ in range(400):
        for gateway in gateways:
            gateway.move(world.now_s, all_of_it=True)
            gateway.answer((0,))
        world.answer(100)
        await asyncio.sleep(0)
        if not world.queue and not world.under_way:
            break
    else:
        raise AssertionError(f"{len(world.queue)} wait and {len(world.under_way)} are under way for ever")
    for gateway in gateways:
        gateway.wire.close()
    await asyncio.sleep(0)
    for gateway in gateways:
        gateway.move(world.now_s, all_of_it=True)
        assert sorted(gateway.answered + gateway.unanswered) == list(range(gateway.sent))
    assert sorted(token for token, _ in world.ended) == list(range(count))
    assert {verdict for _, verdict in world.ended} <= {Verdict.TAKEN, Verdict.REFUSED}
    assert world.listener.sessions() == []
    await world.listener.close(0)
