"""The order of a rolling restart, one actor away at a time, and what a step that fails leaves."""

import pytest

from actors import upgrade as module
from actors.names import directory, kind_of
from actors.upgrade import ORDER, Upgrade
from router.settings import Api, CarrierProfile, Settings, Workers

CODE = "new"


class Fleet:
    """Actors as a list; each takes two looks to become ready."""

    def __init__(self, settings):
        self.running = dict.fromkeys(directory(settings), "old")
        self.did = []
        self.fewest = {}
        self.looks = {}
        self.undrained = set()
        self.stuck = set()
        self.broken = set()
        self.code = CODE

    def note_fewest(self):
        for kind in ORDER:
            count = sum(kind_of(name) == kind for name in self.running)
            self.fewest[kind] = min(self.fewest.get(kind, 99), count)

    async def start(self, name, settings):
        if name in self.broken:
            raise RuntimeError(name)
        self.did.append(f"start {name}")
        self.running[name] = self.code
        self.looks[name] = 0

    async def ping(self, name):
        self.looks[name] = self.looks.get(name, 0) + 1
        return {"ready": name not in self.stuck and self.looks[name] > 1, "code": self.running[name], "pid": 7}

    async def stop(self, name, within_s):
        self.did.append(f"stop {name}")
        del self.running[name]
        self.note_fewest()
        if name in self.undrained:
            raise TimeoutError

    async def names(self):
        return list(self.running)


def settings(fronts=2):
    carriers = tuple(CarrierProfile(name=name, addresses=("127.0.0.1:1",), system_id="s") for name in "ab")
    return Settings(api=Api(fronts=fronts), workers=Workers(dispatchers=2), carriers=carriers)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(module, "LOOK_S", 0.0)


async def run(fleet, wanted, told=None):
    async def before(name):
        if told is not None:
            told.append(name)

    made = Upgrade(fleet, lambda: wanted, CODE, before)
    await made.run()
    assert made.progress.over
    assert made.away == set()
    return made


async def test_every_actor_is_started_anew_one_of_a_kind_at_a_time():
    wanted = settings()
    fleet = Fleet(wanted)
    told = []
    made = await run(fleet, wanted, told)
    assert made.progress.failed == ""
    assert fleet.running == dict.fromkeys(directory(wanted), CODE)
    assert sorted(told) == sorted(directory(wanted))
    assert [(fleet.fewest[kind]) for kind in ("carrier", "dispatcher", "front")] == [1, 1, 1]
    for before, after in zip(fleet.did[::2], fleet.did[1::2], strict=True):
        assert before.removeprefix("stop ") == after.removeprefix("start "), "one is back before the next one goes"
    kinds = [kind_of(step.removeprefix("stop ")) for step in fleet.did[::2]]
    assert kinds == sorted(kinds, key=ORDER.index), "readers before writers"


def test_every_kind_has_its_place():
    smpp = settings()
    assert {kind_of(name) for name in directory(smpp)} | {"esme"} == set(ORDER)


async def test_a_single_front_has_a_stand_in():
    wanted = settings(fronts=1)
    fleet = Fleet(wanted)
    made = await run(fleet, wanted)
    assert fleet.did[-4:] == ["start front:#1", "stop front:#0", "start front:#0", "stop front:#1"]
    assert fleet.fewest["front"] == 1
    assert made.extra == set()


async def test_a_step_that_fails_stops_it_and_the_rest_runs_on(monkeypatch):
    monkeypatch.setattr(module, "READY_LIMIT_S", 0.05)
    wanted = settings()
    fleet = Fleet(wanted)
    fleet.stuck = {"carrier:a#0"}
    made = await run(fleet, wanted)
    assert made.progress.failed == "carrier:a#0 did not become ready within the limit of 0 s"
    assert [name for name, code in fleet.running.items() if code == "old"] == [
        name for name in directory(wanted) if kind_of(name) in {"dispatcher", "front"} or name == "carrier:b#0"
    ]
    assert set(fleet.running) == set(directory(wanted))


async def test_the_stand_in_stays_when_the_front_does_not_come_back(monkeypatch):
    monkeypatch.setattr(module, "READY_LIMIT_S", 0.05)
    wanted = settings(fronts=1)
    fleet = Fleet(wanted)
    fleet.stuck = {"front:#0"}
    made = await run(fleet, wanted)
    assert made.progress.failed.startswith("front:#0 did not become ready")
    assert made.extra == {"front:#1"}
    assert fleet.running["front:#1"] == CODE


async def test_an_actor_that_does_not_drain_is_ended_all_the_same():
    wanted = settings()
    fleet = Fleet(wanted)
    fleet.undrained = {"carrier:b#0"}
    made = await run(fleet, wanted)
    assert made.progress.failed == ""
    assert any(line.startswith("carrier:b#0: not drained within the limit of 15 s") for line in made.progress.lines)


async def test_an_actor_that_cannot_be_started_is_named():
    wanted = settings()
    fleet = Fleet(wanted)
    fleet.broken = {"brain"}
    made = await run(fleet, wanted)
    assert made.progress.failed == "brain was not started (RuntimeError)"


async def test_a_process_with_other_code_is_no_success():
    wanted = settings()
    fleet = Fleet(wanted)
    fleet.code = "old"
    made = await run(fleet, wanted)
    assert made.progress.failed == "brain runs other code (old) than is installed where the upgrade began (new)"
    assert fleet.did == ["stop brain", "start brain"]


async def test_what_the_settings_do_not_ask_for_any_more_is_left_alone():
    wanted = [settings()]
    fleet = Fleet(wanted[0])
    start = fleet.start

    async def starts(name, given):
        await start(name, given)
        wanted[0] = settings(fronts=2).__class__(api=Api(fronts=2), workers=Workers(dispatchers=1), carriers=wanted[0].carriers)

    fleet.start = starts
    made = Upgrade(fleet, lambda: wanted[0], CODE, lambda _: _nothing())
    await made.run()
    assert made.progress.failed == ""
    assert "stop dispatcher:#1" not in fleet.did


async def _nothing():
    pass
