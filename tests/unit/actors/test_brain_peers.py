"""What brains tell each other: newest first, twice is once, and who publishes."""

import asyncio

import pytest

from actors.brain_client import Observations
from actors.brain_peers import SILENT_S, Peers, Told, pack_part, pack_told, unpack_told
from actors.names import MOST_BRAINS, brain_actor, brain_index, brain_of, directory, kind_of
from router.brain.parts import FORGET_S, Tenants
from router.brain.port import Observation, Outcome
from router.brain.snapshot import pack_state
from router.brain.state import BrainState, observe
from router.model import MessageClass
from router.settings import Settings, Workers

NOW_S = 1_000_000.0


class Calls:
    """The other brains: what they were told, and what they answer."""

    def __init__(self) -> None:
        self.told: list[tuple[str, bytes]] = []
        self.answer = b""
        self.gone: set[str] = set()

    async def part(self, brain: str, octets: bytes) -> bytes:
        if brain in self.gone:
            raise ConnectionError
        self.told.append((brain, octets))
        return self.answer

    def observe(self, brain: str, batch) -> bool:
        if brain not in self.gone:
            self.told.append((brain, list(batch)))
        return brain not in self.gone


def peers(index=0, count=2, started_s=NOW_S - 60, calls=None):
    found = Peers(brain_actor(index), calls or Calls(), int(started_s * 1e9))
    found.count = count
    return found


def knowing(submits, carrier="a", at_s=NOW_S):
    state = BrainState(at_s)
    observe(state, [Observation(at_s, carrier, "23410", MessageClass.OTP, Outcome.SUBMITTED)] * submits, at_s)
    return state


def telling(index, number, submits=0, started=5, board=0, urgent=False):
    state = pack_state(knowing(submits)) if submits else b""
    return pack_part(index, (started, number), board, urgent=urgent, state=state)


def submits_of(found, now_s=NOW_S, index=1):
    state = found.states(now_s).get(index)
    return None if state is None else state.tallies["a"].submitted


def test_names_and_owners():
    assert [brain_actor(index) for index in range(3)] == ["brain", "brain:#1", "brain:#2"]
    assert [brain_index(brain_actor(index)) for index in range(MOST_BRAINS)] == list(range(MOST_BRAINS))
    assert {kind_of(brain_actor(index)) for index in range(3)} == {"brain"}
    assert {brain_of(f"carrier-{number}", 3) for number in range(50)} == {0, 1, 2}
    assert brain_of("anyone", 1) == 0
    assert [name for name in directory(Settings(workers=Workers(brains=2))) if kind_of(name) == "brain"] == ["brain", "brain:#1"]


def test_a_part_told_twice_or_overtaken_changes_nothing():
    found = peers()
    assert found.hear(telling(1, 4, submits=7, urgent=True), NOW_S) == (True, True)
    assert submits_of(found) == 7
    assert found.hear(telling(1, 4, submits=7), NOW_S) == (False, False)
    assert found.hear(telling(1, 3, submits=5), NOW_S) == (False, False)
    assert submits_of(found) == 7
    assert found.hear(telling(1, 5, submits=9), NOW_S) == (True, False)
    assert submits_of(found) == 9


def test_a_new_incarnation_replaces_what_the_old_one_told():
    found = peers()
    found.hear(telling(1, 400, submits=7, started=5), NOW_S)
    found.hear(telling(1, 1, submits=6, started=8), NOW_S)
    assert submits_of(found) == 6
    found.hear(telling(1, 401, submits=8, started=5), NOW_S)  # the dead one's last words, on the way for long
    assert submits_of(found) == 6


def test_a_sign_of_life_leaves_what_is_known():
    found = peers()
    found.hear(telling(1, 1, submits=7), NOW_S)
    assert found.hear(telling(1, 2), NOW_S + 30) == (False, False)
    assert submits_of(found, NOW_S + 30) == 7
    assert found.heard(NOW_S + 31) == {"brain:#1": pytest.approx(1.0)}


def test_the_first_that_is_heard_of_publishes():
    found = peers(index=1, count=3)
    found.hear(telling(2, 1), NOW_S)
    assert found.leads(NOW_S)
    found.hear(telling(0, 1), NOW_S)
    assert not found.leads(NOW_S + SILENT_S - 0.1)
    assert found.leads(NOW_S + SILENT_S)


