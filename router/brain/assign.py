"""The assignment of a batch's kinds to carriers under capacity.

With room for everybody each message takes its best carrier. Otherwise the kinds go in order of class and regret (what the
second best costs more, a segment), each fills its best carriers from the front, and what it could not get gives the shadow price:
what one more segment of room there would have saved somebody.
"""

from collections.abc import Sequence
from typing import NamedTuple

from router.brain.score import Kind


class Placement(NamedTuple):
    """Messages of one kind that go to one carrier (-1: nowhere now)."""

    kind: Kind
    place: int
    members: Sequence[int]
    explored: bool = False


def assign(kinds: Sequence[Kind], room: list[int]) -> tuple[list[Placement], list[float]]:
    """Place the members of the kinds; returns the placements and the shadow price by carrier, in micros a segment.

    ``room``: segments by carrier; what is taken is taken off.
    """
    need = [0] * len(room)
    for kind in kinds:
        if kind.order:
            need[kind.order[0]] += len(kind.members) * kind.segments
    shadow = [0.0] * len(room)
    if all(asked <= there for asked, there in zip(need, room, strict=True)):
        for place, asked in enumerate(need):
            room[place] -= asked
        return [Placement(kind, kind.order[0] if kind.order else -1, kind.members) for kind in kinds], shadow
    placements: list[Placement] = []
    for kind in sorted(kinds, key=_urgency):
        _fill(kind, room, shadow, placements)
    return placements, shadow


def _urgency(kind: Kind) -> tuple[int, float]:
    """Class first, then the regret a segment of not getting the best carrier."""
    if not kind.order:
        return (kind.klass, 0.0)
    best = kind.costs[0]
    second = kind.costs[1] if len(kind.order) > 1 else max(kind.loss, best)
    return (kind.klass, -(second - best) / kind.segments)


def _fill(kind: Kind, room: list[int], shadow: list[float], placements: list[Placement]) -> None:
    """Place one kind from its best carrier downwards."""
    rest: Sequence[int] = kind.members
    missed: list[int] = []  # positions in the order of carriers that were full
    for position, place in enumerate(kind.order):
        if not rest:
            return
        fits = min(room[place] // kind.segments, len(rest))
        if fits > 0:
            _price(kind, missed, kind.costs[position], shadow)
            room[place] -= fits * kind.segments
            placements.append(Placement(kind, place, rest[:fits]))
            rest = rest[fits:]
        missed.append(position)
    if rest:
        _price(kind, missed, kind.loss, shadow)
        placements.append(Placement(kind, -1, rest))


def _price(kind: Kind, missed: Sequence[int], paid: float, shadow: list[float]) -> None:
    """Raise the shadow prices of the full carriers that would have cost less than what is paid now."""
    for position in missed:
        place = kind.order[position]
        shadow[place] = max(shadow[place], (paid - kind.costs[position]) / kind.segments)
