"""Asking the carrier after receipts that do not come, and full queues of single recipients."""

import time

from carriers.port import Verdict
from carriers.smpp import commands as c
from carriers.smpp.operations import Found
from router.model import MessageClass, State

LONG = "x" * 400


async def test_a_lost_receipt_is_asked_for(smsc, make_rig, poll):
    rig = await make_rig(query_after_s=0.1, receipt_ids="hex_to_decimal").bound()
    smsc.status_of = lambda _: None
    smsc.found_of = lambda query: Found(query.message_id, "", 2 if len(smsc.queries) > 1 else 1, 0)
    rig.link.send([rig.outgoing(sender="12345678901")])
    await poll(lambda: smsc.submits)
    shell, request = smsc.submits[0]
    shell.session.respond(request.command, request.sequence, 0, b"1F\0")
    shell.flush()
    await rig.answered()
    began_s = time.monotonic()
    await poll(lambda: rig.receipts)
    assert time.monotonic() - began_s >= 0.25  # once under way, then after twice the time
    (receipt,) = rig.receipts
    assert (receipt.carrier_id, receipt.state, receipt.stat, receipt.err) == ("31", State.DELIVERED, "DELIVRD", "")
    assert receipt.carrier_id == rig.answers[0].carrier_ids[0]
    query = smsc.queries[0][1].body
    assert (query.message_id, query.source, query.source_ton, query.source_npi) == ("1F", "12345678901", 1, 1)
    await poll(lambda: rig.link.counters.queries_settled == 1)
    assert rig.link.counters.queries == 2


async def test_a_receipt_in_time_is_not_asked_for(smsc, make_rig, poll):
    rig = await make_rig(query_after_s=0.2).bound()
    rig.link.send([rig.outgoing(), rig.outgoing()])
    await rig.answered(2)
    smsc.receipt(smsc.shells[0], rig.answers[0].carrier_ids[0])
    await poll(lambda: smsc.queries)
    assert smsc.queries[0][1].body.message_id == rig.answers[1].carrier_ids[0]
    assert rig.link.counters.queries == 1


async def test_an_end_that_could_not_be_kept_is_asked_for_again(smsc, make_rig, poll):
    rig = await make_rig(query_after_s=0.05).bound()
    rig.fail_receipts = 1
    smsc.found_of = lambda query: Found(query.message_id, "", 5, 11)
    rig.link.send([rig.outgoing()])
    await poll(lambda: rig.receipts)
    assert (rig.receipts[0].state, rig.receipts[0].err) == (State.UNDELIVERED, "11")
    assert len(smsc.queries) == 2


async def test_a_carrier_that_does_not_know_the_message_is_asked_once(smsc, make_rig, poll):
    rig = await make_rig(query_after_s=0.02).bound()
    rig.link.send([rig.outgoing()])
    await poll(lambda: smsc.queries)
    rig.link.send([rig.outgoing()])
    await poll(lambda: len(smsc.queries) == 2)
    first, second = (request.body.message_id for _, request in smsc.queries)
    assert first != second
    assert rig.link.state.suggestion == ""


async def test_a_carrier_without_query_sm_is_asked_no_more(smsc, make_rig, poll, caplog):
    rig = await make_rig(query_after_s=0.02).bound()
    smsc.found_of = lambda _: c.RINVCMDID
    rig.link.send([rig.outgoing()])
    await poll(lambda: rig.link.state.suggestion)
    assert rig.link.state.suggestion == "query_after_s: the carrier has no query_sm"
    rig.link.send([rig.outgoing()])
    await rig.answered(2)
    await poll(lambda: rig.link.state.window_used == 0)
    assert len(smsc.queries) == 1
    assert caplog.text.count("carrier.no_query carrier=acme") == 1


async def test_a_query_without_an_answer_costs_no_message(smsc, make_rig, poll):
    rig = await make_rig(query_after_s=0.02, response_timeout_s=0.2).bound()
    smsc.found_of = lambda query: None if len(smsc.queries) < 2 else Found(query.message_id, "", 2, 0)
    rig.link.send([rig.outgoing()])
    await poll(lambda: rig.receipts)
    assert [answer.verdict for answer in rig.answers] == [Verdict.ACCEPTED]
    assert len(smsc.queries) == 2


