"""Parts of long messages wait for each other."""

import os
from typing import Any

from router.ids import PARTITIONS
from router.journal.port import Gathered, Group, Part

ALL = range(PARTITIONS)


def named(partition: int = 7) -> bytes:
    return bytes((partition + PARTITIONS * (os.urandom(1)[0] % 4),)) + os.urandom(15)


async def parts(desk: Any, total: int = 3, *, group: bytes = b"", text: bytes = b"part ") -> list[Part]:
    """Parts as they come: each with an id of its own, should it be the first."""
    group = group or named()
    return [Part(group, await desk.new_id(), n, total, text + b"%d" % n) for n in range(1, total + 1)]


async def gather(desk: Any, *items: Part) -> list[Gathered]:
    found: list[Gathered] = await desk.journal.gather(items)
    return found


async def test_the_last_part_brings_the_whole(desk: Any) -> None:
    one, two, three = await parts(desk)
    assert await gather(desk, three) == [Gathered(three.id, fresh=True)]
    assert await gather(desk, one) == [Gathered(three.id, fresh=True)]
    assert await gather(desk, two) == [Gathered(three.id, fresh=True, whole=(b"part 1", b"part 2", b"part 3"))]


async def test_a_batch_of_many_groups_answers_in_its_order(desk: Any) -> None:
    groups = [await parts(desk, 2, group=named(p), text=b"%d:" % p) for p in (5, 9, 63, 0)]
    firsts, seconds = [g[0] for g in groups], [g[1] for g in groups]
    found = await gather(desk, *firsts, *reversed(seconds))
    assert [one.id for one in found] == [*(p.id for p in firsts), *(p.id for p in reversed(firsts))]
    assert [one.whole for one in found] == [()] * 4 + [(b"%d:1" % p, b"%d:2" % p) for p in (0, 63, 9, 5)]
    assert all(one.fresh for one in found)


async def test_the_same_part_again_is_known(desk: Any) -> None:
    one, two = await parts(desk, 2)
    for fresh in (True, False, False):
        assert await gather(desk, one) == [Gathered(one.id, fresh=fresh)]
    repeated = one._replace(id=await desk.new_id())
    assert await gather(desk, repeated, two) == [
        Gathered(one.id, fresh=False),
        Gathered(one.id, fresh=True, whole=(b"part 1", b"part 2")),
    ]


async def test_until_it_is_closed_any_part_brings_the_whole_again(desk: Any) -> None:
    one, two = await parts(desk, 2)
    await gather(desk, one, two)
    whole = (b"part 1", b"part 2")
    assert await gather(desk, two, one) == [Gathered(one.id, fresh=False, whole=whole)] * 2


async def test_one_part_is_whole_by_itself(desk: Any) -> None:
    (one,) = await parts(desk, 1)
    assert await gather(desk, one) == [Gathered(one.id, fresh=True, whole=(b"part 1",))]


async def test_the_largest_message(desk: Any) -> None:
    every = await parts(desk, 255, text=b"x" * 140)
    found = await gather(desk, *every)
    assert found[-1].whole == tuple(part.octets for part in every)
    assert not any(one.whole for one in found[:-1])
    (stale,) = await desk.journal.stale_groups(ALL, 0, 10)
    assert dict(stale.parts) == {part.number: part.octets for part in every}
    await desk.journal.close_groups([every[0].group], 60)
    assert all(one == Gathered(every[0].id, fresh=False) for one in await gather(desk, *every))


async def test_another_part_of_the_same_number_takes_its_place(desk: Any) -> None:
    one, two = await parts(desk, 2)
    other = one._replace(octets=b"other", id=await desk.new_id())
    assert await gather(desk, one, other, one, other) == [Gathered(one.id, fresh=True)] * 4
    assert await gather(desk, two) == [Gathered(one.id, fresh=True, whole=(b"other", b"part 2"))]


async def test_a_closed_group_knows_its_parts_and_drops_them(desk: Any) -> None:
    one, two = await parts(desk, 2)
    await gather(desk, one, two)
    for _ in range(2):
        await desk.journal.close_groups([one.group], 60)
        assert await gather(desk, two, one) == [Gathered(one.id, fresh=False)] * 2
    assert await desk.journal.stale_groups(ALL, 0, 10) == []


async def test_other_octets_begin_a_closed_group_anew(desk: Any) -> None:
    old = await parts(desk, 2)
    await gather(desk, *old)
    await desk.journal.close_groups([old[0].group + old[0].id], 60)
    new = await parts(desk, 2, group=old[0].group, text=b"new ")
    assert await gather(desk, new[1]) == [Gathered(new[1].id, fresh=True)]
    await desk.journal.close_groups([old[0].group + old[0].id], 60)  # said again, and too late to harm
    (stale,) = await desk.journal.stale_groups(ALL, 0, 10)
    assert stale == Group(old[0].group, new[1].id, 2, {2: b"new 2"})
    assert await gather(desk, new[0]) == [Gathered(new[1].id, fresh=True, whole=(b"new 1", b"new 2"))]


