"""How sessions end: unbinds of either side, silence, changes of accounts, and the server's own end."""

import asyncio
import contextlib
import socket

import pytest

from carriers.smpp import commands as c
from carriers.smpp.commands import RTHROTTLED
from carriers.smpp.pdu import Framer, pack_pdu, read_header
from carriers.smpp.server.port import Outcome, Verdict


async def test_an_unbind_is_answered_and_is_no_cut(server, dial, poll):
    gateway = await dial()
    gateway.unbind()
    await poll(lambda: gateway.closed)
    assert gateway.closed == "unbound"
    await poll(lambda: server.listener.bound() == {})
    assert server.listener.counters.cuts == 0


async def test_requests_in_hand_are_answered_before_the_unbind(server, dial, poll):
    server.behind.patient = True
    gateway = await dial()
    gateway.submit(3)
    gateway.unbind()
    await poll(lambda: len(server.behind.asked_) == 3)
    server.behind.answer_all()
    await poll(lambda: gateway.closed)
    assert gateway.closed == "unbound"
    assert [answer.message_id for answer in gateway.answers] == ["M1", "M2", "M3"]


async def test_a_peer_that_goes_away_after_its_unbind_gives_back_deliveries(server, dial, poll):
    gateway = await dial()
    gateway.status_of = lambda _: None
    server.behind.deliver("it")
    await poll(lambda: gateway.delivered)
    gateway.unbind()
    await poll(lambda: server.behind.outcomes)
    assert server.behind.outcomes == [Outcome("it", Verdict.RETRY)]


async def test_a_silent_peer_is_asked_and_then_cut(make_server, poll):
    rig = await make_server(enquire_link_s=0.05)
    rig.listener._timers = rig.listener._timers._replace(enquire_answer_s=0.1)
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.listener.port)
    writer.write(pack_pdu(c.BIND_TRANSCEIVER, 0, 1, b"acme\0secret12\0\0\x34\0\0\0"))
    received = await asyncio.wait_for(reader.read(), 5)  # to the end of the connection
    assert pack_pdu(c.ENQUIRE_LINK, 0, 1) in received
    assert rig.listener.counters.enquire_timeouts == rig.listener.counters.cuts == 1
    writer.close()
    await writer.wait_closed()


async def test_a_session_without_traffic_is_unbound(make_server, dial, poll):
    rig = await make_server(inactivity_s=0.05)
    gateway = await dial(rig=rig)
    await poll(lambda: gateway.unbinding and gateway.closed)
    assert rig.listener.counters.cuts == 0


async def test_who_does_not_bind_in_time_is_closed(server, dial, poll):
    server.listener._timers = server.listener._timers._replace(session_init_s=0.05)
    gateway = await dial(bind=False)
    await poll(lambda: gateway.closed)
    assert server.listener.sessions() == []


@pytest.mark.parametrize("change", ["gone", "disabled", "password", "addresses"])
async def test_an_account_that_may_no_longer_bind_is_unbound_after_what_is_in_hand(server, dial, poll, change):
    behind = server.behind
    behind.patient = True
    other_hash = behind.accounts["acme"][1].password.replace("00", "11")
    gateway, stays = await dial(), None
    behind.open_account("other")
    stays = await dial("other")
    gateway.submit()
    await poll(lambda: behind.asked_)
    if change == "gone":
        del behind.accounts["acme"]
    else:
        fields = {"disabled": {"enabled": False}, "password": {"password": other_hash}, "addresses": {"addresses": ("10.0.0.1",)}}
        behind.open_account(**fields[change])
    behind.retune()
    gateway.submit()
    await poll(lambda: gateway.answers)
    assert gateway.answers[0].status == RTHROTTLED
    assert not gateway.unbinding
    behind.answer_all()
    await poll(lambda: gateway.closed)
    assert gateway.unbinding
    assert len(gateway.answers) == 2
    await poll(lambda: server.listener.bound() == {"other": (1, 1)})  # the server hears of the end after its peer
    assert not stays.closed


async def test_new_limits_hold_for_sessions_that_stay(server, dial, poll):
    gateway = await dial()
    gateway.status_of = lambda _: None
    server.behind.deliver(*range(10))
    assert server.listener.room("acme") == 0
    server.behind.open_account(window=15)
    server.behind.retune(deliver_timeout_s=0.05)
    assert server.listener.room("acme") == 5
    assert server.behind.rooms == ["acme", "acme"]
    await poll(lambda: len(server.behind.outcomes) == 10)


async def test_close_waits_for_what_is_in_hand_and_for_deliveries_then_unbinds(make_server, dial, poll):
    rig = await make_server()
    rig.behind.patient = True
    gateway = await dial(rig=rig)
    gateway.status_of = lambda _: None
    idle = await dial(rig=rig)
    stranger = await dial(rig=rig, bind=False)
    gateway.submit(2)
    rig.behind.deliver("one", "two")  # one to each: the sessions take turns
    await poll(lambda: len(rig.behind.asked_) == 2 and gateway.delivered and rig.behind.outcomes)
    closing = asyncio.ensure_future(rig.listener.close(30.0))
    await poll(lambda: stranger.closed and idle.closed)
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", rig.listener.port)
    gateway.submit()
    await poll(lambda: gateway.answers)
    assert gateway.answers[0].status == RTHROTTLED
    rig.behind.answer_all()
    assert not closing.done()
    (request,) = gateway.delivered
    gateway.shell.session.respond(request.command, request.sequence)
    gateway.shell.flush()
    await closing
    await poll(lambda: gateway.closed)
    assert len(gateway.answers) == 3
    assert gateway.unbinding
    assert {outcome.verdict for outcome in rig.behind.outcomes} == {Verdict.TAKEN}
    assert rig.listener.sessions() == []


async def test_close_does_not_wait_for_ever(make_server, poll):
    rig = await make_server()
    sock = socket.create_connection(("127.0.0.1", rig.listener.port))
    with sock:
        sock.sendall(pack_pdu(c.BIND_TRANSCEIVER, 0, 1, b"acme\0secret12\0\0\x34\0\0\0"))
        await poll(rig.listener.bound)
        rig.behind.deliver("it")
        await asyncio.wait_for(rig.listener.close(0.05), 8)
        sock.settimeout(5)
        received = bytearray()
        with contextlib.suppress(ConnectionResetError):
            while octets := sock.recv(4096):
                received += octets
    assert [read_header(raw)[0] for raw in Framer().feed(bytes(received))][1:] == [c.DELIVER_SM, c.UNBIND]
    assert rig.behind.outcomes == [Outcome("it", Verdict.RETRY)]
