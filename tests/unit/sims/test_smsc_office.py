"""The SMSC without sockets, in virtual time: an ESME session on the other end of each line."""

import pytest

from carriers.smpp import commands as c
from carriers.smpp.messages import Data, read_message
from carriers.smpp.operations import Cancel, Query, pack_cancel, pack_query, read_found
from carriers.smpp.pdu import pack_pdu
from sims.smsc.account import receipt_body
from sims.smsc.temperament import Temperament, preset
from tests.unit.sims.office_world import SUBMIT, World


def test_a_submit_is_answered_and_its_receipt_comes_after_its_delay():
    world = World(Temperament(receipt_median_s=2.0))
    client = world.client()
    client.submit()
    assert [answer.status for answer in client.answers] == [0]
    world.pass_time(1.9)
    assert client.receipts == []
    assert len(world.office.custody.outstanding) == 1
    world.pass_time(0.2)
    assert [(r.carrier_id, r.stat, r.err) for r in client.receipts] == [(client.answers[0].message_id, "DELIVRD", "000")]
    assert world.stats.receipts_acked == 1
    assert world.office.custody.outstanding == {}


def test_every_accepted_message_gets_the_receipts_it_was_promised():
    world = World(preset("flaky"))
    client = world.client()
    client.submit(2_000)
    world.pass_time(200, step_s=0.25)
    told = world.stats
    assert told.submits == 2_000
    assert told.accepted == world.office.custody.inbox.parts
    assert len(client.answers) == 2_000 - told.unanswered
    assert told.answers[0] + told.unanswered == told.accepted
    assert told.finals.total() == told.accepted
    assert told.receipts_sent == told.receipts_acked == len(client.receipts) == told.receipts.total()
    finals = {r.carrier_id for r in client.receipts}
    assert len(finals) == told.accepted - told.receipts_withheld
    assert len(client.receipts) > len(finals)  # some came twice
    assert 0 < told.receipts_withheld < 200


def test_runs_with_the_same_seed_are_alike():
    def run(seed):
        world = World(preset("flaky"), seed=seed)
        client = world.client()
        client.submit(300)
        world.pass_time(60, step_s=0.25)
        return client.order

    assert run(3) == run(3)
    assert run(3) != run(4)


def test_a_receipt_comes_after_its_answer_unless_it_is_meant_to_be_early():
    world = World(Temperament(answer_median_s=1.0, answer_sigma=1.0, receipt_median_s=0.1, receipt_sigma=1.0))
    client = world.client()
    client.submit(200)
    world.pass_time(60, step_s=0.01)
    place = {item: at for at, item in enumerate(client.order)}
    assert len(client.receipts) == 200
    assert all(place["answer", a.message_id] < place["receipt", a.message_id] for a in client.answers)
    early = World(Temperament(early_receipts=1.0))
    client = early.client()
    client.submit(50)
    early.pass_time(1)
    place = {item: at for at, item in enumerate(client.order)}
    assert len(client.receipts) == 50
    assert all(place["receipt", a.message_id] < place["answer", a.message_id] for a in client.answers)


def test_receipts_go_only_to_receivers_and_evenly():
    world = World(Temperament(receipt_median_s=0.1))
    transmitter = world.client(c.BIND_TRANSMITTER)
    other = world.client(c.BIND_RECEIVER, system_id="other")
    receivers = [world.client(c.BIND_RECEIVER) for _ in range(2)] + [world.client()]
    transmitter.submit(90)
    world.pass_time(0.3)
    assert [len(client.receipts) for client in receivers] == [30, 30, 30]
    assert transmitter.receipts == other.receipts == []


def test_receipts_wait_for_a_receiver_up_to_the_bound():
    world = World(Temperament(receipt_median_s=0.1), receipts_kept=40)
    transmitter = world.client(c.BIND_TRANSMITTER)
    transmitter.submit(50)
    world.pass_time(0.5)
    assert (world.stats.receipts_sent, world.stats.receipts_overflowed) == (0, 10)
    receiver = world.client(c.BIND_RECEIVER)
    assert len(receiver.receipts) == 40
    assert {r.carrier_id for r in receiver.receipts} == {answer.message_id for answer in transmitter.answers[10:]}


def test_registered_delivery_is_obeyed():
    for delivered, asked, wanted in ((1, 0, 0), (1, 1, 1), (1, 2, 0), (1, 3, 1), (0, 0, 0), (0, 1, 1), (0, 2, 1), (0, 3, 0)):
        world = World(Temperament(delivered=delivered, receipt_median_s=0.1))
        client = world.client()
        client.submit(message=SUBMIT._replace(registered_delivery=asked))
        world.pass_time(0.3)
        assert len(client.receipts) == wanted, (delivered, asked)
        assert world.stats.finals.total() == 1


