"""The SMSC over real sockets, spoken to in plain octets."""

import asyncio
import socket
import ssl
from pathlib import Path
from time import monotonic

import aiohttp
import pytest

from carriers.smpp import commands as c
from carriers.smpp.messages import Message, pack_message, read_message, read_message_id
from carriers.smpp.operations import Bind, pack_bind
from carriers.smpp.pdu import pack_pdu
from carriers.smpp.receipts import read_receipt
from router.text.segments import split
from sims.smsc import server
from sims.smsc.control import Control
from sims.smsc.options import SmscOptions
from sims.smsc.server import Smsc
from sims.smsc.temperament import Change, InvalidTemperament, Temperament, Timetable
from tests.certificate import self_signed
from tests.contract.sims.esme import SUBMIT, Esme

ROOT = Path(__file__).parents[3]


@pytest.fixture
async def serve():
    running = []

    async def start(temperament=None, timetable=None, **options):
        smsc = Smsc(SmscOptions(**options), temperament, timetable)
        await smsc.start()
        running.append(smsc)
        return smsc

    yield start
    for smsc in running:
        await smsc.stop()


async def until(condition, deadline_s=10):
    end_s = monotonic() + deadline_s
    while not condition():
        assert monotonic() < end_s, "not in time"
        await asyncio.sleep(0.005)


async def test_bind_submit_answer_receipt_unbind(serve):
    smsc = await serve(Temperament(receipt_median_s=0.05))
    esme = await Esme.bound(smsc.port)
    began_s = monotonic()
    esme.submit()
    [(status, message_id)] = await esme.answers(1)
    assert status == 0
    assert await esme.receipt() == (message_id, "DELIVRD")
    assert monotonic() - began_s >= 0.05
    esme.send(c.UNBIND)
    assert (await esme.next())[0] == c.UNBIND_RESP
    assert await esme.next() is None
    await esme.close()
    await until(lambda: not smsc.office.lines)
    assert smsc.stats.receipts_acked == 1


async def test_many_submits_in_one_write_are_all_answered_and_reported(serve):
    smsc = await serve(Temperament(receipt_median_s=0.05), receipt_window=50)
    esme = await Esme.bound(smsc.port)
    esme.submit(2_000)
    answered, reported = set(), set()
    while len(reported) < 2_000:
        command, status, sequence, raw = await esme.next()
        if command == c.SUBMIT_SM_RESP:
            assert status == 0
            answered.add(read_message_id(raw))
        else:
            message = read_message(raw)
            reported.add(read_receipt(message.short_message, message.tlvs, esm_class=4, by_text=False).carrier_id)
            esme.send(c.DELIVER_SM | c.RESPONSE, b"\0", sequence=sequence)
    assert answered == reported
    await esme.close()
    assert smsc.stats.per_second.maximum == 2_000


async def test_throttle_over_sockets(serve):
    smsc = await serve(Temperament(throttle_mps=20))
    esme = await Esme.bound(smsc.port)
    esme.submit(30)
    statuses = [status for status, _ in await esme.answers(30)]
    assert statuses == [0] * 20 + [c.RTHROTTLED] * 10
    await esme.close()


async def test_a_black_hole_over_sockets(serve):
    smsc = await serve(Temperament(black_hole=True, receipt_median_s=0.0))
    esme = await Esme.bound(smsc.port)
    esme.submit(5)
    assert [status for status, _ in await esme.answers(5)] == [0] * 5
    assert await esme.quiet()
    await esme.close()


async def test_transmitter_and_receiver_are_two_connections(serve):
    smsc = await serve(Temperament(receipt_median_s=0.0))
    transmitter = await Esme.bound(smsc.port, c.BIND_TRANSMITTER)
    transmitter.submit(3)
    ids = {message_id for _, message_id in await transmitter.answers(3)}
    await until(lambda: smsc.stats.receipts.total() == 3)
    assert smsc.stats.receipts_sent == 0  # kept
    receiver = await Esme.bound(smsc.port, c.BIND_RECEIVER)
    assert {(await receiver.receipt())[0] for _ in range(3)} == ids
    assert await transmitter.quiet()
    receiver.submit()
    assert (await receiver.next())[:2] == (c.SUBMIT_SM_RESP, c.RINVBNDSTS)
    await transmitter.close()
    await receiver.close()


