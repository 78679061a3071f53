"""Submits of customers: what is answered when, whatever the journal or the limits say."""

import itertools
from typing import Any

import pytest

from actors.smpp import submissions
from actors.smpp.submissions import Submissions
from carriers.customers.message_ids import read_id
from carriers.smpp import commands as c
from carriers.smpp.events import Request
from carriers.smpp.messages import Message
from carriers.smpp.multi import Destination, SubmitMulti, read_multi_resp
from router.api.local import LocalFront
from router.journal.memory import MemoryJournal
from router.journal.port import JournalFull, JournalUnavailable
from router.model import MessageClass, State
from router.record import unpack_body
from router.settings import CarrierProfile, Price, Settings, SmppAccount, Tenant
from router.terms import Terms

NOW_MS = 1_800_000_000_000
ACCOUNT = SmppAccount(system_id="gw", tenant="shop", password="", priorities={"3": "otp", "0": "marketing"})
SETTINGS = Settings(
    carriers=(CarrierProfile(name="one", addresses=("h:1",), system_id="x", prices=(Price(to="*", micros=10_000),)),),
    tenants=(Tenant(id="shop", rate_mps=10, burst=20),),
    accounts=(ACCOUNT,),
)


class Line:
    """A session that keeps what it is told."""

    account = ACCOUNT
    peer, version = "127.0.0.1", 0x34

    def __init__(self) -> None:
        self.answers: dict[int, tuple[int, bytes | None]] = {}
        self.flushed = 0

    def answer(self, request: Request, status: int = 0, body: bytes | None = None) -> None:
        assert request.sequence not in self.answers
        self.answers[request.sequence] = (status, body)

    def flush(self) -> None:
        self.flushed += 1

    @property
    def statuses(self) -> list[int]:
        return [self.answers[sequence][0] for sequence in sorted(self.answers)]


class Door(LocalFront):
    """Fails as it is told."""

    failures: list[Exception]

    async def submit(self, items: Any) -> Any:
        if self.failures:
            raise self.failures.pop(0)
        return await super().submit(items)


class NoParts:
    """No message of these tests comes in parts."""


@pytest.fixture
def door() -> Door:
    chance = itertools.count(1)
    found = Door(
        MemoryJournal(lambda: NOW_MS),
        Terms.compile(SETTINGS, secret=b"s"),
        now_ms=lambda: NOW_MS,
        monotonic_s=lambda: 0.0,
        entropy=lambda octets: next(chance).to_bytes(octets, "big"),
    )
    found.failures = []
    return found


def submit(sequence: int, to: str = "4915112345678", **fields: Any) -> Request:
    return Request(c.SUBMIT_SM, sequence, Message("Shop", to, b"Hello", registered_delivery=1, source_ton=5, **fields))


async def take(door: Door, *requests: Request) -> Line:
    line = Line()
    await Submissions(door, NoParts()).take(line, requests)  # type: ignore[arg-type]  # as much of both as is asked
    assert line.flushed == 1
    assert sorted(line.answers) == sorted(request.sequence for request in requests)
    return line


async def test_what_is_answered_with_an_id_is_in_the_journal(door: Door) -> None:
    line = await take(door, submit(1, priority=3), submit(2))
    assert line.statuses == [c.ROK, c.ROK]
    for sequence, klass in ((1, MessageClass.OTP), (2, MessageClass.MARKETING)):
        octets = line.answers[sequence][1]
        assert octets is not None
        known = read_id(octets.rstrip(b"\0").decode())
        assert known is not None
        [record] = await door.journal.read([known[0]])
        assert record is not None
        body = unpack_body(record.body)
        assert (record.state, body.klass, body.to) == (State.QUEUED, klass, "4915112345678")
        assert body.client is not None
        assert body.client.account == "gw"


async def test_one_bad_message_does_not_keep_the_others(door: Door) -> None:
    line = await take(door, submit(1), submit(2, to="12"), submit(3))
    assert line.statuses == [c.ROK, c.RINVDSTADR, c.ROK]
    assert door.counts["refused", "shop", "smpp_0x0B"] == 1


async def test_over_the_rate_is_throttled_message_by_message(door: Door) -> None:
    line = await take(door, *(submit(number) for number in range(1, 31)))
    assert line.statuses == [c.ROK] * 20 + [c.RTHROTTLED] * 10


async def test_a_journal_that_does_not_answer_is_no_yes(door: Door) -> None:
    door.failures = [JournalUnavailable("down")]
    assert (await take(door, submit(1), submit(2))).statuses == [c.RSYSERR, c.RSYSERR]


async def test_a_full_store_refuses_only_what_it_must(door: Door) -> None:
    door.failures = [JournalFull("full", frozenset({MessageClass.MARKETING}))]
    assert (await take(door, submit(1), submit(2, priority=3))).statuses == [c.RMSGQFUL, c.ROK]


async def test_what_is_shed_is_told_a_full_queue(door: Door) -> None:
    door.shed = {MessageClass.MARKETING: "full"}
    assert (await take(door, submit(1), submit(2, priority=3))).statuses == [c.RMSGQFUL, c.ROK]


async def test_a_bug_that_one_message_meets_stays_with_it(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    real = submissions.read

    def broken(message: Any, account: SmppAccount) -> Any:
        if message.destination.endswith("9"):
            raise ZeroDivisionError
        return real(message, account)

    monkeypatch.setattr(submissions, "read", broken)
    assert (await take(door, submit(1), submit(2, to="4915112345679"))).statuses == [c.ROK, c.RSYSERR]


async def test_a_submit_multi_tells_who_was_not_taken(door: Door) -> None:
    message = Message("Shop", "", b"Hello", source_ton=5)
    numbers = ("12", "4915112345671", "friends", "4915112345672")
    destinations = tuple(Destination(number, 1, 1, 2 if number == "friends" else 1) for number in numbers)
    line = await take(door, Request(c.SUBMIT_MULTI, 1, SubmitMulti(message, destinations)))
    status, octets = line.answers[1]
    assert status == c.ROK
    assert octets is not None
    told = read_multi_resp(bytes(16) + octets)
    assert [(one.address, one.status) for one in told.unsuccess] == [("12", c.RINVDSTADR), ("friends", c.RINVDLNAME)]
    ids = await door.journal.list_ids("shop", before=None, created_after_ms=0, limit=10)
    assert len(ids) == 2
    bodies = [unpack_body(record.body) for record in await door.journal.read(ids) if record is not None]
    assert {body.client.message_id for body in bodies if body.client} == {told.message_id}


async def test_a_submit_multi_of_which_nothing_is_taken_is_refused(door: Door) -> None:
    message = Message("Shop", "", b"Hello", source_ton=5)
    line = await take(door, Request(c.SUBMIT_MULTI, 1, SubmitMulti(message, (Destination("12"), Destination("13")))))
    assert line.statuses == [c.RINVDSTADR]
