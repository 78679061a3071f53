"""The codec: octets that are written down, bounds, framing."""

import struct

import pytest

from carriers.smpp import commands as c
from carriers.smpp.messages import (
    Data,
    Message,
    pack_data,
    pack_message,
    pack_message_id,
    read_data,
    read_message,
    read_message_id,
    submit_tail,
)
from carriers.smpp.operations import (
    Alert,
    Bind,
    Cancel,
    Found,
    Query,
    Replace,
    pack_bind,
    pack_bind_resp,
    pack_cancel,
    pack_found,
    pack_query,
    pack_replace,
    read_alert,
    read_bind,
    read_bind_resp,
    read_cancel,
    read_found,
    read_query,
    read_replace,
)
from carriers.smpp.pdu import MAX_PDU_OCTETS, Framer, MalformedPdu, pack_pdu, pack_tlvs, read_header, read_tlvs


def test_a_submit_sm_octet_by_octet():
    message = Message(
        "12345", "447700900123", b"hi", esm_class=0x40, data_coding=8, registered_delivery=1,
        tlvs={0x1400: b"ent\0"}, source_ton=3, source_npi=0, destination_ton=1, destination_npi=1,
        service_type="CMT", validity="000000010000000R",
    )  # fmt: skip
    assert pack_pdu(c.SUBMIT_SM, 0, 7, pack_message(message)) == bytes.fromhex(
        "0000004f00000004 0000000000000007"
        "434d5400 0300 313233343500 0101 34343737303039303031323300"
        "40 00 00 00 3030303030303031303030303030305200"
        "01 00 08 00 02 6869"
        "1400 0004 656e7400"
    )


@pytest.mark.parametrize(
    ("body", "pack", "read"),
    [
        (Message("", ""), pack_message, read_message),
        (Message("a" * 20, "1" * 20, b"x" * 254, tlvs={0x424: b"", 0x3FFF: b"\xff" * 300}), pack_message, read_message),
        (Data("1" * 64, "2" * 64, 4, 1, 8, {0x424: b"text"}, 1, 2, 3, 4, "USSD"), pack_data, read_data),
        (Bind("trunk", "p" * 64, "type", 0x50, 1, 1, "44*"), pack_bind, read_bind),
        (Query("id", "123", 1, 1), pack_query, read_query),
        (Found("id", "261122124557000+", 2, 9), pack_found, read_found),
        (Cancel("id", "1", "2", "CMT", 1, 2, 3, 4), pack_cancel, read_cancel),
        (Replace("id", b"new", "1", "", "000000010000000R", 1, 2, 3, 4), pack_replace, read_replace),
    ],
)
def test_what_is_packed_is_read(body, pack, read):
    assert read(pack_pdu(0x99, 0, 1, pack(body))) == body


def test_an_alert_notification():
    raw = pack_pdu(c.ALERT_NOTIFICATION, 0, 1, b"\x01\x01447700900123\0\x00\x0012345\0\x04\x22\0\x01\0")
    assert read_alert(raw) == Alert("447700900123", "12345", 1, 1, 0, 0)


def test_every_cut_of_a_body_is_one_named_error():
    bodies = {
        read_message: pack_message(Message("1", "2", b"text")),
        read_data: pack_data(Data("1", "2")),
        read_bind: pack_bind(Bind("a", "b", "c")),
        read_query: pack_query(Query("a")),
        read_found: pack_found(Found("a")),
        read_cancel: pack_cancel(Cancel("a")),
        read_replace: pack_replace(Replace("a", b"text")),
    }
    for read, body in bodies.items():
        read(pack_pdu(1, 0, 1, body))
        for length in range(len(body)):
            with pytest.raises(MalformedPdu):
                read(pack_pdu(1, 0, 1, body[:length]))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"sixsix\0\0\0", c.RINVSERTYP),
        (b"\0\0\0" + b"1" * 21 + b"\0", c.RINVSRCADR),
        (b"\0\0\0\0\0\0" + b"1" * 21 + b"\0", c.RINVDSTADR),
        (b"\0\0\0\0\0\0\0\0\0\0" + b"0" * 17 + b"\0", c.RINVSCHED),
        (b"\0\0\0\0\0\0\0\0\0\0\0" + b"0" * 17 + b"\0", c.RINVEXPIRY),
        (b"\0" * 11 + b"\0" + b"\0\0\0\0\x05text", c.RINVMSGLEN),
        (b"\0" * 12 + b"\0\0\0\0\xff" + b"x" * 255, c.RINVMSGLEN),
        (b"\0" * 12 + b"\0\0\0\0\0" + b"\x04\x24\x00\x09short", c.RINVOPTPARSTREAM),
    ],
)
def test_a_malformed_submit_names_its_status(body, status):
    with pytest.raises(MalformedPdu) as caught:
        read_message(pack_pdu(c.SUBMIT_SM, 0, 1, body))
    assert caught.value.status == status
    assert not caught.value.framing_lost


