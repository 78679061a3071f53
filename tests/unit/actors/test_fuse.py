import msgpack
import pytest

from actors.fuse import OwnBreaker
from actors.lanes import CarrierLane
from actors.wire import Lane, Reply, pack_lane, pack_reply, unpack_lane, unpack_reply
from router.brain.breaker import LINK_DOWN, NEVER_S, REFUSING, SILENT
from router.brain.port import Observation, Outcome
from router.brain.sight import Fuse
from router.model import MessageClass


class Bench:
    """A breaker, its clock, what it handed on and how often it said that it had changed."""

    def __init__(self):
        self.now_s = 100.0
        self.told = []
        self.changes = 0
        self.breaker = OwnBreaker(self.told.extend, self.changed, lambda: self.now_s)

    def changed(self):
        self.changes += 1

    def see(self, *outcomes):
        self.breaker.put([Observation(self.now_s, "acme", "23410", MessageClass.OTP, outcome) for outcome in outcomes])

    def fuse(self):
        return self.breaker.fuse


@pytest.mark.parametrize(("fault", "reason"), [(Outcome.REFUSED, REFUSING), (Outcome.UNANSWERED, SILENT)])
def test_three_faults_open_it_and_a_message_taken_closes_it(fault, reason):
    bench = Bench()
    bench.see(fault, fault, Outcome.SUBMITTED, fault, fault)
    assert (bench.fuse(), bench.changes) == (Fuse(), 0)
    bench.see(fault)
    assert (bench.fuse(), bench.changes) == (Fuse("open", 101.0, reason), 1)
    bench.see(Outcome.SUBMITTED, fault)  # sent before
    assert (bench.fuse().breaker, bench.changes) == ("open", 1)
    bench.now_s = 101.0
    bench.see(Outcome.SUBMITTED)
    assert (bench.fuse(), bench.changes) == (Fuse(), 2)
    assert len(bench.told) == 9, "everything is handed on"


def test_a_probe_that_fails_opens_it_for_longer():
    bench = Bench()
    bench.see(*[Outcome.REFUSED] * 3)
    bench.now_s = 101.5
    bench.see(Outcome.REFUSED)
    assert bench.fuse() == Fuse("open", 103.5, REFUSING)


def test_an_answer_about_the_message_is_an_answer():
    bench = Bench()
    bench.see(Outcome.REFUSED, Outcome.REFUSED, Outcome.REFUSED_OTHER, Outcome.REFUSED)
    assert bench.fuse() == Fuse()


def test_receipts_and_links_are_none_of_its_business():
    bench = Bench()
    bench.see(Outcome.REFUSED, Outcome.REFUSED, Outcome.DELIVERED, Outcome.LINK_DOWN, Outcome.LINK_UP, Outcome.REFUSED)
    assert bench.fuse().breaker == "open"


def test_dispatchers_hear_of_it_with_the_lane():
    lane = Lane(5, True, 30, "", 120.0, *Fuse("open", 9.0, REFUSING))
    assert unpack_lane(pack_lane(lane)) == lane
    assert unpack_reply(pack_reply(Reply([], lane))).lane == lane
    before = unpack_lane(msgpack.packb((5, True, 30, "", 120.0)))
    assert before == Lane(5, True, 30, "", 120.0), "of an earlier release"
    later = unpack_lane(msgpack.packb((*lane, "something new")))
    assert later == lane


def test_a_lane_that_takes_nothing_is_an_open_breaker():
    lane = CarrierLane("acme", None, lambda: None)
    assert lane.fuse == Fuse("open", NEVER_S, "not heard of yet")
    lane.heard(Lane(1, True, 10))
    assert lane.fuse == Fuse()
    lane.heard(Lane(2, True, 10, "", 0.0, "open", 9.0, SILENT))
    assert lane.fuse == Fuse("open", 9.0, SILENT)
    lane.heard(Lane(3, False, 10))
    assert lane.fuse == Fuse("open", NEVER_S, LINK_DOWN)
