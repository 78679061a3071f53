"""Messages from handsets: handed up, and answered when somebody has them."""

import time

import pytest

from carriers.smpp import commands as c
from carriers.smpp.messages import Data, Message, pack_data, pack_message
from router.text.udh import Concatenation, concatenation

HANDSET = {"source": "447700900123", "source_ton": 1, "source_npi": 1, "destination": "12345", "destination_ton": 3}


def deliver(smsc, octets, **fields):
    shell = smsc.shells[0]
    shell.session.request(c.DELIVER_SM, pack_message(Message(short_message=octets, **(HANDSET | fields))), "mo", time.monotonic())
    shell.flush()


async def test_a_message_is_answered_only_when_it_is_kept(smsc, make_rig, poll):
    rig = await make_rig(receipt_by_text=False).bound()
    rig.inbound_gate.clear()
    deliver(smsc, b"STOP")
    await poll(lambda: rig.link.counters.mo == 1)
    smsc.receipt(smsc.shells[0], "id1")
    await poll(lambda: smsc.answers)
    assert [answer.context for answer in smsc.answers] == ["id1"]  # a receipt does not wait for it
    rig.inbound_gate.set()
    await poll(lambda: len(smsc.answers) == 2)
    assert (smsc.answers[1].context, smsc.answers[1].status) == ("mo", 0)
    (one,) = rig.inbound
    assert (one.source, one.source_ton, one.destination, one.destination_ton) == ("447700900123", 1, "12345", 3)
    assert (one.octets, one.part, one.udh, one.data_coding) == (b"STOP", None, b"", 0)
    assert abs(one.at_s - time.time()) < 10


async def test_what_could_not_be_kept_comes_again(smsc, make_rig, poll):
    rig = await make_rig().bound()
    rig.fail_inbound = 1
    deliver(smsc, b"hello")
    await poll(lambda: smsc.answers)
    assert smsc.answers[0].status == c.RSYSERR
    deliver(smsc, b"hello")
    await poll(lambda: len(smsc.answers) == 2)
    assert smsc.answers[1].status == 0
    assert len(rig.inbound) == 1
    assert (rig.link.counters.mo, rig.link.counters.mo_put_off, rig.link.counters.mo_refused) == (2, 1, 0)


async def test_each_is_answered_as_it_was_judged(smsc, make_rig, poll):
    rig = await make_rig().bound()
    rig.inbound_status = c.RX_P_APPN
    deliver(smsc, b"spam")
    await poll(lambda: smsc.answers)
    assert smsc.answers[0].status == c.RX_P_APPN
    assert rig.link.counters.mo_refused == 1


async def test_data_sm_is_answered_with_its_own_response(smsc, make_rig, poll):
    rig = await make_rig().bound()
    shell = smsc.shells[0]
    data = Data("447700900123", "12345", data_coding=8, tlvs={c.TLV_MESSAGE_PAYLOAD: "жду".encode("utf-16-be")})
    shell.session.request(c.DATA_SM, pack_data(data), "data", time.monotonic())
    shell.flush()
    await poll(lambda: smsc.answers)
    assert (smsc.answers[0].command, smsc.answers[0].status) == (c.DATA_SM, 0)
    assert (rig.inbound[0].octets.decode("utf-16-be"), rig.inbound[0].data_coding) == ("жду", 8)


SAR = {c.TLV_SAR_REFERENCE: b"\x01\x02", c.TLV_SAR_TOTAL: b"\x03", c.TLV_SAR_NUMBER: b"\x02"}


@pytest.mark.parametrize(
    ("octets", "esm_class", "tlvs", "part", "udh", "text"),
    [
        (concatenation(7, 3, 2) + b"part", 0x40, {}, Concatenation(7, 3, 2), b"", b"part"),
        (concatenation(0x1234, 3, 1, wide=True) + b"part", 0x43, {}, Concatenation(0x1234, 3, 1, wide=True), b"", b"part"),
        (b"part", 0, SAR, Concatenation(0x0102, 3, 2, wide=True), b"", b"part"),
        (b"", 0, {**SAR, c.TLV_MESSAGE_PAYLOAD: b"part"}, Concatenation(0x0102, 3, 2, wide=True), b"", b"part"),
        # ports before the concatenation
        (b"\x0b\x05\x04\x0b\x84\x00\x00\x00\x03\x07\x02\x01text", 0x40, {}, Concatenation(7, 2, 1), b"\x05\x04\x0b\x84\0\0", b"text"),
        (concatenation(7, 1, 1) + b"alone", 0x40, {}, None, b"", b"alone"),
        # a header that cannot be: the text as it is
        (b"\xffshort", 0x40, {}, None, b"", b"\xffshort"),
        (b"\x05\x00\x03\x07\x02\x03text", 0x40, {}, None, b"", b"\x05\x00\x03\x07\x02\x03text"),
        (b"", 0x40, {}, None, b"", b""),
        (b"text", 0, {**SAR, c.TLV_SAR_NUMBER: b"\x04"}, None, b"", b"text"),
    ],
)  # fmt: skip
async def test_parts_are_told_as_such(smsc, make_rig, poll, octets, esm_class, tlvs, part, udh, text):
    rig = await make_rig().bound()
    deliver(smsc, octets, esm_class=esm_class, tlvs=tlvs)
    await poll(lambda: smsc.answers)
    (one,) = rig.inbound
    assert (one.part, one.udh, one.octets) == (part, udh, text)


async def test_closing_waits_for_what_is_being_kept(smsc, make_rig, poll):
    rig = await make_rig().bound()
    rig.inbound_gate.clear()
    deliver(smsc, b"hello")
    await poll(lambda: rig.link.counters.mo == 1)
    rig.inbound_gate.set()
    await rig.link.close(5.0)
    assert [answer.status for answer in smsc.answers] == [0]
