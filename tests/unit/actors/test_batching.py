"""Group commit and the outbox of facts."""

import asyncio

import pytest

from actors.batching import GroupCommit, Outbox
from router.journal.port import JournalUnavailable


class Server:
    """Takes batches; the test decides when a call ends."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.open = asyncio.Event()
        self.faults = 0

    async def commit(self, batch: list[int]) -> list[int]:
        self.batches.append(list(batch))
        await self.open.wait()
        if self.faults:
            self.faults -= 1
            raise JournalUnavailable("down")
        return [item * 10 for item in batch]


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_what_arrives_during_a_call_forms_the_next_one():
    server = Server()
    group = GroupCommit(server.commit, limit=100)
    calls = [asyncio.create_task(group.add([1]))]
    await turns()
    calls += [asyncio.create_task(group.add([n, n + 1])) for n in (2, 4)]
    await turns()
    assert server.batches == [[1]]
    server.open.set()
    assert await asyncio.gather(*calls) == [[10], [20, 30], [40, 50]]
    assert server.batches == [[1], [2, 3, 4, 5]]
    assert group.size == 0


async def test_a_batch_stays_within_its_limit_unless_one_caller_brings_more():
    server = Server()
    server.open.set()
    group = GroupCommit(server.commit, limit=3)
    calls = [asyncio.create_task(group.add(items)) for items in ([1, 2], [3, 4], [5, 6, 7, 8])]
    await asyncio.gather(*calls)
    assert server.batches == [[1, 2], [3, 4], [5, 6, 7, 8]]


async def test_a_failure_reaches_each_caller_of_the_batch_and_nobody_else():
    server = Server()
    server.faults = 1
    group = GroupCommit(server.commit, limit=100)
    first = asyncio.create_task(group.add([1]))
    await turns()
    second = asyncio.create_task(group.add([2]))
    await turns()
    server.open.set()
    with pytest.raises(JournalUnavailable):
        await first
    assert await second == [20]


async def test_a_caller_that_goes_away_harms_nobody():
    server = Server()
    group = GroupCommit(server.commit, limit=100)
    first, second = asyncio.create_task(group.add([1])), asyncio.create_task(group.add([2]))
    await turns()
    first.cancel()
    await turns()
    server.open.set()
    assert await second == [20]


async def test_facts_are_kept_until_the_journal_has_them_and_in_order(monkeypatch):
    monkeypatch.setattr("actors.batching.RETRY_FIRST_S", 0.0)
    server = Server()
    server.open.set()
    server.faults = 2
    box: Outbox[int] = Outbox("test", server.commit, limit=2)
    running = asyncio.create_task(box.run())
    box.put([1, 2, 3])
    await asyncio.wait_for(box.flushed(), 5)
    assert server.batches == [[1, 2], [1, 2], [1, 2], [3]]
    assert box.size == 0
    running.cancel()


async def test_facts_that_come_during_a_call_are_not_lost():
    server = Server()
    box: Outbox[int] = Outbox("test", server.commit, limit=10)
    running = asyncio.create_task(box.run())
    box.put([1])
    await turns()
    box.put([2])
    server.open.set()
    await asyncio.wait_for(box.flushed(), 5)
    assert server.batches == [[1], [2]]
    running.cancel()
