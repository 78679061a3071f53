"""An SMPP link against an SMSC: binding, sending, what answers mean."""

import asyncio
import logging
import time

import pytest

from carriers.lane import Lane
from carriers.port import Answer, Verdict
from carriers.smpp import commands as c
from carriers.smpp.messages import Message
from carriers.smpp.operations import Bind
from router.model import Again, ErrorName, Fault, MessageClass


def message_of(request) -> Message:
    assert isinstance(request.body, Message)
    return request.body


async def test_a_transceiver_binds_sends_and_is_answered(smsc, make_rig):
    rig = await make_rig().bound()
    assert smsc.binds[0].command == c.BIND_TRANSCEIVER
    assert smsc.binds[0].bind == Bind("trunk", "a-long-password")
    assert rig.link.room(time.monotonic()) == 10
    rig.link.send([rig.outgoing(), rig.outgoing(sender="BANK")])
    one, two = await rig.answered(2)
    assert (one.verdict, one.carrier_ids) == (Verdict.ACCEPTED, ("id1",))
    assert (two.verdict, two.carrier_ids) == (Verdict.ACCEPTED, ("id2",))
    assert one.latency_us > 0
    assert abs(one.written_at_s - time.time()) < 60
    first, second = (message_of(request) for _, request in smsc.submits)
    assert (first.source_ton, first.source_npi, first.source) == (3, 0, "12345")
    assert (second.source_ton, second.source_npi, second.source) == (5, 0, "BANK")
    assert (first.destination_ton, first.destination_npi, first.destination) == (1, 1, "447700900123")
    assert (first.registered_delivery, first.data_coding, first.esm_class) == (1, 0, 0)
    assert first.short_message == b"Your code is 123456"
    assert first.validity.startswith("00000000") or first.validity == "000000010000000R"
    state = rig.link.state
    assert (state.bound, state.sessions, state.receivers, state.window, state.window_used, state.reason) == (1, 1, 1, 10, 0, "")
    assert rig.changes >= 1


async def test_a_transmitter_and_a_receiver_share_the_work(smsc, make_rig, poll):
    rig = make_rig(bind="transmitter_receiver")
    await rig.bound()
    await poll(lambda: rig.link.state.receivers == 1)
    assert sorted(asked.command for asked in smsc.binds) == [c.BIND_RECEIVER, c.BIND_TRANSMITTER]
    rig.link.send([rig.outgoing()])
    await rig.answered()
    sender = smsc.submits[0][0]
    receiver = next(shell for shell in smsc.shells if shell is not sender)
    smsc.receipt(receiver, "id1")
    await poll(lambda: rig.receipts)
    assert rig.receipts[0].carrier_id == "id1"


async def test_messages_are_spread_over_sessions(smsc, make_rig):
    rig = await make_rig(sessions=3, window=10).bound(3)
    smsc.status_of = lambda _: None
    rig.link.send([rig.outgoing() for _ in range(30)])
    await asyncio.wait_for(_all(smsc, 30), 10)
    per_session = [sum(1 for shell, _ in smsc.submits if shell is one) for one in smsc.shells]
    assert per_session == [10, 10, 10]
    assert rig.link.room(time.monotonic()) == 0
    assert rig.link.next_room_s(time.monotonic()) is None


async def _all(smsc, count):
    while len(smsc.submits) < count:
        await asyncio.sleep(0.005)


async def test_a_refused_bind_is_tried_again_and_its_reason_can_be_read(smsc, make_rig, poll):
    smsc.bind_statuses = [0x08, 0x08]
    rig = make_rig(rebind_min_s=0.1)
    await rig.link.start()
    await poll(lambda: "ESME_RSYSERR" in rig.link.state.reason)
    await poll(lambda: rig.link.state.bound == 1)
    assert rig.link.state.reason == ""
    assert sum(rig.link.counters.bind_failures.values()) == 2
    assert rig.link.counters.binds == 1


