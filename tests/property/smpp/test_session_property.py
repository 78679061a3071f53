"""A client core against a server core through a pipe that cuts and delays; and any octets against either."""

import struct
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from carriers.smpp import commands as c
from carriers.smpp import events as e
from carriers.smpp.law import SessionState, Side
from carriers.smpp.messages import Message, pack_message
from carriers.smpp.operations import Bind
from carriers.smpp.pdu import Framer, pack_pdu
from carriers.smpp.session import Session, Timers

SUBMIT = pack_message(Message("12345", "447700900123", b"hello"))
EVENTS = (
    e.Answered, e.Asked, e.Overdue, e.BindAsked, e.Bound, e.BindRefused, e.Malformed, e.Unbinding, e.Closed,
)  # fmt: skip


def bound_pair(window: int) -> tuple[Session, Session]:
    esme = Session(Side.ESME, Timers(), now_s=0, window=window)
    smsc = Session(Side.SMSC, Timers(), now_s=0, window=window)
    esme.bind(c.BIND_TRANSCEIVER, Bind("me"), 0)
    (asked,) = smsc.receive(esme.bytes_to_send(), 0)
    assert isinstance(asked, e.BindAsked)
    smsc.answer_bind(asked, 0, 0)
    esme.receive(smsc.bytes_to_send(), 0)
    return esme, smsc


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 60), window=st.integers(1, 20), cut=st.booleans())
def test_every_submit_is_answered_once_or_handed_out_at_the_end(seed, count, window, cut):
    rng = Random(seed)
    esme, smsc = bound_pair(window)
    wires = {Side.ESME: bytearray(), Side.SMSC: bytearray()}
    to_answer: list[e.Request] = []
    answered: list[int] = []
    unanswered: list[int] = []
    delivered: list[int] = []
    sent = 0
    statuses = {}
    for _ in range(20_000):
        if len(answered) == count:
            break
        if cut and rng.random() < 0.01:
            for event in esme.lost("cut"):
                assert isinstance(event, e.Closed)
                unanswered = [request.context for request in event.unanswered]
            break
        while sent < count and esme.room and rng.random() < 0.7:
            esme.request(c.SUBMIT_SM, SUBMIT, sent, 1.0)
            sent += 1
        rng.shuffle(to_answer)
        while to_answer and rng.random() < 0.6:
            request = to_answer.pop()
            status = rng.choice((0, 0, 0x58, 0x0B))
            statuses[request.sequence] = status
            smsc.respond(request.command, request.sequence, status, b"id\0" if status == 0 else b"")
            if smsc.room and rng.random() < 0.5:
                smsc.request(c.DELIVER_SM, SUBMIT, request.sequence, 1.0)
        for session, peer in ((esme, smsc), (smsc, esme)):
            wire = wires[session.side]
            wire += session.bytes_to_send()
            size = rng.choice((0, 1, 7, 16, 100, 1000))
            octets, wire[:size] = bytes(wire[:size]), b""
            if not octets:
                continue
            for event in peer.receive(octets, 1.0):
                match event:
                    case e.Answered(answers) if peer is esme:
                        answered += [answer.context for answer in answers]
                    case e.Asked(requests) if peer is smsc:
                        to_answer += requests
                    case e.Asked(requests):
                        delivered += [request.sequence for request in requests]
                        for request in requests:
                            esme.respond(request.command, request.sequence)
                    case e.Answered():
                        pass
                    case _:
                        pytest.fail(f"unexpected {event}")
    assert sorted(answered + unanswered) == list(range(sent))
    assert len(set(delivered)) == len(delivered)
    if not cut:
        assert sorted(answered) == list(range(count))
        assert esme.counters.unsolicited == smsc.counters.unsolicited == 0


pdus = st.builds(
    pack_pdu,
    st.sampled_from((*c.COMMAND_NAMES, *(n | c.RESPONSE for n in c.COMMAND_NAMES), c.GENERIC_NACK, 0x777, 0xFFFFFFFF)),
    st.sampled_from((0, 0, 0x58, 0x0E, 0xFFFFFFFF)),
    st.one_of(st.integers(0, 4), st.integers(0, 0xFFFFFFFF)),
    st.one_of(st.binary(max_size=60), st.just(SUBMIT), st.just(b"me\0pw\0\0\x34\0\0\0"), st.just(b"id\0")),
)
streams = st.lists(st.one_of(pdus, pdus, pdus, st.binary(max_size=40)), max_size=12)


@settings(max_examples=300, deadline=None)
@given(side=st.sampled_from(Side), bind=st.booleans(), stream=streams, size=st.integers(1, 200))
@example(side=Side.ESME, bind=True, stream=[struct.pack(">I", 3)], size=1)
def test_any_octets_give_events_and_nothing_else(side, bind, stream, size):
    esme, smsc = bound_pair(5)
    session = esme if side is Side.ESME else smsc
    if not bind:
        session = Session(side, Timers(), now_s=0)
    elif side is Side.ESME:
        session.request(c.SUBMIT_SM, SUBMIT, "it", 0)
    octets = b"".join(stream)
    contexts = []
    now_s = 0.0
    for start in range(0, len(octets), size):
        now_s += 1.0
        for event in session.receive(octets[start : start + size], now_s) + session.handle_timer(now_s):
            assert isinstance(event, EVENTS)
            match event:
                case e.Answered(answers):
                    contexts += [answer.context for answer in answers]
                case e.Closed(_, unanswered):
                    contexts += [request.context for request in unanswered]
                case e.BindAsked():
                    session.answer_bind(event, 0, now_s)
                case _:
                    pass
        answers_out = Framer()
        answers_out.feed(session.bytes_to_send())
        assert answers_out.lost is None
        assert not answers_out.unfinished
        assert session.state is not SessionState.CLOSED or session.next_timer() is None
    for event in session.lost("end"):
        assert isinstance(event, e.Closed)
        contexts += [request.context for request in event.unanswered]
    assert contexts == (["it"] if bind and side is Side.ESME else [])
