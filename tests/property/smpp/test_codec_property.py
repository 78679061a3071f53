"""The codec against itself, against any octets, and against smpplib as a second opinion."""

import warnings
from contextlib import suppress
from types import SimpleNamespace

from hypothesis import given, settings
from hypothesis import strategies as st
from smpplib import consts, smpp

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
)
from carriers.smpp.operations import (
    Bind,
    pack_bind,
    read_alert,
    read_bind,
    read_bind_resp,
    read_cancel,
    read_found,
    read_query,
    read_replace,
)
from carriers.smpp.pdu import Framer, MalformedPdu, pack_pdu, read_header

octet = st.integers(0, 255)


def text(size: int) -> st.SearchStrategy[str]:
    return st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=size)


times = st.sampled_from(("", "000000010000000R", "261122124557000+"))
tlvs = st.dictionaries(st.integers(0, 0xFFFF), st.binary(max_size=40), max_size=5)
messages = st.builds(
    Message, text(20), text(20), st.binary(max_size=254), octet, octet, octet, tlvs, octet, octet, octet, octet, text(5),
    octet, octet, times, times, octet, octet,
)  # fmt: skip
datas = st.builds(Data, text(64), text(64), octet, octet, octet, tlvs, octet, octet, octet, octet, text(5))


@given(messages, st.integers(0, 0x7FFFFFFF))
def test_messages_come_back_as_they_were(message, sequence):
    raw = pack_pdu(c.SUBMIT_SM, 0, sequence, pack_message(message))
    assert read_header(raw) == (c.SUBMIT_SM, 0, sequence)
    assert read_message(raw) == message


@given(datas)
def test_data_comes_back_as_it_was(data):
    assert read_data(pack_pdu(c.DATA_SM, 0, 1, pack_data(data))) == data


@given(st.builds(Bind, text(15), text(64), text(12), octet, octet, octet, text(40)))
def test_binds_come_back_as_they_were(bind):
    assert read_bind(pack_pdu(c.BIND_TRANSCEIVER, 0, 1, pack_bind(bind))) == bind


READERS = (read_message, read_data, read_bind, read_query, read_found, read_cancel, read_replace, read_alert)


@settings(max_examples=400)
@given(
    st.one_of(st.binary(max_size=120), st.lists(st.sampled_from((b"\0", b"\0\0\0", b"a", b"\xff")), max_size=60).map(b"".join))
)
def test_any_body_is_read_or_is_malformed(body):
    raw = pack_pdu(c.SUBMIT_SM, 0, 1, body)
    for read in READERS:
        with suppress(MalformedPdu):
            read(raw)
    read_message_id(raw)
    read_bind_resp(raw)


@given(st.lists(st.binary(max_size=100), max_size=10), st.lists(st.integers(1, 50), min_size=1, max_size=10))
def test_frames_survive_any_fragmentation(bodies, sizes):
    pdus = [pack_pdu(c.SUBMIT_SM, 0, n, body) for n, body in enumerate(bodies)]
    stream = b"".join(pdus)
    framer, out, at, turn = Framer(), [], 0, 0
    while at < len(stream):
        size = sizes[turn % len(sizes)]
        out += framer.feed(stream[at : at + size])
        at += size
        turn += 1
    assert out == pdus


# -- smpplib. Left out where it errs: passwords over 8, fields at full length, TLVs that a class of its does not list or
# whose text has no NUL, octets above ASCII in addresses (it decodes nothing and packs str only).

CLIENT = SimpleNamespace(sequence=0, next_sequence=lambda: 1)
plain = st.text("ABCabc0123456789", max_size=18)
plain_tlvs = st.fixed_dictionaries(
    {},
    optional={
        c.TLV_USER_MESSAGE_REFERENCE: st.binary(min_size=2, max_size=2),
        c.TLV_MESSAGE_PAYLOAD: st.binary(min_size=1, max_size=300),
    },
)
plain_messages = st.builds(
    Message, plain, plain, st.binary(max_size=254), octet, octet, octet, plain_tlvs, octet, octet, octet, octet,
    st.text("ABC", max_size=4), octet, octet, times, times, octet, octet,
)  # fmt: skip