def test_one_that_begins_listens_first():
    found = peers(index=0, started_s=NOW_S)
    assert not found.leads(NOW_S + 0.5)
    assert found.leads(NOW_S + SILENT_S)
    found = peers(index=0, started_s=NOW_S)
    found.hear(telling(1, 1, submits=3, board=70), NOW_S + 0.5)
    assert found.leads(NOW_S + 0.6)
    assert found.board == 70
    assert peers(count=1, started_s=NOW_S).leads(NOW_S)


def test_what_the_journal_holds_counts_until_something_newer_is_told():
    found = peers(count=2)
    found.recall(1, pack_state(knowing(11)), NOW_S + 5)
    assert submits_of(found, NOW_S + 5) == 11
    assert found.heard(NOW_S + 5) == {"brain:#1": pytest.approx(5.0)}
    found.hear(telling(1, 1, submits=12), NOW_S + 6)
    assert submits_of(found, NOW_S + 6) == 12


def test_what_a_brain_knew_that_runs_no_more_fades_away():
    found = peers(count=1)
    assert found.alone
    found.recall(1, pack_state(knowing(11)), NOW_S)
    assert not found.alone
    assert found.heard(NOW_S) == {}
    assert submits_of(found, NOW_S + FORGET_S - 1) == 11
    assert found.states(NOW_S + FORGET_S) == {}
    assert found.alone


def test_a_snapshot_of_another_release_is_no_part():
    found = peers()
    found.recall(1, b"\x80", NOW_S)
    assert found.states(NOW_S) == {}


async def test_all_others_are_told_and_a_slow_one_is_left_out():
    calls = Calls()
    calls.answer = pack_told(Told(31, Tenants({"shop": 4.0}, {"bank": 9.0})))
    calls.gone = {"brain:#2"}
    found = peers(index=1, count=3, calls=calls)
    found.tell(3, b"")
    found.tell(3, b"")  # nobody has answered the first yet
    for _ in range(5):
        await asyncio.sleep(0)
    assert [brain for brain, _ in calls.told] == ["brain"]
    assert found.answers() == [Told(31, Tenants({"shop": 4.0}, {"bank": 9.0}))]
    assert found.answers() == []
    assert found.board == 31


def test_what_is_told_can_be_read_by_a_later_release():
    assert unpack_told(pack_told(Told(1, Tenants({}, {})))) == Told(1, Tenants({}, {}))


@pytest.mark.parametrize("brains", [1, 3])
async def test_each_brain_is_told_of_its_own_carriers(brains):
    calls = Calls()
    box = Observations(calls, lambda: brains)
    seen = [Observation(float(n), f"carrier-{n % 7}", "23410", MessageClass.OTP, Outcome.SUBMITTED) for n in range(70)]
    box.put(seen)
    task = asyncio.create_task(box.run())
    try:
        async with asyncio.timeout(5):
            while not calls.told:
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
    assert sorted(item for _, batch in calls.told for item in batch) == sorted(seen)
    for brain, batch in calls.told:
        assert {brain_actor(brain_of(item.carrier, brains)) for item in batch} == {brain}


async def test_what_a_busy_brain_is_not_told_is_told_later_in_order():
    calls = Calls()
    calls.gone = {brain_actor(1)}
    box = Observations(calls, lambda: 2)
    mine = {index: next(f"c{n}" for n in range(99) if brain_of(f"c{n}", 2) == index) for index in (0, 1)}
    seen = [Observation(float(n), mine[n % 2], "23410", MessageClass.OTP, Outcome.SUBMITTED) for n in range(10)]
    task = asyncio.create_task(box.run())
    try:
        async with asyncio.timeout(5):
            for start in (0, 4):
                before = len(calls.told)
                box.put(seen[start : start + 4])
                while len(calls.told) == before:
                    await asyncio.sleep(0.01)
            assert {brain for brain, _ in calls.told} == {brain_actor(0)}
            calls.gone = set()
            box.put(seen[8:])
            while sum(len(batch) for _, batch in calls.told) < len(seen):
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
    for index in (0, 1):
        told = [item for brain, batch in calls.told if brain == brain_actor(index) for item in batch]
        assert told == [item for item in seen if item.carrier == mine[index]]
