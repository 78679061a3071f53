"""What a session owes: requests in hand, the unbind that waits for them, the silence that is excused."""

from carriers.smpp import commands as c
from carriers.smpp import events as e
from carriers.smpp.law import SessionState, Side
from carriers.smpp.messages import Message, pack_message
from carriers.smpp.pdu import Framer, pack_pdu, read_header
from carriers.smpp.session import Session, Timers

SUBMIT = pack_message(Message("12345", "447700900123", b"hello"))


def server(**timers) -> Session:
    session = Session(Side.SMSC, Timers(**timers), now_s=0)
    (asked,) = session.receive(pack_pdu(c.BIND_TRANSCEIVER, 0, 1, b"me\0secret\0\0\x34\0\0\0"), 0)
    assert isinstance(asked, e.BindAsked)
    session.answer_bind(asked, 0, 0)
    session.bytes_to_send()
    return session


def commands(session: Session) -> list[int]:
    return [read_header(raw)[0] for raw in Framer().feed(session.bytes_to_send())]


def test_requests_are_in_hand_until_they_are_answered():
    session = server()
    session.receive(b"".join(pack_pdu(c.SUBMIT_SM, 0, n, SUBMIT) for n in (1, 2, 3)), 0)
    assert session.in_hand == 3
    session.respond(c.SUBMIT_SM, 2)
    assert session.in_hand == 2


def test_what_the_session_answers_itself_is_never_in_hand():
    session = server()
    session.receive(pack_pdu(c.SUBMIT_SM, 0, 1, b"junk") + pack_pdu(c.ENQUIRE_LINK, 0, 2) + pack_pdu(0x777, 0, 3), 0)
    assert session.in_hand == 0


def test_an_unbind_waits_for_requests_in_hand_where_they_are_given_time():
    session = server(in_hand_s=5)
    events = session.receive(pack_pdu(c.SUBMIT_SM, 0, 1, SUBMIT) + pack_pdu(c.UNBIND, 0, 2), 0)
    assert [type(event) for event in events] == [e.Asked, e.Unbinding]
    assert commands(session) == []
    session.respond(c.SUBMIT_SM, 1)
    assert commands(session) == [c.SUBMIT_SM_RESP, c.UNBIND_RESP]
    assert session.next_timer() == 0
    (closed,) = session.handle_timer(0.1)
    assert closed == e.Closed("unbound by the peer", [])


def test_an_unbind_is_answered_at_the_end_of_that_time_whatever_is_in_hand():
    session = server(in_hand_s=5)
    session.receive(pack_pdu(c.SUBMIT_SM, 0, 1, SUBMIT) + pack_pdu(c.UNBIND, 0, 2), 0)
    assert session.handle_timer(4.9) == []
    (closed,) = session.handle_timer(5)
    assert isinstance(closed, e.Closed)
    assert commands(session) == [c.UNBIND_RESP]
    session.respond(c.SUBMIT_SM, 1)
    assert session.bytes_to_send() == b""


def test_after_the_unbind_our_own_requests_are_waited_for_too():
    session = server(in_hand_s=5)
    sequence = session.request(c.DELIVER_SM, SUBMIT, "it", 0)
    session.bytes_to_send()
    session.receive(pack_pdu(c.SUBMIT_SM, 0, 1, SUBMIT) + pack_pdu(c.UNBIND, 0, 2), 0)
    session.respond(c.SUBMIT_SM, 1)
    assert session.state is SessionState.UNBINDING
    assert session.handle_timer(0.5) == []
    events = session.receive(pack_pdu(c.DELIVER_SM_RESP, 0, sequence, b"\0"), 1)
    assert [type(event) for event in events] == [e.Answered, e.Closed]


def test_without_that_time_an_unbind_is_answered_at_once():
    session = server()
    events = session.receive(pack_pdu(c.SUBMIT_SM, 0, 1, SUBMIT) + pack_pdu(c.UNBIND, 0, 2), 0)
    assert [type(event) for event in events] == [e.Asked, e.Unbinding, e.Closed]
    assert commands(session) == [c.UNBIND_RESP]


def test_a_second_unbind_is_answered_and_changes_nothing():
    session = server(in_hand_s=5)
    session.receive(pack_pdu(c.SUBMIT_SM, 0, 1, SUBMIT) + pack_pdu(c.UNBIND, 0, 2) + pack_pdu(c.UNBIND, 0, 3), 0)
    assert commands(session) == [c.UNBIND_RESP]
    session.respond(c.SUBMIT_SM, 1)
    assert commands(session) == [c.SUBMIT_SM_RESP, c.UNBIND_RESP]


def test_silence_while_nobody_reads_is_not_the_peers():
    session = server(enquire_link_s=30, enquire_answer_s=10, inactivity_s=100, part_s=10)
    session.receive(pack_pdu(c.SUBMIT_SM, 0, 1, SUBMIT)[:20], 20)
    session.hold(29)
    assert session.handle_timer(38) == []
    assert session.next_timer() == 39
    session.hold(90)
    assert session.handle_timer(95) == []
    assert session.bytes_to_send() == b""


def test_new_timers_hold_from_now_on():
    session = server(enquire_link_s=30, response_s=60)
    session.request(c.DELIVER_SM, SUBMIT, "it", 0)
    session.bytes_to_send()
    session.retime(Timers(enquire_link_s=5, response_s=2))
    assert session.next_timer() == 2
    (overdue,) = session.handle_timer(2)
    assert isinstance(overdue, e.Overdue)
    session.handle_timer(5)
    assert commands(session) == [c.ENQUIRE_LINK]


def test_it_tells_whether_its_end_was_taken_leave_of():
    ours, theirs, cut = server(), server(), server()
    ours.unbind(0)
    theirs.receive(pack_pdu(c.UNBIND, 0, 2), 0)
    assert (ours.unbound, theirs.unbound, cut.unbound) == (True, True, False)
