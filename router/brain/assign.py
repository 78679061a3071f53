"""The assignment of a batch's kinds to carriers under capacity.

With room for everybody each message takes its best carrier. Otherwise the sum of J is minimised: a transportation problem with a row
for each kind, a column for each carrier, and one for those who find no room. A carrier with a queue (``waiting``) has the queue's room
as well, filled at first by a row of vacancies that cost what waiting costs when they have to leave.
Shadow prices (``shadow``) bring the rows near to where they belong, paths over the columns (``transport``) the rest of the way. It
counts segments; messages of several that came to lie across two columns are made whole in the end (``mend``).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from operator import neg
from typing import Final, NamedTuple

import numpy as np

from router.brain.ages import Floats, Ints
from router.brain.mend import whole
from router.brain.score import Kind, by_carrier
from router.brain.shadow import ascend
from router.brain.transport import Flow
from router.brain.waiting import Patience, queues

PATHS: Final = 96  # measured for 1,000 messages of 480 kinds, most of them too many: 8 to 20 are needed, once 89
NEAR: Final = 8  # segments in the wrong place: paths set so many right sooner than prices do


class Placement(NamedTuple):
    """Messages of one kind that go to one carrier (-1: nowhere now)."""

    kind: Kind
    place: int
    members: Sequence[int]
    explored: bool = False
    resting: bool = False  # it could go elsewhere, and does better to wait
    why: str = ""  # of explored ones: a word of ``router.brain.explore``


class Lot(NamedTuple):
    """A row: members of a kind, those who may wait apart from those who may not."""

    kind: Kind
    members: Sequence[int]
    calm: bool


def assign(
    kinds: Sequence[Kind], room: list[int], prices: Floats | None = None, patience: Patience | None = None
) -> tuple[list[Placement], Floats]:
    """Place the members of the kinds; returns the placements and the shadow price by carrier, in micros a segment.

    ``room``: segments by carrier; what is taken is taken off. ``prices``: the shadow prices of the last turn, where there are any.
    """
    need = [0] * len(room)
    for kind in kinds:
        if kind.best >= 0:
            need[kind.best] += len(kind.members) * kind.segments
    if all(asked <= there for asked, there in zip(need, room, strict=True)):
        for place, asked in enumerate(need):
            room[place] -= asked
        return [Placement(kind, kind.best, kind.members) for kind in kinds], np.zeros(len(room))
    lots = _lots(kinds, patience)
    share, paid = _shared(lots, room, prices, patience)
    placements = [Placement(kind, -1, kind.members) for kind in kinds if kind.best < 0]
    asked = share[:-1].sum(axis=1)
    placements += (_placed if (asked > np.array(room)).any() else _seated)(lots, share, room)
    return placements, paid


def _lots(kinds: Sequence[Kind], patience: Patience | None) -> list[Lot]:
    """The rows. Members stand in the order of their arrival, so those who have waited long enough come first."""
    if patience is None:
        return [Lot(kind, kind.members, False) for kind in kinds if kind.best >= 0 and kind.members]
    # Who has waited longest comes first in the batch: so many of it have waited long enough, by class.
    overdue = [bisect_right(patience.waited_s, -limit_s, key=neg) for limit_s in patience.limits_s]
    lots = []
    for kind in kinds:
        if kind.best < 0 or not kind.members:
            continue
        due = bisect_left(kind.members, overdue[kind.klass])
        if due:
            lots.append(Lot(kind, kind.members[:due], calm=False))
        if due < len(kind.members):
            lots.append(Lot(kind, kind.members[due:], calm=True))
    return lots


def _shared(lots: Sequence[Lot], room: Sequence[int], prices: Floats | None, patience: Patience | None) -> tuple[Ints, Floats]:
    """Segments by (carrier, lot), all of whole messages, the last carrier being nowhere; and the shadow prices by carrier."""
    segments = np.array([lot.kind.segments for lot in lots])
    demand = np.array([len(lot.members) for lot in lots]) * segments
    unit = by_carrier([lot.kind for lot in lots], "unit")
    loss = np.array([lot.kind.loss for lot in lots])
    # Whoever has a carrier with room goes there, however dear: nowhere costs the loss above the dearest.
    nowhere = np.max(unit, axis=1, where=np.isfinite(unit), initial=0.0) + loss / segments
    cost = np.concatenate((unit, nowhere[:, None]), axis=1)
    rooms = np.array([*room, 0], dtype=np.int64)
    calm = [lot for lot in lots if lot.calm]
    if patience is not None and calm:
        held, after_s = queues(patience, min(patience.limits_s[lot.kind.klass] for lot in calm))
        queued = np.flatnonzero((held > 0) & (rooms[:-1] < demand.sum()))
        each = np.array([lot.kind.segments for lot in calm])[:, None]
        hurry = (by_carrier([lot.kind for lot in calm], "hurry") / each).mean(axis=0)
        vacant = np.full((len(queued), len(rooms)), np.inf)
        vacant[np.arange(len(queued)), queued] = 0.0
        vacant[:, -1] = (hurry * after_s + patience.later)[queued]
        cost = np.concatenate((cost, vacant))
        demand = np.concatenate((demand, held[queued]))
        rooms[queued] += held[queued]
    rooms[-1] = demand.sum()
    start = None if prices is None else np.append(prices, 0.0)
    found = np.where(rooms > 0, 0.0 if start is None else start, np.inf)
    load = np.bincount(np.argmin(cost + found, axis=1), demand, len(rooms))
    if np.maximum(load - rooms, 0.0).sum() > NEAR:
        found = ascend(cost, demand, rooms, start)
    flow = Flow(cost, demand, rooms, found)
    paid = flow.prices() if flow.solve(PATHS) else np.nan_to_num(found, posinf=0.0)
    share = flow.share
    if (segments > 1).any():
        size = np.concatenate((segments, np.ones(len(demand) - len(lots), dtype=np.int64)))  # a vacancy is one segment
        share = whole(cost, size, share, rooms - flow.load, paid) * size
    return share[:, : len(lots)], paid[:-1]


def _seated(lots: Sequence[Lot], share: Ints, room: list[int]) -> list[Placement]:
    """Segments as messages, where there is room for all of them."""
    rows, columns = np.nonzero(share.T)
    amounts = share[columns, rows]
    counts = amounts // np.array([lot.kind.segments for lot in lots])[rows]
    for column, taken in enumerate(share[:-1].sum(axis=1).tolist()):
        room[column] -= taken
    columns[columns == len(room)] = -1
    placements: list[Placement] = []
    last, end = -1, 0
    for row, column, count in zip(rows.tolist(), columns.tolist(), counts.tolist(), strict=True):
        begin = end if row == last else 0
        last, end = row, begin + count
        kind, members, _ = lots[row]
        placements.append(Placement(kind, column, members if count == len(members) else members[begin:end]))
    return placements


def _placed(lots: Sequence[Lot], share: Ints, room: list[int]) -> list[Placement]:
    """Segments as messages, as far as there is room now; who must not wait and was in a queue goes wherever room is left."""
    placements: list[Placement] = []
    queued: list[tuple[Lot, Sequence[int]]] = []
    split: list[tuple[Lot, int]] = []
    taken = [0] * len(lots)
    for row, column, amount in _entries(lots, share, room):
        lot = lots[row]
        each = lot.kind.segments
        count = amount // each
        begin, end = taken[row], taken[row] + count
        taken[row] = end
        if column == len(room):
            placements.append(Placement(lot.kind, -1, lot.members[begin:end]))
            continue
        now = min(count, room[column] // each)
        if now:
            room[column] -= now * each
            placements.append(Placement(lot.kind, column, lot.members[begin : begin + now]))
        if now < count and lot.calm:
            queued.append((lot, lot.members[begin + now : end]))
        elif now < count:
            split += [(lot, member) for member in lot.members[begin + now : end]]
    for lot, member in split:
        place = _nearest(lot.kind, room)
        if place >= 0:
            room[place] -= lot.kind.segments
        placements.append(Placement(lot.kind, place, (member,)))
    # Only who could go elsewhere waits by choice; for the others nothing is different from a full house.
    placements += [Placement(lot.kind, -1, some, resting=_nearest(lot.kind, room) >= 0) for lot, some in queued]
    return placements


def _entries(lots: Sequence[Lot], share: Ints, room: Sequence[int]) -> list[tuple[int, int, int]]:
    """Row, column and segments. Where a queue is used, whoever must not wait comes first, then whom waiting costs most."""
    rows, columns = np.nonzero(share.T)
    entries = list(zip(rows.tolist(), columns.tolist(), share[columns, rows].tolist(), strict=True))
    if (share[:-1].sum(axis=1) > np.array(room)).any():
        last = len(room)
        entries.sort(
            key=lambda entry: (
                lots[entry[0]].calm,
                -lots[entry[0]].kind.hurry[entry[1]] / lots[entry[0]].kind.segments if entry[1] < last else 0.0,
            )
        )
    return entries


def _nearest(kind: Kind, room: Sequence[int]) -> int:
    """The best carrier with room for one message; -1: none."""
    return next((place for place in kind.order if room[place] >= kind.segments), -1)
