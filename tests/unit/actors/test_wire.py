import msgpack

from actors.wire import pack_observations, unpack_observations
from router.brain.port import Observation, Outcome
from router.model import MessageClass

SEEN = [
    Observation(1_000.5, "one", "23410", klass, outcome, 2.5, first, "shop", 1.25)
    for klass in MessageClass
    for outcome in Outcome
    for first in (True, False)
]


def test_observations_survive_the_way():
    found = unpack_observations(pack_observations(SEEN))
    assert found == SEEN
    assert {type(item.outcome) for item in found} == {Outcome}
    assert {type(item.klass) for item in found} == {MessageClass}
    assert unpack_observations(pack_observations([])) == []


def test_observations_of_other_releases_are_understood():
    assert unpack_observations(msgpack.packb([[*item, "a field of tomorrow"] for item in SEEN])) == SEEN
    (old,) = unpack_observations(msgpack.packb([[3, "one", "23410", 0, 1, 0.5, True]]))
    assert old == Observation(3.0, "one", "23410", MessageClass.OTP, Outcome.SUBMITTED, 0.5)
