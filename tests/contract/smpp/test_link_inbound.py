"""What carriers send on their own: receipts, messages, unbinds, garbage; and TLS."""

import ssl
import struct
import time

import pytest

from carriers.port import Verdict
from carriers.smpp import commands as c
from carriers.smpp.messages import Message, pack_message
from router.model import State
from router.settings import Tls
from tests.certificate import self_signed
from tests.listening import listening


async def test_a_receipt_is_handed_up_and_then_acknowledged(smsc, make_rig, poll):
    rig = await make_rig().bound()
    shell = smsc.shells[0]
    smsc.receipt(shell, "id1")
    smsc.receipt(shell, "id2", "UNDELIV", by_data=True)
    await poll(lambda: len(smsc.answers) == 2)
    assert [(answer.context, answer.status, answer.command) for answer in smsc.answers] == [
        ("id1", 0, c.DELIVER_SM),
        ("id2", 0, c.DATA_SM),
    ]
    one, two = rig.receipts
    assert (one.carrier_id, one.state, one.stat) == ("id1", State.DELIVERED, "DELIVRD")
    assert (two.carrier_id, two.state, two.stat) == ("id2", State.UNDELIVERED, "UNDELIV")
    assert rig.link.counters.receipts == 2


async def test_a_receipt_that_nobody_could_keep_is_asked_for_again(smsc, make_rig, poll):
    rig = await make_rig().bound()
    rig.fail_receipts = 1
    smsc.receipt(smsc.shells[0], "id1")
    await poll(lambda: smsc.answers)
    assert smsc.answers[0].status == 0x08
    assert rig.receipts == []
    smsc.receipt(smsc.shells[0], "id1")
    await poll(lambda: rig.receipts)
    assert smsc.answers[-1].status in {0, 0x08}
    await poll(lambda: smsc.answers[-1].status == 0)
    assert rig.link.counters.receipts_put_off == 1


async def test_the_same_receipt_twice_is_handed_up_twice_and_acknowledged_twice(smsc, make_rig, poll):
    rig = await make_rig().bound()
    smsc.receipt(smsc.shells[0], "id1")
    smsc.receipt(smsc.shells[0], "id1")
    await poll(lambda: len(smsc.answers) == 2)
    assert [receipt.carrier_id for receipt in rig.receipts] == ["id1", "id1"]


async def test_a_receipt_before_the_answer_to_its_submit(smsc, make_rig, poll):
    rig = await make_rig().bound()
    smsc.status_of = lambda _: None
    rig.link.send([rig.outgoing()])
    await poll(lambda: smsc.submits)
    shell, request = smsc.submits[0]
    smsc.receipt(shell, "id1")
    await poll(lambda: rig.receipts)
    smsc.answer(shell, request)
    shell.flush()
    (answer,) = await rig.answered()
    assert answer.carrier_ids == (rig.receipts[0].carrier_id,) == ("id1",)


async def test_ids_are_compared_as_the_profile_says(smsc, make_rig, poll):
    rig = await make_rig(receipt_ids="hex_to_decimal").bound()
    smsc.status_of = lambda _: None
    rig.link.send([rig.outgoing()])
    await poll(lambda: smsc.submits)
    shell, request = smsc.submits[0]
    shell.session.respond(request.command, request.sequence, 0, b"1F\0")
    smsc.receipt(shell, "31")
    (answer,) = await rig.answered()
    await poll(lambda: rig.receipts)
    assert answer.carrier_ids == (rig.receipts[0].carrier_id,)


async def test_receipts_that_cannot_be_read_are_acknowledged_and_counted(smsc, make_rig, poll):
    rig = await make_rig().bound()
    shell = smsc.shells[0]
    nothing_in_it = Message("447700900123", "12345", b"?", esm_class=4)
    shell.session.request(c.DELIVER_SM, pack_message(nothing_in_it), "no id", time.monotonic())
    shell.session.request(c.DELIVER_SM, b"no body", "no body", time.monotonic())
    shell.flush()
    await poll(lambda: len(smsc.answers) == 2)
    assert [answer.status for answer in smsc.answers] == [0, 0]
    assert (rig.link.counters.receipts_malformed, rig.link.counters.malformed) == (1, 1)