async def test_a_wrong_password_is_not_hammered(smsc, make_rig, poll, caplog):
    caplog.set_level(logging.INFO, "carriers.smpp.seat")
    smsc.bind_statuses = [0x0E] * 100
    rig = make_rig()
    await rig.link.start()
    await poll(lambda: rig.link.state.reason == "bind refused: ESME_RINVPASWD (0x0E): Invalid Password")
    pauses = await poll(lambda: [record.args[2] for record in caplog.records if "carrier.rebind" in record.msg])
    assert pauses[0] >= 48
    assert [record.levelname for record in caplog.records if "carrier.bind_failed" in record.msg] == ["ERROR"]
    assert "a-long-password" not in caplog.text


async def test_nobody_listens_and_messages_come_back(make_rig, poll):
    rig = make_rig(addresses=("127.0.0.1:9",))
    await rig.link.start()
    rig.link.send([rig.outgoing()])
    (answer,) = await rig.answered()
    assert answer.verdict is Verdict.RETURNED
    assert answer.written_at_s == 0
    await poll(lambda: rig.link.counters.bind_failures.get("connect"))


async def test_the_second_address_takes_over(smsc, make_rig):
    rig = await make_rig(addresses=("127.0.0.1:9", smsc.address)).bound()
    assert len(smsc.binds) == 1
    assert rig.link.counters.bind_failures == {"connect": 1}


@pytest.mark.parametrize(
    ("status", "again", "fault", "error"),
    [
        (0x0B, Again.OTHER, Fault.RECIPIENT, ErrorName.INVALID_DESTINATION),
        (0x08, Again.SAME, Fault.CARRIER, ErrorName.REFUSED_BY_CARRIER),
        (0x0499, Again.SAME, Fault.CARRIER, ErrorName.REFUSED_BY_CARRIER),
    ],
)
async def test_a_refusal_says_what_to_do(smsc, make_rig, status, again, fault, error):
    rig = await make_rig().bound()
    smsc.status_of = lambda _: status
    rig.link.send([rig.outgoing()])
    (answer,) = await rig.answered()
    assert (answer.verdict, answer.status) == (Verdict.REFUSED, status)
    assert (answer.again, answer.fault, answer.error) == (again, fault, error)
    assert f"0x{status:02X}" in answer.reason


async def refused(smsc, rig, again_with=None) -> Answer:
    """The answer to one message, sent again under the same id when it has been sent before."""
    outgoing = again_with or rig.outgoing()
    rig.link.send([outgoing])
    await rig.answered(len(rig.answers) + 1)
    return rig.answers[-1]


@pytest.mark.parametrize(("status", "times"), [(0x45, 1), (0xFE, 1), (0x0499, 1), (0x08, 3)])
async def test_the_same_carrier_is_tried_so_often_and_then_another(smsc, make_rig, caplog, status, times):
    rig = await make_rig().bound()
    smsc.status_of = lambda _: status
    outgoing = rig.outgoing()
    verdicts = [(await refused(smsc, rig, outgoing)).again for _ in range(times + 1)]
    assert verdicts == [Again.SAME] * times + [Again.OTHER]
    assert (await refused(smsc, rig)).again is Again.SAME  # another message has its own count
    assert sum("carrier.status" in record.msg for record in caplog.records) == (status == 0x0499)


async def test_a_carrier_that_takes_no_validity_gets_none_once(smsc, make_rig):
    rig = await make_rig().bound()
    smsc.status_of = lambda request: 0x62 if message_of(request).validity else 0
    rig.link.send([rig.outgoing("x" * 600, segments=4)])
    (answer,) = await rig.answered()
    assert answer.verdict is Verdict.ACCEPTED
    assert len(answer.carrier_ids) == 4
    assert [bool(message_of(request).validity) for _, request in smsc.submits] == [True] * 4 + [False] * 4
    assert len({message_of(request).short_message[3] for _, request in smsc.submits}) == 1  # one message, one reference
    smsc.status_of = lambda _: 0x62
    rig.link.send([rig.outgoing()])
    _, answer = await rig.answered(2)
    assert (answer.verdict, answer.again, answer.status) == (Verdict.REFUSED, Again.OTHER, 0x62)
    assert rig.link.counters.mended == 2
    assert len(smsc.submits) == 10


