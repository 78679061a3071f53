"""Messages from handsets at the SMSC, in virtual time."""

import pytest

from carriers.smpp import commands as c
from carriers.smpp import events as e
from carriers.smpp.operations import Bind
from carriers.smpp.session import Session, Side, Timers
from router.text.reading import decode
from router.text.segments import join
from router.text.udh import read_udh
from sims.smsc.handsets import InvalidMo, compose_mo
from sims.smsc.office import Office
from sims.smsc.options import SmscOptions
from sims.smsc.temperament import Temperament


class Client:
    """A customer of the SMSC on a line of its own."""

    def __init__(self, world, mode, system_id, status):
        self.world = world
        self.line = world.office.connect(world.now_s)
        self.session = Session(Side.ESME, Timers(enquire_link_s=0), now_s=world.now_s)
        self.status = status  # of every answer
        self.messages = []
        self.session.bind(mode, Bind(system_id), world.now_s)

    def talk(self):
        """Carry octets both ways; whether there were any."""
        out = self.session.bytes_to_send()
        if out:
            self.world.office.receive(self.line, out, self.world.now_s)
        back = self.line.session.bytes_to_send()
        for event in self.session.receive(back, self.world.now_s):
            if isinstance(event, e.Asked):
                for request in event.requests:
                    self.messages.append(request.body)
                    self.session.respond(request.command, request.sequence, self.status)
        return bool(out or back)


class World:
    """An office, its clients and the time."""

    def __init__(self, **options):
        self.now_s = 100.0
        self.office = Office(SmscOptions(**options), Temperament(), first_id=1, wall_offset_s=1.7e9)
        self.clients = []

    @property
    def stats(self):
        return self.office.stats

    def client(self, mode=c.BIND_TRANSCEIVER, system_id="acme", status=0):
        client = Client(self, mode, system_id, status)
        self.clients.append(client)
        self.deliver()
        return client

    def deliver(self):
        while any(client.talk() for client in self.clients):
            pass

    def pass_time(self, seconds):
        self.now_s += seconds
        self.office.due(self.now_s)
        self.deliver()


def send(world, text, *, long=False, system_id=""):
    parts = world.office.send_mo("+447700900123", "12345", text, world.now_s, long=long, system_id=system_id)
    world.deliver()
    return parts


def test_a_message_goes_to_a_receiving_line():
    world = World()
    world.client(c.BIND_TRANSMITTER)
    receiver = world.client(c.BIND_RECEIVER)
    assert send(world, "hello €") == 1
    (message,) = receiver.messages
    assert (message.source, message.source_ton, message.destination, message.destination_ton) == ("447700900123", 1, "12345", 3)
    assert decode(message.short_message, message.data_coding, udh=False) == "hello €"
    assert (world.stats.mo, world.stats.mo_sent, world.stats.mo_acked, world.stats.receipts_sent) == (1, 1, 1, 0)


@pytest.mark.parametrize("text", ["hello", "жду", "😀" * 100], ids=["gsm7", "ucs2", "pairs"])
def test_long_ones_come_in_parts(text):
    world = World()
    client = world.client()
    parts = send(world, text, long=True)
    assert parts >= 2
    assert len(client.messages) == parts
    found = [read_udh(message.short_message) for message in client.messages]
    octets = join(((mark.number, octets) for mark, octets in found), parts)
    assert octets is not None
    whole = decode(octets, client.messages[0].data_coding, udh=False)
    assert set(whole.split()) == {text}
    assert len({mark.reference for mark, _ in found}) == 1
    assert send(world, text, long=True) == parts
    assert read_udh(client.messages[-1].short_message)[0].reference == found[0][0].reference + 1


def test_it_waits_for_a_receiver_and_is_repeated_after_a_temporary_error():
    world = World(receipt_repeat_s=1.0)
    world.client(c.BIND_TRANSMITTER)
    send(world, "hello", system_id="acme")
    assert world.stats.mo_sent == 0
    client = world.client(c.BIND_RECEIVER, status=0x08)
    assert world.stats.mo_refused == {0x08: 1}
    client.status = 0
    world.pass_time(1.5)
    assert (world.stats.mo_sent, world.stats.mo_repeated, world.stats.mo_acked) == (2, 1, 1)
    client.status = 0x65
    send(world, "nobody wants this")
    world.pass_time(5.0)
    assert world.stats.mo_refused == {0x08: 1, 0x65: 1}
    assert world.stats.mo_sent == 3


def test_whose_it_is():
    world = World()
    with pytest.raises(InvalidMo, match="nobody has ever been bound"):
        send(world, "hello")
    world.client(c.BIND_TRANSMITTER, system_id="acme")
    other = world.client(c.BIND_RECEIVER, system_id="globex")
    send(world, "hello")  # the one that can receive
    assert len(other.messages) == 1
    send(world, "hello", system_id="acme")
    assert len(other.messages) == 1
    with pytest.raises(InvalidMo, match="'gone' has never been bound"):
        send(world, "hello", system_id="gone")


@pytest.mark.parametrize(
    ("source", "to", "text"), [("", "1", "x"), ("1", "", "x"), ("1", "1", ""), ("1", "1", "\ud800"), ("1" * 30, "1", "x")]
)
def test_what_is_no_message(source, to, text):
    with pytest.raises(InvalidMo):
        compose_mo(source, to, text, 1, long=True)
