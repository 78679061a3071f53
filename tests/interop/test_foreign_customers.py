"""Our SMPP server against customers' software that is not ours: smpplib, aiosmpplib, smpp.twisted3 (as Jasmin) and Perl's Net::SMPP."""

from typing import get_args

import pytest
from interop_customers import HERE, NUMBER, SENDER
from interop_foreign import until
from interop_office import PASSWORDS

from carriers.smpp import commands as c
from router.model import State
from router.settings import LongMessages

LONG = "Long enough for two parts, if one looks at it. " * 6
LONG_UCS2 = "Привет, мир 😀 " * 10


async def test_a_message_is_answered_and_its_receipt_is_read(office, bound):
    text = "hello @£€ {}" if bound.name in {"smpplib", "aiosmpplib"} else "hello"  # the others leave GSM 03.38 to their callers
    ((status, message_id),) = await bound.submit(text)
    assert (status, message_id) == (0, office.ids[0])
    assert office.texts == [(SENDER, NUMBER, text)]
    receipt = await bound.program.next("receipt")
    assert (receipt["id"], receipt["stat"]) == (message_id, "DELIVRD")
    if bound.name == "aiosmpplib":  # it knows whose receipt it is
        assert receipt["log_id"] == "1"
    else:
        assert receipt["state"] == "2"
    await until(lambda: office.taken == 1, "deliver_sm_resp")


async def test_cyrillic_and_emoji(office, bound):
    ((status, _),) = await bound.submit("Код 42 😀")
    assert status == 0
    assert office.texts == [(SENDER, NUMBER, "Код 42 😀")]


@pytest.mark.parametrize(("text", "parts"), [(LONG, 2), (LONG_UCS2, 3)], ids=["gsm7", "ucs2"])
async def test_a_long_message_is_joined(office, bound, text, parts):
    answers = await bound.submit(text, parts=parts)
    assert answers == [(0, one) for one in office.ids]
    assert office.texts == [(SENDER, NUMBER, text)]
    assert len(set(office.ids)) == parts
    await until(lambda: office.taken == 1, "receipts")
    assert office.bodies[0].client.asked == (1,) * parts
    if bound.name == "aiosmpplib":  # it waits for all of them and shows one
        await bound.program.next("receipt")
        assert bound.receipts[0] in [(one, "DELIVRD") for one in office.ids]
    else:
        await bound.program.next("receipt", parts)
        assert bound.receipts == [(one, "DELIVRD") for one in office.ids]


@pytest.mark.parametrize("name", [name for name in HERE if name != "jasmin"])  # which measures payloads by what it read last
async def test_a_long_message_in_a_payload(office, bound):
    ((status, _),) = await bound.submit(LONG_UCS2, way="payload")
    assert status == 0
    assert office.texts == [(SENDER, NUMBER, LONG_UCS2)]


async def test_many_messages_at_once_and_their_receipts(office, bound):
    for n in range(200):
        bound.program.tell(f"submit udh {f'number {n}'.encode().hex()}")
    await bound.program.next("receipt", 200)
    assert [text for _, _, text in office.texts] == [f"number {n}" for n in range(200)]
    assert {(one["status"], one["id"]) for one in bound.program.told("answer")} == {("0", one) for one in office.ids}
    assert set(bound.receipts) == {(one, "DELIVRD") for one in office.ids}
    await until(lambda: office.taken == 200, "deliver_sm_resp")


async def test_one_session_each_way(office, customer):
    sender, receiver = await customer(office), await customer(office)
    assert await sender.bind("transmitter") == 0
    ((_, first),) = await sender.submit("before anybody can hear of it")
    assert await receiver.bind("receiver") == 0
    ((_, second),) = await sender.submit("and after that")
    await receiver.program.next("receipt", 2)
    assert receiver.receipts == [(first, "DELIVRD"), (second, "DELIVRD")]
    assert sender.receipts == []


async def test_messages_from_handsets_are_read(office, bound):
    office.send(NUMBER, "STOP")
    office.send(NUMBER, "Да 😀", encoding="ucs2")
    await until(lambda: office.taken == 2, "deliver_sm_resp")
    await bound.program.next("message", 2)
    assert bound.messages == ["STOP", "Да 😀"]