async def test_queries_take_a_small_share_and_submits_go_first(smsc, make_rig, poll):
    rig = await make_rig(query_after_s=0.05, window=20).bound()
    smsc.found_of = lambda _: None
    rig.link.send([rig.outgoing() for _ in range(20)])
    await rig.answered(20)
    await poll(lambda: len(smsc.queries) == 2)
    rig.link.send([rig.outgoing() for _ in range(18)])
    await rig.answered(38)
    assert len(smsc.queries) == 2


async def test_what_an_unknown_message_hangs_on_is_asked_at_once(smsc, make_rig, poll):
    rig = await make_rig(query_after_s=600.0, response_timeout_s=0.2).bound()
    smsc.status_of = lambda _: 0 if len(smsc.submits) != 2 else None
    smsc.found_of = lambda query: Found(query.message_id, "", 5, 1)
    rig.link.send([rig.outgoing(LONG, segments=3)])
    await rig.answered()
    assert rig.answers[0].verdict is Verdict.UNKNOWN
    await poll(lambda: len(rig.receipts) == 2)
    # What one part has come to settles the whole: its ids are told, as far as there are any.
    late = [answer for answer in rig.answers if answer.verdict is Verdict.LATE]
    assert [answer.carrier_ids for answer in late] == [("id1", "", "id3")]
    assert {receipt.carrier_id for receipt in rig.receipts} == {"id1", "id3"}


async def test_a_part_that_arrived_settles_nothing_alone(smsc, make_rig, poll):
    rig = await make_rig(query_after_s=600.0, response_timeout_s=0.2).bound()
    smsc.status_of = lambda _: 0 if len(smsc.submits) != 2 else None
    smsc.found_of = lambda query: Found(query.message_id, "", 2, 0)
    rig.link.send([rig.outgoing(LONG, segments=3)])
    await poll(lambda: len(rig.receipts) == 2)
    assert [answer.verdict for answer in rig.answers] == [Verdict.UNKNOWN]


# -- ESME_RMSGQFUL


async def test_the_full_queue_of_one_recipient_stops_nobody_else(smsc, make_rig, poll):
    rig = await make_rig(window=5).bound()
    smsc.status_of = lambda request: 0x14 if request.body.destination == "447700900000" else 0
    off = [rig.outgoing(to="447700900000", klass=MessageClass.MARKETING) for _ in range(20)]
    others = [rig.outgoing(to=f"4477009001{n:02}", klass=MessageClass.MARKETING) for n in range(40)]
    rig.link.send([one for pair in zip(off, others, strict=False) for one in pair] + others[20:])
    began_s = time.monotonic()
    await rig.answered(40)
    assert time.monotonic() - began_s < 3  # a full lane would pause for five seconds
    assert {answer.id for answer in rig.answers} == {one.id for one in others}
    tried = sum(request.body.destination == "447700900000" for _, request in smsc.submits)
    assert 1 <= tried <= 5  # what stood in the window when the first was refused
    assert rig.link.state.throttled == 20
    assert rig.link.room(time.monotonic()) == 5
    await rig.link.close(0.0)
    assert [answer.verdict for answer in rig.answers[40:]] == [Verdict.RETURNED] * 20


async def test_a_recipient_is_served_again_when_its_pause_is_over(smsc, make_rig, poll, monkeypatch):
    monkeypatch.setattr("carriers.smpp.full_queues.QUEUE_PAUSE_S", 0.3)
    rig = await make_rig().bound()
    statuses = iter([0x14])
    smsc.status_of = lambda _: next(statuses, 0)
    texts = ["first", "second", "third"]
    rig.link.send([rig.outgoing(texts[0])])
    await poll(lambda: rig.link.counters.throttled == 1)
    rig.link.send([rig.outgoing(text) for text in texts[1:]])
    await rig.answered(3)
    assert [request.body.short_message.decode() for _, request in smsc.submits] == ["first", *texts]
    assert 0.25 < smsc.arrivals[1] - smsc.arrivals[0] < 3
    assert rig.link.state.throttled == 0
