"""Records that a release cannot read: set aside, counted, and taken up again by one that can."""

from typing import Any

import pytest

from router.ids import PARTITIONS
from router.journal.port import Finish, Lease, Receipt, Submitted
from router.model import State

ALL = range(PARTITIONS)
P = "{p07}:"


async def aside(desk: Any, ids: list[Any], lease: Lease | None = None) -> int:
    return int(await desk.journal.set_aside(ids, lease))


async def test_what_is_claimed_goes_aside_and_comes_back_in_its_state(desk: Any) -> None:
    one, two = await desk.accept(2)
    await desk.claim()
    assert await aside(desk, [one]) == 1
    assert (await desk.place(one), await desk.place(two)) == ("dead", "claimed")
    assert await desk.journal.aside(ALL) == await desk.journal.aside([7]) == 1
    assert await desk.journal.aside([8]) == 0
    assert (await desk.clean())["dead"] == 1
    assert await aside(desk, [one]) == 0, "the call made again"
    assert await desk.journal.take_up([8], 10) == 0
    assert await desk.journal.take_up(ALL, 10) == 1
    assert (await desk.place(one), await desk.state(one)) == ("queue", State.QUEUED)
    assert await desk.journal.take_up(ALL, 10) == 0
    assert [message.id for message in await desk.claim()] == [one]
    assert (await desk.clean())["dead"] == 0


async def test_only_so_many_are_taken_up_at_a_time_oldest_first(desk: Any) -> None:
    ids = await desk.accept(3)
    await desk.claim()
    assert await aside(desk, ids) == 3
    assert await desk.journal.take_up(ALL, 2) == 2
    assert [await desk.place(one) for one in ids] == ["queue", "queue", "dead"]


async def test_what_waits_and_what_flies_does_not_go_aside(desk: Any) -> None:
    (flying,) = await desk.send()
    (waiting,) = await desk.accept()
    assert await aside(desk, [flying, waiting]) == 0
    assert await aside(desk, []) == 0
    assert (await desk.place(flying), await desk.place(waiting)) == ("inflight:carrier:a#0", "queue")


async def test_whoever_lost_the_partition_sets_nothing_aside(desk: Any) -> None:
    (one,) = await desk.accept()
    await desk.claim()
    epoch, _, _ = await desk.journal.register("dispatcher:0", "first", 60)
    assert await aside(desk, [one], Lease("dispatcher:0", epoch + 1)) == 0
    assert await aside(desk, [one], Lease("dispatcher:1", epoch)) == 0
    assert await aside(desk, [one], Lease("dispatcher:0", epoch)) == 1


async def test_what_stands_aside_can_be_taken_back(desk: Any) -> None:
    (one,) = await desk.accept()
    await desk.claim()
    await aside(desk, [one])
    assert await desk.journal.cancel(one, "acme", b"canceled") is State.CANCELED
    assert await desk.place(one) == "final"
    assert await desk.journal.take_up(ALL, 10) == 0
    await desk.clean()


async def doubtful(desk: Any) -> Any:
    """A message in doubt whose hold is over, set aside."""
    (one,) = await desk.send()
    await desk.journal.adopt(
        "carrier:a#0", (await desk.journal.register("carrier:a#0", "second", 60))[0], dict.fromkeys(range(3), 1), b"x"
    )
    await desk.journal.pump(ALL, 10)
    assert [message.state for message in await desk.claim()] == [State.UNKNOWN]
    assert await aside(desk, [one]) == 1
    return one


async def test_what_the_carrier_says_of_one_aside_is_a_fact(desk: Any) -> None:
    one = await doubtful(desk)
    horizon = await desk.now() + 60_000
    await desk.journal.submitted("carrier:a#0", "a", [Submitted(one, ("A-1",), horizon, b"submitted")])
    assert (await desk.place(one), await desk.state(one)) == ("wait", State.SENT)
    assert await desk.journal.aside(ALL) == 0
    await desk.clean()


async def test_a_receipt_ends_one_aside(desk: Any) -> None:
    (early,) = await desk.send()
    await desk.submit(early, "A-1")
    one = await doubtful(desk)
    await desk.journal.submitted("carrier:a#0", "a", [Submitted(one, ("A-2",), await desk.now() + 60_000, b"submitted")])
    (told,) = await desk.journal.receipts("a", [Receipt("A-2", State.DELIVERED, b"receipt", b"final")])
    assert (told.state, await desk.place(one)) == (State.DELIVERED, "final")
    assert await desk.journal.aside(ALL) == 0
    await desk.clean()


