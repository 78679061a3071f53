"""What a dispatcher does with records of a later release: it sets them aside, says so, and lets the rest through."""

import logging

import msgspec
import pytest

from actors.aside import Aside
from actors.assigning import give_back_newer
from actors.metrics import Metrics
from actors.wire import Offered
from router.ids import PARTITIONS, make_id
from router.journal.memory import MemoryJournal
from router.journal.port import Intake, Lease
from router.model import MessageClass
from router.record import (
    BODY_VERSION,
    ERASED,
    Body,
    NewerRecord,
    UnreadableRecord,
    is_newer,
    pack_body,
    unpack_body,
    unpack_events,
)

ALL = range(PARTITIONS)
NOW_MS = 1_790_000_000_000
BODY = Body(
    tenant="acme",
    to="447700900123",
    sender="ACME",
    text="x",
    klass=1,
    created_ms=NOW_MS,
    expires_ms=NOW_MS + 60_000,
    encoding="gsm7",
    segments=1,
    country="GB",
    network="23410",
)
READABLE = pack_body(BODY)
NEWER = pack_body(msgspec.structs.replace(BODY, version=BODY_VERSION + 1))
OTHERWISE = b"\xdc\x00\x10\x02\xc0" + b"\xc0" * 14  # version 2, and nothing where version 1 has a tenant
SHORT = b"\x93\x02\xc0\xc0"
SEALED_LATER = b"\x02" + bytes(40)


@pytest.mark.parametrize("octets", [NEWER, OTHERWISE, SHORT, SEALED_LATER])
def test_a_body_of_a_later_release_is_known_for_one(octets):
    assert is_newer(octets)
    with pytest.raises(NewerRecord):
        unpack_body(octets)


@pytest.mark.parametrize(
    "octets",
    [b"", ERASED, b"\x01" + bytes(40), b"\xdc", b"\xdc\x00\x10", b"\x90", b"\xc0", b"\x93\x01\xc0\xc0", b"\x93\xcc\x02\xc0"],
)
def test_what_cannot_be_read_at_all_is_not_taken_for_one(octets):
    assert not is_newer(octets)
    with pytest.raises(UnreadableRecord) as raised:
        unpack_body(octets)
    assert not isinstance(raised.value, NewerRecord)


def test_what_this_release_writes_is_its_own():
    assert not is_newer(READABLE)
    assert unpack_body(READABLE) == BODY


class Rig:
    def __init__(self):
        self.journal = MemoryJournal(lambda: NOW_MS)
        self.metrics = Metrics("dispatcher")
        self.lease = Lease("dispatcher:#0", 1)
        self.aside = Aside(self.journal, self.metrics, lambda: self.lease)

    async def claim(self, *bodies):
        ids = [make_id(NOW_MS, 7, n.to_bytes(10, "big")) for n in range(len(bodies))]
        await self.journal.accept(
            [Intake(i, "acme", MessageClass.TRANSACTIONAL, body, NOW_MS + 60_000) for i, body in zip(ids, bodies, strict=True)]
        )
        return ids, await self.again()

    async def again(self, epoch=1):
        await self.journal.lease_partitions("dispatcher:#0", epoch, ALL, 60)
        return (await self.journal.claim("dispatcher:#0", epoch, ALL, dict.fromkeys(MessageClass, 10)))[0]

    def gauge(self):
        return self.metrics.gauge("trunkline_set_aside").value


async def test_bodies_of_a_later_release_go_aside_and_the_rest_goes_on(caplog):
    rig = Rig()
    ids, claimed = await rig.claim(READABLE, NEWER, READABLE, SEALED_LATER)
    with caplog.at_level(logging.ERROR):
        kept = await rig.aside.sift(claimed)
    assert [message.id for message in kept] == [ids[0], ids[2]]
    assert [f"id={ids[n].hex()}" in caplog.text for n in range(4)] == [False, True, False, True]
    report = await rig.journal.check()
    assert (report.faults, report.counts["dead"], report.counts["claimed"]) == ([], 2, 2)


async def test_a_batch_without_any_is_passed_on_as_it_is():
    rig = Rig()
    _, claimed = await rig.claim(READABLE, READABLE)
    assert await rig.aside.sift(claimed) is claimed
    assert await rig.aside.sift([]) == []


async def test_it_tells_how_many_stand_aside_once_when_they_become_more(caplog):
    rig = Rig()
    _, claimed = await rig.claim(READABLE, NEWER)
    with caplog.at_level(logging.ERROR, "trunkline.dispatcher"):
        await rig.aside.look(list(ALL))
        assert (rig.gauge(), caplog.text) == (0, "")
        await rig.aside.sift(claimed)
        caplog.clear()
        await rig.aside.look(list(ALL))
        assert rig.gauge() == 1
        assert caplog.text.count("count=1") == 1
        caplog.clear()
        await rig.aside.look(list(ALL))
        assert caplog.text == ""


async def test_the_next_dispatcher_takes_them_up_and_sets_aside_again_what_it_cannot_read():
    rig = Rig()
    ids, claimed = await rig.claim(NEWER)
    await rig.aside.look(list(ALL))
    await rig.aside.sift(claimed)
    await rig.aside.look(list(ALL))
    assert await rig.journal.aside(ALL) == 1, "the same dispatcher does not try again and again"
    rig.lease = Lease("dispatcher:#0", 2)
    next_one = Aside(rig.journal, Metrics("dispatcher"), lambda: rig.lease)
    await next_one.look(list(ALL))
    assert await rig.journal.aside(ALL) == 0
    found = await rig.again(2)
    assert [message.id for message in found] == ids
    assert await next_one.sift(found) == []
    assert await rig.journal.aside(ALL) == 1
    assert (await rig.journal.check()).faults == []


def test_a_carrier_gives_back_what_it_cannot_read():
    offered = Offered(make_id(NOW_MS, 7, bytes(10)), 2, MessageClass.OTP, 1, NEWER, b"assigned")
    given = give_back_newer(offered, "alpha", NOW_MS)
    assert (given.counted, given.attempts) == (False, 3)
    assert given.due_ms > NOW_MS
    assert unpack_events(given.event)[0][2:] == ["alpha", "its record is of a later release"]
