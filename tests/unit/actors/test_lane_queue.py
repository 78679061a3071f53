"""What waits in a carrier's lane."""

import asyncio

import pytest

from actors.lane_queue import PATIENCE_S, LaneQueue
from actors.wire import Offered
from router.ids import MessageId
from router.model import MessageClass

OTP, TRANSACTIONAL, MARKETING = MessageClass


def offered(number: int, klass: MessageClass = MARKETING, segments: int = 1) -> Offered:
    return Offered(MessageId(number.to_bytes(16, "big")), 0, klass, segments, b"", b"")


def numbers(taken) -> list[int]:
    return [int.from_bytes(waiting.offered.id, "big") for waiting in taken]


async def test_one_time_codes_overtake_and_each_class_keeps_its_order():
    queue = LaneQueue()
    queue.put([offered(1), offered(2), offered(3, TRANSACTIONAL), offered(4, OTP), offered(5, OTP)], 0.0)
    assert numbers(queue.take(10)) == [4, 5, 3, 1, 2]
    assert (len(queue), queue.segments) == (0, 0)


async def test_room_counts_segments():
    queue = LaneQueue()
    queue.put([offered(1, OTP, 2), offered(2, OTP, 2), offered(3, OTP, 1)], 0.0)
    assert numbers(queue.take(3)) == [1]
    assert queue.segments == 3


async def test_a_message_longer_than_the_room_goes_alone_and_never_without_room():
    queue = LaneQueue()
    queue.put([offered(1, OTP, 9), offered(2, OTP)], 0.0)
    assert numbers(queue.take(0)) == []
    assert numbers(queue.take(4)) == [1]


async def test_an_offer_ends_when_its_last_message_is_settled():
    queue = LaneQueue()
    ticket = queue.put([offered(1), offered(2)], 0.0)
    first, second = queue.take(2)
    first.ticket.settle()
    assert not ticket.done.done()
    second.ticket.give_back(second.offered.id, "why")
    assert ticket.done.done()
    assert ticket.returned == [(second.offered.id, "why")]


async def test_an_empty_offer_ends_at_once():
    assert LaneQueue().put([], 0.0).done.done()


@pytest.mark.parametrize("klass", list(MessageClass))
async def test_patience_ends_by_class(klass):
    queue = LaneQueue()
    ticket = queue.put([offered(1, klass)], 100.0)
    queue.return_impatient(100.0 + PATIENCE_S[klass], "no room")
    assert not ticket.done.done()
    queue.return_impatient(100.01 + PATIENCE_S[klass], "no room")
    assert [reason for _, reason in ticket.returned] == ["no room"]
    assert queue.segments == 0


async def test_a_lane_that_closes_hands_everything_back():
    queue = LaneQueue()
    tickets = [queue.put([offered(n, klass)], 0.0) for n, klass in enumerate(MessageClass)]
    queue.return_all("link cut")
    await asyncio.gather(*(ticket.done for ticket in tickets))
    assert len(queue) == 0


async def test_room_that_is_kept_for_codes_is_nobody_elses():
    queue = LaneQueue()
    queue.put([offered(1), offered(2, TRANSACTIONAL)], 0.0)
    assert not queue.codes
    assert numbers(queue.take(2, kept=2)) == []
    assert numbers(queue.take(3, kept=2)) == [2]
    queue.put([offered(3, OTP), offered(4, OTP)], 0.0)
    assert queue.codes
    assert numbers(queue.take(2, kept=2)) == [3, 4]


async def test_codes_leave_to_others_what_they_do_not_need_and_the_reserve_as_it_is():
    queue = LaneQueue()
    queue.put([offered(1), offered(2), offered(3), offered(4, OTP)], 0.0)
    assert numbers(queue.take(4, kept=2)) == [4, 1]
    assert numbers(queue.take(0, kept=2)) == []
