"""What a customer with an SMPP gateway sees of the running system."""

import os
import signal
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from cluster_around import SMPP_PASSWORD, until
from cluster_customer import Customer, submit_body

from carriers.smpp import commands as c
from carriers.smpp.messages import Data, Message, pack_data
from carriers.smpp.multi import Destination, SubmitMulti, pack_multi, read_multi_resp
from carriers.smpp.operations import Cancel, Query, Replace, pack_cancel, pack_query, pack_replace, read_found
from router.model import State
from router.text.segments import split

if TYPE_CHECKING:
    from tests.cluster.world import World

pytestmark = pytest.mark.timeout(240)

LONG = "The quick brown fox jumps over the lazy dog. €{}[]~ " * 8


def number(world: "World") -> str:
    world.numbers += 1
    return f"+49151{20_000_000 + world.numbers}"


def customer(world: "World", tenant: str = "load", bind: int = c.BIND_TRANSCEIVER) -> Customer:
    """Bound, even while the server's process starts anew."""

    def try_it() -> Customer | None:
        try:
            found = Customer(world.smpp, f"{tenant}-gw", SMPP_PASSWORD, bind)
        except OSError:
            return None
        if found.bound == c.ROK:
            return found
        found.close()
        return None

    found = until(try_it, "a bind", within_s=30)
    assert found is not None
    return found


def shown(world: "World", message_id: str) -> dict[str, Any]:
    """The message of an SMPP id, over REST."""
    return world.message(message_id[1:27])


def test_a_submit_is_answered_delivered_and_its_receipt_comes(world: "World") -> None:
    to = number(world)
    with customer(world) as gateway:
        answer = gateway.submit(to, b"Your code is 4711", priority=3)
        assert answer.status == c.ROK
        [receipt] = gateway.until(lambda: gateway.receipts, "the receipt")
        assert receipt.carrier_id == answer.message_id
        assert (receipt.state, receipt.stat) == (State.DELIVERED, "DELIVRD")
        [raw] = gateway.raw
        assert (raw.source, raw.destination, raw.source_ton, raw.destination_ton) == (to[1:], "Test", 1, 5)
    message = shown(world, answer.message_id)
    assert (message["status"], message["class"], message["from"], message["to"]) == ("delivered", "otp", "Test", to)
    [arrived] = world.at_simulators(to)
    assert arrived["text"] == "Your code is 4711"


@pytest.mark.parametrize("reverse", [False, True])
def test_parts_are_answered_one_by_one_and_sent_as_one_message(world: "World", reverse: bool) -> None:
    to = number(world)
    parts = list(split(LONG, "gsm7", 77 + reverse).parts)
    order = list(reversed(range(len(parts)))) if reverse else list(range(len(parts)))
    with customer(world) as gateway:
        ids = {}
        for at in order:
            answer = gateway.submit(to, parts[at], esm_class=0x43, registered_delivery=1)
            assert answer.status == c.ROK
            ids[at] = answer.message_id
        assert len(set(ids.values())) == len(parts)
        assert {one.rpartition("-")[0] for one in ids.values()} == {ids[0].rpartition("-")[0]}
        gateway.until(lambda: len(gateway.receipts) == len(parts), "a receipt for each part")
        assert {receipt.carrier_id for receipt in gateway.receipts} == set(ids.values())
    assert shown(world, ids[0])["status"] == "delivered"
    [arrived] = world.at_simulators(to)
    assert (arrived["text"], arrived["parts"]) == (LONG, len(parts))


def test_a_part_sent_twice_is_no_second_message(world: "World") -> None:
    to = number(world)
    first, second, *_ = split("x" * 200, "gsm7", 9).parts
    with customer(world) as gateway:
        ids = [gateway.submit(to, part, esm_class=0x40).message_id for part in (first, first, second, second)]
        assert ids[0] == ids[1]
        assert ids[2] == ids[3]
        gateway.until(lambda: len(gateway.receipts) == 2, "both receipts")
    assert len(world.at_simulators(to)) == 1


def test_parts_that_never_all_come_are_told_of(world: "World") -> None:
    first = split("y" * 200, "gsm7", 10).parts[0]
    with customer(world) as gateway:
        answer = gateway.submit(number(world), first, esm_class=0x40)
        [receipt] = gateway.until(lambda: gateway.receipts, "the receipt of what could not be sent", 40)
        assert receipt.carrier_id == answer.message_id
        assert receipt.stat == "REJECTD"
    assert shown(world, answer.message_id)["error"]["name"] == "incomplete"


