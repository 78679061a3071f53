"""An SMSC's office, its clients and the time between them, for tests."""

from collections import Counter

from carriers.smpp import commands as c
from carriers.smpp import events as e
from carriers.smpp.messages import Message, pack_data, pack_message
from carriers.smpp.operations import Bind
from carriers.smpp.receipts import read_receipt
from carriers.smpp.session import Session, Side, Timers
from sims.smsc.office import Office
from sims.smsc.options import SmscOptions
from sims.smsc.temperament import Temperament

SUBMIT = Message("Acme", "4915112345678", b"hello", registered_delivery=1, source_ton=5, destination_ton=1, destination_npi=1)


class World:
    """An office, its clients and the time."""

    def __init__(self, temperament=None, **options):
        self.now_s = 100.0
        self.office = Office(SmscOptions(**options), temperament or Temperament(), first_id=1_000, wall_offset_s=1.7e9)
        self.clients = []

    @property
    def stats(self):
        return self.office.stats

    def client(self, mode=c.BIND_TRANSCEIVER, system_id="acme", password="", **how):
        client = Client(self, mode, system_id, password, **how)
        self.clients.append(client)
        self.deliver()
        return client

    def deliver(self):
        """Carry octets both ways until nothing moves."""
        moved = True
        while moved:
            moved = False
            for client in self.clients:
                octets = client.session.bytes_to_send()
                if octets and not client.line.ended:
                    moved = True
                    self.office.receive(client.line, octets, self.now_s)
            touched, self.office.touched = self.office.touched, {}
            for line in touched:
                octets = line.session.bytes_to_send()
                for client in self.clients:
                    if client.line is line:
                        moved |= bool(octets)
                        client.hear(octets)

    def pass_time(self, seconds, step_s=0.05):
        end_s = self.now_s + seconds
        while self.now_s < end_s - 1e-9:
            self.now_s = min(end_s, self.now_s + step_s)
            self.office.due(self.now_s)
            self.office.sweep(self.now_s)
            self.deliver()


class Client:
    def __init__(self, world, mode, system_id, password, receipt_status=0, mute=False):
        self.world = world
        self.line = world.office.connect(world.now_s)
        self.session = Session(Side.ESME, Timers(enquire_link_s=0), now_s=world.now_s, window=10_000)
        self.answers = []
        self.receipts = []
        self.order = []
        self.refused = None
        self.receipt_status = receipt_status
        self.mute = mute
        self.session.bind(mode, Bind(system_id, password), world.now_s)

    def hear(self, octets):
        for event in self.session.receive(octets, self.world.now_s):
            match event:
                case e.Answered(answers):
                    self.answers += answers
                    self.order += [("answer", answer.message_id) for answer in answers]
                case e.Asked(requests):
                    for request in requests:
                        found = read_receipt(
                            request.body.short_message, request.body.tlvs, esm_class=request.body.esm_class, by_text=False
                        )
                        self.receipts.append(found)
                        self.order.append(("receipt", found.carrier_id))
                        if not self.mute:
                            self.session.respond(request.command, request.sequence, self.receipt_status)
                case e.BindRefused(status):
                    self.refused = status

    def submit(self, times=1, message=SUBMIT, command=c.SUBMIT_SM):
        body = pack_message(message) if command == c.SUBMIT_SM else pack_data(message)
        for _ in range(times):
            self.session.request(command, body, None, self.world.now_s)
        self.world.deliver()

    @property
    def statuses(self):
        return Counter(answer.status for answer in self.answers)

    @property
    def stats(self):
        return Counter(receipt.stat for receipt in self.receipts)