def test_unanswered_receipts_come_again_and_so_do_those_refused_for_now():
    world = World(Temperament(receipt_median_s=0.1), receipt_answer_s=5.0, receipt_window=3)
    mute = world.client(mute=True)
    mute.submit(3)
    world.pass_time(1)
    assert len(mute.receipts) == 3
    world.pass_time(5)
    assert len(mute.receipts) == 6
    assert world.stats.receipts_repeated == 3
    busy = World(Temperament(receipt_median_s=0.1), receipt_repeat_s=2.0)
    client = busy.client(receipt_status=c.RSYSERR)
    client.submit()
    busy.pass_time(1)
    assert len(client.receipts) == 1
    client.receipt_status = 0
    busy.pass_time(2)
    assert len(client.receipts) == 2
    busy.pass_time(10)
    assert len(client.receipts) == 2
    refusing = World(Temperament(receipt_median_s=0.1), receipt_repeat_s=2.0)
    client = refusing.client(receipt_status=c.RINVDSTADR)  # a permanent refusal ends it
    client.submit()
    refusing.pass_time(10)
    assert len(client.receipts) == 1


def test_receipts_unanswered_at_the_end_of_a_connection_go_to_the_next():
    world = World(Temperament(receipt_median_s=0.1))
    mute = world.client(mute=True)
    mute.submit(5)
    world.pass_time(0.5)
    world.office.lost(mute.line, world.now_s)
    world.clients.remove(mute)
    again = world.client()
    assert {r.carrier_id for r in again.receipts} == {answer.message_id for answer in mute.answers}


@pytest.mark.parametrize("by", ["sliding", "calendar"])
def test_the_throttle_holds_for_all_connections_of_a_system_id(by):
    world = World(Temperament(throttle_mps=10, throttle_by=by))
    one, two, other = world.client(), world.client(), world.client(system_id="other")
    one.submit(8)
    two.submit(8)
    other.submit(8)
    assert one.statuses == {0: 8}
    assert two.statuses == {0: 2, c.RTHROTTLED: 6}
    assert other.statuses == {0: 8}
    world.pass_time(1.05)
    two.submit(8)
    assert two.statuses[0] == 10
    assert world.stats.throttled == 6


def test_window_queue_and_error_limits():
    world = World(Temperament(window=5, answer_median_s=1.0))
    client = world.client()
    client.submit(8)
    assert client.statuses == {c.RTHROTTLED: 3}
    world.pass_time(1.1)
    assert client.statuses == {0: 5, c.RTHROTTLED: 3}
    world = World(Temperament(queue_limit=5, receipt_median_s=1.0))
    client = world.client()
    client.submit(8)
    assert client.statuses == {0: 5, c.RMSGQFUL: 3}
    world.pass_time(1.1)
    client.submit(1)
    assert client.statuses[0] == 6
    world = World(Temperament(errors={"0x45": 1.0}))
    client = world.client()
    client.submit(3)
    assert client.statuses == {0x45: 3}
    assert world.stats.accepted == 0


def test_a_black_hole_answers_and_nothing_follows():
    world = World(Temperament(black_hole=True))
    client = world.client()
    client.submit(20)
    world.pass_time(60, step_s=1)
    assert client.statuses == {0: 20}
    assert client.receipts == []
    assert world.stats.finals == {}


def test_a_liar_is_found_out_in_its_own_books():
    world = World(Temperament(fake_receipts=True, receipt_median_s=0.1))
    client = world.client()
    client.submit(20)
    world.pass_time(1)
    assert client.stats == {"DELIVRD": 20}
    assert world.stats.finals == {"faked": 20}


def test_intermediate_and_double_receipts():
    world = World(Temperament(intermediate=1.0, duplicate_receipts=1.0, receipt_median_s=1.0))
    client = world.client()
    client.submit()
    world.pass_time(0.6)
    assert [r.stat for r in client.receipts] == ["ENROUTE"]
    world.pass_time(1)
    assert [r.stat for r in client.receipts] == ["ENROUTE", "DELIVRD", "DELIVRD"]


