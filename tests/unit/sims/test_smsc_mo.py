"""Messages from handsets at the SMSC, in virtual time."""

import pytest

from carriers.smpp import commands as c
from router.text.reading import decode
from router.text.segments import join
from router.text.udh import read_udh
from sims.smsc.handsets import InvalidMo, compose_mo
from sims.smsc.temperament import Temperament
from tests.unit.sims.test_smsc_office import World


def send(world, text, *, long=False, system_id=""):
    parts = world.office.send_mo("+447700900123", "12345", text, world.now_s, long=long, system_id=system_id)
    world.deliver()
    return parts


def test_a_message_goes_to_a_receiving_line():
    world = World()
    world.client(c.BIND_TRANSMITTER)
    receiver = world.client(c.BIND_RECEIVER)
    assert send(world, "hello €") == 1
    (message,) = receiver.receipts
    assert (message.source, message.source_ton, message.destination, message.destination_ton) == ("447700900123", 1, "12345", 3)
    assert decode(message.short_message, message.data_coding, udh=False) == "hello €"
    assert (world.stats.mo, world.stats.mo_sent, world.stats.mo_acked, world.stats.receipts_sent) == (1, 1, 1, 0)


@pytest.mark.parametrize("text", ["hello", "жду", "😀" * 100], ids=["gsm7", "ucs2", "pairs"])
def test_long_ones_come_in_parts(text):
    world = World()
    client = world.client()
    parts = send(world, text, long=True)
    assert parts >= 2
    assert len(client.receipts) == parts
    found = [read_udh(message.short_message) for message in client.receipts]
    octets = join(((mark.number, octets) for mark, octets in found), parts)
    assert octets is not None
    whole = decode(octets, client.receipts[0].data_coding, udh=False)
    assert set(whole.split()) == {text}
    assert len({mark.reference for mark, _ in found}) == 1
    assert send(world, text, long=True) == parts
    assert read_udh(client.receipts[-1].short_message)[0].reference == found[0][0].reference + 1


def test_it_waits_for_a_receiver_and_is_repeated_after_a_temporary_error():
    world = World(receipt_repeat_s=1.0)
    world.client(c.BIND_TRANSMITTER)
    send(world, "hello", system_id="acme")
    assert world.stats.mo_sent == 0
    client = world.client(c.BIND_RECEIVER, receipt_status=0x08)
    assert world.stats.mo_refused == {0x08: 1}
    client.receipt_status = 0
    world.pass_time(1.5)
    assert (world.stats.mo_sent, world.stats.mo_repeated, world.stats.mo_acked) == (2, 1, 1)
    client.receipt_status = 0x65
    send(world, "nobody wants this")
    world.pass_time(5.0)
    assert world.stats.mo_refused == {0x08: 1, 0x65: 1}
    assert world.stats.mo_sent == 3


def test_whose_it_is():
    world = World(Temperament())
    with pytest.raises(InvalidMo, match="nobody has ever been bound"):
        send(world, "hello")
    world.client(c.BIND_TRANSMITTER, system_id="acme")
    other = world.client(c.BIND_RECEIVER, system_id="globex")
    send(world, "hello")  # the one that can receive
    assert len(other.receipts) == 1
    send(world, "hello", system_id="acme")
    assert len(other.receipts) == 1
    with pytest.raises(InvalidMo, match="'gone' has never been bound"):
        send(world, "hello", system_id="gone")


@pytest.mark.parametrize(
    ("source", "to", "text"), [("", "1", "x"), ("1", "", "x"), ("1", "1", ""), ("1", "1", "\ud800"), ("1" * 30, "1", "x")]
)
def test_what_is_no_message(source, to, text):
    with pytest.raises(InvalidMo):
        compose_mo(source, to, text, 1, long=True)