def test_data_sm_and_submit_multi(world: "World") -> None:
    targets = [number(world) for _ in range(3)]
    with customer(world) as gateway:
        body = pack_data(Data("Test", targets[0][1:], 0, 1, 0, {c.TLV_MESSAGE_PAYLOAD: b"by data"}, 5, 0, 1, 1))
        answer = gateway.ask(c.DATA_SM, body)
        assert answer.status == c.ROK
        gateway.until(lambda: gateway.receipts, "the receipt")
        destinations = tuple(Destination(to, 1, 1) for to in (targets[1][1:], "12", targets[2][1:]))
        message = Message("Test", "", b"to many", registered_delivery=1, source_ton=5)
        answer = gateway.ask(c.SUBMIT_MULTI, pack_multi(SubmitMulti(message, (*destinations, Destination("friends", flag=2)))))
        told = read_multi_resp(answer.raw)
        assert answer.status == c.ROK
        assert [(one.address, one.status) for one in told.unsuccess] == [("12", c.RINVDSTADR), ("friends", c.RINVDLNAME)]
        gateway.until(lambda: len(gateway.receipts) == 3, "a receipt for each")
        assert {receipt.carrier_id for receipt in gateway.receipts[1:]} == {told.message_id}
        assert {raw.source for raw in gateway.raw[1:]} == {targets[1][1:], targets[2][1:]}
    assert [len(world.at_simulators(to)) for to in targets] == [1, 1, 1]


def test_query_cancel_and_replace(world: "World") -> None:
    to = number(world)
    later = "000000010000000R"  # in an hour
    with customer(world) as gateway:
        scheduled = gateway.submit(to, b"first words", schedule=later).message_id
        found = read_found(gateway.ask(c.QUERY_SM, pack_query(Query(scheduled))).raw)
        assert found.message_id == scheduled
        assert found.message_state in {1, 6}
        assert gateway.ask(c.REPLACE_SM, pack_replace(Replace(scheduled, b"other words"))).status == c.ROK
        assert shown(world, scheduled)["text"] == "other words"
        assert gateway.ask(c.CANCEL_SM, pack_cancel(Cancel(scheduled, "Test", to[1:]))).status == c.ROK
        assert shown(world, scheduled)["status"] == "canceled"
        assert gateway.ask(c.CANCEL_SM, pack_cancel(Cancel(scheduled))).status == c.ROK  # asked twice
        gone = gateway.submit(to, b"once more", schedule=later).message_id
        assert gateway.ask(c.CANCEL_SM, pack_cancel(Cancel("", "Test", to[1:]))).status == c.ROK
        assert shown(world, gone)["status"] == "canceled"
        assert gateway.ask(c.QUERY_SM, pack_query(Query("M" + "0" * 26))).status == c.RINVMSGID
        assert gateway.ask(c.REPLACE_SM, pack_replace(Replace(gone, b"too late"))).status == 0x13
    with customer(world, "hooked") as other:
        assert other.ask(c.QUERY_SM, pack_query(Query(gone))).status == c.RINVMSGID


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"to": "+12"}, c.RINVDSTADR),
        ({"source": "a name far too long"}, c.RINVSRCADR),
        ({"esm_class": 0x40, "text": b"\x05\x00\x03\x01\x02\x03x"}, 0x43),  # part 3 of 2
        ({"schedule": "0" * 16}, c.RINVSCHED),
        ({"text": b""}, c.RINVMSGLEN),
        ({"data_coding": 8, "text": b"odd"}, c.RINVMSGLEN),
    ],
)
def test_what_cannot_be_sent_is_refused_with_its_status(world: "World", fields: dict[str, Any], status: int) -> None:
    with customer(world) as gateway:
        assert gateway.submit(**({"to": "+4915100000001"} | fields)).status == status


def test_the_tenants_rate_holds_for_rest_and_smpp_together(world: "World") -> None:
    with customer(world, "small") as gateway:
        statuses = [gateway.submit(number(world), b"x").status for _ in range(12)]
        assert c.RTHROTTLED in statuses
        assert set(statuses) == {c.ROK, c.RTHROTTLED}
    # A door that nobody has asked before may lend itself a little until its first lease: no more than that.
    send = {"to": number(world), "from": "Test", "text": "x"}
    answers = [world.call("POST", "/v1/messages", send, tenant="small").status for _ in range(6)]
    assert 429 in answers


