"""The session core, rule by rule."""

import struct

import pytest

from carriers.smpp import commands as c
from carriers.smpp import events as e
from carriers.smpp.law import LAW, SessionState, Side, printed_law
from carriers.smpp.messages import Message, pack_message
from carriers.smpp.operations import Bind, Query, pack_query
from carriers.smpp.pdu import Framer, pack_pdu, read_header
from carriers.smpp.session import IllegalAction, Session, Timers
from carriers.smpp.window import Window

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


# -- binding


@pytest.mark.parametrize(
    ("command", "state"),
    [
        (c.BIND_TRANSMITTER, SessionState.BOUND_TX),
        (c.BIND_RECEIVER, SessionState.BOUND_RX),
        (c.BIND_TRANSCEIVER, SessionState.BOUND_TRX),
    ],
)
def test_both_sides_agree_on_a_bind(command, state):
    esme = Session(Side.ESME, TIMERS, now_s=0)
    smsc = Session(Side.SMSC, TIMERS, now_s=0)
    esme.bind(command, Bind("me", "secret"), 0)
    (asked,) = smsc.receive(esme.bytes_to_send(), 0)
    assert asked == e.BindAsked(command, 1, Bind("me", "secret"))
    smsc.answer_bind(asked, 0, 0, system_id="smsc")
    assert esme.receive(smsc.bytes_to_send(), 0) == [e.Bound("smsc", {0x210: b"\x34"})]
    assert esme.state == smsc.state == state


def test_a_refused_bind_leaves_the_session_open_for_another():
    session = client(bound=False)
    assert session.receive(pack_pdu(0x80000009, 0x0E, 1), 0) == [e.BindRefused(0x0E, nack=False)]
    assert session.state is SessionState.OPEN
    session.bind(c.BIND_TRANSCEIVER, Bind("me", "other"), 1)
    assert headers(session.bytes_to_send()) == [(c.BIND_TRANSCEIVER, 0, 2)]


def test_a_bind_answered_by_generic_nack_is_refused():
    assert client(bound=False).receive(pack_pdu(c.GENERIC_NACK, 3, 1), 0) == [e.BindRefused(3, nack=True)]


def test_a_second_bind_is_told_that_it_is_bound():
    session = server()
    assert session.receive(pack_pdu(c.BIND_RECEIVER, 0, 9, b"me\0\0\0\x34\0\0\0"), 0) == []
    assert headers(session.bytes_to_send()) == [(c.BIND_RECEIVER | c.RESPONSE, c.RALYBND, 9)]


def test_the_peer_may_speak_between_our_bind_and_its_answer():
    session = client(bound=False)
    octets = (
        pack_pdu(c.ENQUIRE_LINK, 0, 5)
        + pack_pdu(c.DELIVER_SM, 0, 6, SUBMIT)
        + pack_pdu(c.BIND_TRANSCEIVER | c.RESPONSE, 0, 1, b"smsc\0")
    )
    events = session.receive(octets, 0)
    assert [type(event) for event in events] == [e.Asked, e.Bound]
    assert headers(session.bytes_to_send()) == [(c.ENQUIRE_LINK_RESP, 0, 5)]


def test_nothing_is_sent_in_the_wrong_state():
    session = Session(Side.ESME, TIMERS, now_s=0)
    assert session.room == 0
    with pytest.raises(IllegalAction):
        session.request(c.SUBMIT_SM, SUBMIT, None, 0)
    receiver = client(command=c.BIND_RECEIVER)
    with pytest.raises(IllegalAction):
        receiver.request(c.SUBMIT_SM, SUBMIT, None, 0)
    with pytest.raises(IllegalAction):
        client().request(c.DELIVER_SM, SUBMIT, None, 0)
    with pytest.raises(IllegalAction):
        client().bind(c.BIND_RECEIVER, Bind("me"), 0)
    with pytest.raises(IllegalAction):
        server(bound=False).answer_bind(e.BindAsked(9, 1, Bind("me")), 0, 0)
    assert session.bytes_to_send() == b""


# -- requests and answers


