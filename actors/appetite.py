"""How many messages of each class a dispatcher's turn claims."""

from collections.abc import Mapping
from typing import Final

from actors.lanes import CarrierLane
from actors.pool import POOL_LIMIT, Pool
from router.model import MessageClass

CLAIM_LIMIT: Final = 1_000  # messages of one class a turn: some 250 kB of records, 2 ms to plan
INSPECT_LIMIT: Final = 200  # messages a class taken up without any room, to end those whose time is over
AHEAD_S: Final = 0.25  # of the lanes' speed that may be in hand: a claim costs the same for ten messages as for a hundred


def appetite(
    rooms: Mapping[MessageClass, Mapping[str, int]],
    pool: Pool,
    asked_about: int,
    lanes: Mapping[str, CarrierLane],
    *,
    inspect: bool,
) -> dict[MessageClass, int]:
    """By class, how many to claim, where it is any.

    ``rooms``: segments by carrier; ``asked_about``: messages in hand that stand in no line yet. ``inspect``: take some without room, too.
    """
    wanted = {}
    for klass, room in rooms.items():
        in_hand = pool.size(klass) + asked_about
        free = min(sum(room.values()), CLAIM_LIMIT) - in_hand
        if free > 0 and klass is not MessageClass.OTP:
            speed = sum(lane.speed(klass) for lane in lanes.values())
            free = max(free, min(int(speed * AHEAD_S), CLAIM_LIMIT) - in_hand)
        if inspect:
            free = max(free, min(INSPECT_LIMIT, POOL_LIMIT - in_hand))
        if free > 0:
            wanted[klass] = free
    return wanted