@pytest.mark.parametrize("marks", get_args(LongMessages))
@pytest.mark.parametrize(("text", "parts"), [(LONG, 2), (LONG_UCS2, 3)], ids=["gsm7", "ucs2"])
async def test_long_messages_from_handsets_are_read(make_office, customer, marks, text, parts):
    office = await make_office(habits={"long_messages": marks})
    bound = await customer(office)
    assert await bound.bind() == 0
    office.send(NUMBER, text)
    await until(lambda: office.taken == 1, "deliver_sm_resp")
    if bound.name == "aiosmpplib":  # it joins parts itself, but takes a reference of 16 bits for one of 32
        if marks != "udh16":
            await bound.program.next("message")
            assert bound.messages == [text]
        return
    parts = 1 if marks == "payload" else parts
    await bound.program.next("message", parts)
    assert "".join(bound.messages) == text
    assert [int(one["esm_class"]) for one in bound.program.told("message")] == [0x40 if marks[:3] == "udh" else 0] * parts


async def test_a_wrong_password(office, customer):
    assert await (await customer(office, password="wrong")).bind() == c.RINVPASWD


async def test_an_unknown_account(office, customer):
    assert await (await customer(office, system_id="nobody")).bind() in {c.RINVPASWD, c.RINVSYSID}


async def test_one_bind_too_many(office, customer):
    first, second = [await customer(office, "small", PASSWORDS["small"]) for _ in range(2)]
    assert await first.bind() == 0
    assert await second.bind() in {c.RALYBND, c.RBINDFAIL}
    ((status, _),) = await first.submit("still here")
    assert status == 0


@pytest.mark.parametrize("status", [c.RTHROTTLED, c.RMSGQFUL, c.RINVDSTADR, c.RSYSERR])
async def test_a_refusal_is_read_and_the_session_goes_on(office, bound, status):
    office.statuses = [status]
    assert await bound.submit("hello") == [(status, "")]
    assert await bound.submit("hello") == [(0, office.ids[0])]


@pytest.mark.parametrize(("end", "stat"), [(State.UNDELIVERED, "UNDELIV"), (State.EXPIRED, "EXPIRED"), (State.FAILED, "UNDELIV")])
async def test_what_did_not_arrive_is_read(office, bound, end, stat):
    office.end = end
    ((_, message_id),) = await bound.submit("hello")
    await bound.program.next("receipt")
    assert bound.receipts == [(message_id, stat)]


@pytest.mark.parametrize("name", [name for name in HERE if name != "aiosmpplib"])  # which has no query_sm
async def test_a_query(office, bound):
    ((_, message_id),) = await bound.submit("hello")
    bound.program.tell(f"query {message_id}")
    bound.program.tell("query nonsense")
    await bound.program.next("found", 2)
    one, two = bound.program.told("found")
    assert (one["status"], one["state"]) == ("0", "2")
    assert int(two["status"]) == c.RINVMSGID
    assert (await bound.submit("hello"))[0][0] == 0  # the refusal has cost nobody the session


def said(conversations, *, by_customer):
    """Command ids of one side of the last conversation."""
    return [int.from_bytes(pdu[4:8], "big") for client, pdu in conversations[-1].pdus() if client == by_customer]


async def test_it_unbinds(office, bound, conversations):
    await bound.submit("hello")
    await until(lambda: office.taken == 1, "receipt")
    bound.program.tell("unbind")
    await until(lambda: office.listener.sessions() == [], "gone")
    await until(lambda: c.UNBIND_RESP in said(conversations, by_customer=False), "unbind_resp")
    if bound.name != "aiosmpplib":  # it does not say what it heard
        assert (await bound.program.next("unbound"))["status"] == "0"


async def test_our_server_unbinds_at_its_end(office, bound, conversations):
    await bound.submit("hello")
    await until(lambda: office.taken == 1, "receipt")
    await office.listener.close(1.0)
    assert office.listener.sessions() == []
    assert c.UNBIND in said(conversations, by_customer=False)


async def test_our_server_asks_whether_it_lives(make_office, customer, conversations):
    bound = await customer(await make_office(enquire_link_s=0.2))
    assert await bound.bind() == 0
    await until(lambda: said(conversations, by_customer=True).count(c.ENQUIRE_LINK_RESP) > 1, "answers")
    assert (await bound.submit("hello"))[0][0] == 0


async def test_it_asks_whether_our_server_lives(bound, conversations):
    if bound.name != "aiosmpplib":  # it asks by itself
        bound.program.tell("enquire")
    await until(lambda: c.ENQUIRE_LINK_RESP in said(conversations, by_customer=False), "answer")
    assert (await bound.submit("hello"))[0][0] == 0