@pytest.mark.parametrize(
    ("marks", "status", "other"),
    [("udh8", 0x43, "sar"), ("udh16", 0x43, "sar"), ("sar", 0xC1, "udh8"), ("payload", 0xC0, "udh8")],
)
async def test_parts_are_marked_in_another_way_when_the_first_is_refused(smsc, make_rig, marks, status, other):
    rig = await make_rig(long_messages=marks).bound()
    first = 1 if marks == "payload" else 4
    smsc.status_of = lambda _: status if len(smsc.submits) <= first else 0
    rig.link.send([rig.outgoing("x" * 600, segments=4)])
    (answer,) = await rig.answered()
    assert (answer.verdict, len(answer.carrier_ids), all(answer.carrier_ids)) == (Verdict.ACCEPTED, 4, True)
    again = [message_of(request) for _, request in smsc.submits][first:]
    assert len(again) == 4
    assert {c.TLV_SAR_TOTAL in message.tlvs for message in again} == {other == "sar"}
    assert {message.esm_class for message in again} == {0 if other == "sar" else 0x40}


async def test_a_carrier_that_takes_no_parameters_gets_none_once_and_then_other_marks(smsc, make_rig):
    rig = await make_rig(long_messages="sar", tlvs={"0x1400": "00"}).bound()
    smsc.status_of = lambda request: 0xC1 if message_of(request).tlvs else 0
    rig.link.send([rig.outgoing("x" * 200, segments=2)])
    (answer,) = await rig.answered()
    assert answer.verdict is Verdict.ACCEPTED
    sent = [message_of(request) for _, request in smsc.submits]
    assert [(0x1400 in message.tlvs, c.TLV_SAR_TOTAL in message.tlvs) for message in sent] == [
        (True, True), (True, True), (False, True), (False, True), (False, False), (False, False)
    ]  # fmt: skip
    assert {message.esm_class for message in sent[4:]} == {0x40}


async def test_marks_are_not_changed_in_mid_message(smsc, make_rig):
    rig = await make_rig().bound()
    smsc.status_of = lambda request: 0x43 if message_of(request).short_message[5] == 3 else 0
    rig.link.send([rig.outgoing("x" * 600, segments=4)])
    (answer,) = await rig.answered()
    assert (answer.verdict, answer.status, answer.again) == (Verdict.REFUSED, 0x43, Again.NEVER)
    assert len(smsc.submits) == 4


async def test_what_cannot_be_mended_goes_before_what_can(smsc, make_rig):
    rig = await make_rig().bound()
    smsc.status_of = lambda request: 0x0B if message_of(request).short_message[5] == 2 else 0x62
    rig.link.send([rig.outgoing("x" * 600, segments=4)])
    (answer,) = await rig.answered()
    assert (answer.verdict, answer.status) == (Verdict.REFUSED, 0x0B)
    assert len(smsc.submits) == 4


async def test_a_status_that_asks_for_a_new_bind_gets_one(smsc, make_rig, poll):
    rig = await make_rig().bound()
    smsc.status_of = lambda _: 0x04
    rig.link.send([rig.outgoing()])
    (answer,) = await rig.answered()
    assert (answer.verdict, answer.again) == (Verdict.REFUSED, Again.PAUSE)
    await poll(lambda: len(smsc.binds) == 2)


async def test_a_throttled_message_keeps_its_place_and_is_sent_again(smsc, make_rig):
    rig = await make_rig(window=3).bound()
    complaints = iter([0x58, 0x58, 0x58])
    smsc.status_of = lambda _: next(complaints, 0)
    texts = ["first", "second", "third", "fourth", "fifth"]
    rig.link.send([rig.outgoing(text) for text in texts])
    await rig.answered(5)
    assert [answer.verdict for answer in rig.answers] == [Verdict.ACCEPTED] * 5
    assert [message_of(request).short_message.decode() for _, request in smsc.submits] == texts[:3] + texts
    assert smsc.arrivals[3] - smsc.arrivals[2] > 0.8
    assert rig.link.counters.throttled == 3
    assert rig.link.state.speed_mps > 0


