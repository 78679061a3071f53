"""How many messages a turn of a dispatcher claims."""

from collections.abc import Sequence

import pytest

from actors.appetite import AHEAD_S, CLAIM_LIMIT, INSPECT_LIMIT, appetite
from actors.lanes import HANDFUL, HANDFUL_MOST, PIECES, SHARE, CarrierLane
from actors.pool import POOL_LIMIT, Pending, Pool
from actors.wire import Lane, Offered, Reply
from router.brain.port import Want
from router.ids import MessageId
from router.journal.port import Claimed
from router.model import MessageClass, State

OTP, TRANSACTIONAL, MARKETING = MessageClass


class Silent:
    """A carrier that nobody calls."""

    async def offer(self, batch: Sequence[Offered]) -> Reply:
        raise ConnectionError

    async def lane(self, version: int, wait_s: float) -> Lane:
        raise ConnectionError


def lane(depth: int = 32, speed: float = 130.0, offered: int = 0) -> CarrierLane:
    found = CarrierLane("acme", Silent(), lambda: None)
    found.heard(Lane(version=1, up=True, depth=depth, speed=speed))
    found.offered = offered
    return found


def pool_of(count: int, klass: MessageClass) -> Pool:
    pool = Pool()
    want = Want("23410", "GB", "447700900123", klass, 1)
    claimed = Claimed(MessageId(bytes(16)), 0, State.QUEUED, b"", b"")
    pool.add([Pending(claimed, klass, want, 0.0, False)] * count)
    return pool


def asked(one: CarrierLane, pool: Pool | None = None, asked_about: int = 0, *, inspect: bool = False) -> dict[MessageClass, int]:
    rooms = {klass: {"acme": one.room(klass)} for klass in MessageClass}
    return appetite(rooms, pool or Pool(), asked_about, {"acme": one}, inspect=inspect)


def test_codes_are_claimed_as_there_is_room_and_others_ahead_of_it() -> None:
    wanted = asked(lane())
    assert wanted == {OTP: 32, TRANSACTIONAL: int(130 * 0.9 * AHEAD_S), MARKETING: int(130 * 0.75 * AHEAD_S)}
    assert wanted[MARKETING] >= 24


def test_what_is_in_hand_is_not_claimed_again() -> None:
    assert asked(lane(), pool_of(20, MARKETING))[MARKETING] == 4
    assert MARKETING not in asked(lane(), pool_of(24, MARKETING))
    assert OTP not in asked(lane(), asked_about=32)


def test_without_room_nothing_is_claimed_but_a_few_to_look_at() -> None:
    full = lane(offered=32)
    assert asked(full) == {}
    assert asked(full, inspect=True) == dict.fromkeys(MessageClass, INSPECT_LIMIT)
    assert MARKETING not in asked(full, pool_of(POOL_LIMIT, MARKETING), inspect=True)


def test_a_turn_claims_no_more_than_its_limit() -> None:
    assert asked(lane(depth=100_000, speed=400_000.0)) == dict.fromkeys(MessageClass, CLAIM_LIMIT)


@pytest.mark.parametrize("klass", MessageClass)
def test_a_few_places_in_a_lane_are_no_room_but_for_codes(klass: MessageClass) -> None:
    least = max(1, int(32 * HANDFUL[klass]))
    most = int(32 * SHARE[klass])
    assert [lane(offered=most - free).room(klass) for free in (least - 1, least)] == [0, least]


def test_in_a_deep_lane_a_handful_is_enough() -> None:
    most = int(8_000 * SHARE[MARKETING])
    assert lane(depth=8_000, offered=most - HANDFUL_MOST).room(MARKETING) == HANDFUL_MOST


def test_in_the_shallowest_lane_there_is_room_for_everybody_when_it_is_empty() -> None:
    empty = lane(depth=8)
    empty.share = 0.125
    assert [empty.room(klass) for klass in MessageClass] == [1, 1, 1]
    empty.share = 0.25
    assert [empty.room(klass) for klass in MessageClass] == [2, 1, 1]


def test_a_lane_is_filled_in_pieces_that_make_room_for_the_next() -> None:
    one = lane()
    assert one.piece * PIECES == one.room(MARKETING)
    one.offered = one.piece
    assert one.room(MARKETING) == one.piece
    one.heard(Lane(version=2, up=True, depth=0))
    assert one.piece == 1