def test_answers_come_in_any_order_and_in_one_event():
    session = client()
    for n in range(3):
        assert session.request(c.SUBMIT_SM, SUBMIT, n, 5.0) == n + 2
    assert session.room == 7
    octets = b"".join(pack_pdu(c.SUBMIT_SM_RESP, 0, sequence, b"id%d\0" % sequence) for sequence in (4, 2, 3))
    (answered,) = session.receive(octets, 6.0)
    assert isinstance(answered, e.Answered)
    assert [(a.context, a.message_id, a.status, a.sent_at_s, a.late) for a in answered.answers] == [
        (2, "id4", 0, 5.0, False),
        (0, "id2", 0, 5.0, False),
        (1, "id3", 0, 5.0, False),
    ]
    assert session.room == 10


def test_the_window_is_a_limit():
    session = client(window=2)
    session.request(c.SUBMIT_SM, SUBMIT, 1, 0)
    session.request(c.SUBMIT_SM, SUBMIT, 2, 0)
    assert session.room == 0
    with pytest.raises(IllegalAction):
        session.request(c.SUBMIT_SM, SUBMIT, 3, 0)


def test_a_generic_nack_answers_a_request():
    session = client()
    sequence = session.request(c.SUBMIT_SM, SUBMIT, "it", 0)
    (answered,) = session.receive(pack_pdu(c.GENERIC_NACK, 2, sequence), 1)
    assert isinstance(answered, e.Answered)
    assert (answered.answers[0].context, answered.answers[0].status, answered.answers[0].nack) == ("it", 2, True)


@pytest.mark.parametrize("sequence", [0, 99])
def test_a_generic_nack_for_nothing_means_that_framing_is_lost(sequence):
    session = client()
    session.request(c.SUBMIT_SM, SUBMIT, "it", 0)
    (closed,) = session.receive(pack_pdu(c.GENERIC_NACK, 2, sequence), 1)
    assert isinstance(closed, e.Closed)
    assert [request.context for request in closed.unanswered] == ["it"]


def test_unsolicited_answers_are_dropped_and_counted():
    session = client()
    sequence = session.request(c.SUBMIT_SM, SUBMIT, "it", 0)
    octets = pack_pdu(c.SUBMIT_SM_RESP, 0, 77, b"id\0") + pack_pdu(c.DATA_SM_RESP, 0, sequence, b"id\0")
    assert session.receive(octets, 1) == []
    assert session.counters.unsolicited == 2
    assert session.unanswered == 1


def test_an_answer_with_an_endless_id_is_an_answer_without_one():
    session = client()
    sequence = session.request(c.SUBMIT_SM, SUBMIT, "it", 0)
    (answered,) = session.receive(pack_pdu(c.SUBMIT_SM_RESP, 0, sequence, b"x" * 300), 1)
    assert isinstance(answered, e.Answered)
    assert answered.answers[0].message_id == ""
    assert session.counters.malformed == 1


def test_a_request_may_ask_for_anything_the_law_allows():
    session = client(command=c.BIND_TRANSMITTER)
    sequence = session.request(c.QUERY_SM, pack_query(Query("id")), "q", 0)
    (answered,) = session.receive(pack_pdu(c.QUERY_SM | c.RESPONSE, 0, sequence, b"id\0\0\2\0"), 1)
    assert isinstance(answered, e.Answered)
    assert answered.answers[0].raw[16:] == b"id\0\0\2\0"


def test_sequence_numbers_wrap_and_step_over_those_in_use():
    window = Window(10, 60, first=0x7FFFFFFE)
    assert [window.put(n, c.SUBMIT_SM, 0) for n in range(4)] == [0x7FFFFFFE, 0x7FFFFFFF, 1, 2]
    window._next = 1
    assert window.put(4, c.SUBMIT_SM, 0) == 3


# -- the end


def test_our_unbind_ends_with_its_answer():
    session = client()
    session.unbind(1.0)
    assert headers(session.bytes_to_send()) == [(c.UNBIND, 0, 2)]
    assert session.room == 0
    assert session.receive(pack_pdu(c.UNBIND_RESP, 0, 2), 1.5) == [e.Closed("unbound", [])]


def test_between_our_unbind_and_its_answer_the_peer_may_speak():
    session = client()
    sequence = session.request(c.SUBMIT_SM, SUBMIT, "it", 0)
    session.unbind(1.0)
    session.bytes_to_send()
    octets = pack_pdu(c.SUBMIT_SM_RESP, 0, sequence, b"id\0") + pack_pdu(c.DELIVER_SM, 0, 1, SUBMIT)
    events = session.receive(octets + pack_pdu(c.UNBIND_RESP, 0, 3), 1.5)
    assert [type(event) for event in events] == [e.Answered, e.Asked, e.Closed]


