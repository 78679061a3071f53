"""The assignment of a batch's kinds to carriers under capacity.

With room for everybody each message takes its best carrier. Otherwise the sum of J is minimised: a transportation problem with a row
for each kind, a column for each carrier, columns for those who wait for a carrier's room (``waiting``), and one for those who find none.
Shadow prices (``shadow``) bring the rows near to where they belong, paths over the columns (``transport``) the rest of the way. It
counts segments; a message of several that came to lie across two columns is placed as a whole in the end, and there are at most as many
of those as columns (Shmoys and Tardos 1993).
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from router.brain.ages import Floats, Ints
from router.brain.score import Kind
from router.brain.shadow import ascend
from router.brain.transport import Flow
from router.brain.waiting import Patience, Queues, queues

PATHS: Final = 48  # 0.06 ms each; measured for 1,000 messages of 480 kinds, most of them too many: 8 to 16, at worst 40
NEAR: Final = 8  # segments in the wrong place: paths set so many right sooner than prices do


class Placement(NamedTuple):
    """Messages of one kind that go to one carrier (-1: nowhere now)."""

    kind: Kind
    place: int
    members: Sequence[int]
    explored: bool = False
    resting: bool = False  # it could go elsewhere, and does better to wait


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
        if kind.order:
            need[kind.order[0]] += len(kind.members) * kind.segments
    if all(asked <= there for asked, there in zip(need, room, strict=True)):
        for place, asked in enumerate(need):
            room[place] -= asked
        return [Placement(kind, kind.order[0] if kind.order else -1, kind.members) for kind in kinds], np.zeros(len(room))
    placements = [Placement(kind, -1, kind.members) for kind in kinds if not kind.order]
    lots = list(_lots(kinds, patience))
    flow, waits = _shared(lots, room, prices, patience)
    placements += _placed(lots, flow, waits, room)
    return placements, flow.prices()[: len(room)]


def _lots(kinds: Sequence[Kind], patience: Patience | None) -> Iterator[Lot]:
    """The rows. Members stand in the order of their arrival, so those who have waited long enough come first."""
    for kind in kinds:
        if not kind.order or not kind.members:
            continue
        due = len(kind.members)
        if patience is not None:
            limit_s = patience.limits_s[kind.klass]
            due = sum(patience.waited_s[member] >= limit_s for member in kind.members)
        if due:
            yield Lot(kind, kind.members[:due], calm=False)
        if due < len(kind.members):
            yield Lot(kind, kind.members[due:], calm=True)


def _shared(lots: Sequence[Lot], room: Sequence[int], prices: Floats | None, patience: Patience | None) -> tuple[Flow, Queues]:
    """The optimum in segments. Columns: the carriers, the queues for them, and nowhere."""
    segments = np.array([lot.kind.segments for lot in lots])
    demand = np.array([len(lot.members) for lot in lots]) * segments
    total = int(demand.sum())
    unit = np.concatenate([lot.kind.unit for lot in lots]).reshape(len(lots), -1)
    loss = np.array([lot.kind.loss for lot in lots])
    # Whoever has a carrier with room goes there, however dear: nowhere costs the loss above the dearest.
    nowhere = np.max(unit, axis=1, where=np.isfinite(unit), initial=0.0) + loss / segments
    there = np.array(room, dtype=np.int64)
    waits, later = _queued(lots, unit, segments, np.flatnonzero((there < total) & np.isfinite(unit).any(axis=0)), patience)
    cost = np.concatenate((unit, later, nowhere[:, None]), axis=1)
    rooms = np.concatenate((there, waits.room, [total]))
    start = None if prices is None else np.concatenate((prices, np.zeros(len(waits.room) + 1)))
    flow = Flow(cost, demand, rooms, np.where(rooms > 0, 0.0 if start is None else start, np.inf))
    if flow.excess() > NEAR:
        flow = Flow(cost, demand, rooms, ascend(cost, demand, rooms, start))
    flow.solve(PATHS)
    return flow, waits


def _queued(lots: Sequence[Lot], unit: Floats, segments: Ints, wanted: Ints, patience: Patience | None) -> tuple[Queues, Floats]:
    """The columns of those who wait, and what they cost: (rows, columns), inf for lots that may not."""
    if patience is None or not any(lot.calm for lot in lots):
        none = np.zeros(0, dtype=np.int64)
        return Queues(none, np.zeros(0), np.zeros(0), none), np.zeros((len(lots), 0))
    limit_s = np.array([patience.limits_s[lot.kind.klass] if lot.calm else 0.0 for lot in lots])
    waits = queues(patience, float(limit_s.max()), wanted)
    hurry = np.concatenate([lot.kind.hurry for lot in lots]).reshape(len(lots), -1)[:, waits.place]
    cost = unit[:, waits.place] + hurry / segments[:, None] * waits.after_s + patience.later[waits.place]
    return waits, np.where(waits.until_s <= limit_s[:, None], cost, np.inf)


def _placed(lots: Sequence[Lot], flow: Flow, waits: Queues, room: list[int]) -> list[Placement]:
    """Segments as messages: whole ones where they lie, those across two columns wherever they are best off."""
    carriers = len(room)
    placements: list[Placement] = []
    idle: list[tuple[Lot, Sequence[int], bool]] = []
    split: list[tuple[int, Lot, int]] = []
    rows, columns = np.nonzero(flow.share.T)
    amounts = flow.share[columns, rows]
    taken = [0] * len(lots)
    for row, column, amount in zip(rows.tolist(), columns.tolist(), amounts.tolist(), strict=True):
        lot = lots[row]
        count = amount // lot.kind.segments
        begin = taken[row]
        taken[row] = end = begin + count
        if count and column < carriers:
            room[column] -= count * lot.kind.segments
            placements.append(Placement(lot.kind, column, lot.members[begin:end]))
        elif count:
            idle.append((lot, lot.members[begin:end], column < carriers + len(waits.room)))
        if amount % lot.kind.segments and (not split or split[-1][0] != row):
            split.append((row, lot, column))
    for row, lot, column in split:
        for member in lot.members[taken[row] :]:
            place = _nearest(lot.kind, room)
            if place < 0 or column >= carriers:
                idle.append((lot, (member,), place >= 0 and column < carriers + len(waits.room)))
            else:
                room[place] -= lot.kind.segments
                placements.append(Placement(lot.kind, place, (member,)))
    for lot, members, waiting in idle:
        # Only who could go elsewhere waits by choice; for the others nothing is different from before.
        resting = waiting and _nearest(lot.kind, room) >= 0
        placements.append(Placement(lot.kind, -1, members, resting=resting))
    return placements


def _nearest(kind: Kind, room: Sequence[int]) -> int:
    """The best carrier with room for one message; -1: none."""
    return next((place for place in kind.order if room[place] >= kind.segments), -1)
