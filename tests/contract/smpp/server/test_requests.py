"""What customers ask: handed on in batches, answered later, held back when it is too much."""

import asyncio
import time

import pytest

from carriers.smpp import commands as c
from carriers.smpp.commands import RINVBNDSTS, RINVDSTADR, RINVNUMDESTS
from carriers.smpp.messages import Data, Message, pack_data, pack_message
from carriers.smpp.multi import Destination, SubmitMulti, pack_multi, pack_multi_resp, read_multi_resp
from carriers.smpp.operations import Cancel, Found, Query, Replace, pack_found, pack_query, pack_replace, read_found
from carriers.smpp.pdu import pack_pdu
from carriers.smpp.server import line as line_module

SUBMIT = pack_message(Message("12345", "447700900123", b"hello", registered_delivery=1))


async def test_submits_of_one_read_are_one_batch_and_are_answered(server, dial, poll):
    gateway = await dial()
    gateway.submit(50)
    await poll(lambda: len(gateway.answers) == 50)
    assert [answer.message_id for answer in gateway.answers] == [f"M{n}" for n in range(1, 51)]
    assert server.behind.batches == [50]
    line, request = server.behind.asked_[0]
    assert (line.account.system_id, line.peer, line.version) == ("acme", "127.0.0.1", 0x34)
    assert request.body.short_message == b"hello"
    assert server.listener.counters.requests == 50


async def test_answers_come_later_and_in_any_order(server, dial, poll):
    server.behind.patient = True
    gateway = await dial()
    gateway.submit(3)
    await poll(lambda: len(server.behind.asked_) == 3)
    assert server.listener.sessions()[0].in_hand == 3
    server.behind.asked_.reverse()
    server.behind.answer_all()
    await poll(lambda: len(gateway.answers) == 3)
    assert server.listener.sessions()[0].in_hand == 0


async def test_every_operation_reaches_the_customers_and_a_receiver_may_ask_for_nothing(server, dial, poll):
    gateway = await dial()
    session = gateway.shell.session
    message = Message("12345", "", b"hello")
    bodies = {
        c.SUBMIT_SM: SUBMIT,
        c.SUBMIT_MULTI: pack_multi(SubmitMulti(message, (Destination("447700900123"), Destination("447700900124")))),
        c.DATA_SM: pack_data(Data("12345", "447700900123", tlvs={c.TLV_MESSAGE_PAYLOAD: b"hello"})),
        c.QUERY_SM: pack_query(Query("M1")),
        c.CANCEL_SM: b"\0M1\0\0\0\0\0\0\0",
        c.REPLACE_SM: pack_replace(Replace("M1", b"other")),
    }
    answers = {
        c.SUBMIT_SM: b"M1\0",
        c.SUBMIT_MULTI: pack_multi_resp("M2", [(1, 1, "447700900124", RINVDSTADR)]),
        c.DATA_SM: b"M3\0",
        c.QUERY_SM: pack_found(Found("M1", "", 2, 0)),
        c.CANCEL_SM: None,
        c.REPLACE_SM: None,
    }
    server.behind.patient = True
    for command, body in bodies.items():
        session.request(command, body, command, time.monotonic())
    gateway.shell.flush()
    await poll(lambda: len(server.behind.asked_) == len(bodies))
    assert isinstance(server.behind.asked_[4][1].body, Cancel)
    for line, request in server.behind.asked_:
        line.answer(request, 0, answers[request.command])
    server.behind.asked_[0][0].flush()
    await poll(lambda: len(gateway.answers) == len(bodies))
    by_command = {answer.command: answer for answer in gateway.answers}
    assert read_multi_resp(by_command[c.SUBMIT_MULTI].raw).unsuccess == ((1, 1, "447700900124", RINVDSTADR),)
    assert read_found(by_command[c.QUERY_SM].raw).message_state == 2

    receiver = await dial(command=c.BIND_RECEIVER)
    receiver.submit(body=bodies[c.DATA_SM], command=c.DATA_SM)
    await poll(lambda: receiver.answers)
    assert receiver.answers[0].status == RINVBNDSTS
    assert len(server.behind.asked_) == len(bodies)


async def test_what_cannot_be_read_is_refused_by_the_session_and_never_handed_on(server, dial, poll):
    gateway = await dial()
    gateway.submit(body=b"\0\0\x0012345\0\x00", command=c.SUBMIT_MULTI)
    await poll(lambda: gateway.answers)
    assert gateway.answers[0].status == RINVNUMDESTS
    assert server.behind.asked_ == []


async def test_an_answer_after_the_end_of_its_session_is_nothing(server, dial, poll):
    server.behind.patient = True
    gateway = await dial()
    gateway.submit(2)
    await poll(lambda: len(server.behind.asked_) == 2)
    gateway.shell.abort("gone")
    await poll(lambda: server.listener.sessions() == [])
    server.behind.answer_all()
    assert server.listener.counters.cuts == 1