NAMES = {
    "source": "source_addr", "destination": "destination_addr", "short_message": "short_message", "esm_class": "esm_class",
    "data_coding": "data_coding", "registered_delivery": "registered_delivery", "source_ton": "source_addr_ton",
    "source_npi": "source_addr_npi", "destination_ton": "dest_addr_ton", "destination_npi": "dest_addr_npi",
    "service_type": "service_type", "protocol_id": "protocol_id", "priority": "priority_flag",
    "schedule": "schedule_delivery_time", "validity": "validity_period", "replace": "replace_if_present_flag",
    "default_id": "sm_default_msg_id",
}  # fmt: skip


@given(plain_messages)
def test_smpplib_reads_what_we_write(message):
    raw = pack_pdu(c.SUBMIT_SM, 0, 9, pack_message(message))
    pdu = smpp.parse_pdu(raw, client=CLIENT, allow_unknown_opt_params=True)
    assert pdu.command == "submit_sm"
    for ours, theirs in NAMES.items():
        expected = getattr(message, ours)
        found = getattr(pdu, theirs) or (0 if isinstance(expected, int) else b"")
        assert found == (expected.encode("ascii") if isinstance(expected, str) else expected), ours
    if c.TLV_MESSAGE_PAYLOAD in message.tlvs:
        assert pdu.message_payload == message.tlvs[c.TLV_MESSAGE_PAYLOAD]
    if c.TLV_USER_MESSAGE_REFERENCE in message.tlvs:
        assert pdu.user_message_reference == int.from_bytes(message.tlvs[c.TLV_USER_MESSAGE_REFERENCE], "big")


@given(plain_messages)
def test_we_read_what_smpplib_writes(message):
    fields = {theirs: getattr(message, ours) for ours, theirs in NAMES.items()}
    if c.TLV_MESSAGE_PAYLOAD in message.tlvs:  # it refuses both, and so do carriers
        message = message._replace(short_message=b"")
        fields["short_message"] = b""
        fields["message_payload"] = message.tlvs[c.TLV_MESSAGE_PAYLOAD]
    pdu = smpp.make_pdu("submit_sm", client=CLIENT, **fields)
    pdu.sequence = 77
    raw = pdu.generate()
    assert read_header(raw) == (c.SUBMIT_SM, 0, 77)
    expected = {tag: value for tag, value in message.tlvs.items() if tag == c.TLV_MESSAGE_PAYLOAD}
    assert read_message(raw) == message._replace(tlvs=expected)


@given(st.text("abcdef0123456789-", min_size=1, max_size=64), st.sampled_from((0, 0x08, 0x58)))
def test_responses_agree_with_smpplib(message_id, status):
    raw = pack_pdu(c.SUBMIT_SM_RESP, status, 5, pack_message_id(message_id))
    pdu = smpp.parse_pdu(raw, client=CLIENT)
    assert (pdu.command, pdu.status, pdu.message_id) == ("submit_sm_resp", status, message_id.encode())
    theirs = smpp.make_pdu("submit_sm_resp", client=CLIENT, message_id=message_id)
    theirs.sequence = 5
    assert read_message_id(theirs.generate()) == message_id


@given(plain, st.text("abc", max_size=8), st.sampled_from(("bind_transceiver", "bind_receiver", "bind_transmitter")))
def test_binds_agree_with_smpplib(system_id, password, command):
    system_id = system_id[:15]
    theirs = smpp.make_pdu(command, client=CLIENT, system_id=system_id, password=password, interface_version=0x34)
    theirs.sequence = 1
    bind = read_bind(theirs.generate())
    assert (bind.system_id, bind.password, bind.interface_version) == (system_id, password, 0x34)
    number = {"bind_transceiver": 9, "bind_receiver": 1, "bind_transmitter": 2}[command]
    pdu = smpp.parse_pdu(pack_pdu(number, 0, 1, pack_bind(Bind(system_id, password))), client=CLIENT)
    assert (pdu.system_id, pdu.password) == (system_id.encode(), password.encode())


def test_statuses_and_commands_have_smpplibs_numbers():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = {name: getattr(consts, name) for name in dir(consts) if name.startswith("SMPP_ESME_R")}
    ours = {name: getattr(c, name) for name in dir(c) if name.startswith("R") and isinstance(getattr(c, name), int)}
    both = {name for name in ours if f"SMPP_ESME_{name}" in theirs}
    assert len(both) >= 15
    for name in both:
        assert theirs[f"SMPP_ESME_{name}"] == ours[name], name