async def test_a_closed_group_is_forgotten_after_a_while(desk: Any) -> None:
    one, two = await parts(desk, 2)
    await gather(desk, one, two)
    await desk.journal.close_groups([one.group], 0.3)
    assert await gather(desk, one) == [Gathered(one.id, fresh=False)]
    await desk.until(await desk.now() + 301)
    assert await desk.journal.stale_groups(ALL, 0, 10) == []
    late = one._replace(id=await desk.new_id())
    assert await gather(desk, late) == [Gathered(late.id, fresh=True)]


async def test_a_reference_used_again_at_once_loses_nothing(desk: Any) -> None:
    """A client whose reference never changes sends the next message before the first one is stored."""
    first = await parts(desk, 2)
    second = await parts(desk, 2, group=first[0].group, text=b"second ")
    found = await gather(desk, *first, *second)
    assert [one.whole for one in found] == [(), (b"part 1", b"part 2"), (), (b"second 1", b"second 2")]
    assert [one.id for one in found] == [first[0].id] * 2 + [second[0].id] * 2
    stale = {one.id: one for one in await desk.journal.stale_groups(ALL, 0, 10)}
    assert stale[first[0].id] == Group(first[0].group, first[0].id, 2, {1: b"part 1", 2: b"part 2"})
    assert stale[second[0].id] == Group(first[0].group, second[0].id, 2, {1: b"second 1", 2: b"second 2"})
    await desk.journal.close_groups([first[0].group + first[0].id], 60)
    assert [one.id for one in await desk.journal.stale_groups(ALL, 0, 10)] == [second[0].id]
    await desk.journal.close_groups([first[0].group + second[0].id], 60)
    assert await desk.journal.stale_groups(ALL, 0, 10) == []
    assert await gather(desk, *second) == [Gathered(second[0].id, fresh=False)] * 2


async def test_the_same_batch_again_comes_to_the_same_ids(desk: Any) -> None:
    first = await parts(desk, 2)
    batch = [*first, *await parts(desk, 2, group=first[0].group, text=b"second ")]
    found = await gather(desk, *batch)
    again = await gather(desk, *batch)
    assert [(one.id, one.whole) for one in again] == [(one.id, one.whole) for one in found]
    await desk.journal.close_groups([first[0].group + one.id for one in found], 60)
    assert await desk.journal.stale_groups(ALL, 0, 10) == []


async def test_stale_groups_come_oldest_first_and_stay_until_closed(desk: Any) -> None:
    old = await parts(desk, 2, group=named(3))
    complete = await parts(desk, 2, group=named(3))
    await gather(desk, old[1])
    await desk.until(await desk.now() + 2)
    await gather(desk, *complete)
    await desk.until(await desk.now() + 600)
    young = await parts(desk, 2, group=named(3))
    elsewhere = await parts(desk, 2, group=named(4))
    await gather(desk, young[0], elsewhere[0])
    expected = [
        Group(old[0].group, old[1].id, 2, {2: b"part 2"}),
        Group(complete[0].group, complete[0].id, 2, {1: b"part 1", 2: b"part 2"}),
    ]
    for _ in range(2):
        assert await desk.journal.stale_groups([3], 0.5, 10) == expected
    assert await desk.journal.stale_groups([3], 0.5, 1) == expected[:1]
    assert await desk.journal.stale_groups([5], 0, 10) == []
    assert len(await desk.journal.stale_groups([3, 4], 0, 10)) == 4
    assert len(await desk.journal.stale_groups([3, 4], 0, 3)) == 3
    await desk.journal.close_groups([one.group + one.id for one in expected], 60)
    assert await desk.journal.stale_groups([3], 0.5, 10) == []
    assert await gather(desk, old[1]) == [Gathered(old[1].id, fresh=False)]
    late = old[0]
    assert await gather(desk, late) == [Gathered(late.id, fresh=True)]  # it had been given up: this one stands for itself


async def test_groups_nobody_knows_are_closed_without_harm(desk: Any) -> None:
    await desk.journal.close_groups([], 60)
    await desk.journal.close_groups([named(), named(2) + await desk.new_id()], 60)
    assert await desk.journal.gather([]) == []
    assert await desk.journal.stale_groups([], 0, 10) == []


async def test_the_checker_looks_past_parts(desk: Any) -> None:
    await desk.accept(2)
    one, two = await parts(desk, 2)
    await gather(desk, one)
    await gather(desk, *await parts(desk, 2))
    counts = await desk.clean()
    assert (counts["accepted"], counts["live"]) == (2, 2)
    await gather(desk, two)
    await desk.journal.close_groups([one.group], 60)
    assert await desk.clean() == counts


async def test_nothing_of_a_closed_group_stays_for_ever(redis_desk: Any) -> None:
    link = redis_desk.journal._topology.links[0]
    first = await parts(redis_desk, 3, text=b"x" * 140)
    await gather(redis_desk, *first, *await parts(redis_desk, 3, group=first[0].group, text=b"y" * 140))
    await redis_desk.journal.close_groups([one.group + one.id for one in await redis_desk.journal.stale_groups(ALL, 0, 10)], 60)
    (key,) = await link.command("KEYS", "*")
    assert key == b"{p07}:pt:" + first[0].group
    assert 0 < await link.command("PTTL", key) <= 60_000
    assert await link.command("OBJECT", "ENCODING", key) == b"listpack"
    assert await link.command("MEMORY", "USAGE", key) < 300
