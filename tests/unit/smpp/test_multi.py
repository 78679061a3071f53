"""submit_multi, octet by octet."""

import pytest

from carriers.smpp import commands as c
from carriers.smpp.commands import RINVCMDLEN, RINVDESTFLAG, RINVDLNAME, RINVDSTADR, RINVMSGLEN, RINVNUMDESTS, RINVSRCADR
from carriers.smpp.messages import Message
from carriers.smpp.multi import (
    DISTRIBUTION_LIST,
    Destination,
    MultiAnswer,
    SubmitMulti,
    Unsuccess,
    pack_multi,
    pack_multi_resp,
    read_multi,
    read_multi_resp,
)
from carriers.smpp.pdu import MalformedPdu, pack_pdu

# SMPP 3.4, 4.5.1, table 4-13, field by field
BODY = (
    b"CMT\0"  # service_type
    b"\x05\x00Acme\0"  # source TON, NPI, address
    b"\x03"  # number_of_dests
    b"\x01\x01\x01447700900123\0"
    b"\x02friends\0"
    b"\x01\x02\x08123\0"
    b"\x40\x00\x01"  # esm_class, protocol_id, priority_flag
    b"\0"  # schedule_delivery_time
    b"000000010000000R\0"  # validity_period
    b"\x01\x00\x08\x00"  # registered_delivery, replace_if_present_flag, data_coding, sm_default_msg_id
    b"\x04\x00h\x00i"  # sm_length, short_message
    b"\x02\x04\x00\x02\x00\x07"  # user_message_reference
)
MULTI = SubmitMulti(
    Message(
        "Acme",
        "",
        b"\0h\0i",
        esm_class=0x40,
        data_coding=8,
        registered_delivery=1,
        tlvs={0x0204: b"\0\x07"},
        source_ton=5,
        service_type="CMT",
        priority=1,
        validity="000000010000000R",
    ),
    (Destination("447700900123", 1, 1), Destination("friends", flag=DISTRIBUTION_LIST), Destination("123", 2, 8)),
)


def read(body: bytes) -> SubmitMulti:
    return read_multi(pack_pdu(c.SUBMIT_MULTI, 0, 1, body))


def test_the_octets_of_the_specification():
    assert read(BODY) == MULTI
    assert pack_multi(MULTI) == BODY


def test_each_address_makes_a_message_of_its_own():
    message = MULTI.to(MULTI.destinations[2])
    assert (message.destination, message.destination_ton, message.destination_npi) == ("123", 2, 8)
    assert (message.source, message.short_message) == ("Acme", b"\0h\0i")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", None),
        (b"\0\0\0" + b"9" * 30, RINVSRCADR),
        (b"\0\0\0src\0", RINVCMDLEN),
        (b"\0\0\0src\0\0", RINVNUMDESTS),
        (b"\0\0\0src\0\xff", RINVNUMDESTS),
        (b"\0\0\0src\0\x01", RINVCMDLEN),
        (b"\0\0\0src\0\x01\x03", RINVDESTFLAG),
        (b"\0\0\0src\0\x01\x00\x01\x01123\0", RINVDESTFLAG),
        (b"\0\0\0src\0\x01\x01\x01\x01" + b"9" * 30, RINVDSTADR),
        (b"\0\0\0src\0\x01\x02" + b"n" * 30, RINVDLNAME),
        (b"\0\0\0src\0\x02\x01\x01\x01123\0", RINVCMDLEN),
        (b"\0\0\0src\0\x01\x01\x01\x01123\0\0\0\0\0\0\0\0\0\0\x09short", RINVMSGLEN),
    ],
)
def test_what_breaks_its_bounds_is_refused_by_name(body, status):
    with pytest.raises(MalformedPdu) as error:
        read(body)
    assert status is None or error.value.status == status


def test_at_most_254_destinations():
    many = MULTI._replace(destinations=tuple(Destination(str(n)) for n in range(254)))
    assert read(pack_multi(many)) == many
    with pytest.raises(ValueError, match="254"):
        pack_multi(many._replace(destinations=(*many.destinations, Destination("255"))))
    with pytest.raises(ValueError, match="254"):
        pack_multi(many._replace(destinations=()))
    with pytest.raises(ValueError, match="dest_flag"):
        pack_multi(many._replace(destinations=(Destination("1", flag=0),)))


def test_the_answer_tells_who_was_not_taken():
    body = pack_multi_resp("M7", [(1, 1, "447700900124", 0x0B), (0, 0, "friends", 0x34)])
    assert body == b"M7\0\x02\x01\x01447700900124\0\0\0\0\x0b\0\0friends\0\0\0\0\x34"
    raw = pack_pdu(c.SUBMIT_MULTI | c.RESPONSE, 0, 1, body)
    assert read_multi_resp(raw) == MultiAnswer("M7", (Unsuccess(1, 1, "447700900124", 0x0B), Unsuccess(0, 0, "friends", 0x34)))
    assert pack_multi_resp("M7") == b"M7\0\0"
    for end in range(17, len(raw)):
        with pytest.raises(MalformedPdu):
            read_multi_resp(raw[:end])