async def test_an_unbind_from_the_carrier_is_answered_and_the_bind_comes_back(smsc, make_rig, poll):
    rig = await make_rig().bound()
    shell = smsc.shells[0]
    shell.session.unbind(time.monotonic())
    shell.flush()
    await poll(lambda: smsc.closed)
    assert smsc.closed[0].reason == "unbound"
    await poll(lambda: len(smsc.binds) == 2)
    await poll(lambda: rig.link.state.bound == 1)


async def test_answers_still_come_after_the_carrier_has_unbound(smsc, make_rig, poll):
    rig = await make_rig().bound()
    smsc.status_of = lambda _: None
    rig.link.send([rig.outgoing(), rig.outgoing()])
    await poll(lambda: len(smsc.submits) == 2)
    shell, request = smsc.submits[0]
    shell.session.respond(c.SUBMIT_SM, request.sequence, 0, b"early\0")
    shell.session.unbind(time.monotonic())
    # With the unbind, not before: the answer to the second one follows it in the stream.
    shell.session.respond(c.SUBMIT_SM, smsc.submits[1][1].sequence, 0, b"late\0")
    shell.flush()
    await rig.answered(2)
    assert [(answer.verdict, answer.carrier_ids) for answer in rig.answers] == [
        (Verdict.ACCEPTED, ("early",)),
        (Verdict.ACCEPTED, ("late",)),
    ]


@pytest.mark.parametrize(
    "garbage",
    [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0\0\0\x03\0\0\0\0", struct.pack(">IIII", 16, 0x80000000, 2, 0)],
    ids=["http", "short length", "generic_nack without a sequence"],
)
async def test_garbage_ends_the_session_and_nothing_else(smsc, make_rig, poll, garbage):
    rig = await make_rig().bound()
    smsc.status_of = lambda _: None
    rig.link.send([rig.outgoing()])
    await poll(lambda: smsc.submits)
    smsc.shells[0]._transport.write(garbage)
    (answer,) = await rig.answered()
    assert answer.verdict is Verdict.UNKNOWN
    await poll(lambda: len(smsc.binds) == 2)
    assert rig.link.counters.framing_lost == 1


async def test_a_mute_carrier_is_found_by_enquire_link(make_rig, poll):
    async def mute_after_bind(reader, writer):
        await reader.readexactly(16)
        writer.write(struct.pack(">IIII", 17, 0x80000009, 0, 1) + b"\0")
        await reader.read()

    async with listening(mute_after_bind) as port:
        rig = await make_rig(addresses=(f"127.0.0.1:{port}",), enquire_link_s=0.1, enquire_answer_s=0.1).bound()
        await poll(lambda: rig.link.counters.enquire_timeouts >= 1)
        await rig.link.close(0)


@pytest.fixture
async def secure(smsc, tmp_path):
    certificate = self_signed(tmp_path, "smsc.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.chain, certificate.key)
    await smsc.close()
    await smsc.listen(context)
    return certificate.chain


async def test_tls_with_a_private_authority_and_the_name_of_the_certificate(secure, make_rig):
    rig = await make_rig(tls=Tls(ca_file=secure, server_name="smsc.example")).bound()
    rig.link.send([rig.outgoing()])
    (answer,) = await rig.answered()
    assert answer.verdict is Verdict.ACCEPTED


@pytest.mark.parametrize("tls", [{"server_name": "other.example"}, {}], ids=["another name", "the address as name"])
async def test_tls_with_another_name_does_not_bind(secure, make_rig, poll, tls):
    rig = make_rig(tls=Tls(ca_file=secure, **tls))
    await rig.link.start()
    await poll(lambda: rig.link.counters.bind_failures.get("connect"))
    assert "certificate" in rig.link.state.reason.lower()
    assert rig.link.state.bound == 0


async def test_tls_of_an_unknown_authority_binds_only_when_verification_is_off(secure, make_rig, poll):
    strict = make_rig(tls=Tls(server_name="smsc.example"))
    await strict.link.start()
    await poll(lambda: strict.link.counters.bind_failures.get("connect"))
    assert strict.link.state.bound == 0
    await make_rig(tls=Tls(verify=False)).bound()
