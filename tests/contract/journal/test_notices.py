"""Webhook events."""

from typing import Any

from router.ids import PARTITIONS, to_text
from router.journal.port import Finish
from router.model import State

ALL = range(PARTITIONS)


async def ended(desk: Any, count: int = 1, **fields: object) -> list[Any]:
    ids = await desk.accept(count, wants_events=True, **fields)
    await desk.claim()
    await desk.journal.finish("", [Finish(i, State.FAILED, b"<final>") for i in ids])
    return ids


async def test_the_end_of_a_message_is_told_once(desk: Any) -> None:
    (message_id,) = await ended(desk)
    (quiet,) = await desk.accept()
    await desk.claim()
    await desk.journal.finish("", [Finish(quiet, State.FAILED, b"")])
    (notice,) = await desk.journal.claim_notices("courier", ALL, 10, 60)
    assert notice.event_id == f"evt_{to_text(message_id)}_18"
    assert (notice.id, notice.state, notice.tries) == (message_id, State.FAILED, 0)
    assert (notice.body, notice.events) == (b"body of " + message_id, b"<final>")
    assert await desk.journal.claim_notices("courier", ALL, 10, 60) == []
    for _ in range(2):
        await desk.journal.settle_notices([notice])
    await desk.clean()


async def test_every_kind_of_end_is_told(desk: Any) -> None:
    (canceled,) = await desk.accept(wants_events=True)
    await desk.journal.cancel(canceled, "acme", b"")
    delivered, silent = await desk.send(2, wants_events=True)
    await desk.submit(delivered, "c1")
    await desk.submit(silent, "c2")
    from router.journal.port import Receipt

    await desk.journal.receipts("a", [Receipt("c1", State.DELIVERED, b"", b"")] * 2)
    found = {(n.id, n.state) for n in await desk.journal.claim_notices("courier", ALL, 10, 60)}
    assert found == {(canceled, State.CANCELED), (delivered, State.DELIVERED)}


async def test_an_event_not_settled_in_time_is_handed_out_again(desk: Any) -> None:
    await ended(desk)
    (first,) = await desk.journal.claim_notices("courier", ALL, 10, 0.02)
    await desk.until(await desk.now() + 20)
    (second,) = await desk.journal.claim_notices("other", ALL, 10, 60)
    assert second == first


async def test_a_retry_comes_at_its_time_with_the_same_id(desk: Any) -> None:
    await ended(desk)
    (first,) = await desk.journal.claim_notices("courier", ALL, 10, 60)
    at_ms = await desk.now() + 150
    for _ in range(2):
        await desk.journal.retry_notices([(first, at_ms)])
    assert await desk.journal.claim_notices("courier", ALL, 10, 60) == []
    await desk.until(at_ms)
    (second,) = await desk.journal.claim_notices("courier", ALL, 10, 60)
    assert second == first._replace(tries=1)


async def test_a_settled_event_does_not_come_back(desk: Any) -> None:
    await ended(desk)
    (notice,) = await desk.journal.claim_notices("courier", ALL, 10, 60)
    await desk.journal.settle_notices([notice])
    await desk.journal.retry_notices([(notice, 1)])
    await desk.journal.bury_notices([notice])
    await desk.journal.replay_notices([notice])
    assert await desk.journal.claim_notices("courier", ALL, 10, 60) == []
    assert await desk.journal.dead_notices(10) == []


async def test_limits_are_kept_and_nothing_is_forgotten(desk: Any) -> None:
    ids = [i for p in (1, 2, 3) for i in await ended(desk, 3, partition=p)]
    seen = []
    for expected in (4, 4, 1, 0):
        some = await desk.journal.claim_notices("courier", ALL, 4, 60)
        assert len(some) == expected
        seen += [n.id for n in some]
    assert sorted(seen) == sorted(ids)


async def test_dead_letters_and_their_replay(desk: Any) -> None:
    await ended(desk, 2)
    one, two = await desk.journal.claim_notices("courier", ALL, 10, 60)
    for notice in (two, one):
        await desk.journal.bury_notices([notice])
        await desk.until(await desk.now() + 2)
    dead = await desk.journal.dead_notices(10)
    assert [n.event_id for n in dead] == [two.event_id, one.event_id]
    assert [n.tries for n in dead] == [1, 1]
    assert await desk.journal.dead_notices(1) == dead[:1]
    for _ in range(2):
        await desk.journal.replay_notices([dead[0]])
    (again,) = await desk.journal.claim_notices("courier", ALL, 10, 60)
    assert (again.event_id, again.tries) == (two.event_id, 0)
    assert [n.event_id for n in await desk.journal.dead_notices(10)] == [one.event_id]


async def test_settling_a_dead_letter_forgets_it_and_its_tries(desk: Any) -> None:
    await ended(desk)
    (notice,) = await desk.journal.claim_notices("courier", ALL, 10, 60)
    await desk.journal.bury_notices([notice])
    await desk.journal.settle_notices(await desk.journal.dead_notices(10))
    assert await desk.journal.dead_notices(10) == []
    await desk.journal.replay_notices([notice])
    assert await desk.journal.claim_notices("courier", ALL, 10, 60) == []
