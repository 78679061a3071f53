"""deliver_sm: spread, windowed, timed, repeated."""

import pytest

from carriers.smpp import commands as c
from carriers.smpp.server.port import Delivery, Outcome, Verdict

TAKEN, RETRY, REFUSED = Verdict.TAKEN, Verdict.RETRY, Verdict.REFUSED


async def test_deliveries_go_evenly_to_receiving_sessions_only(server, dial, poll):
    transmitter = await dial(command=c.BIND_TRANSMITTER)
    receivers = [await dial(command=c.BIND_RECEIVER), await dial()]
    assert server.listener.room("acme") == 20
    server.behind.deliver(*range(8))
    await poll(lambda: len(server.behind.outcomes) == 8)
    assert {outcome.token for outcome in server.behind.outcomes if outcome.verdict is TAKEN} == set(range(8))
    assert [len(receiver.delivered) for receiver in receivers] == [4, 4]
    assert transmitter.delivered == []
    assert server.listener.counters.delivered == 8


async def test_what_finds_no_room_is_to_be_sent_again_and_room_is_told(server, dial, poll):
    gateway = await dial()
    gateway.status_of = lambda _: None
    server.behind.deliver(*range(12))
    assert server.behind.outcomes == [Outcome(10, RETRY), Outcome(11, RETRY)]
    assert server.listener.room("acme") == 0
    await poll(lambda: len(gateway.delivered) == 10)
    assert server.behind.rooms == ["acme"]
    for request in gateway.delivered[:3]:
        gateway.shell.session.respond(request.command, request.sequence)
    gateway.shell.flush()
    await poll(lambda: len(server.behind.rooms) == 2)
    assert server.listener.room("acme") == 3


async def test_without_a_receiving_session_there_is_no_room(server, dial):
    await dial(command=c.BIND_TRANSMITTER)
    assert server.listener.room("acme") == server.listener.room("nobody") == 0
    server.behind.deliver("one")
    server.behind.deliver("two", system_id="nobody")
    assert server.behind.outcomes == [Outcome("one", RETRY), Outcome("two", RETRY)]
    assert server.behind.rooms == []
    await dial(command=c.BIND_RECEIVER)
    assert server.behind.rooms == ["acme"]


@pytest.mark.parametrize("status", [0x08, 0x14, 0x45, 0x58, 0x64, 0x67, 0xFE, 0xFF])
async def test_a_temporary_status_is_to_be_sent_again(server, dial, poll, status):
    gateway = await dial()
    gateway.status_of = lambda _: status
    server.behind.deliver("it")
    await poll(lambda: server.behind.outcomes)
    assert server.behind.outcomes == [Outcome("it", RETRY, status)]


@pytest.mark.parametrize("status", [0x01, 0x0B, 0x65, 0x66, 0x400])
async def test_any_other_status_ends_it(server, dial, poll, status):
    gateway = await dial()
    gateway.status_of = lambda _: status
    server.behind.deliver("it")
    await poll(lambda: server.behind.outcomes)
    assert server.behind.outcomes == [Outcome("it", REFUSED, status)]
    assert server.listener.counters.delivery_refusals == 1


async def test_no_answer_in_time_is_to_be_sent_again_and_a_late_one_is_nothing(make_server, dial, poll):
    rig = await make_server(deliver_timeout_s=0.05)
    gateway = await dial(rig=rig)
    gateway.status_of = lambda _: None
    rig.behind.deliver("it")
    await poll(lambda: rig.behind.outcomes)
    assert rig.behind.outcomes == [Outcome("it", RETRY)]
    (request,) = gateway.delivered
    gateway.shell.session.respond(request.command, request.sequence)
    gateway.submit()  # behind it on the wire
    await poll(lambda: gateway.answers)
    assert rig.behind.outcomes == [Outcome("it", RETRY)]


