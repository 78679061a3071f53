"""TLS on a port of its own, from the first octet."""

import asyncio
import contextlib
import socket
import ssl

import pytest

from carriers.smpp.server import door


def client_context(certificate) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificate.chain)


@pytest.fixture
async def secure(make_server, certificate):
    return await make_server(tls_certificate=certificate.chain, tls_key=certificate.key)


async def test_a_gateway_binds_and_asks_by_tls_and_without(secure, dial, poll, certificate):
    by_tls = await dial(rig=secure, context=client_context(certificate))
    plain = await dial(rig=secure)
    assert [view.tls for view in secure.listener.sessions()] == [True, False]
    by_tls.submit(200)
    plain.submit(200)
    await poll(lambda: len(by_tls.answers) == len(plain.answers) == 200)
    secure.behind.deliver(*range(20))
    await poll(lambda: len(secure.behind.outcomes) == 20)
    assert len(by_tls.delivered) == len(plain.delivered) == 10
    by_tls.unbind()
    await poll(lambda: by_tls.closed)
    assert by_tls.closed == "unbound"


async def test_requests_held_back_by_tls_are_all_answered_in_the_end(secure, dial, poll, certificate):
    secure.behind.patient = True
    gateway = await dial(rig=secure, context=client_context(certificate))
    for _ in range(40):
        gateway.submit(200)
        await asyncio.sleep(0)
    await poll(lambda: secure.listener.counters.holds)
    while len(gateway.answers) < 8_000:
        secure.behind.answer_all()
        await asyncio.sleep(0.001)
    assert secure.listener.sessions()[0].in_hand == 0


async def test_old_versions_of_tls_are_refused(secure, certificate):
    context = client_context(certificate)
    with pytest.warns(DeprecationWarning, match="TLS"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.open_connection("127.0.0.1", secure.listener.tls_port, ssl=context, server_hostname="smpp.example")


async def test_a_half_done_handshake_ends_and_holds_no_place(secure, dial, poll, monkeypatch, certificate):
    monkeypatch.setattr(door, "HANDSHAKE_S", 0.2)
    with socket.create_connection(("127.0.0.1", secure.listener.tls_port)) as sock:
        await poll(lambda: secure.listener._doors[1]._shaking)
        assert secure.listener.sessions() == []
        await poll(lambda: secure.listener.counters.handshakes_failed == 1)
        await poll(lambda: not secure.listener._doors[1]._shaking)
        sock.settimeout(5)
        assert await asyncio.to_thread(sock.recv, 1) == b""
    assert (await dial(rig=secure, context=client_context(certificate))).bound


async def test_one_address_has_few_handshakes_under_way(secure, poll, monkeypatch):
    monkeypatch.setattr(door, "MAX_HANDSHAKES_OF_ONE", 2)
    with contextlib.ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(socket.create_connection(("127.0.0.1", secure.listener.tls_port)))
        await poll(lambda: secure.listener.counters.turned_away == 2)
        assert secure.listener._doors[1]._shaking == {"127.0.0.1": 2}
    await poll(lambda: not secure.listener._doors[1]._shaking)


async def test_smpp_without_tls_on_the_port_of_tls_is_closed(secure, poll):
    reader, writer = await asyncio.open_connection("127.0.0.1", secure.listener.tls_port)
    writer.write(b"\0\0\0\x10\0\0\0\x15\0\0\0\0\0\0\0\1")
    with contextlib.suppress(ConnectionError):
        await asyncio.wait_for(reader.read(), 5)
    await poll(lambda: secure.listener.counters.handshakes_failed == 1)
    writer.transport.abort()


async def test_a_renewed_certificate_is_taken_and_an_unreadable_one_leaves_the_old_in_use(secure, dial, certificate, caplog):
    secure.behind.retune(tls_certificate=certificate.chain, tls_key=certificate.key)
    assert (await dial(rig=secure, context=client_context(certificate))).bound
    secure.behind.retune(tls_certificate="/nowhere.pem")
    assert "smpp.certificate_unreadable" in caplog.text
    assert (await dial(rig=secure, context=client_context(certificate))).bound


async def test_a_certificate_that_cannot_be_read_is_told_at_once(make_server):
    with pytest.raises(OSError, match="nowhere"):
        await make_server(tls_certificate="/nowhere.pem")
