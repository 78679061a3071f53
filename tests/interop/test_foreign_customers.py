"""Our SMPP server against customers' software that is not ours: smpplib, aiosmpplib, smpp.twisted3 (as Jasmin) and Perl's Net::SMPP."""

import sys
from typing import get_args

import pytest
from interop_foreign import PROGRAMS, missing, until
from interop_office import PASSWORDS, Office

from carriers.smpp import commands as c
from router.model import State
from router.settings import LongMessages

CUSTOMERS = {
    "smpplib": (sys.executable, str(PROGRAMS / "smpplib_esme.py")),
    "aiosmpplib": (sys.executable, str(PROGRAMS / "aiosmpplib_esme.py")),
    "jasmin": (sys.executable, "-W", "error", str(PROGRAMS / "jasmin_esme.py")),
    "perl": ("perl", str(PROGRAMS / "perl_esme.pl")),
}
HERE = [name for name in CUSTOMERS if name not in missing()]
NUMBER, SENDER = "447700900123", "Acme"  # as the programs write them
LONG = "Long enough for two parts, if one looks at it. " * 6
LONG_UCS2 = "Привет, мир 😀 " * 10


class Customer:
    """A program as its user sees it."""

    def __init__(self, name, program):
        self.name = name
        self.program = program

    async def bind(self, mode="transceiver"):
        """command_status of the answer."""
        self.program.tell(f"bind {mode}")
        return int((await self.program.next("bound"))["status"])

    async def submit(self, text, way="udh", parts=1):
        """(command_status, message_id) of each part."""
        seen = len(self.program.told("answer"))
        self.program.tell(f"submit {way} {text.encode().hex()}")
        await self.program.next("answer", seen + parts)
        return [(int(one["status"]), one["id"]) for one in self.program.told("answer")[seen:]]

    @property
    def receipts(self):
        return [(one["id"], one["stat"]) for one in self.program.told("receipt")]

    @property
    def messages(self):
        read = []
        for one in self.program.told("message"):
            octets = bytes.fromhex(one.get("text") or one["octets"])
            if "octets" in one and int(one["esm_class"]) & c.ESM_UDHI:
                octets = octets[octets[0] + 1 :]
            read.append(octets.decode("utf-16-be" if one.get("data_coding") == "8" else "utf-8"))
        return read


@pytest.fixture
async def office(make_office):
    return await make_office()


@pytest.fixture
async def make_office():
    made = []

    async def make(**settings):
        made.append(Office(**settings))
        await made[-1].listener.start()
        return made[-1]

    yield make
    for one in made:
        await one.listener.close(0.0)


@pytest.fixture(params=HERE)
def name(request):
    return request.param


@pytest.fixture
def customer(name, run, tap):
    """``await customer(office, …)``: a program that speaks to our server by a tap."""

    async def make(office, system_id="acme", password=PASSWORDS["acme"]):
        relay = await tap(office.listener.port)
        return Customer(name, await run(*CUSTOMERS[name], str(relay.port), system_id, password))

    return make


@pytest.fixture
async def bound(office, customer):
    made = await customer(office)
    assert await made.bind() == 0
    return made


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


@pytest.mark.parametrize("name", [name for name in HERE if name == "perl"])  # the only one that knows these
class TestRareRequests:
    async def test_one_message_to_many(self, office, bound):
        bound.program.tell(f"multi {NUMBER},447700900124,12 {b'hello'.hex()}")
        answer = await bound.program.next("multi")
        assert (answer["status"], answer["id"]) == ("0", office.ids[-1])
        assert answer["unsuccess"] == f"12:{c.RINVDSTADR}"
        assert office.texts == [(SENDER, NUMBER, "hello"), (SENDER, "447700900124", "hello")]

    async def test_a_data_sm(self, office, bound):
        bound.program.tell(f"data {(b'hello ' * 60).hex()}")
        answer = await bound.program.next("other")
        assert (answer["command"], answer["status"]) == ("data_sm_resp", "0")
        assert office.texts == [(SENDER, NUMBER, ("hello " * 60))]
        await bound.program.next("receipt")
        assert bound.receipts == [(office.ids[0], "DELIVRD")]

    async def test_a_cancel_and_a_replacement(self, office, bound):
        ((_, message_id),) = await bound.submit("hello")
        bound.program.tell(f"cancel {message_id}")
        bound.program.tell(f"replace {message_id} {b'bye'.hex()}")
        await bound.program.next("other", 2)
        told = [(one["command"], one["status"]) for one in bound.program.told("other")]
        assert told == [("cancel_sm_resp", "0"), ("replace_sm_resp", "0")]
        cancel, replacement = office.wishes
        assert (cancel.message_id, cancel.source, cancel.destination) == (message_id, SENDER, NUMBER)
        assert (replacement.message_id, replacement.source, replacement.short_message) == (message_id, SENDER, b"bye")