async def test_a_session_with_too_much_in_hand_is_not_read_from_until_half_is_answered(server, dial, poll, monkeypatch):
    monkeypatch.setattr(line_module, "MAX_IN_HAND", 100)
    server.behind.patient = True
    gateway = await dial()
    for _ in range(40):
        gateway.submit(200)
        await asyncio.sleep(0)
    await poll(lambda: server.listener.counters.holds == 1)
    (view,) = server.listener.sessions()
    held = view.in_hand
    await asyncio.sleep(0.05)
    assert server.listener.sessions()[0].in_hand == held  # nothing is read
    while len(gateway.answers) < 8_000:
        server.behind.answer_all()
        await asyncio.sleep(0.001)
    assert server.listener.sessions()[0].in_hand == 0
    assert not gateway.closed


async def test_long_payloads_in_hand_hold_a_session_by_their_octets(server, dial, poll):
    server.behind.patient = True
    gateway = await dial()
    payload = pack_data(Data("12345", "447700900123", tlvs={c.TLV_MESSAGE_PAYLOAD: bytes(60_000)}))
    gateway.submit(300, payload, c.DATA_SM)
    await poll(lambda: server.listener.counters.holds == 1)
    assert server.listener.sessions()[0].in_hand < 100  # 4 MiB and one read
    while len(gateway.answers) < 300:
        server.behind.answer_all()
        await asyncio.sleep(0.001)
    assert server.listener._here.lines()[0]._octets == 0


async def test_a_session_that_is_held_is_not_taken_for_dead(make_server, dial, poll, monkeypatch):
    monkeypatch.setattr(line_module, "MAX_IN_HAND", 10)
    rig = await make_server(enquire_link_s=0.05)
    rig.listener._timers = rig.listener._timers._replace(enquire_answer_s=0.1)
    rig.behind.patient = True
    gateway = await dial(rig=rig)
    gateway.submit(50)
    await poll(lambda: rig.listener.counters.holds == 1)
    await asyncio.sleep(0.4)  # several times as long as a silent peer would live
    assert not gateway.closed
    rig.behind.answer_all()
    await poll(lambda: len(gateway.answers) == 50)


async def test_a_held_session_whose_requests_nobody_answers_is_closed_in_the_end(server, dial, poll, monkeypatch, caplog):
    monkeypatch.setattr(line_module, "MAX_IN_HAND", 10)
    monkeypatch.setattr(line_module, "STUCK_S", 0.1)
    server.behind.patient = True
    gateway = await dial()
    gateway.submit(50)
    await poll(lambda: server.listener.counters.holds == 1)
    server.behind.answer(*server.behind.asked_.pop())  # an answer is a sign of life
    await poll(lambda: gateway.closed)
    assert "smpp.unanswered account=acme requests=49" in caplog.text
    assert server.listener.sessions() == []


async def test_a_gateway_that_does_not_read_its_answers_is_not_read_from(server, poll):
    server.behind.patient = True
    reader, writer = await asyncio.open_connection("127.0.0.1", server.listener.port, limit=1024)
    writer.write(pack_pdu(c.BIND_TRANSCEIVER, 0, 1, b"acme\0secret12\0\0\x34\0\0\0"))
    assert (await reader.readexactly(16))[4:8] == b"\x80\0\0\x09"
    server.behind.patient = False
    submit = b"".join(pack_pdu(c.SUBMIT_SM, 0, n, SUBMIT) for n in range(1, 1001))
    asked, still = 0, 0
    for _ in range(2_000):
        if writer.transport.get_write_buffer_size() < 1 << 16:
            writer.write(submit)
        await asyncio.sleep(0.001)
        still = still + 1 if len(server.behind.asked_) == asked else 0
        asked = len(server.behind.asked_)
        if still > 100:
            break
    else:
        pytest.fail("it was read from for ever")
    (shell,) = [line.shell for line in server.listener._here.lines()]
    assert shell._transport.get_write_buffer_size() < 2_000_000
    while len(server.behind.asked_) == asked:  # it reads again: so do we
        await reader.read(1 << 16)
    writer.transport.abort()


@pytest.mark.parametrize("octets", [b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\x03", b"\x7f\xff\xff\xff", b"\x16\x03\x01\x02\x00"])
async def test_what_is_no_smpp_is_nacked_and_closed(server, octets):
    reader, writer = await asyncio.open_connection("127.0.0.1", server.listener.port)
    writer.write(octets)
    assert (await asyncio.wait_for(reader.read(), 5))[4:8] == b"\x80\0\0\0"
    writer.close()
    await writer.wait_closed()
