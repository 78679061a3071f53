"""Messages from handsets, from a simulated SMSC to a link, and over its control endpoint."""

import asyncio
import json
import time
from random import Random

import aiohttp
import pytest

from carriers.link import SmppLink
from router.settings import CarrierProfile
from sims.smsc.control import Control
from sims.smsc.handsets import InvalidMo
from sims.smsc.options import SmscOptions
from sims.smsc.process import SmscProcess
from sims.smsc.server import Smsc
from sims.smsc.temperament import Temperament


async def until(condition):
    deadline = time.monotonic() + 10
    while not (value := condition()):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)
    return value


class Receiver:
    """A link that keeps what handsets send."""

    def __init__(self, port, **fields):
        self.messages = []
        self.statuses = []
        self.link = SmppLink(
            CarrierProfile(name="acme", addresses=(f"127.0.0.1:{port}",), system_id="trunk", password="x", **fields),
            on_answers=lambda _: None,
            on_receipts=self._none,
            on_inbound=self._inbound,
            on_change=lambda: None,
            clock=time.monotonic,
            wall=time.time,
            rng=Random(7),
        )

    async def _none(self, _):
        raise AssertionError("no receipt was asked for")

    async def _inbound(self, messages):
        self.messages += messages
        return [self.statuses.pop(0) if self.statuses else 0 for _ in messages]


@pytest.fixture
async def smsc():
    made = Smsc(SmscOptions(receipt_repeat_s=0.05, receipt_window=3), Temperament())
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def receiver(smsc):
    made = Receiver(smsc.port, sessions=2)
    await made.link.start()
    await until(lambda: made.link.state.receivers == 2)
    yield made
    await made.link.close(0.0)


async def test_messages_are_spread_and_acknowledged(smsc, receiver):
    assert [smsc.send_mo("+447700900123", "12345", f"hello {n}") for n in range(20)] == [1] * 20
    await until(lambda: smsc.stats.mo_acked == 20)
    assert sorted(message.octets.decode() for message in receiver.messages) == sorted(f"hello {n}" for n in range(20))
    assert {(m.source, m.destination, m.part) for m in receiver.messages} == {("447700900123", "12345", None)}


async def test_long_ones_come_in_marked_parts(smsc, receiver):
    parts = smsc.send_mo("447700900123", "12345", "ждуж", long=True)
    assert parts == 2
    await until(lambda: smsc.stats.mo_acked == parts)
    assert sorted(message.part.number for message in receiver.messages) == [1, 2]
    assert {(message.part.total, message.part.wide, message.data_coding) for message in receiver.messages} == {(2, False, 8)}


async def test_what_was_put_off_comes_again_and_what_was_refused_does_not(smsc, receiver):
    receiver.statuses = [0x08, 0]
    smsc.send_mo("447700900123", "12345", "hello")
    await until(lambda: smsc.stats.mo_acked == 1)
    assert len(receiver.messages) == 2
    receiver.statuses = [0x65]
    smsc.send_mo("447700900123", "12345", "hello")
    await until(lambda: smsc.stats.mo_refused[0x65] == 1)
    assert (smsc.stats.mo_sent, smsc.stats.mo_repeated) == (3, 1)


async def test_the_control_endpoint_takes_them(smsc, receiver):
    control = Control(smsc)
    port = await control.start()
    async with aiohttp.ClientSession() as session:
        good = {"from": "+447700900123", "to": "12345", "text": "hello"}
        async with session.post(f"http://127.0.0.1:{port}/mo", json=good) as answer:
            assert (answer.status, await answer.json()) == (200, {"parts": 1})
        for bad in ({"from": "1"}, good | {"colour": "red"}, good | {"system_id": "gone"}, good | {"to": ""}):
            async with session.post(f"http://127.0.0.1:{port}/mo", data=json.dumps(bad)) as answer:
                assert answer.status == 422
                assert (await answer.json(content_type=None))["detail"]
        await until(lambda: smsc.stats.mo_acked == 1)
        async with session.get(f"http://127.0.0.1:{port}/stats") as answer:
            assert (await answer.json())["mo_acked"] == 1
    await control.stop()


async def test_nobody_is_there(smsc):
    with pytest.raises(InvalidMo):
        smsc.send_mo("447700900123", "12345", "hello")


async def test_a_process_of_its_own_sends_them(tmp_path):
    process = await asyncio.to_thread(SmscProcess, Temperament(), account="trunk:x", log=tmp_path / "log")
    receiver = Receiver(process.smpp_port)
    try:
        await receiver.link.start()
        await until(lambda: receiver.link.state.receivers == 1)
        assert await asyncio.to_thread(process.send_mo, "447700900123", "12345", "hello", long=True) == 2
        await until(lambda: len(receiver.messages) == 2)
    finally:
        await receiver.link.close(0.0)
        await asyncio.to_thread(process.stop)
