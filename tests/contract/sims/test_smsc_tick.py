"""How an SMSC that is told to puts what is due into few writes, over a real socket."""

import asyncio

from carriers.smpp import commands as c
from carriers.smpp.messages import Message, pack_message
from carriers.smpp.operations import Bind, pack_bind
from carriers.smpp.pdu import pack_pdu
from sims.smsc.options import SmscOptions
from sims.smsc.server import Smsc
from sims.smsc.temperament import Temperament

SUBMITS = 200
ANSWER = c.SUBMIT_SM_RESP.to_bytes(4, "big")


async def test_what_is_due_within_one_tick_goes_out_together():
    smsc = Smsc(SmscOptions(tick_s=0.25), Temperament(answer_median_s=0.1, answer_sigma=0.5))
    reader, writer = await asyncio.open_connection("127.0.0.1", await smsc.start())
    writer.write(pack_pdu(c.BIND_TRANSCEIVER, 0, 1, pack_bind(Bind("acme", "secret"))))
    await asyncio.wait_for(reader.read(1 << 20), 10)
    body = pack_message(Message("Acme", "4915112345678", b"hello"))
    writer.write(b"".join(pack_pdu(c.SUBMIT_SM, 0, 2 + n, body) for n in range(SUBMITS)))
    reads, octets = 0, b""
    while octets.count(ANSWER) < SUBMITS:
        octets += await asyncio.wait_for(reader.read(1 << 20), 10)
        reads += 1
    assert reads <= 8  # of answers that lie over some 400 ms
    writer.close()
    await smsc.stop()