async def test_an_otp_does_not_wait_for_a_lane_that_stays_shut(smsc, make_rig):
    rig = await make_rig().bound()
    smsc.status_of = lambda _: 0x14  # of several recipients: pauses for five seconds
    rig.link.send([rig.outgoing(klass=MessageClass.OTP, to=f"44770090012{n}") for n in range(3)])
    answers = await rig.answered(3)
    assert [answer.verdict for answer in answers] == [Verdict.RETURNED] * 3
    assert rig.link.state.throttled == 0
    assert rig.link.room(time.monotonic()) == 0
    assert 2 < (rig.link.next_room_s(time.monotonic()) or 0) <= 5


async def test_a_throttling_while_others_wait_gives_them_back_in_time(smsc, make_rig):
    rig = await make_rig(window=1).bound()
    smsc.status_of = lambda _: 0x14
    rig.link.send([rig.outgoing(klass=MessageClass.OTP), rig.outgoing(klass=MessageClass.OTP)])
    await rig.answered(2)
    assert [answer.verdict for answer in rig.answers] == [Verdict.RETURNED] * 2
    assert len(smsc.submits) == 1


async def test_a_cut_in_mid_window_leaves_unknown_what_was_written_and_returns_the_rest(smsc, make_rig, poll):
    rig = await make_rig(window=5).bound()
    smsc.status_of = lambda _: None
    batch = [rig.outgoing() for _ in range(8)]
    rig.link.send(batch)
    await poll(lambda: len(smsc.submits) == 5)
    smsc.shells[0].abort("cut")
    await rig.answered(8)
    verdicts = {answer.id: answer.verdict for answer in rig.answers}
    assert [verdicts[outgoing.id] for outgoing in batch] == [Verdict.UNKNOWN] * 5 + [Verdict.RETURNED] * 3
    await poll(lambda: rig.link.state.bound == 1)
    assert rig.link.counters.cuts == 1


async def test_no_answer_is_unknown_and_a_late_one_is_told(smsc, make_rig, poll):
    rig = await make_rig(response_timeout_s=0.1).bound()
    smsc.status_of = lambda _: None
    rig.link.send([rig.outgoing()])
    (answer,) = await rig.answered()
    assert (answer.verdict, answer.reason) == (Verdict.UNKNOWN, "no answer in 0.1 s")
    shell, request = smsc.submits[0]
    smsc.answer(shell, request)
    shell.flush()
    _, late = await rig.answered(2)
    assert (late.verdict, late.carrier_ids, late.id) == (Verdict.LATE, ("id1",), answer.id)
    assert rig.link.state.bound == 1
    assert rig.link.room(time.monotonic()) == 10


async def test_the_parts_of_a_long_message_go_in_order_on_one_session(smsc, make_rig):
    rig = await make_rig(sessions=2, window=2).bound(2)
    text = "x" * 600
    rig.link.send([rig.outgoing(text, segments=4), rig.outgoing("short")])
    await rig.answered(2)
    long = next(answer for answer in rig.answers if len(answer.carrier_ids) > 1)
    assert len(long.carrier_ids) == 4
    parts = [(shell, message_of(request)) for shell, request in smsc.submits if message_of(request).esm_class == 0x40]
    assert len({shell for shell, _ in parts}) == 1
    headers = [part.short_message[:6] for _, part in parts]
    assert [(header[4], header[5]) for header in headers] == [(4, 1), (4, 2), (4, 3), (4, 4)]
    assert len({header[3] for header in headers}) == 1
    assert b"".join(part.short_message[6:] for _, part in parts) == text.encode()


