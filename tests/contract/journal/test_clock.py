"""The journal's clock has gone ahead, and comes back: what was timed meanwhile does not come as much too late."""

from typing import Any

from router.ids import PARTITIONS
from router.journal.port import Accepted, Finish, Requeue
from router.model import State

ALL = range(PARTITIONS)
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


async def test_an_event_claimed_meanwhile_is_handed_out_again_when_its_lease_is_over(desk: Any) -> None:
    (message_id,) = await desk.accept(1, wants_events=True)
    await desk.claim()
    await desk.journal.finish("", [Finish(message_id, State.FAILED, b"")])
    (first,) = await desk.journal.claim_notices("courier", ALL, 10, 0.2)
    await desk.set_clock_back(HOUR_MS)
    assert await desk.journal.claim_notices("courier", ALL, 10, 60) == []
    await desk.until(await desk.now() + 200)
    assert await desk.journal.claim_notices("courier", ALL, 10, 60) == [first]
    assert await desk.journal.claim_notices("courier", ALL, 10, 60) == []


async def test_a_message_put_off_meanwhile_comes_at_its_time_and_one_for_a_named_time_stays(desk: Any) -> None:
    at_ms = await desk.now() + HOUR_MS + 60_000
    (named,) = await desk.accept(1, due_ms=at_ms)
    (message_id,) = await desk.accept()
    (claimed,) = await desk.claim()
    assert claimed.id == message_id
    await desk.journal.requeue("", [Requeue(message_id, await desk.now() + 200, b"")])
    assert (await desk.journal.pump(ALL, 10))[0] == 0
    await desk.set_clock_back(HOUR_MS)
    moved, soonest_ms = await desk.journal.pump(ALL, 10)
    assert moved == 0
    await desk.until(soonest_ms)
    moved, soonest_ms = await desk.journal.pump(ALL, 10)
    assert moved == 1
    assert soonest_ms - at_ms in {0, HOUR_MS}  # a server's clock was moved by moving what it has timed
    assert [one.id for one in await desk.claim()] == [message_id]
    assert await desk.state(named) is State.SCHEDULED


async def test_a_key_used_meanwhile_is_known_though_that_was_tomorrow(desk: Any) -> None:
    key, other = b"d" * 16 + b"f" * 8, b"d" * 16 + b"o" * 8
    (first,) = await desk.journal.accept([await desk.message(idempotency=key)])
    await desk.set_clock_back(DAY_MS)
    (again,) = await desk.journal.accept([await desk.message(idempotency=key)])
    assert again in {Accepted(first.created_ms + ahead, fresh=False) for ahead in (0, DAY_MS)}  # as above
    (conflict,) = await desk.journal.accept([await desk.message(idempotency=other)])
    assert conflict == again._replace(conflict=True)
    assert await desk.journal.first_use(7, key, await desk.now()) == again.created_ms
    assert await desk.journal.first_use(7, other, await desk.now()) is None
    assert (await desk.clean())["accepted"] == 1


async def test_where_nothing_is_timed_nothing_is_noted(redis_desk: Any) -> None:
    await redis_desk.journal.claim_notices("courier", ALL, 10, 60)
    await redis_desk.journal.pump(ALL, 10)
    assert await redis_desk.journal._topology.links[0].command("KEYS", "*:at:*") == []


async def test_what_has_no_record_is_in_nobodys_way(redis_desk: Any) -> None:
    link = redis_desk.journal._topology.links[0]
    (gone,) = await redis_desk.accept(1, due_ms=await redis_desk.now() + 60_000)
    await redis_desk.journal.pump(ALL, 10)
    await link.command("HDEL", "{p07}:s", gone)
    await redis_desk.set_clock_back(HOUR_MS)
    moved, soonest_ms = await redis_desk.journal.pump(ALL, 10)
    assert moved == 0
    assert soonest_ms - await redis_desk.now() < HOUR_MS


async def test_the_clock_is_not_noted_at_each_look(redis_desk: Any) -> None:
    link = redis_desk.journal._topology.links[0]
    await redis_desk.accept(1, due_ms=await redis_desk.now() + 60_000)
    await redis_desk.journal.pump(ALL, 10)
    noted = await link.command("GET", "{p07}:at:due")
    await redis_desk.until(await redis_desk.now() + 5)
    await redis_desk.journal.pump(ALL, 10)
    assert await link.command("GET", "{p07}:at:due") == noted