def test_the_peers_unbind_is_answered_and_leaves_a_grace_for_answers():
    session = client()
    sequence = session.request(c.SUBMIT_SM, SUBMIT, "it", 0)
    session.bytes_to_send()
    assert session.receive(pack_pdu(c.UNBIND, 0, 8), 1.0) == [e.Unbinding()]
    assert headers(session.bytes_to_send()) == [(c.UNBIND_RESP, 0, 8)]
    assert session.room == 0
    assert session.next_timer() == 3.0
    events = session.receive(pack_pdu(c.SUBMIT_SM_RESP, 0, sequence, b"id\0"), 2.0)
    assert [type(event) for event in events] == [e.Answered, e.Closed]


def test_the_grace_ends():
    session = client()
    session.request(c.SUBMIT_SM, SUBMIT, "it", 0)
    session.receive(pack_pdu(c.UNBIND, 0, 8), 1.0)
    assert session.handle_timer(3.0) == [e.Closed("unbound by the peer", [e.Unanswered("it", c.SUBMIT_SM, 0)])]


def test_two_unbinds_meet():
    session = client()
    session.unbind(1.0)
    assert session.receive(pack_pdu(c.UNBIND, 0, 8), 1.0) == []
    assert headers(session.bytes_to_send()) == [(c.UNBIND, 0, 2), (c.UNBIND_RESP, 0, 8)]
    assert session.receive(pack_pdu(c.UNBIND_RESP, 0, 2), 1.0) == [e.Closed("unbound", [])]


def test_a_lost_connection_hands_out_what_is_unanswered_once():
    session = client()
    session.request(c.SUBMIT_SM, SUBMIT, "one", 0)
    session.request(c.SUBMIT_SM, SUBMIT, "two", 0)
    (closed,) = session.lost("cut")
    assert isinstance(closed, e.Closed)
    assert [request.context for request in closed.unanswered] == ["one", "two"]
    assert session.lost("again") == []
    assert session.receive(pack_pdu(c.ENQUIRE_LINK, 0, 1), 1) == []
    session.respond(c.DELIVER_SM, 1)


def test_lost_framing_is_nacked_and_closes_after_what_came_before():
    session = client()
    session.bytes_to_send()
    events = session.receive(pack_pdu(c.DELIVER_SM, 0, 1, SUBMIT) + b"HTTP/1.1 400 Bad Request", 1)
    assert [type(event) for event in events] == [e.Asked, e.Closed]
    assert headers(session.bytes_to_send()) == [(c.GENERIC_NACK, c.RINVCMDLEN, struct.unpack(">I", b" Bad")[0])]


# -- what the peer may ask


def test_an_unknown_command_is_nacked_and_the_session_lives():
    session = client()
    assert session.receive(pack_pdu(0x777, 0, 12, b"what"), 1) == []
    assert headers(session.bytes_to_send()) == [(c.GENERIC_NACK, c.RINVCMDID, 12)]
    assert session.counters.unknown == 1


@pytest.mark.parametrize(
    ("session", "command", "answer"),
    [
        (server(bound=False), c.SUBMIT_SM, (c.SUBMIT_SM_RESP, c.RINVBNDSTS, 4)),
        (server(command=c.BIND_RECEIVER), c.SUBMIT_SM, (c.SUBMIT_SM_RESP, c.RINVBNDSTS, 4)),
        (server(command=c.BIND_RECEIVER), c.QUERY_SM, (c.QUERY_SM | c.RESPONSE, c.RINVBNDSTS, 4)),
        (server(), c.DELIVER_SM, (c.DELIVER_SM_RESP, c.RINVBNDSTS, 4)),
        (server(command=c.BIND_RECEIVER), c.SUBMIT_MULTI, (c.SUBMIT_MULTI | c.RESPONSE, c.RINVBNDSTS, 4)),
        (client(), c.SUBMIT_MULTI, (c.SUBMIT_MULTI | c.RESPONSE, c.RINVBNDSTS, 4)),
        (server(bound=False), c.UNBIND, (c.UNBIND_RESP, c.RINVBNDSTS, 4)),
        (client(), c.SUBMIT_SM, (c.SUBMIT_SM_RESP, c.RINVBNDSTS, 4)),
        (client(), c.BIND_TRANSCEIVER, (c.BIND_TRANSCEIVER | c.RESPONSE, c.RINVBNDSTS, 4)),
        (client(command=c.BIND_TRANSMITTER), c.DELIVER_SM, (c.DELIVER_SM_RESP, c.RINVBNDSTS, 4)),
    ],
)
def test_a_request_in_the_wrong_state_is_answered_so(session, command, answer):
    session.bytes_to_send()
    assert session.receive(pack_pdu(command, 0, 4, SUBMIT), 1) == []
    assert headers(session.bytes_to_send()) == [answer]
    assert session.counters.wrong_state == 1