async def test_the_timetable_runs_by_the_clock(serve):
    table = Timetable(changes=(Change(from_s=0.3, to_s=0.9, set={"errors": {"0x08": 1.0}}),))
    smsc = await serve(Temperament(black_hole=True), table)
    esme = await Esme.bound(smsc.port)
    seen = []
    began_s = monotonic()
    while monotonic() - began_s < 5 and seen.count(0) == len(seen[: seen.index(8)] if 8 in seen else seen):
        esme.submit()
        seen += [status for status, _ in await esme.answers(1)]
        await asyncio.sleep(0.01)
    first, last = seen.index(8), len(seen) - 1 - seen[::-1].index(8)
    assert seen == [0] * first + [8] * (last - first + 1) + [0] * (len(seen) - 1 - last)
    assert first > 0
    assert seen[-1] == 0
    await esme.close()


async def test_an_outage_cuts_everybody_and_ends_on_the_same_port(serve):
    smsc = await serve()
    esme = await Esme.bound(smsc.port)
    smsc.set_temperament(outage=True)
    with pytest.raises((ConnectionError, TypeError)):  # a reset, or the end of the stream
        _command, *_ = await esme.next()
    await until(lambda: not smsc.office.lines)
    with pytest.raises(OSError):
        await Esme.connect(smsc.port)
    smsc.set_temperament(outage=False)
    await until(lambda: smsc._server is not None)
    again = await Esme.bound(smsc.port)
    await esme.close()
    await again.close()


async def test_a_cut_after_so_many_submits(serve):
    smsc = await serve(Temperament(drop_after=3, receipt_median_s=60))
    esme = await Esme.bound(smsc.port)
    esme.submit(5)
    assert len(await esme.answers(2)) == 2
    assert await esme.next() is None
    await esme.close()
    assert (smsc.stats.accepted, smsc.stats.unanswered) == (3, 1)


