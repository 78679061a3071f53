"""What an answer carries when nobody gives it a body."""

import pytest

from carriers.smpp import commands as c
from carriers.smpp.messages import read_message_id
from carriers.smpp.operations import Found, read_found
from carriers.smpp.pdu import pack_pdu, read_header
from carriers.smpp.sending import bare_body
from carriers.smpp.session import Session, Side, Timers

REQUESTS = sorted(set(c.COMMAND_NAMES) - {c.ALERT_NOTIFICATION, c.OUTBIND})


@pytest.mark.parametrize("command", REQUESTS)
def test_refusals_carry_what_the_specification_does_not_let_away(command):
    expected = {c.DELIVER_SM: b"\0", c.DATA_SM: b"\0", c.QUERY_SM: b"\0\0\7\0"}
    assert bare_body(command, c.RSYSERR) == expected.get(command, b"")


@pytest.mark.parametrize("command", REQUESTS)
def test_accepting_takes_an_empty_id(command):
    assert bare_body(command, c.ROK) == (b"\0" if command in {c.SUBMIT_SM, c.DELIVER_SM, c.DATA_SM} else b"")


def test_a_refused_query_can_be_read():
    raw = pack_pdu(c.QUERY_SM | c.RESPONSE, c.RINVMSGID, 7, bare_body(c.QUERY_SM, c.RINVMSGID))
    assert read_found(raw) == Found("", "", 7, 0)


@pytest.mark.parametrize("command", [c.DATA_SM, c.QUERY_SM])
def test_a_request_in_the_wrong_state_is_refused_with_a_body(command):
    session = Session(Side.SMSC, Timers(), now_s=0.0)
    session.receive(pack_pdu(command, 0, 7, b""), 0.0)
    answer = session.bytes_to_send()
    assert read_header(answer) == (command | c.RESPONSE, c.RINVBNDSTS, 7)
    assert answer[16:] == bare_body(command, c.RINVBNDSTS) != b""
    assert read_message_id(answer) == ""