def test_a_submit_that_cannot_be_read_is_refused_by_name():
    session = server()
    assert session.receive(pack_pdu(c.SUBMIT_SM, 0, 4, b"\0\0\0" + b"9" * 40), 1) == [
        e.Malformed(c.SUBMIT_SM, 4, "source_addr has no end", c.RINVSRCADR)
    ]
    assert headers(session.bytes_to_send()) == [(c.SUBMIT_SM_RESP, c.RINVSRCADR, 4)]


def test_a_receipt_that_cannot_be_read_is_answered_as_taken_or_it_would_come_for_ever():
    session = client()
    (malformed,) = session.receive(pack_pdu(c.DELIVER_SM, 0, 4, b"junk"), 1)
    assert isinstance(malformed, e.Malformed)
    assert headers(session.bytes_to_send()) == [(c.DELIVER_SM_RESP, 0, 4)]


def test_odd_sequence_numbers_are_echoed():
    session = client()
    session.receive(pack_pdu(c.ENQUIRE_LINK, 0, 0) + pack_pdu(c.ENQUIRE_LINK, 0, 0xFFFFFFFF), 1)
    assert headers(session.bytes_to_send()) == [(c.ENQUIRE_LINK_RESP, 0, 0), (c.ENQUIRE_LINK_RESP, 0, 0xFFFFFFFF)]


def test_an_alert_notification_and_an_outbind():
    session = client()
    (asked,) = session.receive(pack_pdu(c.ALERT_NOTIFICATION, 0, 3, b"\1\1447\0\0\0123\0"), 1)
    assert isinstance(asked, e.Asked)
    assert session.receive(pack_pdu(c.ALERT_NOTIFICATION, 0, 3, b"\1"), 1)[0] == e.Malformed(
        c.ALERT_NOTIFICATION, 3, "ends before source_addr", 0
    )
    assert session.bytes_to_send() == b""
    session.receive(pack_pdu(c.OUTBIND, 0, 3, b"smsc\0\0"), 1)
    assert headers(session.bytes_to_send()) == [(c.GENERIC_NACK, c.RINVCMDID, 3)]


def test_deliver_sm_resp_carries_its_empty_id_always_and_submit_sm_resp_only_with_rok():
    session = client()
    session.respond(c.DELIVER_SM, 1)
    session.respond(c.DELIVER_SM, 2, 8)
    session.respond(c.SUBMIT_SM, 3, 8)
    lengths = [len(raw) for raw in Framer().feed(session.bytes_to_send())]
    assert lengths == [17, 17, 16]


# -- the law


def test_the_law_can_be_printed_and_covers_every_request_that_has_a_right_side():
    lines = printed_law().splitlines()
    assert len(lines) == len(LAW)
    assert "esme submit_sm          bound_tx bound_trx" in lines
    known = {command for _, command in LAW} | {c.OUTBIND}
    assert known == set(c.COMMAND_NAMES)


def test_every_state_can_be_entered_and_left():
    reached = {SessionState.OPEN}
    for command in (c.BIND_TRANSMITTER, c.BIND_RECEIVER, c.BIND_TRANSCEIVER):
        session = client(command=command, bound=False)
        reached.add(session.state)
        session.receive(pack_pdu(command | c.RESPONSE, 0, 1, b"smsc\0"), 0)
        reached.add(session.state)
        session.unbind(0)
        reached.add(session.state)
        session.lost("cut")
        reached.add(session.state)
    assert reached == set(SessionState)


def test_a_bind_that_is_answered_too_late_is_nobodys_error():
    session = server(bound=False)
    octets = pack_pdu(c.BIND_TRANSCEIVER, 0, 1, b"me\0\0\0\x34\0\0\0")
    asked, _ = session.receive(octets + b"\0\0\0\0", 0)
    assert isinstance(asked, e.BindAsked)
    session.bytes_to_send()
    session.answer_bind(asked, 0, 0)
    assert session.state is SessionState.CLOSED
    assert session.bytes_to_send() == b""
