"""The timers of a session, rule by rule."""

import struct

from carriers.smpp import commands as c
from carriers.smpp import events as e
from carriers.smpp.law import BOUND, Side
from carriers.smpp.messages import Message, pack_message
from carriers.smpp.operations import Bind
from carriers.smpp.pdu import Framer, pack_pdu, read_header
from carriers.smpp.session import Session, Timers
from carriers.smpp.window import MAX_TOMBSTONES, TOMBSTONE_S, Window

SUBMIT = pack_message(Message("12345", "447700900123", b"hello"))
TIMERS = Timers(session_init_s=30, enquire_link_s=30, enquire_answer_s=10, response_s=60, unbind_s=2, grace_s=2, part_s=10)


def headers(octets: bytes) -> list[tuple[int, int, int]]:
    return [read_header(raw) for raw in Framer().feed(octets)]


def client(now_s: float = 0.0, *, command: int = c.BIND_TRANSCEIVER, bound: bool = True, window: int = 10, **timers) -> Session:
    session = Session(Side.ESME, TIMERS._replace(**timers), now_s=now_s, window=window)
    session.bind(command, Bind("me", "secret"), now_s)
    session.bytes_to_send()
    if bound:
        session.receive(pack_pdu(command | c.RESPONSE, 0, 1, b"smsc\0"), now_s)
    return session


def server(now_s: float = 0.0, *, command: int = c.BIND_TRANSCEIVER, bound: bool = True, **timers) -> Session:
    session = Session(Side.SMSC, TIMERS._replace(**timers), now_s=now_s)
    if bound:
        body = b"me\0secret\0\0\x34\0\0\0"
        (asked,) = session.receive(pack_pdu(command, 0, 1, body), now_s)
        assert isinstance(asked, e.BindAsked)
        session.answer_bind(asked, 0, now_s, system_id="smsc")
        session.bytes_to_send()
    return session


# -- the response timer


def test_a_request_without_an_answer_is_told_once_and_its_late_answer_still_comes():
    session = client()
    first = session.request(c.SUBMIT_SM, SUBMIT, "first", 0.0)
    session.request(c.SUBMIT_SM, SUBMIT, "second", 1.0)
    session.receive(pack_pdu(c.ENQUIRE_LINK, 0, 1), 59.0)
    assert session.next_timer() == 60.0
    assert session.handle_timer(60.0) == [e.Overdue([e.Unanswered("first", c.SUBMIT_SM, 0.0)])]
    assert session.handle_timer(60.5) == []
    assert session.next_timer() == 61.0
    (answered,) = session.receive(pack_pdu(c.SUBMIT_SM_RESP, 0, first, b"id\0"), 60.9)
    assert isinstance(answered, e.Answered)
    assert (answered.answers[0].late, answered.answers[0].message_id) == (True, "id")
    assert session.handle_timer(61.0) == [e.Overdue([e.Unanswered("second", c.SUBMIT_SM, 1.0)])]
    assert session.counters.response_timeouts == 2


def test_tombstones_are_kept_for_five_minutes_and_within_bounds():
    window = Window(10, 60)
    sequence = window.put("it", c.SUBMIT_SM, 0)
    window.sweep(60)
    window.sweep(60 + TOMBSTONE_S - 1)
    assert window._overdue
    window.sweep(60 + TOMBSTONE_S)
    assert window.take(sequence, c.SUBMIT_SM_RESP) is None
    full = Window(MAX_TOMBSTONES + 5, 60)
    for n in range(MAX_TOMBSTONES + 5):
        full.put(n, c.SUBMIT_SM, 0)
    assert len(full.sweep(60)) == MAX_TOMBSTONES + 5
    assert len(full._overdue) == MAX_TOMBSTONES


# -- enquire_link


def test_silence_is_asked_about_and_its_answer_has_a_deadline():
    session = client()
    assert session.next_timer() == 30.0
    assert session.handle_timer(29.9) == []
    assert session.bytes_to_send() == b""
    assert session.handle_timer(30.0) == []
    assert headers(session.bytes_to_send()) == [(c.ENQUIRE_LINK, 0, 2)]
    assert session.next_timer() == 40.0
    (closed,) = session.handle_timer(40.0)
    assert closed == e.Closed("no answer to enquire_link", [])
    assert session.counters.enquire_timeouts == 1
    assert session.next_timer() is None


def test_any_octet_is_life():
    session = client()
    session.handle_timer(30.0)
    session.receive(b"\0", 39.0)
    assert session.handle_timer(40.0) == []
    assert session.state in BOUND
    assert session.next_timer() == 49.0  # the rest of the PDU that has begun


def test_traffic_spares_the_question():
    session = client()
    session.receive(pack_pdu(c.ENQUIRE_LINK, 0, 1), 20.0)
    assert headers(session.bytes_to_send()) == [(c.ENQUIRE_LINK_RESP, 0, 1)]
    assert session.handle_timer(30.0) == []
    assert session.bytes_to_send() == b""
    assert session.next_timer() == 50.0


def test_the_question_can_be_switched_off():
    assert client(enquire_link_s=0.0).next_timer() is None


def test_an_answered_question_is_no_unsolicited_answer():
    session = client()
    session.handle_timer(30.0)
    assert session.receive(pack_pdu(c.ENQUIRE_LINK_RESP, 0, 2), 31.0) == []
    assert session.counters.unsolicited == 0
    assert session.next_timer() == 61.0


# -- other timers


def test_a_server_closes_on_a_client_that_does_not_bind():
    session = server(bound=False)
    assert session.next_timer() == 30.0
    assert session.handle_timer(30.0) == [e.Closed("no bind", [])]


def test_a_client_closes_on_a_server_that_does_not_answer_its_bind():
    session = client(bound=False, session_init_s=10.0)
    assert session.handle_timer(10.0) == [e.Closed("no answer to the bind", [])]


def test_a_pdu_that_has_begun_must_end():
    session = client()
    session.receive(struct.pack(">I", 100), 5.0)
    assert session.next_timer() == 15.0
    session.receive(b"more", 14.0)
    assert session.handle_timer(15.0) == [e.Closed("PDU not finished in time", [])]


def test_each_pdu_has_its_own_time_to_end():
    session = client()
    raw = pack_pdu(c.ENQUIRE_LINK, 0, 1)
    session.receive(raw[:8], 5.0)
    session.receive(raw[8:] + raw[:8], 14.0)
    assert session.handle_timer(15.0) == []
    session.receive(raw[8:], 16.0)
    assert session.next_timer() == 46.0


def test_an_idle_client_is_unbound_when_the_server_says_so():
    session = server(inactivity_s=300.0, enquire_link_s=0.0)
    session.receive(pack_pdu(c.SUBMIT_SM, 0, 2, SUBMIT), 100.0)
    session.receive(pack_pdu(c.ENQUIRE_LINK, 0, 3), 350.0)
    assert session.next_timer() == 400.0
    session.bytes_to_send()
    assert session.handle_timer(400.0) == []
    assert headers(session.bytes_to_send())[0][0] == c.UNBIND
    assert session.handle_timer(402.0) == [e.Closed("unbound, not answered", [])]


def test_a_sweep_that_is_called_for_finds_what_it_was_called_for():
    window = Window(10, 60.0)
    window.put("it", c.SUBMIT_SM, 0.01)
    assert [request.context for request in window.sweep(window.next_sweep_s())] == ["it"]  # 60.01 - 60 is less than 0.01
