"""What a dispatcher has in hand, and how it sees carriers."""

import asyncio

from actors.lanes import SHARE, CarrierLane
from actors.pool import PATIENCE_S, Pending, Pool
from actors.wire import Lane, Offered, Reply, pack_lane, pack_offer, pack_reply, unpack_lane, unpack_offer, unpack_reply
from router.brain.port import Want
from router.ids import MessageId
from router.journal.port import Claimed
from router.model import MessageClass, State

OTP, TRANSACTIONAL, MARKETING = MessageClass


def pending(number: int, klass: MessageClass = MARKETING, since_s: float = 0.0) -> Pending:
    claimed = Claimed(MessageId(number.to_bytes(16, "big")), 0, State.QUEUED, b"", b"")
    return Pending(claimed, klass, Want("DE", "DE", "49151", klass, 1), since_s, doubtful=False)


def offered(number: int, segments: int = 1) -> Offered:
    return Offered(MessageId(number.to_bytes(16, "big")), 2, TRANSACTIONAL, segments, b"body", b"event")


class Call:
    """A carrier that the test answers for."""

    def __init__(self) -> None:
        self.reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    async def offer(self, _batch):
        return await self.reply

    async def lane(self, _version, _wait_s):
        raise ConnectionError


UP = Lane(version=1, up=True, depth=100)


def test_the_pool_is_first_in_first_out_by_class():
    pool = Pool()
    pool.add([pending(1), pending(2, OTP), pending(3)])
    assert (len(pool), pool.size(MARKETING)) == (3, 2)
    taken = pool.take(MARKETING, 5)
    pool.put_back(MARKETING, taken)
    assert pool.take(MARKETING, 1) == [taken[0]]


def test_those_who_wait_by_choice_are_in_nobodys_way_and_come_back_by_age():
    pool = Pool()
    pool.add([pending(1, since_s=1.0), pending(2, since_s=3.0)])
    pool.rest(MARKETING, [pending(3, since_s=2.0)])
    assert (len(pool), pool.size(MARKETING), pool.resting) == (3, 2, 1)
    assert list(pool.impatient(0.5)) == []
    assert [item.claimed.id[-1] for item in pool.take(MARKETING, 9)] == [1, 3, 2]
    assert (len(pool), pool.resting) == (0, 0)
    pool.rest(OTP, [pending(4, OTP)])
    assert list(pool.impatient(99.0)) == []
    pool.clear()
    assert len(pool) == 0


async def test_a_lane_tells_how_fast_it_makes_room_while_it_is_up():
    lane = CarrierLane("acme", Call(), lambda: None)
    lane.heard(UP._replace(speed=100.0))
    lane.share = 0.5
    assert [lane.speed(klass) for klass in MessageClass] == [50.0 * SHARE[klass] for klass in MessageClass]
    lane.heard(UP._replace(version=2, up=False, speed=100.0))
    assert lane.speed(OTP) == 0.0


def test_those_who_waited_too_long_step_aside():
    pool = Pool()
    pool.add([pending(1, since_s=0.0), pending(2, since_s=PATIENCE_S)])
    assert [item.claimed.id[-1] for item in pool.impatient(PATIENCE_S + 0.01)] == [1]
    assert len(pool) == 1


async def test_the_last_part_of_a_lane_is_for_one_time_codes():
    lane = CarrierLane("acme", Call(), lambda: None)
    assert lane.room(OTP) == 0
    lane.heard(UP)
    assert [lane.room(klass) for klass in MessageClass] == [int(100 * SHARE[klass]) for klass in MessageClass]


async def test_what_is_offered_takes_room_until_the_reply():
    call = Call()
    lane = CarrierLane("acme", call, lambda: None)
    lane.heard(UP)
    offering = asyncio.create_task(lane.offer([offered(1, 3), offered(2)]))
    await asyncio.sleep(0)
    assert lane.room(OTP) == 96
    call.reply.set_result(Reply([], UP._replace(version=2, depth=50)))
    assert await offering is not None
    assert lane.room(OTP) == 50


async def test_a_call_that_failed_closes_the_lane_and_says_that_its_end_is_unknown():
    call = Call()
    lane = CarrierLane("acme", call, lambda: None)
    lane.heard(UP)
    call.reply.set_exception(ConnectionError())
    assert await lane.offer([offered(1)]) is None
    assert not lane.up
    assert lane.offered == 0


async def test_an_overtaken_reply_tells_nothing_new():
    lane = CarrierLane("acme", Call(), lambda: None)
    lane.heard(Lane(version=5, up=False, depth=0))
    lane.heard(Lane(version=4, up=True, depth=100))
    assert not lane.up


def test_what_actors_say_to_each_other_survives_the_wire():
    batch = [offered(1), offered(2, 7)]
    assert unpack_offer(pack_offer(batch)) == batch
    reply = Reply([(batch[0].id, "link cut")], UP)
    assert unpack_reply(pack_reply(reply)) == reply
    assert unpack_lane(pack_lane(UP._replace(speed=12.5))) == UP._replace(speed=12.5)