async def test_the_end_of_a_session_gives_back_what_is_not_answered(server, dial, poll):
    gateway = await dial()
    gateway.status_of = lambda request: 0 if request.sequence % 2 else None
    server.behind.deliver(*range(6))
    await poll(lambda: len(gateway.delivered) == 6 and len(server.behind.outcomes) == 3)
    gateway.shell.abort("cut")
    await poll(lambda: len(server.behind.outcomes) == 6)
    assert sorted(outcome.token for outcome in server.behind.outcomes) == list(range(6))
    assert [outcome.verdict for outcome in server.behind.outcomes] == [TAKEN] * 3 + [RETRY] * 3


async def test_the_parts_of_a_delivery_stay_together_in_order_and_make_one_outcome(server, dial, poll):
    gateways = [await dial(), await dial()]
    server.behind.deliver("long", "other", bodies=4)
    await poll(lambda: len(server.behind.outcomes) == 2)
    assert [len(gateway.delivered) for gateway in gateways] == [4, 4]
    assert {outcome.verdict for outcome in server.behind.outcomes} == {TAKEN}


async def test_a_delivery_with_more_parts_than_the_window_follows_with_the_answers(server, dial, poll):
    server.behind.open_account(window=3)
    gateway = await dial()
    bodies = [bytes((n,)) for n in range(10)]
    server.listener.deliver("acme", [Delivery("long", lambda _: tuple(_deliver(body) for body in bodies))])
    assert server.listener.room("acme") == 0
    await poll(lambda: server.behind.outcomes)
    assert server.behind.outcomes == [Outcome("long", TAKEN)]
    assert [request.body.short_message for request in gateway.delivered] == bodies
    assert server.listener.room("acme") == 3


@pytest.mark.parametrize(("statuses", "outcome"), [((0, 0x58, 0), RETRY), ((0x58, 0x66), REFUSED), ((0, 0x66), REFUSED)])
async def test_the_gravest_answer_counts_and_what_is_not_written_is_not_sent(server, dial, poll, statuses, outcome):
    server.behind.open_account(window=2)
    gateway = await dial()
    left = list(statuses)
    gateway.status_of = lambda _: left.pop(0) if left else 0
    server.behind.deliver("long", bodies=8)
    await poll(lambda: server.behind.outcomes)
    assert [made.verdict for made in server.behind.outcomes] == [outcome]
    assert len(gateway.delivered) < 8


async def test_a_cut_in_the_middle_of_a_long_delivery_is_one_retry(server, dial, poll):
    server.behind.open_account(window=2)
    gateway = await dial()
    gateway.status_of = lambda request: 0 if request.sequence == 1 else None
    server.behind.deliver("long", bodies=5)
    await poll(lambda: len(gateway.delivered) == 3)
    gateway.shell.abort("cut")
    await poll(lambda: server.behind.outcomes)
    assert server.behind.outcomes == [Outcome("long", RETRY)]


async def test_an_answer_stands_before_what_is_delivered_after_it(server, dial, poll):
    server.behind.patient = True
    gateway = await dial()
    gateway.submit()
    await poll(lambda: server.behind.asked_)
    ((line, request),) = server.behind.asked_
    server.behind.answer(line, request)
    server.behind.deliver("receipt")
    await poll(lambda: gateway.delivered)
    assert gateway.order == [("answer", "M1"), ("deliver", "")]


async def test_bodies_are_composed_for_the_version_of_their_session(server, dial, poll):
    await dial(version=0x33)
    versions = []

    def compose(version):
        versions.append(version)
        return (_deliver(b"it"),)

    server.listener.deliver("acme", [Delivery("it", compose)])
    await poll(lambda: server.behind.outcomes)
    assert versions == [0x33]


async def test_what_cannot_be_composed_does_not_sink_the_rest(server, dial, poll, caplog):
    await dial()

    def fail(version):
        raise ValueError("does not fit")

    server.listener.deliver("acme", [Delivery("bad", fail), Delivery("good", lambda _: (_deliver(b"it"),))])
    await poll(lambda: len(server.behind.outcomes) == 2)
    assert set(server.behind.outcomes) == {Outcome("bad", RETRY), Outcome("good", TAKEN)}
    assert "smpp.compose_failed" in caplog.text


def _deliver(short_message: bytes) -> bytes:
    return b"\0\0\0447700900123\0\0\00012345\0" + bytes(9) + bytes((len(short_message),)) + short_message