async def test_a_receipt_of_an_attempt_held_for_lost_ends_one_aside(desk: Any) -> None:
    (one,) = await desk.accept()
    await desk.claim()
    await aside(desk, [one])
    await desk.submit(one, "A-1")
    (told,) = await desk.journal.receipts("a", [Receipt("A-1", State.DELIVERED, b"receipt", b"final")])
    assert (told.changed, await desk.place(one), await desk.journal.aside(ALL)) == (True, "final", 0)
    await desk.clean()


async def test_a_finish_of_one_aside_finds_nothing(desk: Any) -> None:
    (one,) = await desk.accept()
    await desk.claim()
    await aside(desk, [one])
    await desk.journal.finish("", [Finish(one, State.FAILED, b"final")])
    assert await desk.place(one) == "dead"


async def test_what_ended_or_has_no_body_is_not_taken_up(redis_desk: Any) -> None:
    link = redis_desk.journal._topology.links[0]
    (ended,) = await redis_desk.send()
    await redis_desk.journal.finish("carrier:a#0", [Finish(ended, State.DELIVERED, b"final")])
    (bodiless,) = await redis_desk.accept()
    await link.command("HDEL", P + "m", bodiless)
    assert await redis_desk.claim() == []
    await link.command("ZADD", P + "dead", 1, ended)
    assert await redis_desk.journal.take_up(ALL, 10) == 1
    assert await link.command("ZRANGE", P + "dead", 0, -1) == [bodiless]
    assert (await redis_desk.journal.check()).counts["stale"] == 0


# -- heads of a later release, which only a server can hold -----------------------------------------------------------
async def later(desk: Any, message_id: bytes) -> bytes:
    link = desk.journal._topology.links[0]
    before = await link.command("HGET", P + "s", message_id)
    await link.command("HSET", P + "s", message_id, b"\x02" + before[1:])
    return bytes(before)


async def earlier(desk: Any, message_id: bytes, octets: bytes) -> None:
    await desk.journal._topology.links[0].command("HSET", P + "s", message_id, octets)


@pytest.mark.parametrize("kind", ["queued", "scheduled", "claimed", "flying", "sent"])
async def test_a_head_of_a_later_release_waits_for_that_release(redis_desk: Any, kind: str) -> None:
    desk = redis_desk
    if kind == "flying":
        (one,) = await desk.send()
    elif kind == "sent":
        (one,) = await desk.send()
        await desk.journal.submitted("carrier:a#0", "a", [Submitted(one, ("A-1",), 1, b"submitted")])
    else:
        (one,) = await desk.accept(due_ms=1 if kind == "scheduled" else 0)
    if kind == "claimed":
        await desk.claim()
    octets = await later(desk, one)
    match kind:
        case "flying":
            epoch, _, _ = await desk.journal.register("carrier:a#0", "second", 60)
            assert await desk.journal.adopt("carrier:a#0", epoch, dict.fromkeys(range(3), 1), b"x") == 0
        case "sent":
            assert await desk.journal.expire_waits(ALL, 10, b"expired") == 0
        case "scheduled":
            await desk.journal.pump(ALL, 10)
        case "claimed":
            epoch, _, _ = await desk.journal.register("dispatcher:0", "second", 60)
            await desk.journal.lease_partitions("dispatcher:0", epoch, ALL, 60)
        case _:
            assert await desk.claim() == []
    assert await desk.journal.aside(ALL) == 1
    assert await desk.journal.take_up(ALL, 10) == 0, "it still cannot be read"
    report = await desk.journal.check()
    assert (list(report.faults), report.counts["dead"]) == ([], 1)

    await earlier(desk, one, octets)  # as the later release would find it
    assert await desk.journal.take_up(ALL, 10) == 1
    place, state = await desk.place(one), await desk.state(one)
    assert (place, state) == {
        "flying": ("queue", State.UNKNOWN),
        "sent": ("wait", State.SENT),
    }.get(kind, ("queue", State.QUEUED))
    await desk.clean()
