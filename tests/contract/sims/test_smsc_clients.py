"""The SMSC spoken to by clients that others wrote: our own link to carriers, and smpplib."""

import asyncio
import threading
import time
import warnings
from collections import Counter
from random import Random

import pytest
import smpplib.client

from carriers.link import SmppLink
from carriers.port import Outgoing, Verdict
from router.ids import make_id
from router.model import MessageClass, State
from router.record import Body
from router.settings import CarrierProfile
from sims.smsc.options import SmscOptions
from sims.smsc.server import Smsc
from sims.smsc.temperament import Temperament

DEADLINE_S = 20


async def until(condition):
    end_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end_s, "not in time"
        await asyncio.sleep(0.005)


def outgoing(number):
    now_ms = time.time_ns() // 1_000_000
    body = Body(
        tenant="acme",
        to=f"4477009{number:05d}",
        sender="Acme",
        text=f"Message {number} " + "x" * (200 * (number % 10 == 0)),
        klass=1,
        created_ms=now_ms,
        expires_ms=now_ms + 3_600_000,
        encoding="gsm7",
        segments=2 if number % 10 == 0 else 1,
        country="GB",
        network="23410",
    )
    return Outgoing(make_id(now_ms, 1, number.to_bytes(10, "big")), 1, MessageClass.TRANSACTIONAL, body)


@pytest.mark.parametrize("bind", ["transceiver", "transmitter_receiver"])
async def test_a_carrier_link_and_the_smsc_agree_about_every_message(bind):
    temperament = Temperament(
        answer_median_s=0.005,
        answer_sigma=0.5,
        receipt_median_s=0.05,
        receipt_sigma=0.5,
        delivered=0.8,
        errors={"0x0B": 0.1},
        early_receipts=0.2,
        duplicate_receipts=0.1,
        intermediate=0.2,
        message_ids="hex",
        receipt_ids="decimal",
    )
    smsc = Smsc(SmscOptions(accounts={"trunk": "a-long-password"}, track=True), temperament)
    port = await smsc.start()
    answers, receipts = [], []

    async def on_receipts(batch):
        receipts.extend(batch)

    async def on_inbound(batch):
        return [0] * len(batch)

    profile = CarrierProfile(
        name="acme",
        addresses=(f"127.0.0.1:{port}",),
        system_id="trunk",
        password="a-long-password",
        bind=bind,
        sessions=2,
        window=50,
        receipt_ids="hex_to_decimal",
    )
    link = SmppLink(
        profile,
        on_answers=answers.extend,
        on_receipts=on_receipts,
        on_inbound=on_inbound,
        on_change=lambda: None,
        clock=time.monotonic,
        wall=time.time,
        rng=Random(7),
    )
    await link.start()
    await until(lambda: link.state.bound == 2 and link.state.receivers == 2)
    messages = [outgoing(number) for number in range(400)]
    while messages:
        room = link.room(time.monotonic())
        link.send(messages[: room // 2])
        del messages[: room // 2]
        await asyncio.sleep(0.002)
    await until(lambda: len(answers) == 400)
    await until(lambda: not smsc.office.custody.outstanding and smsc.stats.receipts_acked == smsc.stats.receipts.total())
    verdicts = Counter(answer.verdict for answer in answers)
    assert set(verdicts) == {Verdict.ACCEPTED, Verdict.REFUSED}
    assert smsc.inbox.duplicates == 0
    ids = {carrier_id for answer in answers if answer.verdict is Verdict.ACCEPTED for carrier_id in answer.carrier_ids}
    finals = {receipt.carrier_id: receipt.state for receipt in receipts if receipt.state is not State.SENT}
    assert ids <= set(finals)  # a refused message of two parts may have had one of them accepted
    assert Counter(finals.values())[State.DELIVERED] == smsc.stats.finals["delivered"]
    assert Counter(finals.values())[State.UNDELIVERED] == smsc.stats.finals["UNDELIV"]
    assert len(receipts) == smsc.stats.receipts.total() > len(finals)
    await link.close(2.0)
    await until(lambda: not smsc.office.lines)
    await smsc.stop()


async def test_smpplib_binds_submits_and_reads_its_receipt():
    smsc = Smsc(None, Temperament(receipt_median_s=0.05))
    port = await smsc.start()
    told = {}
    done = threading.Event()

    def talk():
        client = smpplib.client.Client("127.0.0.1", port, allow_unknown_opt_params=True, timeout=5)
        client.set_message_sent_handler(lambda pdu: told.update(sent=pdu.message_id.decode()))

        def received(pdu):
            told.update(receipt=pdu.receipted_message_id, state=pdu.message_state, text=pdu.short_message)
            done.set()

        client.set_message_received_handler(received)
        client.connect()
        client.bind_transceiver(system_id="smpplib", password="secret")
        client.send_message(
            source_addr="Acme", destination_addr="49151", short_message=b"hello", registered_delivery=True, source_addr_ton=5
        )
        end_s = time.monotonic() + DEADLINE_S
        while not done.is_set() and time.monotonic() < end_s:
            client.read_once()
        client.unbind()
        client.disconnect()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # smpplib's own
        await asyncio.wait_for(asyncio.to_thread(talk), 30)
    assert told["receipt"].decode() == told["sent"]
    assert told["state"] == 2  # DELIVERED (SMPP 3.4, 5.2.28)
    assert b"stat:DELIVRD" in told["text"]
    assert smsc.stats.finals == {"delivered": 1}
    await smsc.stop()
