"""Wireshark's reading of what we write: every kind of PDU that we can pack, and all that was said in the tests of this folder."""

import itertools
import subprocess
from collections import Counter
from typing import get_args

import pytest
from interop_foreign import environment, until
from interop_wire import PORT, Conversation, write_capture

from carriers.port import Verdict
from carriers.smpp import commands as c
from carriers.smpp import messages as m
from carriers.smpp import operations as o
from carriers.smpp.multi import DISTRIBUTION_LIST, Destination, SubmitMulti, pack_multi, pack_multi_resp
from carriers.smpp.pdu import pack_pdu
from carriers.smpp.receipts import write_receipt
from carriers.smpp.sending import bare_body
from router.settings import LongMessages
from router.text.segments import split
from sims.smsc.options import SmscOptions
from sims.smsc.server import Smsc
from sims.smsc.temperament import Temperament

FIELDS = ("smpp.command_id", "_ws.malformed", "_ws.expert.severity", "_ws.expert.message", "_ws.col.Info")
OPTIONS = ("-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-E", "separator=\t", "-E", "occurrence=a")
ERROR = 0x00800000  # PI_ERROR of Wireshark's expert information


def dissected(path):
    """What tshark reads: PDUs by command id, and a line for each thing that it does not like."""
    fields = itertools.chain.from_iterable(("-e", field) for field in FIELDS)
    read = subprocess.run(
        ["tshark", "-n", "-r", str(path), "-d", f"tcp.port=={PORT},smpp", *OPTIONS, "-T", "fields", *fields],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    found, complaints = Counter(), []
    for line in read.stdout.splitlines():
        commands, malformed, severities, messages, info = line.split("\t")
        found.update(int(command, 16) for command in commands.split(",") if command)
        if malformed or any(int(severity) >= ERROR for severity in severities.split(",") if severity):
            complaints.append((malformed, messages, info))
    return found, complaints


def counted(conversations):
    return Counter(int.from_bytes(pdu[4:8], "big") for one in conversations for _, pdu in one.pdus())


def said(*octets):
    """A conversation in which the client says and the server answers by turns."""
    return Conversation(0.0, [(n / 1000, n % 2 == 0, chunk) for n, chunk in enumerate(octets)])


def every_pdu():
    """One of each that we can write, requests and answers by turns."""
    receipt, tlvs = write_receipt("M01JABCDEFGHJKMNPQRSTVWXYZ0", "DELIVRD", submitted_s=0, done_s=60)
    message = m.Message(
        "Trunkline", "447700900123", b"hi", registered_delivery=1, source_ton=5, destination_ton=1, destination_npi=1
    )
    long = split("Привет, мир 😀 " * 10, "ucs2", 7)
    wide = split("Привет, мир 😀 " * 10, "ucs2", 7000, wide=True)
    all_tlvs = {
        0x0005: b"\1",
        0x0019: b"\0",
        c.TLV_USER_MESSAGE_REFERENCE: b"\0\7",
        c.TLV_SAR_REFERENCE: b"\1\2",
        c.TLV_SAR_TOTAL: b"\2",
        c.TLV_SAR_NUMBER: b"\1",
        0x1400: b"1234",
        0x1401: b"5678",
    }
    submits = [
        message,
        message._replace(validity="000000010000000R", schedule="260101000000000+", priority=3, esm_class=3, service_type="VMA"),
        *(message._replace(short_message=part, data_coding=8, esm_class=0x40) for part in long.parts + wide.parts),
        message._replace(short_message=b"\0\xff" * 70, data_coding=4),
        message._replace(short_message=b"\x06\x05\x04\x3e\x80\x3e\x80payload", data_coding=0xF5, esm_class=0x43),
        message._replace(short_message=b"", tlvs={c.TLV_MESSAGE_PAYLOAD: "Привет ".encode("utf-16-be") * 200}, data_coding=8),
        message._replace(tlvs=all_tlvs, data_coding=0x10),
    ]
    delivers = [
        m.Message("447700900123", "12345", b"STOP", source_ton=1, source_npi=1, destination_ton=3),
        m.Message("447700900123", "12345", receipt, esm_class=4, tlvs=tlvs),
    ]
    data = m.Data("447700900123", "12345", tlvs={c.TLV_MESSAGE_PAYLOAD: b"hello"}, source_ton=1, source_npi=1)
    to_many = SubmitMulti(message, (Destination("447700900123", 1, 1), Destination("friends", flag=DISTRIBUTION_LIST)))
    resp = c.RESPONSE
    message_id = m.pack_message_id("M01JABCDEFGHJKMNPQRSTVWXYZ0-3")
    exchanges = [
        *(
            (command, o.pack_bind(o.Bind("trunk", "secret12", "SMPP", address_range="")), o.pack_bind_resp("trunkline"))
            for command in (c.BIND_RECEIVER, c.BIND_TRANSMITTER, c.BIND_TRANSCEIVER)
        ),
        *((c.SUBMIT_SM, m.pack_message(one), message_id) for one in submits),
        *((c.DELIVER_SM, m.pack_message(one), m.pack_message_id("")) for one in delivers),
        (c.DATA_SM, m.pack_data(data), message_id),
        (c.QUERY_SM, o.pack_query(o.Query("M01", "Trunkline", 5, 0)), o.pack_found(o.Found("M01", "260101000000000+", 2, 0))),
        (c.QUERY_SM, o.pack_query(o.Query("M01", "Trunkline", 5, 0)), o.pack_found(o.Found("M01", "", 1, 0))),
        (c.SUBMIT_MULTI, pack_multi(to_many), pack_multi_resp("M01")),
        (c.SUBMIT_MULTI, pack_multi(to_many), pack_multi_resp("M01", [(1, 1, "447700900124", c.RINVDSTADR)])),
        (c.CANCEL_SM, o.pack_cancel(o.Cancel("M01", "Trunkline", "447700900123", source_ton=5)), b""),
        (c.REPLACE_SM, o.pack_replace(o.Replace("M01", b"bye", "Trunkline", source_ton=5)), b""),
        (c.ENQUIRE_LINK, b"", b""),
        (c.UNBIND, b"", b""),
    ]
    sequence = itertools.count(1)
    for command, body, answer in exchanges:
        number = next(sequence)
        yield pack_pdu(command, 0, number, body)
        yield pack_pdu(command | resp, 0, number, answer)
    for command in (*c.BINDS, c.SUBMIT_SM, c.DELIVER_SM, c.DATA_SM, c.QUERY_SM, c.CANCEL_SM, c.REPLACE_SM, c.SUBMIT_MULTI):
        yield pack_pdu(c.ENQUIRE_LINK, 0, number := next(sequence))
        yield pack_pdu(command | resp, c.RTHROTTLED, number, bare_body(command, c.RTHROTTLED))
    yield pack_pdu(c.GENERIC_NACK, c.RINVCMDID, 7)


def test_every_pdu_that_we_can_write(tmp_path):
    path = tmp_path / "every.pcap"
    conversation = said(*every_pdu())
    write_capture(path, [conversation])
    assert dissected(path) == (counted([conversation]), [])


def test_many_pdus_in_one_segment_and_one_in_many(tmp_path):
    pdus = list(every_pdu())
    joined = b"".join(pdus[::2])
    torn = [joined[start : start + 100] for start in range(0, len(joined), 100)]
    one = Conversation(0.0, [(n / 1000, True, piece) for n, piece in enumerate([joined, *torn, joined * 40])])
    write_capture(tmp_path / "torn.pcap", [one])
    assert dissected(tmp_path / "torn.pcap") == (counted([one]), [])


def test_a_broken_pdu_is_found(tmp_path):
    """So that nobody is comforted by a reader that likes everything."""
    broken = pack_pdu(c.SUBMIT_SM, 0, 2, m.pack_message(m.Message("1", "2", b"text"))[:-2])
    write_capture(tmp_path / "broken.pcap", [said(pack_pdu(c.ENQUIRE_LINK, 0, 1), b"", broken)])
    found, complaints = dissected(tmp_path / "broken.pcap")
    assert found[c.SUBMIT_SM] == 1
    assert complaints


@pytest.mark.parametrize("marks", get_args(LongMessages))
async def test_a_long_conversation_of_our_link_with_our_simulated_carrier(tmp_path, make_rig, conversations, marks):
    far = Smsc(SmscOptions(port=0), Temperament(receipt_median_s=0.01))
    port = await far.start()
    seen = len(conversations)
    rig = await make_rig(
        port, system_id="any", long_messages=marks, tlvs={"0x1400": "3132"}, shift_tables=("turkish",), enquire_link_s=0.2
    )
    octets = "".join(map(chr, range(256)))
    sent = [
        rig.outgoing("hello {€}"),
        rig.outgoing("hello", flash=True),
        rig.outgoing("{€}" * 150, segments=6),
        rig.outgoing("ж😀 " * 50, encoding="ucs2", segments=4),
        rig.outgoing(octets[:140], encoding="octets"),
        rig.outgoing(octets, encoding="octets", segments=2),
        rig.outgoing(octets[:100], encoding="octets", udh=bytes.fromhex("05043e803e80")),
        rig.outgoing("ğüşiöç ŞİĞ " * 20, encoding="ucs2", segments=4),
    ]
    rig.link.send(sent)
    answers = await rig.answered(len(sent))
    assert {answer.verdict for answer in answers} == {Verdict.ACCEPTED}
    ids = {carrier_id for answer in answers for carrier_id in answer.carrier_ids if carrier_id}
    await until(lambda: {receipt.carrier_id for receipt in rig.receipts} == ids, "receipts")
    await rig.link.close(1.0)
    await far.stop()
    path = tmp_path / "long.pcap"
    write_capture(path, conversations[seen:])
    found, complaints = dissected(path)
    assert (found, complaints) == (counted(conversations[seen:]), [])
    assert found[c.SUBMIT_SM] == found[c.SUBMIT_SM_RESP] >= len(sent)
    assert found[c.DELIVER_SM] >= len(ids)


def test_all_that_was_said_in_these_tests(tmp_path, conversations):
    """The last test of the last file: what the others said has been said by now."""
    path = tmp_path / "all.pcap"
    write_capture(path, conversations)
    assert dissected(path) == (counted(conversations), [])