def test_a_cut_tlv_stream_gives_what_was_read_when_that_is_asked_for():
    octets = pack_tlvs({0x1E: b"id\0", 0x427: b"\2"}) + b"\x04\x23\0\x03\x03"
    assert read_tlvs(octets, 0, whole=False) == {0x1E: b"id\0", 0x427: b"\2"}
    with pytest.raises(MalformedPdu):
        read_tlvs(octets, 0, whole=True)


@pytest.mark.parametrize(
    ("body", "message_id"),
    [(b"", ""), (b"\0", ""), (b"abc\0", "abc"), (b"abc", "abc"), (b"a" * 64 + b"\0", "a" * 64), (b"a" * 65 + b"\0", None),
     (b"abc\0\0\x1d\0\x02ok", "abc"), (b"\xe9\0", "\xe9")],
)  # fmt: skip
def test_message_ids_of_responses(body, message_id):
    assert read_message_id(pack_pdu(c.SUBMIT_SM_RESP, 0, 1, body)) == message_id


def test_bind_responses_with_and_without_a_body():
    assert read_bind_resp(pack_pdu(0x80000009, 0, 1, pack_bind_resp("smsc"))) == ("smsc", {0x210: b"\x34"})
    assert read_bind_resp(pack_pdu(0x80000009, 14, 1)) == ("", {})
    assert pack_message_id("") == b"\0"


@pytest.mark.parametrize(
    "body",
    [Message("1" * 21, "2"), Message("1", "2", b"x" * 255), Message("1\0", "2"), Message("ж", "2"), Message("1", "2", validity="1h"),
     Message("1", "2", esm_class=256), Message("1", "2", tlvs={0x424: b"x" * 65_536})],
)  # fmt: skip
def test_what_does_not_fit_is_not_packed(body):
    with pytest.raises(ValueError, match=r".+"):
        pack_message(body)


def test_numbers_of_the_tail_are_octets():
    with pytest.raises(struct.error):
        submit_tail(b"", 256, 0)


def test_frames_are_cut_wherever_the_stream_is():
    pdus = [pack_pdu(c.SUBMIT_SM_RESP, 0, n, b"id\0" * n) for n in range(1, 30)]
    stream = b"".join(pdus)
    for size in (1, 2, 3, 7, 16, 50, 1000, len(stream)):
        framer = Framer()
        out = []
        for start in range(0, len(stream), size):
            out += framer.feed(stream[start : start + size])
        assert out == pdus
        assert not framer.unfinished
        assert framer.lost is None


@pytest.mark.parametrize("length", [0, 3, 15, MAX_PDU_OCTETS + 1, 0xFFFFFFFF])
def test_a_length_that_is_none_is_refused_before_anything_is_buffered(length):
    framer = Framer()
    good = pack_pdu(c.ENQUIRE_LINK, 0, 1)
    assert framer.feed(good + struct.pack(">I", length)) == [good]
    assert framer.lost is not None
    assert framer.lost.framing_lost
    assert framer.feed(good) == []


def test_the_sequence_of_a_refused_header_is_told_when_it_can_be_read():
    framer = Framer()
    framer.feed(struct.pack(">IIII", 4, 4, 0, 77))
    assert framer.lost is not None
    assert framer.lost.sequence == 77


def test_the_longest_pdu_passes():
    framer = Framer()
    raw = pack_pdu(c.DATA_SM, 0, 1, b"x" * (MAX_PDU_OCTETS - 16))
    assert framer.feed(raw[:100]) == []
    assert framer.unfinished
    assert framer.feed(raw[100:]) == [raw]


def test_headers_and_names():
    assert read_header(pack_pdu(c.SUBMIT_SM_RESP, 0x58, 9)) == (c.SUBMIT_SM_RESP, 0x58, 9)
    with pytest.raises(MalformedPdu):
        read_header(b"short")
    assert [c.command_name(n) for n in (4, 0x80000004, 0x80000000, 0x999)] == [
        "submit_sm",
        "submit_sm_resp",
        "generic_nack",
        "0x00000999",
    ]


def test_a_bind_does_not_show_its_password():
    assert "secret" not in repr(Bind("me", "secret"))
