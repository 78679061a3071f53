"""A foreign client: smpplib binds, submits, gets its receipt and unbinds."""

import asyncio
import contextlib
import threading
import warnings

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import smpplib.client
    import smpplib.command
    import smpplib.consts
    import smpplib.exceptions


@pytest.fixture
def smpplib_client(server):
    made = []

    def make(**fields):
        client = smpplib.client.Client("127.0.0.1", server.listener.port, allow_unknown_opt_params=True, timeout=5, **fields)
        made.append(client)
        return client

    yield make
    for client in made:
        with contextlib.suppress(Exception):
            client._socket.close()
        client.state = smpplib.consts.SMPP_CLIENT_STATE_CLOSED


class Foreign(threading.Thread):
    """smpplib blocks: it lives in a thread of its own until it has its receipt."""

    def __init__(self, client, **bind):
        super().__init__()
        self.client = client
        self.bind = bind
        self.sent = []
        self.received = []
        self.error = None
        client.set_message_sent_handler(lambda pdu: self.sent.append((pdu.status, pdu.message_id)))
        client.set_message_received_handler(self.take)

    def take(self, pdu):
        self.received.append((pdu.esm_class, pdu.receipted_message_id, pdu.message_state, pdu.short_message))

    def run(self):
        try:
            self.client.connect()
            self.client.bind_transceiver(**self.bind)
            self.client.send_message(
                source_addr_ton=1, source_addr_npi=1, source_addr="12345", dest_addr_ton=1, dest_addr_npi=1,
                destination_addr="447700900123", short_message=b"hello", registered_delivery=1, data_coding=0,
            )  # fmt: skip
            while not self.received:
                self.client.read_once()
            self.client.unbind()
            self.client.disconnect()
        except Exception as error:  # noqa: BLE001 told to the test
            self.error = error


async def test_smpplib_binds_submits_gets_its_receipt_and_unbinds(server, smpplib_client, poll):
    thread = Foreign(smpplib_client(), system_id="acme", password="secret12")
    thread.start()
    await poll(lambda: server.behind.asked_ or thread.error)
    assert thread.error is None
    ((_, request),) = server.behind.asked_
    assert (request.body.short_message, request.body.registered_delivery) == (b"hello", 1)
    server.behind.deliver("M1")
    await poll(lambda: server.behind.outcomes or thread.error)
    await asyncio.to_thread(thread.join, 10)
    assert thread.error is None
    assert thread.sent == [(0, b"M1")]
    ((esm_class, receipted, state, text),) = thread.received
    assert (esm_class, receipted, state) == (4, b"M1", 2)
    assert text.startswith(b"id:M1 sub:001 dlvrd:001 ")
    assert [outcome.verdict for outcome in server.behind.outcomes] == ["taken"]
    await poll(lambda: server.listener.sessions() == [])
    assert server.listener.counters.cuts == 0


async def test_smpplib_cuts_passwords_at_8_and_is_told_that_they_are_wrong(server, smpplib_client):
    server.behind.open_account(secret="longer-than-eight")
    client = smpplib_client()

    def bind():
        client.connect()
        client.bind_transceiver(system_id="acme", password="longer-than-eight")

    with pytest.raises(smpplib.exceptions.PDUError) as error:
        await asyncio.to_thread(bind)
    assert error.value.args[1] == smpplib.consts.SMPP_ESME_RINVPASWD
    server.behind.open_account(secret="longer-t")
    again = smpplib_client()

    def bind_again():
        again.connect()
        return again.bind_transmitter(system_id="acme", password="longer-than-eight")

    answer = await asyncio.to_thread(bind_again)
    assert answer.status == 0
