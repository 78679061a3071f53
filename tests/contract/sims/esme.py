"""A client of SMSC simulators that reads and writes single PDUs."""

import asyncio
import contextlib

from carriers.smpp import commands as c
from carriers.smpp.messages import Message, pack_message, read_message, read_message_id
from carriers.smpp.operations import Bind, pack_bind
from carriers.smpp.pdu import Framer, pack_pdu, read_header
from carriers.smpp.receipts import read_receipt

SUBMIT = Message("Acme", "4915112345678", b"hello", registered_delivery=1)


class Esme:
    """Octets and nothing else: every answer is read off the wire by hand."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.framer = Framer()
        self.pdus = []
        self.sequence = 0

    @classmethod
    async def connect(cls, port, **how):
        return cls(*await asyncio.open_connection("127.0.0.1", port, **how))

    @classmethod
    async def bound(cls, port, mode=c.BIND_TRANSCEIVER, system_id="acme", **how):
        esme = await cls.connect(port, **how)
        esme.send(mode, pack_bind(Bind(system_id, "secret")))
        command, status, _, _ = await esme.next()
        assert (command, status) == (mode | c.RESPONSE, c.ROK)
        return esme

    def send(self, command, body=b"", status=0, sequence=None):
        if sequence is None:
            self.sequence += 1
            sequence = self.sequence
        self.writer.write(pack_pdu(command, status, sequence, body))

    def submit(self, times=1, message=SUBMIT):
        for _ in range(times):
            self.send(c.SUBMIT_SM, pack_message(message))

    async def next(self):
        """The next PDU as (command, status, sequence, raw); None at the end of the connection."""
        while not self.pdus:
            async with asyncio.timeout(10):
                data = await self.reader.read(65_536)
            if not data:
                return None
            self.pdus += self.framer.feed(data)
        raw = self.pdus.pop(0)
        return *read_header(raw), raw

    async def answers(self, times):
        """So many submit_sm_resp as (status, id); receipts on the way are an error."""
        found = []
        for _ in range(times):
            command, status, _, raw = await self.next()
            assert command == c.SUBMIT_SM_RESP
            found.append((status, read_message_id(raw)))
        return found

    async def receipt(self):
        """The next deliver_sm, answered, as (id, stat)."""
        command, _, sequence, raw = await self.next()
        assert command == c.DELIVER_SM
        message = read_message(raw)
        self.send(c.DELIVER_SM | c.RESPONSE, b"\0", sequence=sequence)
        found = read_receipt(message.short_message, message.tlvs, esm_class=message.esm_class, by_text=False)
        return found.carrier_id, found.stat

    async def quiet(self):
        """Whether nothing but the answer to an enquire_link comes."""
        self.send(c.ENQUIRE_LINK)
        return (await self.next())[0] == c.ENQUIRE_LINK_RESP

    async def close(self):
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()