def test_receipts_wait_for_a_customer_who_is_away(world: "World") -> None:
    with customer(world, bind=c.BIND_TRANSMITTER) as sender:
        ids = [sender.submit(number(world)).message_id for _ in range(30)]
    for one in ids:
        world.final(one[1:27])
    until(lambda: accounts(world)["load-gw"]["waiting"] >= 30, "they wait", within_s=10)
    with customer(world, bind=c.BIND_RECEIVER) as receiver:
        receiver.until(lambda: {r.carrier_id for r in receiver.receipts} >= set(ids), "all receipts")
        assert len(receiver.receipts) == 30
        until(lambda: accounts(world)["load-gw"]["waiting"] == 0, "nothing waits any more", within_s=10)


def accounts(world: "World") -> dict[str, dict[str, Any]]:
    return {row["system_id"]: row for row in world.call("GET", "/v1/accounts").json["data"]}


def test_a_receipt_that_is_put_off_or_not_answered_comes_again(world: "World") -> None:
    with customer(world) as gateway:
        told: list[int | None] = [None, 0x58, c.ROK]
        gateway.answers = lambda _: told.pop(0)
        answer = gateway.submit(number(world))
        gateway.until(lambda: gateway.receipts, "the receipt, at the third time", 60)
        assert gateway.receipts[0].carrier_id == answer.message_id
        assert told == []


def test_a_message_from_a_handset_reaches_gateway_and_webhook(world: "World") -> None:
    sim = next(iter(world.sims.values()))
    with customer(world) as gateway, customer(world, "hooked") as other:
        sim.mo("447700900123", "88222", "STOP please", long=False)
        gateway.until(lambda: gateway.messages, "the message")
        assert gateway.messages == [("447700900123", "88222", "STOP please")]
        assert other.messages == []
        sim.mo("447700900124", "88333", "YES " + "and more " * 30, long=True)
        other.until(lambda: len(other.messages) > 1, "the long message")
    until(lambda: world.hooks.received("447700900124"), "the webhook", within_s=15)


def test_a_server_that_is_killed_loses_nothing(world: "World") -> None:
    to = [number(world) for _ in range(40)]
    with customer(world) as gateway:
        ids = [gateway.submit(one).message_id for one in to[:20]]
        ping = world.ping("esme:#0")
        assert ping is not None
        os.kill(int(ping["pid"]), signal.SIGKILL)
    with customer(world) as gateway:
        ids += [gateway.submit(one).message_id for one in to[20:]]
        for one in ids:
            assert world.final(one[1:27], within_s=30)["status"] == "delivered"
        # Receipts that the killed one had written and not settled come again after their lease; none is missing then.
        gateway.until(lambda: {r.carrier_id for r in gateway.receipts} >= set(ids[20:]), "the receipts of the second half", 30)
    assert world.check().faults == []


def test_an_account_that_is_taken_away_is_unbound(world: "World") -> None:
    with customer(world, "small") as gateway:
        kept = tuple(one for one in world.settings.accounts if one.system_id != "small-gw")
        world.apply(msgspec.structs.replace(world.settings, accounts=kept))
        try:
            with pytest.raises(ConnectionResetError):
                gateway.until(lambda: False, "the end of the session", 20)
            with Customer(world.smpp, "small-gw", SMPP_PASSWORD) as stranger:
                assert stranger.bound == c.RINVPASWD
        finally:
            world.apply(world.settings)


def test_a_bind_with_a_wrong_password_is_refused(world: "World") -> None:
    for system_id, password in (("load-gw", "wrong"), ("nobody", SMPP_PASSWORD)):
        with Customer(world.smpp, system_id, password) as gateway:
            assert gateway.bound == c.RINVPASWD


def test_a_burst_of_pipelined_submits_is_carried(world: "World") -> None:
    with customer(world) as gateway:
        sequences = [gateway.write(c.SUBMIT_SM, submit_body(number(world), b"burst")) for _ in range(500)]
        ids = {gateway.answer_to(sequence).message_id for sequence in sequences}
        assert len(ids) == 500
        gateway.until(lambda: {receipt.carrier_id for receipt in gateway.receipts} >= ids, "all receipts", 60)