async def test_a_payload_weighs_as_many_segments_as_the_carrier_makes_of_it(smsc, make_rig):
    rig = await make_rig(long_messages="payload", speed_mps=10).bound()
    rig.link.send([rig.outgoing("x" * 600, segments=4) for _ in range(3)])
    answers = await rig.answered(3)
    assert [message_of(request).tlvs[c.TLV_MESSAGE_PAYLOAD] for _, request in smsc.submits] == [b"x" * 600] * 3
    assert [answer.carrier_ids for answer in answers] == [(f"id{n}", "", "", "") for n in (1, 2, 3)]
    assert smsc.arrivals[2] - smsc.arrivals[0] > 0.6  # eight segments at ten a second


async def test_a_refused_part_refuses_the_message_and_the_rest_is_not_sent(smsc, make_rig):
    rig = await make_rig(window=1).bound()
    smsc.status_of = lambda request: 0x0B if message_of(request).short_message[5] == 2 else 0
    rig.link.send([rig.outgoing("x" * 600, segments=4)])
    (answer,) = await rig.answered()
    assert (answer.verdict, answer.status) == (Verdict.REFUSED, 0x0B)
    assert len(smsc.submits) == 2


async def test_a_message_whose_validity_is_over_or_that_cannot_be_written_is_not_sent(smsc, make_rig):
    rig = await make_rig(ucs2=False).bound()
    rig.link.send(
        [
            rig.outgoing(expires_ms=int(time.time() * 1000) - 1),
            rig.outgoing("ж", encoding="ucs2"),
            rig.outgoing("ж", encoding="gsm7"),
            rig.outgoing(to="4" * 30),
        ]
    )
    over, ucs2, wrong, address = await rig.answered(4)
    assert over.verdict is Verdict.RETURNED
    assert (ucs2.verdict, ucs2.again) == (Verdict.REFUSED, Again.OTHER)
    assert (wrong.verdict, wrong.again, wrong.fault) == (Verdict.REFUSED, Again.NEVER, Fault.OURS)
    assert address.verdict is Verdict.REFUSED
    assert smsc.submits == []
    assert rig.link.room(time.monotonic()) == 10


async def test_the_contracted_speed_is_kept_in_every_second(smsc, make_rig, monkeypatch):
    written: list[float] = []
    take = Lane.take

    def noted(lane: Lane, count: int, now_s: float) -> None:
        written.extend([now_s] * count)
        take(lane, count, now_s)

    monkeypatch.setattr(Lane, "take", noted)
    made_s = time.monotonic()
    rig = make_rig(speed_mps=40, window=1000)
    await rig.bound()
    assert rig.link.room(time.monotonic()) == 0  # what a forerunner wrote within the last second is not known
    rig.link.send([rig.outgoing(klass=MessageClass.MARKETING) for _ in range(100)])
    await rig.answered(100)
    assert len(smsc.submits) == len(written) == 100
    assert written[0] >= made_s + 1.0
    assert max(sum(1 for at_s in written if start_s <= at_s < start_s + 1.0) for start_s in written) <= 40


async def test_many_messages_are_one_write(smsc, make_rig):
    rig = await make_rig(window=500).bound()
    shell = rig.link._seats[0].shell
    writes: list[int] = []
    transport = shell._transport

    class Counting:
        def __getattr__(self, name):
            return getattr(transport, name)

        def write(self, octets: bytes) -> None:
            writes.append(len(octets))
            transport.write(octets)

    shell._transport = Counting()
    rig.link.send([rig.outgoing() for _ in range(400)])
    assert len(writes) == 1
    await rig.answered(400)


async def test_closing_waits_for_answers_and_unbinds(smsc, make_rig, poll):
    rig = await make_rig(window=2).bound()
    smsc.status_of = lambda _: None
    rig.link.send([rig.outgoing(), rig.outgoing(), rig.outgoing()])
    await poll(lambda: len(smsc.submits) == 2)
    closing = asyncio.create_task(rig.link.close(0.6))
    await poll(lambda: rig.answers)
    smsc.answer(*smsc.submits[0])
    smsc.shells[0].flush()
    await closing
    assert [answer.verdict for answer in rig.answers] == [Verdict.RETURNED, Verdict.ACCEPTED, Verdict.UNKNOWN]
    assert [closed.reason for closed in smsc.closed] == ["unbound by the peer"]
    assert rig.link.state.bound == 0
