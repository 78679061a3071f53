"""A journal that was set back: what it has in hand for somebody who knows nothing of it any more goes on all the same."""

import asyncio
from typing import Any

from actors.metrics import Metrics
from actors.outcomes import Outcomes
from actors.partitions import Partitions
from actors.strays import Strays
from carriers.port import Answer, Outgoing, Verdict
from router.ids import PARTITIONS
from router.model import MessageClass, State
from router.record import Body, EventKind, pack_body, unpack_events
from router.settings import CarrierProfile, Price, Settings

ALL = range(PARTITIONS)
OWNER = "carrier:a#0"
SETTINGS = Settings()


def body(klass: MessageClass) -> Body:
    return Body(
        tenant="acme",
        to="4915100000000",
        sender="Test",
        text="Hello",
        klass=int(klass),
        created_ms=1,
        expires_ms=1 << 42,
        encoding="gsm7",
        segments=1,
        country="DE",
        network="26201",
    )


def outcomes(journal: Any) -> Outcomes:
    profile = CarrierProfile(name="a", addresses=("127.0.0.1:1",), system_id="a", password="", prices=(Price(to="*", micros=1),))
    return Outcomes(journal, OWNER, profile, Metrics("carrier"), rules=SETTINGS.rules, observe=lambda _: None)


async def test_what_is_in_flight_is_told_by_owner(desk: Any) -> None:
    mine = [*await desk.send(2, partition=3), *await desk.send(1, partition=60)]
    await desk.send(1, owner="carrier:b#0")
    assert sorted(await desk.journal.in_flight(OWNER)) == sorted(mine)
    await desk.submit(mine[0], "x")
    assert sorted(await desk.journal.in_flight(OWNER)) == sorted(mine[1:])
    assert await desk.journal.in_flight("carrier:c#0") == []


async def test_strays_are_held_as_their_class_is_and_nothing_else_is_touched(desk: Any) -> None:
    journal, mine = desk.journal, outcomes(desk.journal)
    strays = Strays(journal, OWNER, "a", mine, asyncio.Lock(), lambda: SETTINGS)
    assert await strays.look() == 0
    klasses = (MessageClass.OTP, MessageClass.MARKETING)
    lost = [(await desk.send(1, klass=klass, body=pack_body(body(klass))))[0] for klass in klasses]
    (odd,) = await desk.send(1, body=b"of another release")
    flying, answered = await desk.send(2)
    written = [Outgoing(one, 1, MessageClass.TRANSACTIONAL, body(MessageClass.TRANSACTIONAL)) for one in (flying, answered)]
    mine.sent(written)
    mine.on_answers([Answer(answered, Verdict.ACCEPTED, carrier_ids=("x",))])
    assert await strays.look() == 3
    assert [await desk.state(one) for one in (*lost, odd)] == [State.UNKNOWN] * 3
    assert [await desk.place(one) for one in (*lost, odd)] == ["due"] * 3
    assert [await desk.place(one) for one in (flying, answered)] == [f"inflight:{OWNER}"] * 2
    (line,) = [
        line for line in unpack_events((await desk.events(lost[0])).removeprefix(b"assigned 0")) if line[1] == EventKind.UNKNOWN
    ]
    assert line[2] == "a"
    await desk.clean()
    assert await strays.look() == 0


async def test_a_late_word_on_a_stray_still_counts(desk: Any) -> None:
    klass = MessageClass.OTP
    (lost,) = await desk.send(1, klass=klass, body=pack_body(body(klass)))
    await Strays(desk.journal, OWNER, "a", outcomes(desk.journal), asyncio.Lock(), lambda: SETTINGS).look()
    await desk.submit(lost, "late")
    assert (await desk.state(lost), await desk.place(lost)) == (State.SENT, "wait")
    await desk.clean()


async def test_another_server_at_work_gives_back_what_was_claimed(redis_desk: Any, valkey: Any) -> None:
    journal = redis_desk.journal
    ids = await redis_desk.accept(3)
    told: list[str] = []
    held = Partitions(journal, "d", 0, 1, on_taken=lambda _: None, on_given_back=lambda: told.append("given back"))
    await held.start()
    task = asyncio.create_task(held.run())

    try:
        async with asyncio.timeout(30):
            while not held._history:
                held._look.set()
                await asyncio.sleep(0.01)
        claimed, _ = await journal.claim("d", held.epoch, ALL, dict.fromkeys(MessageClass, 10))
        assert len(claimed) == 3
        await valkey.stop()
        await valkey.start()
        async with asyncio.timeout(30):
            while any(await journal.still_claimed(ids)):
                held._look.set()  # without waiting for the next renewal
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
    assert told == ["given back"]
    again, _ = await journal.claim("d", held.epoch, ALL, dict.fromkeys(MessageClass, 10))
    assert sorted(one.id for one in again) == sorted(ids)


async def test_a_server_started_anew_has_another_history(redis_desk: Any, valkey: Any) -> None:
    before = await redis_desk.journal.history()
    assert before
    assert before == await redis_desk.journal.history()
    await valkey.stop()
    await valkey.start()
    assert await redis_desk.journal.history() not in {"", before}