@pytest.mark.parametrize("garbage", [b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", b"\0\0\0\x07" + b"x" * 40, b"\x7f" * 64])
async def test_garbage_is_nacked_and_closed_and_the_others_do_not_notice(serve, garbage):
    smsc = await serve()
    esme = await Esme.bound(smsc.port)
    rude = await Esme.connect(smsc.port)
    rude.writer.write(garbage)
    command, status, _, _ = await rude.next()
    assert (command, status) == (c.GENERIC_NACK, c.RINVCMDLEN)
    assert await rude.next() is None
    await rude.close()
    esme.submit()
    assert (await esme.answers(1))[0][0] == 0
    await esme.close()
    await until(lambda: smsc.stats.framing_lost == 1)


async def test_one_octet_at_a_time(serve):
    smsc = await serve(Temperament(black_hole=True))
    esme = await Esme.connect(smsc.port)
    octets = pack_pdu(c.BIND_TRANSCEIVER, 0, 1, pack_bind(Bind("acme", "secret"))) + pack_pdu(c.ENQUIRE_LINK, 0, 2)
    for octet in octets:
        esme.writer.write(bytes((octet,)))
        await esme.writer.drain()
        await asyncio.sleep(0)
    assert (await esme.next())[0] == c.BIND_TRANSCEIVER | c.RESPONSE
    assert (await esme.next())[0] == c.ENQUIRE_LINK_RESP
    await esme.close()


async def test_passwords_are_checked_when_there_are_accounts(serve):
    smsc = await serve(accounts={"acme": "secret", "other": "different"})
    await (await Esme.bound(smsc.port)).close()
    refused = await Esme.connect(smsc.port)
    for system_id, status in (("other", c.RINVPASWD), ("nobody", c.RINVSYSID)):
        refused.send(c.BIND_TRANSCEIVER, pack_bind(Bind(system_id, "secret")))
        assert (await refused.next())[:2] == (c.BIND_TRANSCEIVER | c.RESPONSE, status)
    await refused.close()


async def test_the_control_endpoint_tells_and_changes(serve):
    smsc = await serve(Temperament(black_hole=True), track=True)
    control = Control(smsc)
    base = f"http://127.0.0.1:{await control.start()}"
    esme = await Esme.bound(smsc.port)
    text = "Schöne Grüße! " * 20
    for reference in (1, 2):
        for part in split(text, "gsm7", reference).parts:
            esme.submit(message=Message("Acme", "49151", part, esm_class=0x40))
    esme.submit(message=Message("Acme", "49152", "п".encode("utf-16-be"), data_coding=8))
    parts = 2 * len(split(text, "gsm7", 1).parts) + 1
    await esme.answers(parts)
    async with aiohttp.ClientSession() as http:

        async def get(path):
            async with http.get(base + path) as answer:
                assert answer.status == 200
                return await answer.json()

        told = await get("/stats")
        assert (told["submits"], told["parts"], told["messages"], told["duplicates"]) == (parts, parts, 3, 1)
        assert told["answers"] == {"0x00": parts}
        assert told["accounts"]["acme"]["lines"] == 1
        recent = (await get("/messages?limit=2"))["data"]
        assert [(m["to"], m["text"], m["parts"]) for m in recent] == [("49152", "п", 1), ("49151", text, (parts - 1) // 2)]
        assert len((await get("/messages?to=%2B49151"))["data"]) == 2
        async with http.post(base + "/temperament", json={"errors": {"0x45": 1.0}}) as answer:
            assert (answer.status, (await answer.json())["errors"]) == (200, {"0x45": 1.0})
        esme.submit()
        assert (await esme.answers(1))[0][0] == 0x45
        for wrong in ({"errors": {"0x45": 2.0}}, {"mood": "bad"}):
            async with http.post(base + "/temperament", json=wrong) as answer:
                assert answer.status == 422
        async with http.post(base + "/temperament", data=b"{") as answer:
            assert answer.status == 422
        assert (await get("/temperament"))["errors"] == {"0x45": 1.0}  # unchanged by what was refused
        table = {"changes": [{"from_s": 0, "to_s": 60, "set": {"errors": {"0x14": 1.0}}}]}
        async with http.post(base + "/timetable", json=table) as answer:
            assert answer.status == 200
        esme.submit()
        assert (await esme.answers(1))[0][0] == 0x14
        async with http.post(base + "/timetable", json={"changes": []}) as answer:
            assert answer.status == 200
        async with http.delete(base + "/temperament") as answer:
            assert answer.status == 200
        esme.submit()
        assert (await esme.answers(1))[0][0] == 0
    await esme.close()
    await control.stop()


async def test_a_refused_change_changes_nothing(serve):
    smsc = await serve(Temperament(throttle_mps=5))
    with pytest.raises(InvalidTemperament):
        smsc.set_temperament(throttle_mps=-1)
    assert smsc.temperament == Temperament(throttle_mps=5)
    assert smsc.set_temperament(no_answer=0.5) == Temperament(throttle_mps=5, no_answer=0.5)


async def test_a_peer_that_does_not_read_is_not_read_from(serve, monkeypatch):
    monkeypatch.setattr(server, "BUFFER_OCTETS", 16_384)
    smsc = await serve(Temperament(black_hole=True, message_ids="uuid"))
    with socket.socket() as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8_192)
        plain.connect(("127.0.0.1", smsc.port))
        plain.sendall(pack_pdu(c.BIND_TRANSCEIVER, 0, 1, pack_bind(Bind("acme", "secret"))))
        plain.setblocking(False)
        body = pack_message(SUBMIT)
        burst = b"".join(pack_pdu(c.SUBMIT_SM, 0, n, body) for n in range(1, 501))

        async def send_on():
            while True:
                await asyncio.get_running_loop().sock_sendall(plain, burst)

        sending = asyncio.ensure_future(send_on())
        await until(lambda: any(line.clogged for line in smsc.office.lines), 30)
        before = smsc.stats.submits
        done, _ = await asyncio.wait({sending}, timeout=0.3)
        assert not done
        assert smsc.stats.submits == before
        sending.cancel()
        await asyncio.wait({sending})
    await until(lambda: not smsc.office.lines)


async def test_tls_from_the_first_octet(serve, tmp_path):
    file = self_signed(tmp_path, "smsc.test", "127.0.0.1").both
    smsc = await serve(Temperament(receipt_median_s=0.0), tls_certificate=file)
    esme = await Esme.bound(smsc.port, ssl=ssl.create_default_context(cafile=file))
    esme.submit()
    [(_, message_id)] = await esme.answers(1)
    assert await esme.receipt() == (message_id, "DELIVRD")
    await esme.close()