def test_binds_are_judged():
    world = World(Temperament(max_binds=2), accounts={"acme": "secret"})
    assert world.client(password="wrong").refused == c.RINVPASWD
    assert world.client(system_id="nobody", password="secret").refused == c.RINVSYSID
    first, second = (world.client(password="secret") for _ in range(2))
    assert first.session.bound
    assert second.session.bound
    assert world.client(password="secret").refused == c.RALYBND
    first.session.unbind(world.now_s)
    world.deliver()
    assert world.client(password="secret").session.bound
    world.office.custody.temperament = Temperament(refuse_binds=c.RBINDFAIL)
    assert world.client(password="secret").refused == c.RBINDFAIL
    assert world.stats.binds_refused == {c.RINVPASWD: 1, c.RINVSYSID: 1, c.RALYBND: 1, c.RBINDFAIL: 1}


def test_a_connection_ends_after_so_many_submits_and_the_last_one_is_taken_unanswered():
    world = World(Temperament(drop_after=5, receipt_median_s=0.1))
    client = world.client()
    client.submit(8)
    assert client.line.ended
    assert client.statuses == {0: 4}
    assert (world.stats.accepted, world.stats.unanswered, world.stats.dropped) == (5, 1, 1)


def test_silence_is_not_loss():
    world = World(Temperament(no_answer=1.0, receipt_median_s=0.1))
    client = world.client()
    client.submit(3)
    world.pass_time(1)
    assert client.answers == []
    assert client.stats == {"DELIVRD": 3}


def test_data_sm_query_and_cancel():
    world = World(Temperament(receipt_median_s=5.0))
    client = world.client()
    client.submit(
        message=Data("Acme", "49151", registered_delivery=1, tlvs={c.TLV_MESSAGE_PAYLOAD: b"payload"}), command=c.DATA_SM
    )
    client.submit()
    first, second = (answer.message_id for answer in client.answers)
    assert world.office.custody.inbox.recent[0].shown()["text"] == "payload"

    def ask(command, body):
        client.session.request(command, body, None, world.now_s)
        world.deliver()
        return client.answers[-1]

    assert read_found(ask(c.QUERY_SM, pack_query(Query(first))).raw).message_state == 1
    assert ask(c.CANCEL_SM, pack_cancel(Cancel(second, "Acme", "49151"))).status == 0
    assert client.stats == {"DELETED": 1}
    assert ask(c.CANCEL_SM, pack_cancel(Cancel(second, "Acme", "49151"))).status == 0x11
    world.pass_time(6)
    assert client.stats == {"DELETED": 1, "DELIVRD": 1}
    assert read_found(ask(c.QUERY_SM, pack_query(Query(first))).raw).message_state == 2
    assert read_found(ask(c.QUERY_SM, pack_query(Query(second))).raw).message_state == 4
    assert ask(c.QUERY_SM, pack_query(Query("nothing"))).status == c.RINVMSGID


def test_ids_in_receipts_may_be_written_otherwise():
    world = World(Temperament(message_ids="hex", receipt_ids="padded", receipt_median_s=0.1))
    client = world.client()
    client.submit()
    world.pass_time(0.3)
    assert int(client.answers[0].message_id, 16) == int(client.receipts[0].carrier_id)
    assert len(client.receipts[0].carrier_id) == 16


def test_a_receipt_is_a_well_formed_deliver_sm_with_the_addresses_swapped():
    world = World(Temperament(receipt_text=True, receipt_median_s=9.0))
    world.client().submit()
    parcel = next(iter(world.office.custody.outstanding.values()))
    for stat, esm_class in (("DELIVRD", 0x04), ("ENROUTE", 0x20)):
        read = read_message(pack_pdu(c.DELIVER_SM, 0, 1, receipt_body(parcel, stat, 1.7e9)))
        assert (read.source, read.source_ton, read.source_npi) == ("4915112345678", 1, 1)
        assert (read.destination, read.destination_ton, read.destination_npi) == ("Acme", 5, 0)
        assert (read.esm_class, read.data_coding, read.registered_delivery) == (esm_class, 0, 0)
        assert read.short_message.endswith(b"text:hello")
        assert read.tlvs[c.TLV_RECEIPTED_MESSAGE_ID] == parcel.receipt_id.encode() + b"\0"


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\x05", b"\xff" * 40, b"\x16\x03\x01\x02\x00\x01\x00\x01"])
def test_garbage_is_answered_with_a_generic_nack_and_the_end(garbage):
    world = World()
    line = world.office.connect(world.now_s)
    world.office.receive(line, garbage, world.now_s)
    assert line.ended
    assert line.session.bytes_to_send()[4:12] == b"\x80\0\0\0\0\0\0\x02"


def test_who_does_not_bind_is_sent_away():
    world = World()
    line = world.office.connect(world.now_s)
    world.pass_time(29)
    assert not line.ended
    world.pass_time(2)
    assert line.ended
